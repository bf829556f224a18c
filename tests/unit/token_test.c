#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/auth/token.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/http/url.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_http.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_spawn.h"

#define LOGIN	   "https://login.microsoftonline.com"
#define TENANT	   "11111111-aaaa-bbbb-cccc-222222222222"
#define UPPER	   "11111111-AAAA-BBBB-CCCC-222222222222"
#define OTHER	   "99999999-aaaa-bbbb-cccc-222222222222"
#define THIRD	   "33333333-aaaa-bbbb-cccc-222222222222"
#define VAULT	   "https://myvault.vault.azure.net"
#define RESOURCE   "resource=\"https://vault.azure.net\""
#define AUTHORITY  "authorization=\"" LOGIN "/" TENANT "\""
#define CHALLENGE  "Bearer " AUTHORITY ", " RESOURCE
#define TOKEN_URL  LOGIN "/" TENANT "/oauth2/v2.0/token"
#define FORM_SCOPE "scope=https%3A%2F%2Fvault.azure.net%2F.default"
#define WITH_CLAIMS(base64)                                                            \
	"Bearer realm=\"\", authorization_uri=\"" LOGIN "/common/oauth2/authorize\", " \
	"error=\"insufficient_claims\", claims=\"" base64 "\""
#define SECRET "s3cret"

static struct kv_loop *loop;
static struct kv_http *http;
static struct kv_token_cache *auth;
static struct kv_token_options options;
static struct kv_url vault;
static struct kv_buf why;

/* What came back, in order. */
static struct {
	int err;
	char token[100], why[1000];
	char tag;
	int64_t mono;
} done[200];
static int n_done;
static struct kv_token_wait *to_cancel;

static void
take(void *arg, int err, const char *token, const char *sentence)
{
	assert_true((err == 0) == (token != NULL));
	done[n_done].err = err;
	snprintf(done[n_done].token, sizeof(done[0].token), "%s", token != NULL ? token : "");
	snprintf(done[n_done].why, sizeof(done[0].why), "%s", sentence);
	done[n_done].mono = kv_clock_mono_ms();
	done[n_done++].tag = *(const char *)arg;
	kv_token_cancel(to_cancel);
	to_cancel = NULL;
}

static struct kv_token_wait *
ask(const char *tag)
{
	struct kv_token_wait *wait;
	const int before = n_done;

	assert_int_equal(kv_token_get(auth, take, (char *)(uintptr_t)tag, &wait), 0);
	assert_int_equal(n_done, before);
	return wait;
}

/* ---- token services ---- */

static int n_tokens, life_s, refresh_s; /* 0: the service does not say */

static int64_t
well(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	static char body[200];

	(void)request;
	snprintf(body, sizeof(body),
	    life_s > 0 ? "{\"access_token\":\"token-%d\",\"expires_in\":%d,\"refresh_in\":%d}" :
			 "{\"access_token\":\"token-%d\"}",
	    ++n_tokens, life_s, refresh_s);
	return fake_http_say(reply, 200, body);
}

static int64_t
refusing(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	(void)request;
	return fake_http_say(reply, 401,
	    "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret "
	    "provided. Ensure\"}");
}

static int64_t
unreachable(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	(void)request;
	reply->err = -ECONNREFUSED;
	reply->answer.reason = "nobody listens";
	return 10;
}

static int left_to_fail;

static int64_t
busy_at_first(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	return left_to_fail-- > 0 ? fake_http_say(reply, 503, "") : well(request, reply);
}

/* ---- before and after a test ---- */

static void
make_for(const char *url)
{
	kv_token_free(auth);
	assert_int_equal(kv_url_parse(url, &vault, NULL), 0);
	auth = kv_token_new(loop, http, &vault, &options);
	assert_non_null(auth);
	kv_buf_clear(&why);
}

static int
challenge(const char *header)
{
	kv_buf_clear(&why);
	return kv_token_challenge(auth, header, &why);
}

static void
make(void)
{
	make_for(VAULT);
	assert_int_equal(challenge(CHALLENGE), 0);
}

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	loop = kv_loop_new();
	http = fake_http_new(loop, well);
	kv_buf_init(&why, 2000);
	options = (struct kv_token_options){ .credential = { .order = { .n = 1 },
						 .authority = LOGIN,
						 .client_id = "app",
						 .client_secret = SECRET } };
	n_done = n_tokens = 0;
	life_s = 3600;
	refresh_s = 0;
	to_cancel = NULL;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_token_free(auth);
	auth = NULL;
	kv_buf_release(&why);
	assert_int_equal(fake_http_under_way(http), 0);
	assert_int_equal(fake_loop_timers(loop), 0);
	fake_http_free(http);
	kv_loop_free(loop);
	return 0;
}

/* ---- challenges ---- */

static void
a_challenge_says_what_the_token_is_for(void **state)
{
	static const struct {
		const char *vault, *header, *tenant, *scope;
	} rows[] = {
		{ VAULT, CHALLENGE, TENANT, FORM_SCOPE },
		{ VAULT, "Bearer authorization=\"https://login.windows.net/" TENANT "\", " RESOURCE, TENANT,
		    FORM_SCOPE },
		{ "https://x.managedhsm.azure.net",
		    "Bearer " AUTHORITY ", resource=\"https://managedhsm.azure.net\"", TENANT,
		    "scope=https%3A%2F%2Fmanagedhsm.azure.net%2F.default" },
		{ VAULT, "Bearer " AUTHORITY ", scope=\"https://vault.azure.net/.default\"", TENANT,
		    FORM_SCOPE },
		{ VAULT, "Bearer " AUTHORITY ", scope=\"https://vault.azure.net/.default\", " RESOURCE,
		    TENANT, FORM_SCOPE },
		{ VAULT, "Bearer " AUTHORITY ", resource=\"https://vault.azure.net/\"", TENANT, FORM_SCOPE },
		{ "https://localhost:8443",
		    "Bearer resource=\"https://localhost:8443\", "
		    "authorization_uri=\"https://localhost:8443/contoso.example\"",
		    "contoso.example", "scope=https%3A%2F%2Flocalhost%3A8443%2F.default" },
		{ VAULT, "Basic realm=\"x\", " CHALLENGE, TENANT, FORM_SCOPE },
		{ VAULT, CHALLENGE ", PoP nonce=\"x\", resource=\"https://evil.example\"", TENANT,
		    FORM_SCOPE },
		{ VAULT, "PoP authorization=\"https://a/b\", resource=\"https://evil.example\", " CHALLENGE,
		    TENANT, FORM_SCOPE },
		{ VAULT, "Negotiate YIIabc==, " CHALLENGE, TENANT, FORM_SCOPE },
		{ VAULT, "NTLM, Negotiate," CHALLENGE, TENANT, FORM_SCOPE },
		{ VAULT, "bearer RESOURCE=\"https://vault.azure.net\",Authorization=\"" LOGIN "/" TENANT "\"",
		    TENANT, FORM_SCOPE },
		{ VAULT, "Bearer authorization=" LOGIN "/" TENANT ",resource=https://vault.azure.net", TENANT,
		    FORM_SCOPE },
		{ VAULT, "Bearer " AUTHORITY ", resource=\"https:\\/\\/vault.azure.net\"", TENANT,
		    FORM_SCOPE },
		{ VAULT,
		    " Bearer\tauthorization = \"" LOGIN "/" TENANT
		    "\" ,, resource = \"https://vault.azure.net\" ,",
		    TENANT, FORM_SCOPE },
		{ VAULT,
		    "Bearer realm=\"a, resource=\\\"https://evil.example\\\"\", " AUTHORITY ", " RESOURCE,
		    TENANT, FORM_SCOPE },
		{ VAULT, CHALLENGE ", resource=\"https://evil.example\"", TENANT, FORM_SCOPE },
		{ VAULT, "Bearer authorization=\"" LOGIN "/" TENANT "/oauth2/authorize?x=y\", " RESOURCE,
		    TENANT, FORM_SCOPE },
		{ VAULT, "Bearer resource=\"https://vault.azure.net\", authorization=\"" LOGIN "/" TENANT,
		    TENANT, FORM_SCOPE },
	};
	char url[200];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		make_for(rows[i].vault);
		assert_false(kv_token_has_challenge(auth));
		assert_row(challenge(rows[i].header) == 0, i, kv_buf_str(&why));
		assert_true(kv_token_has_challenge(auth));
		ask("a");
		fake_loop_run(loop, 1000);
		snprintf(url, sizeof(url), LOGIN "/%s/oauth2/v2.0/token", rows[i].tenant);
		assert_row(strcmp(fake_http_last(http)->url, url) == 0, i, fake_http_last(http)->url);
		assert_row(
		    strstr(fake_http_last(http)->body, rows[i].scope) != NULL, i, fake_http_last(http)->body);
	}
}

static void
what_is_no_challenge_of_a_vault_is_ebadmsg(void **state)
{
	static const char *const headers[] = { "", " ", ",", "=", "\"", "Basic realm=\"x\"", "Bearer",
		"Bearer realm=\"x\"", "Bearer " AUTHORITY, AUTHORITY ", " RESOURCE, "Bearer2 " RESOURCE,
		"Bearer, Basic " RESOURCE };

	(void)state;
	for (size_t i = 0; i < N_OF(headers); i++) {
		make_for(VAULT);
		assert_row(challenge(headers[i]) == -EBADMSG, i, headers[i]);
		assert_row(strstr(kv_buf_str(&why), "myvault.vault.azure.net") != NULL, i, kv_buf_str(&why));
		assert_row(strstr(kv_buf_str(&why), "is it a vault?") != NULL, i, kv_buf_str(&why));
		assert_false(kv_token_has_challenge(auth));
	}
}

static void
a_long_parameter_is_no_want_of_memory(void **state)
{
	static char header[20000];
	char blanks[12000];

	(void)state;
	memset(blanks, 'x', sizeof(blanks));
	blanks[sizeof(blanks) - 1] = '\0';
	snprintf(header, sizeof(header), "Bearer realm=\"%s\", " AUTHORITY ", " RESOURCE, blanks);
	make_for(VAULT);
	assert_int_equal(challenge(header), 0);
	snprintf(header, sizeof(header), "Bearer " AUTHORITY ", resource=\"%s\"", blanks);
	make_for(VAULT);
	assert_int_equal(challenge(header), -EACCES);
}

static void
the_resource_must_be_the_vaults_own(void **state)
{
	static const struct {
		const char *parameters;
		int err;
	} rows[] = {
		{ "resource=\"https://vault.azure.net\"", 0 },
		{ "resource=\"https://VAULT.Azure.NET\"", 0 },
		{ "resource=\"https://vault.azure.net:443\"", 0 },
		{ "resource=\"https://myvault.vault.azure.net\"", 0 },
		{ "resource=\"https://management.azure.com\"", -EACCES },
		{ "resource=\"https://graph.microsoft.com\"", -EACCES },
		{ "resource=\"https://ault.azure.net\"", -EACCES },
		{ "resource=\"https://myvault.vault.azure.net.evil.example\"", -EACCES },
		{ "resource=\"https://evilvault.azure.net\"", -EACCES },
		{ "resource=\"https://vault.azure.net.evil.example\"", -EACCES },
		{ "resource=\"https://vault.azure.net@evil.example\"", -EACCES },
		{ "resource=\"https://evil.example#.vault.azure.net\"", -EACCES },
		{ "resource=\"https://evil.example/vault.azure.net\"", -EACCES },
		{ "resource=\"https://evil.example\\\\.vault.azure.net\"", -EACCES },
		{ "resource=\"https://other.vault.azure.net\"", -EACCES },
		{ "resource=\"https://a.myvault.vault.azure.net\"", -EACCES },
		{ "resource=\"https://vault.azure.cn\"", -EACCES },
		{ "resource=\"http://vault.azure.net\"", -EACCES },
		{ "resource=\"vault.azure.net\"", -EACCES },
		{ "resource=\"\"", -EACCES },
		{ "scope=\"https://management.azure.com/.default\"", -EACCES },
		{ "scope=\"user.read\"", -EACCES },
		{ "scope=\"\"", -EACCES },
		{ "resource=\"https://vault.azure.net\", scope=\"https://graph.microsoft.com/.default\"",
		    -EACCES },
	};
	char header[500];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		make_for(VAULT);
		snprintf(header, sizeof(header), "Bearer " AUTHORITY ", %s", rows[i].parameters);
		assert_row(challenge(header) == rows[i].err, i, rows[i].parameters);
		assert_int_equal(kv_token_has_challenge(auth), rows[i].err == 0);
		if (rows[i].err != 0) {
			assert_row(
			    strstr(kv_buf_str(&why), "myvault.vault.azure.net") != NULL, i, kv_buf_str(&why));
			assert_row(
			    strstr(kv_buf_str(&why), "no_challenge_verify") != NULL, i, kv_buf_str(&why));
		}
	}
}

static void
an_emulator_may_ask_for_another_resource_where_the_user_says_so(void **state)
{
	(void)state;
	options.no_challenge_verify = true;
	make_for("https://localhost:8443");
	assert_int_equal(challenge(CHALLENGE), 0);
	ask("a");
	fake_loop_run(loop, 1000);
	assert_non_null(strstr(fake_http_last(http)->body, FORM_SCOPE));
}

static void
a_token_is_asked_of_the_users_tenant_or_one_that_is_allowed(void **state)
{
	static const struct {
		const char *own, *other, *challenge, *asked; /* NULL: refused */
	} rows[] = {
		{ NULL, NULL, TENANT, TENANT },
		{ TENANT, NULL, TENANT, TENANT },
		{ UPPER, NULL, TENANT, UPPER },
		{ TENANT, NULL, OTHER, NULL },
		{ TENANT, OTHER, OTHER, OTHER },
		{ TENANT, "99999999-AAAA-BBBB-CCCC-222222222222", OTHER, OTHER },
		{ TENANT, "*", OTHER, OTHER },
		{ TENANT, THIRD, OTHER, NULL },
		{ TENANT, THIRD, TENANT, TENANT },
		{ TENANT, NULL, "common", TENANT },
		{ TENANT, NULL, "contoso.onmicrosoft.com", TENANT },
		{ "contoso.onmicrosoft.com", NULL, OTHER, "contoso.onmicrosoft.com" },
		{ TENANT, NULL, "", TENANT },
	};
	char header[500], url[200];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		options.credential.tenant = rows[i].own;
		options.allow_tenant = rows[i].other;
		make_for(VAULT);
		snprintf(header, sizeof(header), "Bearer authorization=\"" LOGIN "/%s\", " RESOURCE,
		    rows[i].challenge);
		assert_row(challenge(header) == (rows[i].asked != NULL ? 0 : -EACCES), i, kv_buf_str(&why));
		if (rows[i].asked == NULL) {
			assert_non_null(strstr(kv_buf_str(&why), TENANT));
			assert_non_null(strstr(kv_buf_str(&why), "allow_tenant=" OTHER));
			continue;
		}
		ask("a");
		fake_loop_run(loop, 1000);
		snprintf(url, sizeof(url), LOGIN "/%s/oauth2/v2.0/token", rows[i].asked);
		assert_row(strcmp(fake_http_last(http)->url, url) == 0, i, fake_http_last(http)->url);
	}
}

static void
the_authority_of_a_challenge_gets_no_secret(void **state)
{
	(void)state;
	make_for(VAULT);
	assert_int_equal(challenge("Bearer authorization=\"https://evil.example/" TENANT "\", " RESOURCE), 0);
	ask("a");
	fake_loop_run(loop, 1000);
	assert_int_equal(fake_http_requests(http), 1);
	assert_string_equal(fake_http_last(http)->url, TOKEN_URL);
}

static void
a_challenge_for_something_else_drops_the_token(void **state)
{
	(void)state;
	make();
	ask("a");
	fake_loop_run(loop, 1000);
	assert_int_equal(challenge(CHALLENGE), 0);
	ask("a");
	fake_loop_run(loop, 1000);
	assert_int_equal(fake_http_requests(http), 1);
	assert_int_equal(challenge("Bearer authorization=\"" LOGIN "/" OTHER "\", " RESOURCE), 0);
	ask("a");
	fake_loop_run(loop, 1000);
	assert_int_equal(fake_http_requests(http), 2);
	assert_string_equal(fake_http_last(http)->url, LOGIN "/" OTHER "/oauth2/v2.0/token");
}

/* ---- claims ---- */

#define CLAIMS_FORM \
	"&claims=%7B%22access_token%22%3A%7B%22nbf%22%3A%7B%7D%2C%22xms_cc%22%3A%7B%22values%22%3A%5B%22CP1%22%5D%7D%7D%7D"

static void
claims_go_into_the_next_token_request_only(void **state)
{
	static const char *const headers[] = {
		WITH_CLAIMS("eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7fX19IA=="),
		WITH_CLAIMS("eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7fX19IA"),
	};

	(void)state;
	for (size_t i = 0; i < N_OF(headers); i++) {
		n_tokens = 0;
		make();
		ask("a");
		fake_loop_run(loop, 1000);
		assert_null(strstr(fake_http_last(http)->body, "nbf"));
		kv_token_reject(auth, "token-1");
		assert_row(challenge(headers[i]) == 0, i, headers[i]);
		ask("a");
		fake_loop_run(loop, 1000);
		assert_row(strstr(fake_http_last(http)->body, FORM_SCOPE CLAIMS_FORM) != NULL, i,
		    fake_http_last(http)->body);
		assert_string_equal(fake_http_last(http)->url, TOKEN_URL);
		kv_token_reject(auth, "token-2");
		ask("a");
		fake_loop_run(loop, 1000);
		assert_null(strstr(fake_http_last(http)->body, "nbf"));
	}
}

static void
claims_that_are_nonsense_are_ebadmsg(void **state)
{
	static const char *const headers[] = { WITH_CLAIMS("*"), WITH_CLAIMS("a"), WITH_CLAIMS("a=b=c") };

	(void)state;
	make();
	for (size_t i = 0; i < N_OF(headers); i++) {
		assert_row(challenge(headers[i]) == -EBADMSG, i, headers[i]);
		assert_row(why.len > 0, i, headers[i]);
	}
}

/* Calls under way get the same challenge one after the other, while the token is being fetched. */
static void
claims_that_come_during_a_fetch_do_no_harm(void **state)
{
	(void)state;
	make();
	ask("a");
	fake_loop_run(loop, 1000);
	kv_token_reject(auth, "token-1");
	assert_int_equal(challenge(WITH_CLAIMS("eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7fX19IA==")), 0);
	fake_http_use(http, busy_at_first);
	left_to_fail = 2;
	ask("a");
	fake_loop_run(loop, 100);
	kv_token_reject(auth, "token-1");
	assert_int_equal(challenge(WITH_CLAIMS("eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7fX19IA==")), 0);
	ask("b");
	fake_loop_run(loop, 10000);
	assert_int_equal(n_done, 3);
	assert_int_equal(done[2].err, 0);
	assert_string_equal(done[2].token, "token-2");
	assert_non_null(strstr(fake_http_last(http)->body, CLAIMS_FORM));
}

/* With a token file that says "of-file". Its path; the test removes it. */
static const char *
make_with_token_file(void)
{
	static char path[32];
	int fd;

	snprintf(path, sizeof(path), "/tmp/kvfs-token-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "of-file", 7), 7);
	close(fd);
	assert_int_equal(kv_auth_order_parse("token", &options.credential.order), 0);
	options.credential.token_file = path;
	make();
	return path;
}

/* The user signs in again as the sentence says, and the credential has a good token. */
static void
claims_that_a_credential_cannot_request_are_not_required_of_the_next_token(void **state)
{
	const char *path = make_with_token_file();

	(void)state;
	ask("a");
	fake_loop_run(loop, 1000);
	kv_token_reject(auth, "of-file");
	assert_int_equal(challenge(WITH_CLAIMS("eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7fX19IA==")), 0);
	ask("b");
	fake_loop_run(loop, 1100);
	ask("c");
	fake_loop_run(loop, 1000);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(n_done, 3);
	assert_int_equal(done[1].err, -EACCES);
	assert_non_null(strstr(done[1].why, "requires a new sign-in"));
	assert_int_equal(done[2].err, 0);
}

/* ---- tokens ---- */

static void
one_token_serves_until_shortly_before_its_end(void **state)
{
	(void)state;
	make();
	for (int i = 0; i < 100; i++) {
		ask("a");
		fake_loop_run(loop, 32000);
	}
	assert_int_equal(fake_http_requests(http), 1);
	assert_int_equal(n_done, 100);
	for (int i = 0; i < 100; i++)
		assert_string_equal(done[i].token, "token-1");
}

static void
it_is_renewed_before_its_end_while_the_old_one_serves(void **state)
{
	(void)state;
	make();
	ask("a");
	fake_loop_run(loop, 3305000);
	ask("b");
	fake_loop_run(loop, 0);
	assert_int_equal(n_done, 2);
	assert_string_equal(done[1].token, "token-1");
	assert_int_equal(fake_http_requests(http), 2);
	fake_loop_run(loop, 1000);
	ask("c");
	fake_loop_run(loop, 1000);
	assert_string_equal(done[2].token, "token-2");
	assert_int_equal(fake_http_requests(http), 2);
}

static void
a_renewal_that_fails_leaves_the_old_one_until_its_end(void **state)
{
	(void)state;
	make();
	ask("a");
	fake_loop_run(loop, 3400000);
	fake_http_use(http, refusing);
	ask("b");
	fake_loop_run(loop, 40000);
	ask("c");
	fake_loop_run(loop, 100000);
	assert_int_equal(fake_http_requests(http), 3);
	assert_string_equal(done[1].token, "token-1");
	assert_string_equal(done[2].token, "token-1");
	fake_loop_run(loop, 100000);
	ask("d");
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 4);
	assert_int_equal(done[3].err, -EACCES);
}

/* A failed renewal leaves time only while the old token is valid. */
static void
a_token_that_is_rejected_after_a_failed_renewal_is_replaced_at_once(void **state)
{
	(void)state;
	make();
	ask("a");
	fake_loop_run(loop, 3400000);
	fake_http_use(http, unreachable);
	ask("b");
	fake_loop_run(loop, 1000);
	ask("c");
	fake_loop_run(loop, 1000);
	assert_int_equal(fake_http_requests(http), 2);
	fake_http_use(http, well);
	kv_token_reject(auth, "token-1");
	ask("d");
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 4);
	assert_string_equal(done[3].token, "token-2");
}

static void
who_asks_when_a_renewal_fails_gets_the_old_one(void **state)
{
	(void)state;
	make();
	ask("a");
	fake_loop_run(loop, 3400000);
	fake_http_use(http, refusing);
	ask("b");
	fake_loop_run(loop, 9);
	fake_clock_advance(1); /* the refusal is due, and comes before what ask() puts off */
	ask("c");
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 3);
	assert_int_equal(done[2].err, 0);
	assert_string_equal(done[2].token, "token-1");
}

static void
at_its_end_everybody_waits_for_the_new_one(void **state)
{
	(void)state;
	make();
	ask("a");
	fake_loop_run(loop, 3700000);
	ask("b");
	fake_loop_run(loop, 5);
	ask("c");
	fake_loop_run(loop, 4);
	assert_int_equal(n_done, 1);
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 3);
	assert_string_equal(done[1].token, "token-2");
	assert_string_equal(done[2].token, "token-2");
	assert_int_equal(fake_http_requests(http), 2);
}

static void
a_life_is_taken_as_the_service_says_it(void **state)
{
	static const struct {
		int life_s, refresh_s, serves_s, renewed_s;
	} rows[] = { { 86400, 0, 43199, 43201 }, { 7200, 0, 3599, 3601 }, { 7199, 0, 6898, 6900 },
		{ 3600, 0, 3299, 3301 }, { 400, 0, 199, 201 }, { 60, 0, 29, 31 }, { 0, 0, 299, 301 },
		{ 86400, 3000, 2999, 3001 }, { 3600, 3500, 3499, 3501 }, { 3600, 4000, 3299, 3301 } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		int before;

		life_s = rows[i].life_s;
		refresh_s = rows[i].refresh_s;
		make();
		ask("a");
		fake_loop_run(loop, 10);
		before = fake_http_requests(http);
		fake_loop_run(loop, rows[i].serves_s * (int64_t)1000);
		ask("a");
		fake_loop_run(loop, 0);
		assert_row(fake_http_requests(http) == before, i, "serves");
		fake_loop_run(loop, (rows[i].renewed_s - rows[i].serves_s) * (int64_t)1000);
		ask("a");
		fake_loop_run(loop, 100);
		assert_row(fake_http_requests(http) == before + 1, i, "is renewed");
	}
}

static void
one_request_serves_all_who_wait(void **state)
{
	(void)state;
	make();
	for (int i = 0; i < 50; i++)
		ask(&"abcdefghij"[i % 10]);
	assert_int_equal(n_done, 0);
	fake_loop_run(loop, 1000);
	assert_int_equal(fake_http_requests(http), 1);
	assert_int_equal(n_done, 50);
	for (int i = 0; i < 50; i++) {
		assert_string_equal(done[i].token, "token-1");
		assert_int_equal(done[i].tag, "abcdefghij"[i % 10]);
	}
}

static void
a_refused_credential_is_left_alone_for_30_s(void **state)
{
	int64_t mono_refused;

	(void)state;
	make();
	fake_http_use(http, refusing);
	ask("a");
	fake_loop_run(loop, 10);
	mono_refused = kv_clock_mono_ms();
	while (kv_clock_mono_ms() < mono_refused + 29000) {
		ask("a");
		fake_loop_run(loop, 1000);
	}
	assert_int_equal(fake_http_requests(http), 1);
	assert_int_equal(n_done, 30);
	for (int i = 0; i < n_done; i++) {
		assert_int_equal(done[i].err, -EACCES);
		assert_string_equal(done[i].why, done[0].why);
	}
	assert_non_null(strstr(done[0].why, "AADSTS7000215"));
	fake_loop_run(loop, 1001);
	fake_http_use(http, well);
	ask("a");
	fake_loop_run(loop, 1000);
	assert_int_equal(fake_http_requests(http), 2);
	assert_int_equal(done[30].err, 0);
}

static void
a_file_that_cannot_be_read_is_read_again_after_a_second(void **state)
{
	const char *path = make_with_token_file();

	(void)state;
	assert_int_equal(chmod(path, 0666), 0);
	ask("a");
	fake_loop_run(loop, 500);
	assert_int_equal(done[0].err, -EACCES);
	assert_int_equal(chmod(path, 0600), 0);
	ask("b");
	fake_loop_run(loop, 400);
	assert_int_equal(done[1].err, -EACCES);
	fake_loop_run(loop, 200);
	ask("c");
	fake_loop_run(loop, 10);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(n_done, 3);
	assert_string_equal(done[2].token, "of-file");
}

static void
any_other_failure_is_told_and_asked_again_after_a_second(void **state)
{
	(void)state;
	make();
	fake_http_use(http, unreachable);
	ask("a");
	fake_loop_run(loop, 1000);
	assert_int_equal(done[0].err, -ECONNREFUSED);
	assert_non_null(strstr(done[0].why, "nobody listens"));
	fake_http_use(http, well);
	fake_loop_run(loop, 1000);
	ask("a");
	fake_loop_run(loop, 1000);
	assert_int_equal(done[1].err, 0);
	assert_string_equal(done[1].why, "");
}

static void
while_it_fails_the_service_is_asked_once_a_second(void **state)
{
	(void)state;
	make();
	fake_http_use(http, unreachable);
	for (int i = 0; i < 100; i++) {
		ask("a");
		fake_loop_run(loop, 50);
		assert_int_equal(n_done, i + 1);
		assert_int_equal(done[i].err, -ECONNREFUSED);
		assert_non_null(strstr(done[i].why, "nobody listens"));
	}
	assert_in_range(fake_http_requests(http), 4, 6);
}

static int64_t
never(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	(void)request;
	(void)reply;
	return -1;
}

static void
a_service_that_never_answers_holds_nobody_longer_than_30_s(void **state)
{
	(void)state;
	make();
	fake_http_use(http, never);
	ask("a");
	fake_loop_run(loop, 29000);
	assert_int_equal(n_done, 0);
	fake_http_use(http, well);
	fake_loop_run(loop, 1001);
	assert_int_equal(n_done, 1);
	assert_int_equal(done[0].err, -ETIMEDOUT);
	assert_non_null(strstr(done[0].why, "token service"));
	fake_loop_run(loop, 1000);
	ask("a");
	fake_loop_run(loop, 1000);
	assert_int_equal(done[1].err, 0);
}

static void
after_a_reload_the_credential_is_asked_anew_while_the_token_serves(void **state)
{
	(void)state;
	make();
	ask("a");
	fake_loop_run(loop, 1000);
	fake_http_use(http, refusing);
	kv_token_reload(auth);
	ask("b");
	fake_loop_run(loop, 1000);
	assert_string_equal(done[1].token, "token-1");
	assert_int_equal(fake_http_requests(http), 2);
	ask("c");
	fake_loop_run(loop, 1000); /* that one was refused: it is left alone */
	assert_int_equal(fake_http_requests(http), 2);
	fake_http_use(http, well);
	kv_token_reload(auth);
	ask("d");
	fake_loop_run(loop, 1000);
	ask("e");
	fake_loop_run(loop, 1000);
	assert_string_equal(done[4].token, "token-2");
}

/* The first request is never answered. */
static int64_t
lost_first(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	return fake_http_requests(http) == 1 ? -1 : well(request, reply);
}

static void
a_reload_during_a_fetch_begins_it_anew(void **state)
{
	(void)state;
	make();
	fake_http_use(http, refusing);
	ask("a");
	fake_http_use(http, well);
	kv_token_reload(auth);
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 1);
	assert_int_equal(done[0].err, 0); /* not refused for the secret that there was before */
}

static void
a_reload_ends_the_wait_for_an_answer_that_is_lost(void **state)
{
	(void)state;
	make();
	fake_http_use(http, lost_first);
	ask("a");
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 0);
	kv_token_reload(auth);
	assert_int_equal(n_done, 0);
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 1);
	assert_int_equal(done[0].err, 0);
	assert_int_equal(fake_http_requests(http), 2);
}

static void
a_rejected_token_is_fetched_anew_once(void **state)
{
	(void)state;
	make();
	ask("a");
	fake_loop_run(loop, 1000);
	kv_token_reject(auth, "token-0");
	ask("b");
	fake_loop_run(loop, 1000);
	assert_string_equal(done[1].token, "token-1");
	kv_token_reject(auth, "token-1");
	ask("c");
	fake_loop_run(loop, 1000);
	assert_string_equal(done[2].token, "token-2");
	kv_token_reject(auth, "token-1");
	ask("d");
	fake_loop_run(loop, 1000);
	assert_string_equal(done[3].token, "token-2");
	assert_int_equal(fake_http_requests(http), 2);
}

static void
who_cancels_is_never_called(void **state)
{
	struct kv_token_wait *waits[4];

	(void)state;
	make();
	for (int i = 0; i < 4; i++)
		waits[i] = ask(&"abcd"[i]);
	kv_token_cancel(waits[0]);
	kv_token_cancel(NULL);
	to_cancel = waits[2]; /* by the completion of another */
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 2);
	assert_int_equal(done[0].tag, 'b');
	assert_int_equal(done[1].tag, 'd');
	waits[0] = ask("e");
	kv_token_cancel(waits[0]);
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 2);
	assert_int_equal(fake_http_requests(http), 1);
}

static void
the_end_calls_nobody(void **state)
{
	(void)state;
	make();
	ask("a");
	fake_loop_run(loop, 5);
	kv_token_free(auth);
	auth = NULL;
	kv_token_free(NULL);
	assert_int_equal(fake_http_under_way(http), 0);
	fake_loop_run(loop, 10000);
	assert_int_equal(n_done, 0);
}

/* ---- memory ---- */

static void
no_freed_memory_holds_a_token_or_a_secret(void **state)
{
	static const char *const texts[] = { "token-1", "token-2", SECRET };

	(void)state;
	for (size_t i = 0; i < N_OF(texts); i++) {
		n_tokens = 0;
		fake_alloc_watch(texts[i]);
		make();
		ask("a");
		fake_loop_run(loop, 1000);
		kv_token_reject(auth, "token-1");
		ask("b");
		ask("c");
		fake_loop_run(loop, 1000);
		kv_token_free(auth);
		auth = NULL;
		assert_row(fake_alloc_unwiped() == 0, i, texts[i]);
		fake_alloc_watch(NULL);
	}
}

static int
read_challenge(void)
{
	struct kv_token_cache *one = kv_token_new(loop, http, &vault, &options);
	int err = one != NULL ? kv_token_challenge(one, CHALLENGE, NULL) : -ENOMEM;

	kv_token_free(one);
	return err;
}

static void
a_challenge_survives_the_want_of_memory(void **state)
{
	(void)state;
	make();
	EACH_ALLOCATION_FAILS(read_challenge());
}

static void
a_token_request_survives_the_want_of_memory(void **state)
{
	bool has_failed = true;

	(void)state;
	for (int n = 1; has_failed; n++) {
		struct kv_token_wait *wait;
		int err;

		n_done = 0;
		make();
		fake_alloc_fail_at(n);
		err = kv_token_get(auth, take, (char *)(uintptr_t) "a", &wait);
		fake_loop_run(loop, 60000);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		assert_int_equal(n_done, err == 0 ? 1 : 0);
		if (err == 0)
			err = done[0].err;
		assert_true(err == 0 || (has_failed && err == -ENOMEM));
	}
}

/* ---- several vaults ---- */

static struct kv_token_cache *other;
static struct kv_url other_vault;

static void
make_two(const char *header)
{
	make();
	assert_int_equal(kv_url_parse("https://second.vault.azure.net", &other_vault, NULL), 0);
	other = kv_token_new(loop, http, &other_vault, &options);
	assert_non_null(other);
	kv_token_share(other, auth);
	assert_int_equal(kv_token_challenge(other, header, &why), 0);
}

static void
ask_other(const char *tag)
{
	struct kv_token_wait *wait;

	assert_int_equal(kv_token_get(other, take, (char *)(uintptr_t)tag, &wait), 0);
}

static void
vaults_with_the_same_credentials_share_a_token(void **state)
{
	(void)state;
	make_two(CHALLENGE);
	ask("a");
	ask_other("b"); /* follows */
	fake_loop_run(loop, 1000);
	ask_other("c"); /* has it */
	fake_loop_run(loop, 1000);
	assert_int_equal(n_tokens, 1);
	assert_int_equal(n_done, 3);
	for (int i = 0; i < n_done; i++)
		assert_string_equal(done[i].token, "token-1");
	kv_token_reject(auth, "token-1"); /* revoked: both need another one */
	ask("a");
	fake_loop_run(loop, 1000);
	kv_token_reject(other, "token-1");
	ask_other("b"); /* takes it */
	fake_loop_run(loop, 1000);
	assert_int_equal(n_tokens, 2);
	assert_string_equal(done[4].token, "token-2");
	assert_int_equal(kv_token_count(auth, true), 2);
	assert_int_equal(kv_token_count(other, true), 0);
	kv_token_free(other);
}

static void
a_token_that_one_vault_refuses_stays_good_for_the_others(void **state)
{
	(void)state;
	make_two(CHALLENGE);
	ask("a");
	ask_other("b");
	fake_loop_run(loop, 1000);
	kv_token_reject(other, "token-1");
	ask_other("b"); /* is not given the same one */
	fake_loop_run(loop, 1000);
	assert_string_equal(done[2].token, "token-2");
	kv_token_reject(other, "token-2");
	fake_http_use(http, unreachable);
	ask_other("b"); /* nor one that is older than the last refused one */
	ask("a");
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 5);
	assert_int_equal(done[3].tag, 'a');
	assert_string_equal(done[3].token, "token-1");
	assert_int_equal(done[4].err, -ECONNREFUSED);
	kv_token_free(other);
}

static void
a_failed_token_request_is_the_result_of_all_that_share_it(void **state)
{
	(void)state;
	make_two(CHALLENGE);
	fake_http_free(http);
	http = NULL;
	kv_token_free(other);
	kv_token_free(auth);
	auth = NULL;
	http = fake_http_new(loop, refusing);
	make_two(CHALLENGE);
	ask("a");
	ask_other("b");
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 2);
	assert_int_equal(done[0].err, -EACCES);
	assert_int_equal(done[1].err, -EACCES);
	assert_string_equal(done[0].why, done[1].why);
	kv_token_free(other);
}

static void
a_token_for_something_else_is_not_shared(void **state)
{
	(void)state;
	options.allow_tenant = "*";
	make_two("Bearer authorization=\"" LOGIN "/" OTHER "\", " RESOURCE);
	ask("a");
	ask_other("b");
	fake_loop_run(loop, 1000);
	assert_int_equal(n_tokens, 2);
	assert_string_not_equal(done[0].token, done[1].token);
	kv_token_free(other);
}

static void
after_a_reload_one_request_renews_the_token_of_all(void **state)
{
	(void)state;
	make_two(CHALLENGE);
	ask("a");
	ask_other("b");
	fake_loop_run(loop, 1000);
	kv_token_reload(auth);
	kv_token_reload(other);
	ask_other("b"); /* has the old one, and begins to fetch */
	ask("a");
	fake_loop_run(loop, 1000);
	ask_other("b");
	ask("a");
	fake_loop_run(loop, 1000);
	assert_int_equal(n_tokens, 2);
	assert_string_equal(done[4].token, "token-2");
	assert_string_equal(done[5].token, "token-2");
	kv_token_free(other);
}

static void
a_reload_begins_the_fetch_anew_for_all_that_follow_it(void **state)
{
	(void)state;
	make_two(CHALLENGE);
	fake_http_use(http, lost_first);
	ask("a");
	ask_other("b");
	kv_token_reload(other);
	kv_token_reload(auth);
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 2);
	assert_int_equal(done[0].err, 0);
	assert_string_equal(done[0].token, done[1].token);
	kv_token_free(other);
}

/* Each has begun its renewal when a call that was sent with the old token is refused. */
static void
claims_that_come_during_a_fetch_without_them_are_in_the_next_one(void **state)
{
	(void)state;
	make_two(CHALLENGE);
	ask("a");
	ask_other("b");
	fake_loop_run(loop, 3400000);
	ask("a");
	ask_other("b"); /* follows */
	fake_loop_run(loop, 5);
	assert_int_equal(n_done, 4);
	kv_token_reject(auth, "token-1");
	assert_int_equal(challenge(WITH_CLAIMS("eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7fX19IA==")), 0);
	ask("a");
	kv_token_reject(other, "token-1");
	assert_int_equal(
	    kv_token_challenge(other, WITH_CLAIMS("eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7fX19IA=="), &why), 0);
	ask_other("b");
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 6);
	assert_string_equal(done[4].token, "token-3");
	assert_string_equal(done[5].token, "token-4");
	for (int i = 2; i < 4; i++)
		assert_non_null(strstr(fake_http_request(http, i)->body, CLAIMS_FORM));
	kv_token_free(other);
}

static void
a_cache_may_go_while_another_one_follows_its_fetch(void **state)
{
	(void)state;
	make_two(CHALLENGE);
	ask("a");
	ask_other("b");
	kv_token_free(auth);
	auth = other;
	ask("c");
	fake_loop_run(loop, 1000);
	assert_int_equal(n_done, 2);
	assert_string_equal(done[0].token, done[1].token);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_challenge_says_what_the_token_is_for),
		TEST(what_is_no_challenge_of_a_vault_is_ebadmsg),
		TEST(a_long_parameter_is_no_want_of_memory),
		TEST(the_resource_must_be_the_vaults_own),
		TEST(an_emulator_may_ask_for_another_resource_where_the_user_says_so),
		TEST(a_token_is_asked_of_the_users_tenant_or_one_that_is_allowed),
		TEST(the_authority_of_a_challenge_gets_no_secret),
		TEST(a_challenge_for_something_else_drops_the_token),
		TEST(claims_go_into_the_next_token_request_only),
		TEST(claims_that_are_nonsense_are_ebadmsg),
		TEST(claims_that_come_during_a_fetch_do_no_harm),
		TEST(claims_that_a_credential_cannot_request_are_not_required_of_the_next_token),
		TEST(one_token_serves_until_shortly_before_its_end),
		TEST(it_is_renewed_before_its_end_while_the_old_one_serves),
		TEST(a_renewal_that_fails_leaves_the_old_one_until_its_end),
		TEST(a_token_that_is_rejected_after_a_failed_renewal_is_replaced_at_once),
		TEST(who_asks_when_a_renewal_fails_gets_the_old_one),
		TEST(at_its_end_everybody_waits_for_the_new_one),
		TEST(a_life_is_taken_as_the_service_says_it),
		TEST(one_request_serves_all_who_wait),
		TEST(a_refused_credential_is_left_alone_for_30_s),
		TEST(a_file_that_cannot_be_read_is_read_again_after_a_second),
		TEST(any_other_failure_is_told_and_asked_again_after_a_second),
		TEST(while_it_fails_the_service_is_asked_once_a_second),
		TEST(a_service_that_never_answers_holds_nobody_longer_than_30_s),
		TEST(after_a_reload_the_credential_is_asked_anew_while_the_token_serves),
		TEST(a_reload_during_a_fetch_begins_it_anew),
		TEST(a_reload_ends_the_wait_for_an_answer_that_is_lost),
		TEST(a_rejected_token_is_fetched_anew_once),
		TEST(who_cancels_is_never_called),
		TEST(the_end_calls_nobody),
		TEST(no_freed_memory_holds_a_token_or_a_secret),
		TEST(a_challenge_survives_the_want_of_memory),
		TEST(a_token_request_survives_the_want_of_memory),
		TEST(vaults_with_the_same_credentials_share_a_token),
		TEST(a_token_that_one_vault_refuses_stays_good_for_the_others),
		TEST(a_failed_token_request_is_the_result_of_all_that_share_it),
		TEST(a_token_for_something_else_is_not_shared),
		TEST(after_a_reload_one_request_renews_the_token_of_all),
		TEST(a_reload_begins_the_fetch_anew_for_all_that_follow_it),
		TEST(claims_that_come_during_a_fetch_without_them_are_in_the_next_one),
		TEST(a_cache_may_go_while_another_one_follows_its_fetch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
