#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/auth/ask.h"
#include "client/auth/chain.h"
#include "client/auth/token_answer.h"
#include "client/base/log.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_http.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_spawn.h"

#define LOGIN	     "https://login.microsoftonline.com"
#define TENANT	     "11111111-aaaa-bbbb-cccc-222222222222"
#define OWN_TENANT   "33333333-aaaa-bbbb-cccc-222222222222"
#define SECRET	     "s3cret~value"
#define IDENTITY_KEY "identity-header-value"
#define TOKEN	     "{\"access_token\":\"t0ken\",\"expires_in\":3600}"
#define IMDS_URL                                                                        \
	"http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&" \
	"resource=https%3A%2F%2Fvault.azure.net"
/* {"access_token":{"xms_cc":{"values":["CP1"]}}}: continuous access evaluation is handled. */
#define CLAIMS		"&claims=%7B%22access_token%22%3A%7B%22xms_cc%22%3A%7B%22values%22%3A%5B%22CP1%22%5D%7D%7D%7D"
#define APP_SERVICE	"http://127.0.0.1:4141/msi/token"
#define APP_SERVICE_URL APP_SERVICE "?api-version=2019-08-01&resource=https%3A%2F%2Fvault.azure.net"

static struct kv_loop *loop;
static struct kv_http *http;
static struct kv_chain *chain;
static struct kv_credential_options options;
static struct kv_audience audience;

static struct {
	int n, err;
	char token[1000], why[4096];
	int64_t life_s, mono;
} done;

static void
take(void *arg, int err, const struct kv_token_answer *token, const char *why)
{
	assert_ptr_equal(arg, &done);
	done.n++;
	done.err = err;
	done.life_s = token != NULL ? token->life_s : 0;
	done.mono = kv_clock_mono_ms();
	snprintf(done.token, sizeof(done.token), "%s", token != NULL ? token->value : "");
	snprintf(done.why, sizeof(done.why), "%s", why);
	assert_true((err == 0) == (token != NULL));
	if (err != 0)
		assert_true(done.why[0] != '\0');
	assert_null(strstr(why, SECRET));
	assert_null(strstr(why, IDENTITY_KEY));
	assert_null(strstr(why, "t0ken"));
}

/* ---- services ---- */

static long status;
static const char *body;
static int n_failures; /* before it goes well */
static int64_t retry_after_ms;

static int64_t
badly_at_first(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	(void)request;
	if (n_failures-- <= 0)
		return fake_http_say(reply, 200, TOKEN);
	reply->answer.retry_after_ms = retry_after_ms;
	return fake_http_say(reply, status, body);
}

static int unreachable_err;

static int64_t
unreachable(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	reply->err = unreachable_err;
	reply->answer.reason = "no way there";
	return request->connect_ms != 0 ? request->connect_ms : 100;
}

static int64_t
silent(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	(void)request;
	(void)reply;
	return -1;
}

static int64_t
silent_after_the_probe(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	return request->connect_ms != 0 ? fake_http_say(reply, 400, "") : -1;
}

/* ---- before and after a test ---- */

static void
set(const char *name, const char *value)
{
	assert_int_equal(kv_credential_set_variable(&options, name, value), 0);
}

static void
make(const char *auth)
{
	kv_chain_free(chain);
	assert_int_equal(kv_auth_order_parse(auth, &options.order), 0);
	chain = kv_chain_new(loop, http, &options);
	assert_non_null(chain);
}

/* Ask, and let a long time pass. How many requests it took. */
static int
fetch(void)
{
	const int before = fake_http_requests(http);

	done.n = 0;
	assert_int_equal(kv_chain_fetch(chain, &audience, take, &done), 0);
	assert_int_equal(done.n, 0);
	fake_loop_run(loop, 300000);
	assert_int_equal(done.n, 1);
	return fake_http_requests(http) - before;
}

/* The service fails so often with code and text, and goes well then. */
static void
fail_first(int n, long code, const char *text)
{
	fake_http_use(http, badly_at_first);
	n_failures = n;
	status = code;
	body = text;
	retry_after_ms = -1;
}

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	loop = kv_loop_new();
	http = fake_http_new(loop, badly_at_first);
	fail_first(0, 200, "");
	fake_spawn_set(-ENOENT, 0, "", "");
	options = (struct kv_credential_options){ .authority = LOGIN };
	audience = (struct kv_audience){ .resource = "https://vault.azure.net",
		.scope = "https://vault.azure.net/.default",
		.tenant = TENANT };
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_chain_free(chain);
	chain = NULL;
	assert_int_equal(fake_http_under_way(http), 0);
	assert_int_equal(fake_loop_timers(loop), 0);
	fake_http_free(http);
	kv_loop_free(loop);
	return 0;
}

/* ---- the client secret ---- */

static void
a_client_secret_is_sent_as_the_service_wants_it(void **state)
{
	const struct fake_http_request *request;

	(void)state;
	options.client_id = "app";
	options.client_secret = SECRET;
	make("env");
	assert_int_equal(fetch(), 1);
	request = fake_http_last(http);
	assert_string_equal(request->method, "POST");
	assert_string_equal(request->url, LOGIN "/" TENANT "/oauth2/v2.0/token");
	assert_string_equal(request->body,
	    "grant_type=client_credentials&client_id=app&client_secret=" SECRET
	    "&scope=https%3A%2F%2Fvault.azure.net%2F.default" CLAIMS);
	assert_true(fake_http_has_header(request, "Content-Type: application/x-www-form-urlencoded"));
	assert_string_equal(request->token, "");
	assert_false(request->is_local);
	assert_int_equal(done.err, 0);
	assert_string_equal(done.token, "t0ken");
	assert_int_equal(done.life_s, 3600);
	assert_string_equal(done.why, "");
}

static void
what_a_form_cannot_hold_is_encoded(void **state)
{
	(void)state;
	options.client_id = "a b";
	options.client_secret = "1&2=3+4%5\"\xc3\xa9";
	audience.tenant = "../a?b";
	options.authority = "https://login.example/";
	audience.claims = "{\"a\":1}";
	make("env");
	assert_int_equal(fetch(), 1);
	assert_string_equal(fake_http_last(http)->url, "https://login.example/..%2Fa%3Fb/oauth2/v2.0/token");
	assert_string_equal(fake_http_last(http)->body,
	    "grant_type=client_credentials&client_id=a%20b&client_secret=1%262%3D3%2B4%255%22%C3%A9"
	    "&scope=https%3A%2F%2Fvault.azure.net%2F.default&claims=%7B%22a%22%3A1%2C%22access_token%22%3A%7B%22xms_cc%22%3A%7B%22values%22%3A%5B%22CP1%22%5D%7D%7D%7D");
}

static void
what_is_missing_is_named(void **state)
{
	static const struct {
		const char *id, *secret, *own, *challenge, *missing;
	} rows[] = {
		{ NULL, SECRET, TENANT, NULL, "AZURE_CLIENT_ID" },
		{ "app", NULL, TENANT, NULL, "AZURE_CLIENT_SECRET" },
		{ NULL, NULL, NULL, NULL, "AZURE_CLIENT_SECRET" },
		{ "app", SECRET, NULL, NULL, "AZURE_TENANT_ID" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		options.client_id = rows[i].id;
		options.client_secret = rows[i].secret;
		options.tenant = rows[i].own;
		audience.tenant = rows[i].challenge;
		make("env");
		assert_row(fetch() == 0, i, "no request");
		assert_row(done.err == -EACCES, i, done.why);
		assert_row(strstr(done.why, rows[i].missing) != NULL, i, done.why);
	}
}

static void
a_refusal_says_who_was_refused_why_and_what_to_look_at(void **state)
{
	(void)state;
	options.client_id = "app";
	options.client_secret = SECRET;
	fail_first(1000, 401,
	    "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret "
	    "provided. Ensure the secret being sent\\r\\nTrace ID: 1-2\"}");
	make("env");
	assert_int_equal(fetch(), 1);
	assert_int_equal(done.err, -EACCES);
	assert_string_equal(done.why,
	    LOGIN
	    " refuses client app of tenant " TENANT
	    " (status 401): the client secret of application app is wrong: give the secret's value, not its "
	    "id, or create a new one with az ad app credential reset --append --id app (AADSTS7000215)");
	/* what the table does not know is in the service's words */
	fail_first(1000, 401,
	    "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS1: Something new. See there.\"}");
	make("env");
	assert_int_equal(fetch(), 1);
	assert_int_equal(done.err, -EACCES);
	assert_string_equal(done.why,
	    LOGIN " refuses client app of tenant " TENANT " (status 401): AADSTS1: Something new"
		  "; check AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID");
	/* one that may pass */
	fail_first(1000, 400,
	    "{\"error\":\"invalid_request\",\"error_description\":\"AADSTS90033: A transient error.\"}");
	make("env");
	assert_int_equal(fetch(), 1);
	assert_int_equal(done.err, -EIO);
}

/* ---- managed identities ---- */

static void
app_service_is_asked_as_it_wants_it(void **state)
{
	const struct fake_http_request *request;

	(void)state;
	set("IDENTITY_ENDPOINT", APP_SERVICE);
	set("IDENTITY_HEADER", IDENTITY_KEY);
	make("managed");
	assert_int_equal(fetch(), 1);
	request = fake_http_last(http);
	assert_string_equal(request->method, "GET");
	assert_string_equal(request->url, APP_SERVICE_URL);
	assert_true(fake_http_has_header(request, "X-IDENTITY-HEADER: " IDENTITY_KEY));
	assert_true(request->is_local);
	assert_string_equal(done.token, "t0ken");
	options.client_id = "a/b";
	make("managed");
	assert_int_equal(fetch(), 1);
	assert_string_equal(fake_http_last(http)->url, APP_SERVICE_URL "&client_id=a%2Fb");
}

static void
imds_is_asked_as_it_wants_it(void **state)
{
	const struct fake_http_request *request;

	(void)state;
	make("managed");
	assert_int_equal(fetch(), 1);
	request = fake_http_last(http);
	assert_string_equal(request->method, "GET");
	assert_string_equal(request->url, IMDS_URL);
	assert_true(fake_http_has_header(request, "Metadata: true"));
	assert_true(request->is_local);
	options.client_id = "app";
	set("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://localhost:8080");
	make("managed");
	assert_int_equal(fetch(), 1);
	assert_string_equal(fake_http_last(http)->url,
	    "http://localhost:8080/metadata/identity/oauth2/token?api-version=2018-02-01&"
	    "resource=https%3A%2F%2Fvault.azure.net&client_id=app");
}

static void
a_life_is_read_in_every_spelling(void **state)
{
	static const struct {
		const char *body;
		int64_t life_s;
	} rows[] = {
		{ "{\"access_token\":\"x\",\"expires_in\":86399,\"token_type\":\"Bearer\"}", 86399 },
		{ "{\"access_token\":\"x\",\"expires_in\":\"86399\",\"expires_on\":\"5\"}", 86399 },
		{ "{\"access_token\":\"x\",\"expires_on\":\"1700003600\"}", 3600 },
		{ "{\"access_token\":\"x\",\"expires_on\":1700003600}", 3600 },
		{ "{\"access_token\":\"x\"}", 0 },
	};

	(void)state;
	make("managed");
	for (size_t i = 0; i < N_OF(rows); i++) {
		fake_clock_set(1000000, 1700000000);
		fail_first(1, 200, rows[i].body);
		assert_row(fetch() == 1 && done.err == 0, i, done.why);
		assert_row(done.life_s == rows[i].life_s, i, rows[i].body);
	}
}

static void
an_answer_without_a_token_is_ebadmsg(void **state)
{
	static const char *const bodies[] = { "", "{}", "null", "<html>", "{\"access_token\":\"\"}",
		"{\"access_token\":7}", "{\"access_token\":\"a b\"}", "{\"access_token\":\"a\\r\\nb\"}" };

	(void)state;
	make("managed");
	for (size_t i = 0; i < N_OF(bodies); i++) {
		fail_first(1, 200, bodies[i]);
		assert_row(fetch() == 1 && done.err == -EBADMSG, i, bodies[i]);
	}
}

/* ---- what passes ---- */

static void
what_passes_is_tried_again_after_a_pause(void **state)
{
	static const struct {
		const char *auth;
		long status;
	} rows[] = { { "env", 408 }, { "env", 429 }, { "env", 500 }, { "env", 503 }, { "managed", 429 },
		{ "managed", 500 }, { "managed", 504 }, { "managed", 404 }, { "managed", 410 } };

	(void)state;
	options.client_id = "app";
	options.client_secret = SECRET;
	for (size_t i = 0; i < N_OF(rows); i++) {
		int n;

		make(rows[i].auth);
		fail_first(3, rows[i].status, "");
		assert_row(fetch() == 4 && done.err == 0, i, done.why);
		n = fake_http_requests(http);
		for (int k = 2; k >= 0; k--)
			assert_row(fake_http_request(http, n - 1 - k)->mono -
				    fake_http_request(http, n - 2 - k)->mono >=
				800 << (2 - k),
			    i, "pause");
	}
}

static void
imds_may_be_away_for_70_s(void **state)
{
	static const long away[] = { 404, 410 };

	(void)state;
	for (size_t i = 0; i < N_OF(away); i++) {
		const int64_t mono_back = kv_clock_mono_ms() + 70000;

		make("managed");
		fail_first(1000, away[i], "");
		done.n = 0;
		assert_int_equal(kv_chain_fetch(chain, &audience, take, &done), 0);
		fake_loop_run(loop, 70000);
		n_failures = 0;
		fake_loop_run(loop, 60000);
		assert_row(done.n == 1 && done.err == 0, i, done.why);
		assert_true(done.mono >= mono_back);
	}
}

static void
the_service_may_ask_for_a_longer_pause(void **state)
{
	(void)state;
	options.client_id = "app";
	options.client_secret = SECRET;
	make("env");
	fail_first(1, 429, "");
	retry_after_ms = 17000;
	assert_int_equal(fetch(), 2);
	assert_int_equal(done.err, 0);
	assert_true(fake_http_request(http, 1)->mono >= fake_http_request(http, 0)->mono + 17000);
}

static void
what_does_not_pass_is_given_up_in_the_end(void **state)
{
	static const struct {
		const char *auth;
		long status;
		int err;
	} rows[] = { { "env", 503, -EIO }, { "env", 429, -EBUSY }, { "managed", 500, -EIO },
		{ "managed", 429, -EBUSY }, { "managed", 404, -EIO } };

	(void)state;
	options.client_id = "app";
	options.client_secret = SECRET;
	for (size_t i = 0; i < N_OF(rows); i++) {
		make(rows[i].auth);
		fail_first(1000, rows[i].status, "");
		assert_row(fetch() <= 8, i, "a few times");
		assert_row(done.err == rows[i].err, i, done.why);
	}
}

static void
a_page_in_the_place_of_the_token_service_is_not_its_refusal(void **state)
{
	static const long statuses[] = { 200, 302, 307, 403, 404 };

	(void)state;
	options.client_id = "app";
	options.client_secret = SECRET;
	make("env");
	for (size_t i = 0; i < N_OF(statuses); i++) {
		fail_first(1000, statuses[i], "<html><title>Sign in</title></html>");
		assert_row(fetch() == (statuses[i] == 200 ? 1 : 4) && done.err == -EBADMSG, i, done.why);
		assert_row(strstr(done.why, LOGIN) != NULL, i, done.why);
		assert_row(strstr(done.why, "is a proxy or a login page in between?") != NULL, i, done.why);
		assert_row(strstr(done.why, "AZURE_CLIENT") == NULL, i, done.why);
	}
}

static void
what_stays_is_not_tried_again(void **state)
{
	static const struct {
		const char *auth;
		long status;
	} rows[] = { { "env", 400 }, { "env", 401 }, { "env", 403 }, { "env", 404 }, { "env", 410 },
		{ "managed", 400 }, { "managed", 403 } };

	(void)state;
	options.client_id = "app";
	options.client_secret = SECRET;
	for (size_t i = 0; i < N_OF(rows); i++) {
		make(rows[i].auth);
		fail_first(
		    1000, rows[i].status, "{\"error\":\"x\",\"error_description\":\"Identity not found\"}");
		assert_row(fetch() == 1 && done.err == -EACCES, i, done.why);
		assert_row(strstr(done.why, "Identity not found") != NULL, i, done.why);
	}
}

static void
who_cannot_be_reached_is_named_with_the_reason(void **state)
{
	static const int errs[] = { -EHOSTUNREACH, -ECONNREFUSED, -EPROTO, -ETIMEDOUT, -EIO };
	static const char *const auths[] = { "env", "managed" };

	(void)state;
	options.client_id = "app";
	options.client_secret = SECRET;
	fake_http_use(http, unreachable);
	for (size_t i = 0; i < N_OF(errs) * 2; i++) {
		make(auths[i % 2]);
		unreachable_err = errs[i / 2];
		fetch();
		assert_row(done.err == unreachable_err, i, done.why);
		assert_row(strstr(done.why, "no way there") != NULL, i, done.why);
		assert_row(
		    strstr(done.why, i % 2 == 0 ? "token service" : "Instance Metadata Service") != NULL, i,
		    done.why);
	}
}

/* ---- auto ---- */

static void
auto_takes_the_first_that_is_configured(void **state)
{
	static const struct {
		const char *secret, *endpoint, *header, *url;
		bool is_probe;
	} rows[] = {
		{ SECRET, APP_SERVICE, IDENTITY_KEY, LOGIN "/" TENANT "/oauth2/v2.0/token", false },
		{ SECRET, NULL, NULL, LOGIN "/" TENANT "/oauth2/v2.0/token", false },
		{ NULL, APP_SERVICE, IDENTITY_KEY, APP_SERVICE_URL "&client_id=app", false },
		{ NULL, APP_SERVICE, NULL, IMDS_URL "&client_id=app", true },
		{ NULL, NULL, IDENTITY_KEY, IMDS_URL "&client_id=app", true },
		{ NULL, NULL, NULL, IMDS_URL "&client_id=app", true },
	};

	(void)state;
	options.client_id = "app";
	options.tenant = TENANT;
	for (size_t i = 0; i < N_OF(rows); i++) {
		options.client_secret = rows[i].secret;
		set("IDENTITY_ENDPOINT", rows[i].endpoint);
		set("IDENTITY_HEADER", rows[i].header);
		make("auto");
		assert_row(fetch() == (rows[i].is_probe ? 2 : 1) && done.err == 0, i, done.why);
		assert_row(strcmp(fake_http_last(http)->url, rows[i].url) == 0, i, fake_http_last(http)->url);
		assert_int_equal(fake_spawn_count(), 0);
	}
}

static void
auto_does_not_go_on_when_what_is_configured_fails(void **state)
{
	(void)state;
	fake_spawn_set(0, 0, TOKEN, "");
	fail_first(1000, 401, "");
	options.client_id = "app";
	options.client_secret = SECRET;
	make("auto");
	assert_int_equal(fetch(), 1);
	assert_int_equal(done.err, -EACCES);
	options.client_secret = NULL;
	set("IDENTITY_ENDPOINT", APP_SERVICE);
	set("IDENTITY_HEADER", IDENTITY_KEY);
	make("auto");
	assert_int_equal(fetch(), 1);
	assert_int_equal(done.err, -EACCES);
	assert_int_equal(fake_spawn_count(), 0);
}

static void
imds_is_probed_for_a_second_before_it_is_asked(void **state)
{
	const struct fake_http_request *probe;

	(void)state;
	make("auto");
	fail_first(1, 400, "");
	assert_int_equal(fetch(), 2);
	assert_int_equal(done.err, 0);
	probe = fake_http_request(http, 0);
	assert_int_equal(probe->connect_ms, 1000);
	assert_true(probe->is_local);
	assert_false(fake_http_has_header(probe, "Metadata: true"));
	assert_true(fake_http_has_header(fake_http_last(http), "Metadata: true"));
	assert_string_equal(fake_http_last(http)->url, IMDS_URL);
	/* after the first token it is as certain as one that the user names */
	fail_first(3, 503, "");
	assert_int_equal(fetch(), 4);
	assert_int_equal(done.err, 0);
}

static void
auto_takes_the_cli_where_no_imds_answers(void **state)
{
	static const struct {
		int err;
		long status;
	} rows[] = { { -EHOSTUNREACH, 0 }, { -ETIMEDOUT, 0 }, { -ECONNREFUSED, 0 }, { 0, 400 }, { 0, 403 },
		{ 0, 404 }, { 0, 410 }, { 0, 429 }, { 0, 503 } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		fake_spawn_set(0, 0, "{\"accessToken\":\"of-az\",\"expires_on\":1700003600}", "");
		unreachable_err = rows[i].err;
		fail_first(1000, rows[i].status, "");
		if (rows[i].err != 0)
			fake_http_use(http, unreachable);
		make("auto");
		assert_row(fetch() == (rows[i].err != 0 ? 1 : 2) && done.err == 0, i, done.why);
		assert_string_equal(done.token, "of-az");
		assert_string_equal(fake_spawn_arguments(),
		    "az account get-access-token --output json --resource https://vault.azure.net "
		    "--tenant " TENANT);
		assert_row(fetch() == 0 && fake_spawn_count() == 2, i, "az is kept for the renewal");
	}
}

static void
an_identity_that_the_user_named_and_imds_does_not_know_is_a_failure(void **state)
{
	static const char words[] =
	    "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}";

	(void)state;
	fake_spawn_set(0, 0, TOKEN, "");
	options.object_id = "an id";
	fail_first(1000, 400, words);
	make("auto");
	assert_int_equal(fetch(), 2);
	assert_int_equal(done.err, -EACCES);
	assert_non_null(strstr(done.why, "Identity not found"));
	assert_non_null(strstr(done.why, "object_id="));
	assert_int_equal(fake_spawn_count(), 0);
	fail_first(1000, 400, "<html>what?</html>");
	fetch();
	assert_int_equal(done.err, 0);
	assert_int_equal(fake_spawn_count(), 1);
}

/* A proxy, a portal, or a machine with more identities than one. */
static void
auto_goes_on_to_the_cli_whatever_answers_in_the_place_of_imds(void **state)
{
	static const struct {
		long status;
		const char *body, *word;
	} rows[] = {
		{ 200, "<html>welcome</html>", "answers with an HTML page" },
		{ 200, "{}", "contains no token" },
		{ 502, "<html>Bad Gateway</html>", "answers 502: <html>Bad Gateway" },
		{ 503, "", "answers 503" },
		{ 403, "unreachable: connecting to 169.254.169.254", "403: unreachable" },
		{ 400,
		    "{\"error\":\"invalid_request\",\"error_description\":\"Multiple user assigned identities exist, "
		    "please specify the clientId / resourceId of the identity in the token request\"}",
		    "Multiple user assigned identities exist" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		fake_spawn_set(0, 0, TOKEN, "");
		fail_first(100, rows[i].status, rows[i].body);
		make("auto");
		assert_row(fetch() <= 3, i, "it is only a guess");
		assert_row(done.err == 0, i, done.why);
		fake_spawn_set(-ENOENT, 0, "", "");
		make("auto");
		fetch();
		assert_row(done.err != 0, i, done.why);
		assert_row(strstr(done.why, rows[i].word) != NULL, i, done.why);
		assert_row(strstr(done.why, "az CLI: az is not installed") != NULL, i, done.why);
	}
}

/* Each is asked once, not again and again. */
static void
auto_ends_with_a_line_for_each_credential(void **state)
{
	(void)state;
	fake_http_use(http, unreachable);
	unreachable_err = -EHOSTUNREACH;
	fake_spawn_set(0, 0, "junk", "");
	make("auto");
	assert_int_equal(fetch(), 1);
	assert_int_equal(done.err, -EHOSTUNREACH);
	assert_int_equal(fake_spawn_most_alike(), 1);
	for (int i = 0; kv_auths[i].word != NULL; i++) {
		char line[100];

		snprintf(line, sizeof(line), "\n  %s: ", kv_auths[i].noun);
		assert_row((strstr(done.why, line) != NULL) == (kv_auths[i].group != KV_AUTH_NAMED),
		    (size_t)i, done.why);
	}
	assert_non_null(strstr(
	    done.why, "environment: for a client secret, AZURE_CLIENT_SECRET is not set; for a client "));
	assert_non_null(strstr(done.why, "no way there"));
}

static void
an_incomplete_set_of_variables_is_no_credential(void **state)
{
	static const struct {
		const char *id, *tenant, *missing;
	} rows[] = { { NULL, TENANT, "AZURE_CLIENT_ID" }, { "app", NULL, "AZURE_TENANT_ID" } };

	(void)state;
	set("AZURE_CLIENT_SECRET", SECRET);
	fake_http_use(http, unreachable);
	unreachable_err = -EHOSTUNREACH;
	for (size_t i = 0; i < N_OF(rows); i++) {
		options.client_id = rows[i].id;
		options.tenant = rows[i].tenant;
		fake_spawn_set(0, 0, TOKEN, "");
		make("auto");
		fetch();
		assert_row(done.err == 0 && fake_spawn_count() == 1, i, done.why);
		fake_spawn_set(-ENOENT, 0, "", "");
		make("auto");
		fetch();
		assert_row(strstr(done.why, rows[i].missing) != NULL, i, done.why);
	}
}

static void
nobody_may_ask_for_a_pause_of_hours(void **state)
{
	int64_t mono_began;

	(void)state;
	options.client_id = "me";
	options.client_secret = SECRET;
	fail_first(1, 503, "");
	retry_after_ms = 3600000;
	make("env");
	mono_began = kv_clock_mono_ms();
	fetch();
	assert_int_equal(done.err, 0);
	assert_true(done.mono - mono_began <= 61000);
}

static int64_t
late(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	(void)request;
	fake_http_say(reply, 200, TOKEN);
	return 40000;
}

static void
a_request_that_drips_ends_after_30_s(void **state)
{
	static const char *const auths[] = { "env", "managed" };
	int64_t mono_began;

	(void)state;
	options.client_id = "me";
	options.client_secret = SECRET;
	fake_http_use(http, late);
	for (size_t i = 0; i < N_OF(auths); i++) {
		make(auths[i]);
		mono_began = kv_clock_mono_ms();
		assert_int_equal(fetch(), 1);
		assert_row(done.err == -ETIMEDOUT, i, done.why);
		assert_row(done.mono - mono_began == 30000, i, done.why);
		assert_row(strstr(done.why, "within 30 s") != NULL, i, done.why);
		assert_int_equal(fake_http_under_way(http), 0);
	}
}

/* In all, not for each credential. */
static void
the_choice_of_auto_ends_after_30_s(void **state)
{
	int64_t mono_began;

	(void)state;
	fake_http_use(http, silent_after_the_probe);
	make("managed:cli");
	for (int s = 0; s <= 50; s += 50) {
		options.auto_s = s;
		mono_began = kv_clock_mono_ms();
		fetch();
		if (s == 0) {
			assert_int_equal(done.err, -ETIMEDOUT);
			assert_int_equal(done.mono - mono_began, 30000);
			assert_non_null(strstr(done.why,
			    "managed identity: the Instance Metadata Service (169.254.169.254) has not answered after 30 s"));
			assert_non_null(strstr(done.why, "az CLI: not asked"));
			assert_non_null(strstr(done.why, "-o auth=managed"));
		} else {
			assert_non_null(strstr(done.why, "has not answered within 30 s"));
		}
		assert_int_equal(fake_http_under_way(http), 0);
	}
}

static void
an_endpoint_that_keeps_failing_is_not_said_to_be_silent(void **state)
{
	(void)state;
	set("IDENTITY_ENDPOINT", APP_SERVICE);
	set("IDENTITY_HEADER", IDENTITY_KEY);
	fail_first(1000, 500, "");
	make("managed:cli");
	fetch();
	assert_int_equal(done.err, -ETIMEDOUT);
	assert_non_null(strstr(done.why, "(IDENTITY_ENDPOINT) still failed with status 500 after 30 s"));
}

static void
a_list_is_asked_in_its_own_order(void **state)
{
	(void)state;
	options.client_id = "app";
	options.client_secret = SECRET;
	options.tenant = TENANT;
	fake_spawn_set(0, 0, "{\"accessToken\":\"of-az\"}", "");
	make("cli:env");
	assert_int_equal(fetch(), 0);
	assert_string_equal(done.token, "of-az");
	fake_spawn_set(-ENOENT, 0, "", "");
	make("cli:env");
	assert_int_equal(fetch(), 1);
	assert_string_equal(done.token, "t0ken");
}

static void
claims_go_only_to_a_credential_that_can_request_them(void **state)
{
	(void)state;
	options.client_id = "app";
	options.client_secret = SECRET;
	audience.claims = "{\"access_token\":{\"nbf\":{\"essential\":true}}}";
	make("env");
	assert_int_equal(fetch(), 1);
	assert_int_equal(done.err, 0);
	assert_non_null(strstr(fake_http_last(http)->body, "nbf"));
	assert_non_null(strstr(fake_http_last(http)->body, "CP1"));
	audience.claims = "no JSON";
	assert_int_equal(fetch(), 0);
	assert_int_equal(done.err, -EBADMSG);
	audience.claims = "{\"a\":1}";
	fake_spawn_set(0, 0, TOKEN, "");
	make("cli");
	assert_int_equal(fetch(), 0);
	assert_int_equal(fake_spawn_count(), 0);
	assert_int_equal(done.err, -EACCES);
	assert_non_null(strstr(done.why,
	    "run az login --claims-challenge \"eyJhIjoxfQ==\" --tenant " TENANT
	    " --scope https://vault.azure.net/.default"));
	make("managed");
	assert_int_equal(fetch(), 0);
	assert_int_equal(done.err, -EACCES);
	assert_non_null(strstr(done.why, "managed identity"));
	assert_null(strstr(done.why, "run az"));
}

static void
auto_goes_on_where_the_place_of_imds_is_silent(void **state)
{
	int64_t mono_began;

	(void)state;
	fake_spawn_set(0, 0, TOKEN, "");
	fake_http_use(http, silent);
	make("auto");
	mono_began = kv_clock_mono_ms();
	assert_int_equal(fetch(), 1);
	assert_int_equal(done.err, 0);
	assert_in_range(done.mono - mono_began, 2000, 3000);
}

/* ---- a token's file ---- */

static char path[] = "/tmp/kvfs-credential-XXXXXX";

static void
write_file(const char *content, size_t len, mode_t mode)
{
	int fd;

	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), (int)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	options.token_file = path;
}

static int
fetch_from_file(const char *content, mode_t mode)
{
	write_file(content, strlen(content), mode);
	make("token");
	assert_int_equal(fetch(), 0);
	assert_int_equal(unlink(path), 0);
	if (done.err != 0)
		assert_non_null(strstr(done.why, path));
	return done.err;
}

static void
only_the_owner_may_be_able_to_touch_a_token_file(void **state)
{
	static const struct {
		mode_t mode;
		int err;
	} rows[] = { { 0600, 0 }, { 0400, 0 }, { 0700, 0 }, { 0604, -EACCES }, { 0620, -EACCES },
		{ 0602, -EACCES }, { 0644, -EACCES }, { 0666, -EACCES } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(fetch_from_file("t0ken\n", rows[i].mode) == rows[i].err, i, done.why);
		if (rows[i].err == 0)
			assert_string_equal(done.token, "t0ken");
		else
			assert_non_null(strstr(done.why, "0600"));
	}
}

static void
somebody_elses_token_file_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: only root can give a file away\n");
		skip();
	}
	write_file("t0ken\n", 6, 0600);
	assert_int_equal(chown(path, 1, 1), 0);
	make("token");
	fetch();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(done.err, -EACCES);
}

static void
a_token_file_must_be_a_file_with_something_in_it(void **state)
{
	(void)state;
	assert_int_equal(fetch_from_file("", 0600), -EACCES);
	assert_int_equal(fetch_from_file("\n", 0600), -EACCES);
	options.token_file = path; /* gone */
	make("token");
	fetch();
	assert_int_equal(done.err, -EACCES);
	assert_non_null(strstr(done.why, strerror(ENOENT)));
	assert_int_equal(mkdir(path, 0700), 0);
	make("token");
	fetch();
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(done.err, -EACCES);
	assert_int_equal(mkfifo(path, 0600), 0);
	make("token");
	fetch();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(done.err, -EACCES);
}

static void
a_token_is_read_up_to_the_first_blank(void **state)
{
	static const struct {
		const char *content, *token;
	} rows[] = { { "t0ken", "t0ken" }, { "t0ken\n", "t0ken" }, { "t0ken\r\n", "t0ken" },
		{ "t0ken \n\n", "t0ken" }, { "t0ken\nother\n", "t0ken" } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(fetch_from_file(rows[i].content, 0600) == 0, i, done.why);
		assert_row(strcmp(done.token, rows[i].token) == 0, i, done.token);
		assert_int_equal(done.life_s, 0);
	}
}

static void
what_cannot_be_a_token_is_refused(void **state)
{
	static const char *const contents[] = { "a b", "t0k\ten", "t\xc3\xb6ken", "\x01" };

	(void)state;
	for (size_t i = 0; i < N_OF(contents); i++) {
		assert_row(fetch_from_file(contents[i], 0600) == -EACCES, i, done.why);
		assert_row(strstr(done.why, "is not a token") != NULL, i, done.why);
	}
}

/* {"exp":…} as a token that is signed with nothing. */
static int
fetch_jwt(int64_t wall_end)
{
	char text[400], claims[100];
	struct kv_buf payload;
	int err;

	snprintf(claims, sizeof(claims), "{\"aud\":\"x\",\"exp\":%lld}", (long long)wall_end);
	kv_buf_init(&payload, 300);
	assert_int_equal(kv_base64_encode(claims, strlen(claims), &payload), 0);
	snprintf(text, sizeof(text), "eyJhIjoxfQ.%s.x", kv_buf_str(&payload));
	kv_buf_release(&payload);
	err = fetch_from_file(text, 0600);
	return err;
}

static void
a_token_in_a_file_ends_when_it_says(void **state)
{
	(void)state;
	assert_int_equal(fetch_jwt(1700000000 + 1800), 0);
	assert_int_equal(done.life_s, 1800);
	assert_int_equal(fetch_jwt(1700000000), -EACCES);
	assert_non_null(strstr(done.why, "expired"));
}

/* ---- always ---- */

static void
one_fetch_at_a_time(void **state)
{
	(void)state;
	make("managed");
	done.n = 0;
	assert_int_equal(kv_chain_fetch(chain, &audience, take, &done), 0);
	assert_int_equal(kv_chain_fetch(chain, &audience, take, &done), -EBUSY);
	fake_loop_run(loop, 1000);
	assert_int_equal(done.n, 1);
}

static void
the_end_drops_what_is_under_way(void **state)
{
	(void)state;
	done.n = 0;
	fake_http_use(http, silent);
	make("managed");
	assert_int_equal(kv_chain_fetch(chain, &audience, take, &done), 0);
	fake_loop_run(loop, 1000);
	assert_int_equal(fake_http_under_way(http), 1);
	make("cli");
	assert_int_equal(fake_http_under_way(http), 0);
	assert_int_equal(kv_chain_fetch(chain, &audience, take, &done), 0);
	make("env");
	assert_int_equal(kv_chain_fetch(chain, &audience, take, &done), 0);
	kv_chain_free(chain);
	kv_chain_free(NULL);
	chain = NULL;
	fake_loop_run(loop, 100000);
	assert_int_equal(done.n, 0);
}

static void
no_freed_memory_holds_a_secret(void **state)
{
	static const char *const texts[] = { SECRET, "t0ken", IDENTITY_KEY };

	(void)state;
	options.client_id = "app";
	for (size_t i = 0; i < N_OF(texts); i++) {
		fake_alloc_watch(texts[i]);
		options.client_secret = SECRET;
		make("env");
		fetch();
		set("IDENTITY_ENDPOINT", APP_SERVICE);
		set("IDENTITY_HEADER", IDENTITY_KEY);
		make("managed");
		fetch();
		fetch_from_file("t0ken\n", 0600);
		assert_row(fake_alloc_unwiped() == 0, i, texts[i]);
		fake_alloc_watch(NULL);
	}
}

static void
no_log_line_holds_a_secret(void **state)
{
	const int captured = memfd_create("stderr", 0), saved = dup(STDERR_FILENO);
	char text[20000];
	ssize_t n;

	(void)state;
	options.client_id = "app";
	options.client_secret = SECRET;
	set("IDENTITY_ENDPOINT", APP_SERVICE);
	set("IDENTITY_HEADER", IDENTITY_KEY);
	assert_true(captured >= 0 && saved >= 0 && dup2(captured, STDERR_FILENO) >= 0);
	kv_log_open(true, "all");
	make("env");
	fetch();
	make("managed");
	fetch();
	fail_first(1, 401, "");
	fetch();
	kv_log_close();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	n = pread(captured, text, sizeof(text) - 1, 0);
	close(captured);
	close(saved);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "op=token"));
	assert_null(strstr(text, SECRET));
	assert_null(strstr(text, IDENTITY_KEY));
	assert_null(strstr(text, "t0ken"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_client_secret_is_sent_as_the_service_wants_it),
		TEST(what_a_form_cannot_hold_is_encoded),
		TEST(what_is_missing_is_named),
		TEST(a_refusal_says_who_was_refused_why_and_what_to_look_at),
		TEST(app_service_is_asked_as_it_wants_it),
		TEST(imds_is_asked_as_it_wants_it),
		TEST(a_life_is_read_in_every_spelling),
		TEST(an_answer_without_a_token_is_ebadmsg),
		TEST(what_passes_is_tried_again_after_a_pause),
		TEST(imds_may_be_away_for_70_s),
		TEST(the_service_may_ask_for_a_longer_pause),
		TEST(what_does_not_pass_is_given_up_in_the_end),
		TEST(a_page_in_the_place_of_the_token_service_is_not_its_refusal),
		TEST(what_stays_is_not_tried_again),
		TEST(who_cannot_be_reached_is_named_with_the_reason),
		TEST(auto_takes_the_first_that_is_configured),
		TEST(auto_does_not_go_on_when_what_is_configured_fails),
		TEST(auto_takes_the_cli_where_no_imds_answers),
		TEST(imds_is_probed_for_a_second_before_it_is_asked),
		TEST(an_identity_that_the_user_named_and_imds_does_not_know_is_a_failure),
		TEST(auto_goes_on_to_the_cli_whatever_answers_in_the_place_of_imds),
		TEST(auto_ends_with_a_line_for_each_credential),
		TEST(nobody_may_ask_for_a_pause_of_hours),
		TEST(a_request_that_drips_ends_after_30_s),
		TEST(auto_goes_on_where_the_place_of_imds_is_silent),
		TEST(an_incomplete_set_of_variables_is_no_credential),
		TEST(the_choice_of_auto_ends_after_30_s),
		TEST(an_endpoint_that_keeps_failing_is_not_said_to_be_silent),
		TEST(a_list_is_asked_in_its_own_order),
		TEST(claims_go_only_to_a_credential_that_can_request_them),
		TEST(only_the_owner_may_be_able_to_touch_a_token_file),
		TEST(somebody_elses_token_file_is_refused),
		TEST(a_token_file_must_be_a_file_with_something_in_it),
		TEST(a_token_is_read_up_to_the_first_blank),
		TEST(what_cannot_be_a_token_is_refused),
		TEST(a_token_in_a_file_ends_when_it_says),
		TEST(one_fetch_at_a_time),
		TEST(the_end_drops_what_is_under_way),
		TEST(no_freed_memory_holds_a_secret),
		TEST(no_log_line_holds_a_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
