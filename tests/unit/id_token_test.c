#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/auth/ask.h"
#include "client/auth/token_answer.h"
#include "client/base/buf.h"
#include "client/credential/id_token.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_http.h"
#include "tests/unit/fake_loop.h"

#define TENANT	 "11111111-aaaa-bbbb-cccc-222222222222"
#define BEARER	 "the-bearer-of-the-job"
#define ID_TOKEN "aGVhZA.Y2xhaW1z.c2lnbmF0dXJl"
#define SERVICE	 "https://login.example/" TENANT "/oauth2/v2.0/token"
#define FORM                                                                                             \
	"grant_type=client_credentials&client_id=c&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A" \
	"client-assertion-type%3Ajwt-bearer&client_assertion=" ID_TOKEN                                  \
	"&scope=https%3A%2F%2Fvault.azure.net%2F.default"

static struct kv_loop *loop;
static struct kv_http *http;
static struct kv_credential_options options;
static struct kv_audience audience;
static struct {
	enum kv_ask_outcome outcome;
	int n, err;
	char why[4096];
} done;

/* ---- the services ---- */

static long status;
static const char *body, *type;

static int64_t
answer(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	if (strncmp(request->url, "https://login.example/", 22) == 0)
		return fake_http_say(reply, 200, "{\"access_token\":\"t0ken\",\"expires_in\":3600}");
	reply->answer.content_type = type;
	return fake_http_say(reply, status, body);
}

/* ---- before and after a test ---- */

static int
begin(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1800000000);
	loop = kv_loop_new();
	http = fake_http_new(loop, answer);
	options = (struct kv_credential_options){
		.authority = "https://login.example", .tenant = TENANT, .client_id = "c"
	};
	audience = (struct kv_audience){ .resource = "https://vault.azure.net",
		.scope = "https://vault.azure.net/.default",
		.tenant = TENANT };
	status = 200;
	type = "application/json";
	return 0;
}

static int
end(void **state)
{
	(void)state;
	fake_http_free(http);
	kv_loop_free(loop);
	return 0;
}

static void
set(const char *name, const char *value)
{
	assert_int_equal(kv_credential_set_variable(&options, name, value), 0);
}

static void
take(void *arg, const struct kv_ask_result *result)
{
	assert_ptr_equal(arg, &done);
	done.n++;
	done.outcome = result->outcome;
	done.err = result->err;
	snprintf(done.why, sizeof(done.why), "%s", result->why);
	assert_null(strstr(done.why, BEARER));
	assert_null(strstr(done.why, ID_TOKEN));
}

static int
ask(const struct kv_credential_kind *kind)
{
	const struct kv_ask_setup setup = { .loop = loop,
		.http = http,
		.kind = kind,
		.options = &options,
		.audience = &audience,
		.done = take,
		.arg = &done };
	struct kv_ask *a;

	done.n = 0;
	a = kv_ask_new(&setup);
	if (a == NULL)
		return -ENOMEM;
	fake_loop_run(loop, 300000);
	assert_int_equal(done.n, 1);
	kv_ask_free(a);
	return done.err;
}

static void
be_github(void)
{
	set("ACTIONS_ID_TOKEN_REQUEST_URL", "https://github.example/t?api-version=2.0");
	set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", BEARER);
	body = "{\"count\":1,\"value\":\"" ID_TOKEN "\"}";
}

static void
be_pipelines(void)
{
	set("SYSTEM_OIDCREQUESTURI", "https://devops.example/t");
	set("SYSTEM_ACCESSTOKEN", BEARER);
	options.service_connection = "a&b";
	body = "{\"oidcToken\":\"" ID_TOKEN "\"}";
}

/* ---- tests ---- */

static void
three_parts_of_base64url_are_a_token(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} rows[] = { { "a.b.c", true }, { ID_TOKEN, true }, { "", false }, { "a.b", false },
		{ "a.b.c.d", false }, { "a..c", false }, { ".b.c", false }, { "a.b.", false },
		{ "a.b.c=", false }, { "a b.c.d", false }, { "a.b.c\n", false }, { "a.b+.c", false },
		{ "..", false }, { "abc", false } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(kv_id_token_is(rows[i].text) == rows[i].is, i, rows[i].text);
}

static void
assert_exchanged(void)
{
	const struct fake_http_request *last = fake_http_last(http);

	assert_int_equal(done.outcome, KV_TOKEN);
	assert_int_equal(fake_http_requests(http), 2);
	assert_string_equal(last->url, SERVICE);
	assert_memory_equal(last->body, FORM, strlen(FORM));
	assert_string_equal(last->token, ""); /* the job's own token is not for the token service */
	assert_null(strstr(last->body, BEARER));
}

static void
a_job_of_github_exchanges_its_token(void **state)
{
	const struct fake_http_request *first;

	(void)state;
	be_github();
	assert_int_equal(ask(&kv_github_actions), 0);
	assert_exchanged();
	first = fake_http_request(http, 0);
	assert_string_equal(first->method, "GET");
	assert_string_equal(
	    first->url, "https://github.example/t?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange");
	assert_string_equal(first->token, BEARER);
	assert_false(first->is_local); /* so it is by https, and through the proxy */
}

static void
a_job_of_pipelines_exchanges_its_token(void **state)
{
	const struct fake_http_request *first;

	(void)state;
	be_pipelines();
	assert_int_equal(ask(&kv_azure_pipelines), 0);
	assert_exchanged();
	first = fake_http_request(http, 0);
	assert_string_equal(first->method, "POST");
	assert_string_equal(first->url, "https://devops.example/t?api-version=7.1&serviceConnectionId=a%26b");
	assert_string_equal(first->token, BEARER);
	assert_true(fake_http_has_header(first, "X-TFS-FedAuthRedirect: Suppress"));
	assert_int_equal(first->body_len, 0);
}

static void
the_tasks_of_pipelines_give_client_and_connection(void **state)
{
	(void)state;
	be_pipelines();
	options.service_connection = NULL;
	options.client_id = NULL;
	assert_int_equal(kv_azure_pipelines.presence(&options, NULL), KV_NOT_CONFIGURED);
	set("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "s");
	set("AZURESUBSCRIPTION_CLIENT_ID", "c");
	assert_int_equal(kv_azure_pipelines.presence(&options, NULL), KV_CONFIGURED);
	assert_int_equal(ask(&kv_azure_pipelines), 0);
	assert_exchanged();
}

static void
the_tenant_of_the_task_is_used_if_nobody_names_another(void **state)
{
	(void)state;
	be_pipelines();
	options.tenant = NULL;
	options.order.n = 2; /* so that a tenant is needed */
	assert_int_equal(kv_azure_pipelines.presence(&options, NULL), KV_NOT_CONFIGURED);
	set("AZURESUBSCRIPTION_TENANT_ID", "of-the-task");
	assert_int_equal(kv_azure_pipelines.presence(&options, NULL), KV_CONFIGURED);
	assert_int_equal(ask(&kv_azure_pipelines), 0);
	assert_string_equal(fake_http_last(http)->url, SERVICE);
	audience.tenant = NULL;
	assert_int_equal(ask(&kv_azure_pipelines), 0);
	assert_string_equal(fake_http_last(http)->url, "https://login.example/of-the-task/oauth2/v2.0/token");
}

static void
what_is_no_token_never_reaches_the_token_service(void **state)
{
	static const struct {
		long status;
		const char *type, *body, *why;
	} rows[] = {
		{ 200, "application/json", "{}", "contains no token" },
		{ 200, "application/json", "{\"oidcToken\":null}", "contains no token" },
		{ 200, "application/json", "{\"oidcToken\":7}", "contains no token" },
		{ 200, "application/json", "{\"oidcToken\":\"a.b\"}", "contains no token" },
		{ 200, "application/json", "{\"oidcToken\":\"a.b.c\\u0000\"}", "contains no token" },
		{ 200, "application/json", "[\"a.b.c\"]", "contains no token" },
		{ 200, "text/html; charset=utf-8", "",
		    "a page to sign in (status 200); map SYSTEM_ACCESSTOKEN" },
		{ 200, "", "<html>", "a page to sign in" },
		{ 203, "text/html", "<html>", "a page to sign in (status 203)" },
		{ 302, "", "", "a page to sign in (status 302)" },
		{ 401, "", "", "refuses to issue a token (status 401)" },
		{ 404, "application/json", "{\"message\":\"no such connection\"}", "no such connection" },
	};

	(void)state;
	be_pipelines();
	for (size_t i = 0; i < N_OF(rows); i++) {
		const int before = fake_http_requests(http);

		status = rows[i].status;
		type = rows[i].type;
		body = rows[i].body;
		assert_row(ask(&kv_azure_pipelines) < 0 && done.outcome == KV_FAILED, i, done.why);
		assert_row(strstr(done.why, rows[i].why) != NULL, i, done.why);
		assert_row(fake_http_requests(http) == before + 1, i, "requests");
	}
}

static void
a_bearer_token_is_not_sent_without_tls(void **state)
{
	static const char *const urls[] = { "http://github.example/t?a=b", "ftp://github.example/", "junk",
		"https://user@github.example/" };

	(void)state;
	for (size_t i = 0; i < N_OF(urls); i++) {
		options.variables[0].name = NULL;
		options.variables[1].name = NULL;
		set("ACTIONS_ID_TOKEN_REQUEST_URL", urls[i]);
		set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", BEARER);
		assert_row(ask(&kv_github_actions) == -EACCES, i, urls[i]);
		assert_row(strstr(done.why, "ACTIONS_ID_TOKEN_REQUEST_URL is not an https URL") != NULL, i,
		    done.why);
	}
	assert_int_equal(fake_http_requests(http), 0);
}

static void
what_a_job_lacks_is_named_with_what_to_do(void **state)
{
	struct kv_buf why;

	(void)state;
	kv_buf_init(&why, 1000);
	assert_int_equal(kv_github_actions.presence(&options, &why), KV_NOT_CONFIGURED);
	assert_string_equal(kv_buf_str(&why),
	    "ACTIONS_ID_TOKEN_REQUEST_URL is not set (the job needs \"permissions: id-token: write\")");
	kv_buf_clear(&why);
	set("SYSTEM_OIDCREQUESTURI", "https://devops.example/t");
	options.service_connection = "s";
	assert_int_equal(kv_azure_pipelines.presence(&options, &why), KV_NOT_CONFIGURED);
	assert_string_equal(kv_buf_str(&why),
	    "SYSTEM_ACCESSTOKEN is not set (map it in the step: env: SYSTEM_ACCESSTOKEN: $(System.AccessToken))");
	kv_buf_release(&why);
}

/* The path of a file in memory. */
static const char *
file_with(const char *content, size_t len)
{
	static char path[64];
	static int fd = -1;

	if (fd >= 0)
		close(fd);
	fd = memfd_create("token", MFD_CLOEXEC);
	assert_int_equal(write(fd, content, len), len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

static void
a_token_file_is_read_at_each_request_without_blanks_at_its_end(void **state)
{
	static const char *const ends[] = { "", "\n", " \t\r\n\n" };

	(void)state;
	for (size_t i = 0; i < N_OF(ends); i++) {
		char content[100];

		snprintf(content, sizeof(content), "%s%s", ID_TOKEN, ends[i]);
		options.variables[0].name = NULL;
		set("AZURE_FEDERATED_TOKEN_FILE", file_with(content, strlen(content)));
		assert_int_equal(ask(&kv_workload), 0);
		assert_string_equal(fake_http_last(http)->url, SERVICE);
		assert_memory_equal(fake_http_last(http)->body, FORM, strlen(FORM));
	}
	assert_int_equal(fake_http_requests(http), N_OF(ends));
}

static void
a_file_without_a_token_is_a_failure_that_names_it(void **state)
{
	static const struct {
		const char *content;
		size_t len;
	} rows[] = { { "\n", 1 }, { "a.b.c\0", 6 }, { "a.b.c\0\n", 7 }, { "a.b.c\nd.e.f\n", 12 },
		{ "{\"a\":1}", 7 } };
	char expected[200];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const char *path = file_with(rows[i].content, rows[i].len);

		options.variables[0].name = NULL;
		set("AZURE_FEDERATED_TOKEN_FILE", path);
		snprintf(expected, sizeof(expected), "AZURE_FEDERATED_TOKEN_FILE=%s does not contain a token",
		    path);
		assert_row(ask(&kv_workload) == -EACCES && done.outcome == KV_FAILED, i, done.why);
		assert_string_equal(done.why, expected);
	}
	assert_int_equal(fake_http_requests(http), 0);
}

static int
exchange(void)
{
	return ask(&kv_github_actions);
}

static void
no_freed_memory_holds_the_token_and_each_failing_allocation_is_enomem(void **state)
{
	(void)state;
	be_github();
	fake_alloc_watch(ID_TOKEN);
	assert_int_equal(exchange(), 0);
	assert_int_equal(fake_alloc_unwiped(), 0);
	fake_alloc_watch(NULL);
	EACH_ALLOCATION_FAILS(exchange());
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(three_parts_of_base64url_are_a_token),
		TEST(a_job_of_github_exchanges_its_token),
		TEST(a_job_of_pipelines_exchanges_its_token),
		TEST(the_tasks_of_pipelines_give_client_and_connection),
		TEST(the_tenant_of_the_task_is_used_if_nobody_names_another),
		TEST(what_is_no_token_never_reaches_the_token_service),
		TEST(a_bearer_token_is_not_sent_without_tls),
		TEST(what_a_job_lacks_is_named_with_what_to_do),
		TEST(a_token_file_is_read_at_each_request_without_blanks_at_its_end),
		TEST(a_file_without_a_token_is_a_failure_that_names_it),
		TEST(no_freed_memory_holds_the_token_and_each_failing_allocation_is_enomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
