#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/auth/ask.h"
#include "client/auth/chain.h"
#include "client/auth/token_answer.h"
#include "client/base/buf.h"
#include "client/credential/arc_key.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_http.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_spawn.h"

#define RESOURCE_ID "/subscriptions/s/resourcegroups/g/providers/x/me"
#define RESOURCE    "resource=https%3A%2F%2Fvault.azure.net"

static struct kv_loop *loop;
static struct kv_http *http;
static struct kv_chain *chain;
static struct kv_credential_options options;
static struct kv_audience audience;
static struct kv_buf why;

static struct {
	int err;
	char token[100], why[4096];
	int64_t life_s;
} done;

static void
take(void *arg, int err, const struct kv_token_answer *token, const char *sentence)
{
	(void)arg;
	done.err = err;
	done.life_s = token != NULL ? token->life_s : 0;
	snprintf(done.token, sizeof(done.token), "%s", token != NULL ? token->value : "");
	snprintf(done.why, sizeof(done.why), "%s", sentence);
}

static const char *body;
static long status;
static const char *challenge;

static int64_t
answer(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	(void)request;
	reply->answer.challenge = challenge;
	return fake_http_say(reply, status, body);
}

/* Asks the managed identity. How many requests it took. */
static int
fetch(void)
{
	const int before = fake_http_requests(http);

	kv_chain_free(chain);
	assert_int_equal(kv_auth_order_parse("managed", &options.order), 0);
	chain = kv_chain_new(loop, http, &options);
	assert_non_null(chain);
	assert_int_equal(kv_chain_fetch(chain, &audience, take, NULL), 0);
	fake_loop_run(loop, 300000);
	return fake_http_requests(http) - before;
}

static void
set(const char *name, const char *value)
{
	assert_int_equal(kv_credential_set_variable(&options, name, value), 0);
}

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	loop = kv_loop_new();
	http = fake_http_new(loop, answer);
	kv_buf_init(&why, 1000);
	body = "{\"access_token\":\"t0ken\",\"expires_in\":3600}";
	status = 200;
	challenge = "";
	options = (struct kv_credential_options){ .authority = "https://login.example" };
	audience = (struct kv_audience){ .resource = "https://vault.azure.net",
		.scope = "https://vault.azure.net/.default" };
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_chain_free(chain);
	chain = NULL;
	kv_buf_release(&why);
	assert_int_equal(fake_http_under_way(http), 0);
	assert_int_equal(fake_loop_timers(loop), 0);
	fake_http_free(http);
	kv_loop_free(loop);
	return 0;
}

/* ---- ids ---- */

static void
each_source_has_its_own_name_for_an_identity(void **state)
{
	static const struct {
		const char *variables[4]; /* names and values */
		const char *option, *query;
	} rows[] = {
		{ { NULL }, "client_id", "2018-02-01&" RESOURCE "&client_id=an%20id" },
		{ { NULL }, "object_id", "2018-02-01&" RESOURCE "&object_id=an%20id" },
		{ { NULL }, "resource_id", "2018-02-01&" RESOURCE "&msi_res_id=an%20id" },
		{ { "IDENTITY_ENDPOINT", "http://127.0.0.1/msi", "IDENTITY_HEADER", "k" }, "client_id",
		    "2019-08-01&" RESOURCE "&client_id=an%20id" },
		{ { "IDENTITY_ENDPOINT", "http://127.0.0.1/msi", "IDENTITY_HEADER", "k" }, "object_id",
		    "2019-08-01&" RESOURCE "&object_id=an%20id" },
		{ { "IDENTITY_ENDPOINT", "http://127.0.0.1/msi", "IDENTITY_HEADER", "k" }, "resource_id",
		    "2019-08-01&" RESOURCE "&mi_res_id=an%20id" },
		{ { "MSI_ENDPOINT", "http://127.0.0.1/ml", "MSI_SECRET", "k" }, "client_id",
		    "2017-09-01&" RESOURCE "&clientid=an%20id" },
		{ { "MSI_ENDPOINT", "http://127.0.0.1/ml", "MSI_SECRET", "k" }, "object_id", NULL },
		{ { "MSI_ENDPOINT", "http://127.0.0.1/ml", "MSI_SECRET", "k" }, "resource_id", NULL },
		{ { "IDENTITY_ENDPOINT", "http://127.0.0.1/arc", "IMDS_ENDPOINT", "http://127.0.0.1" },
		    "client_id", "2020-06-01&" RESOURCE "&client_id=an%20id" },
		{ { "IDENTITY_ENDPOINT", "http://127.0.0.1/arc", "IMDS_ENDPOINT", "http://127.0.0.1" },
		    "resource_id", "2020-06-01&" RESOURCE "&msi_res_id=an%20id" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const bool is_client = strcmp(rows[i].option, "client_id") == 0;
		const bool is_object = strcmp(rows[i].option, "object_id") == 0;
		const char *url;

		options = (struct kv_credential_options){ .client_id = "an id",
			.object_id = is_object ? "an id" : NULL,
			.resource_id = !is_client && !is_object ? "an id" : NULL };
		for (size_t k = 0; k < 4 && rows[i].variables[k] != NULL; k += 2)
			set(rows[i].variables[k], rows[i].variables[k + 1]);
		if (rows[i].query == NULL) {
			assert_row(fetch() == 0 && done.err == -EACCES, i, done.why);
			assert_row(strstr(done.why, rows[i].option) != NULL, i, done.why);
			continue;
		}
		assert_row(fetch() == 1, i, "one request");
		url = fake_http_last(http)->url;
		assert_row(strstr(url, "?api-version=") != NULL, i, url);
		assert_row(strcmp(strstr(url, "?api-version=") + strlen("?api-version="), rows[i].query) == 0,
		    i, url);
		assert_true(fake_http_last(http)->is_local);
	}
}

static void
machine_learning_is_asked_as_it_wants_it(void **state)
{
	(void)state;
	set("MSI_ENDPOINT", "http://127.0.0.1:46808/MSI/auth?x=y");
	set("MSI_SECRET", "the secret");
	body = "{\"access_token\":\"t0ken\",\"expires_on\":\"11/14/2023 22:21:40 +00:00\"}";
	assert_int_equal(fetch(), 1);
	assert_int_equal(done.err, 0);
	assert_int_equal(done.life_s, 500);
	assert_true(fake_http_has_header(fake_http_last(http), "secret: the secret"));
	assert_string_equal(fake_http_last(http)->url,
	    "http://127.0.0.1:46808/MSI/auth?x=y&api-version=2017-09-01&" RESOURCE);
}

static void
a_source_that_is_not_supported_is_not_taken_for_another(void **state)
{
	static const struct {
		const char *variables[6], *word;
	} rows[] = {
		{ { "IDENTITY_ENDPOINT", "https://10.0.0.4", "IDENTITY_HEADER", "k",
		      "IDENTITY_SERVER_THUMBPRINT", "00" },
		    "Service Fabric" },
		{ { "MSI_ENDPOINT", "http://localhost:50342" }, "Cloud Shell" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		options = (struct kv_credential_options){ .tenant = NULL };
		for (size_t k = 0; k < 6 && rows[i].variables[k] != NULL; k += 2)
			set(rows[i].variables[k], rows[i].variables[k + 1]);
		assert_row(fetch() == 0 && done.err == -EACCES, i, done.why);
		assert_row(strstr(done.why, rows[i].word) != NULL, i, done.why);
	}
}

/* ---- Azure Arc ---- */

static char folder[] = "/tmp/kvfs-arc-XXXXXX";

static int
read_key(const char *header, struct kv_buf *key)
{
	int err;

	kv_buf_clear(key);
	kv_buf_clear(&why);
	err = kv_arc_key_read(header, folder, key, &why);
	assert_true((err == 0) == (why.len == 0));
	return err;
}

static const char *
path_of(const char *name)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void
write_key(const char *name, const char *content, size_t len)
{
	FILE *f = fopen(path_of(name), "we");

	assert_non_null(f);
	assert_int_equal(fwrite(content, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* Puts the folder in the place of '@'. */
static void
fill_in(const char *text, char *out, size_t size)
{
	const size_t n = strcspn(text, "@");

	if (text[n] == '@')
		snprintf(out, size, "%.*s%s%s", (int)n, text, folder, text + n + 1);
	else
		snprintf(out, size, "%s", text);
}

static void
a_key_is_read_only_from_a_key_file_in_the_agents_folder(void **state)
{
	static const char *const good[] = { "Basic realm=@/a.key", "Basic realm=\"@/a.key\"",
		"basic REALM=@/a.key, x=y" };
	static const char *const bad[] = { "", "Basic", "Basic realm=", "Basic realm=\"\"",
		"Bearer realm=@/a.key", "Basic realm=/etc/passwd", "Basic realm=/etc/a.key",
		"Basic realm=@/../a.key", "Basic realm=@/sub/a.key", "Basic realm=@/a.txt",
		"Basic realm=@/.key", "Basic realm=@", "Basic realm=@/", "Basic realm=@x/a.key",
		"Basic realm=a.key", "Basic realm=@//a.key", "Basic realm=@/none.key",
		"Basic realm=@/link.key", "Basic realm=@/fifo.key", "Basic realm=@/folder.key",
		"Basic realm=@/empty.key", "Basic realm=@/large.key", "Basic realm=@/blank.key",
		"Basic realm=@/nul.key" };
	static char large[KV_ARC_KEY_MOST + 1];
	char header[400], link[100];
	struct kv_buf key;

	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	kv_buf_init(&key, KV_ARC_KEY_MOST + 1);
	memset(large, 'k', sizeof(large));
	write_key("a.key", "a-key\n", 6);
	write_key("a.txt", "a-key\n", 6);
	write_key("empty.key", "", 0);
	write_key("large.key", large, sizeof(large));
	write_key("blank.key", "a key\nX: y", 10);
	write_key("nul.key", "a\0b", 3);
	snprintf(link, sizeof(link), "%s/a.key", folder);
	assert_int_equal(symlink(link, path_of("link.key")), 0);
	assert_int_equal(mkfifo(path_of("fifo.key"), 0600), 0);
	assert_int_equal(mkdir(path_of("folder.key"), 0700), 0);
	for (size_t i = 0; i < N_OF(good); i++) {
		fill_in(good[i], header, sizeof(header));
		assert_row(read_key(header, &key) == 0, i, kv_buf_str(&why));
		assert_string_equal(kv_buf_str(&key), "a-key");
	}
	for (size_t i = 0; i < N_OF(bad); i++) {
		fill_in(bad[i], header, sizeof(header));
		assert_row(read_key(header, &key) == -EACCES, i, bad[i]);
	}
	if (geteuid() == 0) { /* who cannot read the agent's files is told the group */
		assert_int_equal(chmod(path_of("a.key"), 0600), 0);
		assert_int_equal(chmod(folder, 0755), 0);
		assert_int_equal(seteuid(1234), 0);
		fill_in(good[0], header, sizeof(header));
		assert_int_equal(read_key(header, &key), -EACCES);
		assert_int_equal(seteuid(0), 0);
		assert_non_null(strstr(kv_buf_str(&why), "group himds"));
	}
	write_key("large.key", large, KV_ARC_KEY_MOST);
	snprintf(header, sizeof(header), "Basic realm=%s", path_of("large.key"));
	assert_int_equal(read_key(header, &key), 0);
	assert_int_equal(key.len, KV_ARC_KEY_MOST);
	kv_buf_release(&key);
	for (size_t i = 0; i < 8; i++) {
		static const char *const names[] = { "a.key", "a.txt", "empty.key", "large.key", "blank.key",
			"nul.key", "link.key", "fifo.key" };

		unlink(path_of(names[i]));
	}
	assert_int_equal(rmdir(path_of("folder.key")), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* Its folder is fixed, so only what comes before the key can be seen here; the rest is a mount test. */
static void
the_agent_must_answer_with_a_challenge_that_names_a_key_file(void **state)
{
	static const struct {
		long status;
		const char *challenge, *word;
		int err;
	} rows[] = {
		{ 401, "", "names no key file", -EACCES },
		{ 401, "Basic realm=/etc/shadow", "not a .key file in " KV_ARC_KEY_FOLDER, -EACCES },
		{ 401, "Basic realm=" KV_ARC_KEY_FOLDER "/none.key", "none.key", -EACCES },
		{ 403, "", "answers 403", -EACCES },
	};

	(void)state;
	set("IDENTITY_ENDPOINT", "http://127.0.0.1/arc");
	set("IMDS_ENDPOINT", "http://127.0.0.1");
	body = "";
	for (size_t i = 0; i < N_OF(rows); i++) {
		status = rows[i].status;
		challenge = rows[i].challenge;
		assert_row(fetch() == 1, i, "one request");
		assert_row(done.err == rows[i].err, i, done.why);
		assert_row(strstr(done.why, rows[i].word) != NULL, i, done.why);
		assert_true(fake_http_has_header(fake_http_last(http), "Metadata: true"));
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_source_has_its_own_name_for_an_identity),
		TEST(machine_learning_is_asked_as_it_wants_it),
		TEST(a_source_that_is_not_supported_is_not_taken_for_another),
		TEST(a_key_is_read_only_from_a_key_file_in_the_agents_folder),
		TEST(the_agent_must_answer_with_a_challenge_that_names_a_key_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
