#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "client/auth/ask.h"
#include "client/auth/token_answer.h"
#include "client/base/buf.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_http.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/made_certificate.h"

#define TENANT	 "11111111-aaaa-bbbb-cccc-222222222222"
#define PASSWORD "the-password-of-the-file"

static EVP_PKEY *key;
static X509 *certificate, *old;
static struct kv_loop *loop;
static struct kv_http *http;
static struct kv_credential_options options;
static struct kv_audience audience;
static char path[64];
static int fd = -1;
static struct {
	int n, err;
	char why[4096];
} done;

static long status;
static const char *body;

static int64_t
answer(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	(void)request;
	return fake_http_say(reply, status, body);
}

static int
make(void **state)
{
	(void)state;
	key = made_rsa(2048);
	certificate = made_certificate(key, "mine", 30);
	old = made_certificate(key, "old", -10);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	X509_free(certificate);
	X509_free(old);
	EVP_PKEY_free(key);
	return 0;
}

/* A file in memory, which options name. */
static void
write_file(X509 *with)
{
	struct kv_buf content;

	kv_buf_init(&content, 1 << 20);
	made_pem_key(&content, key, PASSWORD);
	made_pem_certificate(&content, with);
	if (fd >= 0)
		close(fd);
	fd = memfd_create("certificate", MFD_CLOEXEC);
	assert_int_equal(write(fd, content.data, content.len), content.len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	kv_buf_release(&content);
}

static void
set(const char *name, const char *value)
{
	assert_int_equal(kv_credential_set_variable(&options, name, value), 0);
}

static int
begin(void **state)
{
	(void)state;
	fake_clock_set(1000000, time(NULL));
	loop = kv_loop_new();
	http = fake_http_new(loop, answer);
	options = (struct kv_credential_options){
		.authority = "https://login.example/", .tenant = TENANT, .client_id = "c"
	};
	audience = (struct kv_audience){ .resource = "https://vault.azure.net",
		.scope = "https://vault.azure.net/.default",
		.tenant = TENANT };
	status = 200;
	body = "{\"access_token\":\"t0ken\",\"expires_in\":3600}";
	write_file(certificate);
	set("AZURE_CLIENT_CERTIFICATE_PATH", path);
	set("AZURE_CLIENT_CERTIFICATE_PASSWORD", PASSWORD);
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
take(void *arg, const struct kv_ask_result *result)
{
	assert_ptr_equal(arg, &done);
	done.n++;
	done.err = result->err;
	snprintf(done.why, sizeof(done.why), "%s", result->why);
	assert_null(strstr(done.why, PASSWORD));
}

static int
ask(void)
{
	const struct kv_ask_setup setup = { .loop = loop,
		.http = http,
		.kind = &kv_client_certificate,
		.options = &options,
		.audience = &audience,
		.done = take,
		.arg = &done };
	struct kv_ask *a = kv_ask_new(&setup);

	done.n = 0;
	if (a == NULL)
		return -ENOMEM;
	fake_loop_run(loop, 300000);
	assert_int_equal(done.n, 1);
	kv_ask_free(a);
	return done.err;
}

static void
the_assertion_takes_the_place_of_a_secret(void **state)
{
	const struct fake_http_request *request;

	(void)state;
	assert_int_equal(ask(), 0);
	request = fake_http_last(http);
	assert_string_equal(request->url, "https://login.example/" TENANT "/oauth2/v2.0/token");
	assert_non_null(strstr(request->body,
	    "grant_type=client_credentials&client_id=c&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-"
	    "assertion-type%3Ajwt-bearer&client_assertion=eyJ"));
	assert_null(strstr(request->body, "client_secret"));
}

/* The certificate makes the request longer. */
static void
the_chain_is_sent_for_1_and_true_only(void **state)
{
	static const struct {
		const char *value;
		bool is_sent;
	} rows[] = { { "1", true }, { "true", true }, { "0", false }, { "false", false }, { "yes", false },
		{ "True", false }, { "11", false } };
	size_t without;
	bool is_sent;

	(void)state;
	assert_int_equal(ask(), 0);
	without = fake_http_last(http)->body_len;
	for (size_t i = 0; i < N_OF(rows); i++) {
		set("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", rows[i].value);
		assert_int_equal(ask(), 0);
		is_sent = fake_http_last(http)->body_len > without + 500;
		assert_row(is_sent == rows[i].is_sent, i, rows[i].value);
		for (size_t k = 0; k < KV_CREDENTIAL_VARIABLES; k++)
			if (options.variables[k].value == rows[i].value)
				options.variables[k].name = NULL;
	}
}

static void
an_option_takes_precedence_and_its_password_file_too(void **state)
{
	(void)state;
	set("AZURE_CLIENT_SECRET", "s");
	assert_int_equal(kv_client_secret.presence(&options, NULL), KV_CONFIGURED);
	options.client_certificate = "/nonexistent/certificate";
	assert_int_equal(kv_client_secret.presence(&options, NULL), KV_NOT_CONFIGURED);
	assert_int_equal(ask(), -EACCES);
	assert_non_null(strstr(done.why, "client_certificate=/nonexistent/certificate: No such file"));
	options.client_certificate = NULL;
	options.client_certificate_password_file = "/nonexistent/password";
	assert_int_equal(ask(), -EACCES);
	assert_non_null(
	    strstr(done.why, "client_certificate_password_file=/nonexistent/password: No such file"));
	assert_int_equal(fake_http_requests(http), 0);
}

static void
each_part_of_the_set_is_needed(void **state)
{
	struct kv_buf why;

	(void)state;
	kv_buf_init(&why, 1000);
	assert_int_equal(kv_client_certificate.presence(&options, &why), KV_CONFIGURED);
	options.client_id = NULL;
	options.tenant = NULL;
	assert_int_equal(kv_client_certificate.presence(&options, &why), KV_NOT_CONFIGURED);
	assert_non_null(strstr(kv_buf_str(&why), "AZURE_CLIENT_ID"));
	assert_non_null(strstr(kv_buf_str(&why), "AZURE_TENANT_ID"));
	options.client_id = "c";
	options.order.n = 1; /* named, so that nothing else can be meant: the vault names the tenant */
	assert_int_equal(kv_client_certificate.presence(&options, NULL), KV_CONFIGURED);
	kv_buf_release(&why);
}

static void
a_refusal_of_a_certificate_that_expired_names_the_date(void **state)
{
	(void)state;
	status = 401;
	body =
	    "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS700027: no. Trace\",\"error_codes\":[700027]}";
	assert_int_equal(ask(), -EACCES);
	assert_null(strstr(done.why, "expired on"));
	write_file(old);
	assert_int_equal(ask(), -EACCES);
	assert_non_null(strstr(done.why, "; the certificate expired on 2"));
}

static void
a_file_that_changes_is_read_again(void **state)
{
	(void)state;
	assert_int_equal(ask(), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ask(), -EACCES);
	assert_non_null(strstr(done.why, " is empty"));
	write_file(certificate);
	assert_int_equal(ask(), 0);
}

static void
no_freed_memory_holds_the_password_and_each_failing_allocation_is_enomem(void **state)
{
	(void)state;
	fake_alloc_watch(PASSWORD);
	assert_int_equal(ask(), 0);
	assert_int_equal(fake_alloc_unwiped(), 0);
	fake_alloc_watch(NULL);
	EACH_ALLOCATION_FAILS(ask());
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_assertion_takes_the_place_of_a_secret),
		TEST(the_chain_is_sent_for_1_and_true_only),
		TEST(an_option_takes_precedence_and_its_password_file_too),
		TEST(each_part_of_the_set_is_needed),
		TEST(a_refusal_of_a_certificate_that_expired_names_the_date),
		TEST(a_file_that_changes_is_read_again),
		TEST(no_freed_memory_holds_the_password_and_each_failing_allocation_is_enomem),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
