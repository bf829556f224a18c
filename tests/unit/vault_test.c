/*
 * client/vault/vault.c and call.c with the real client/auth/token.c and client/auth/credential.c: one false server is both the
 * vault and the token service.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/auth/token.h"
#include "client/base/buf.h"
#include "client/vault/vault.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_http.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_spawn.h"

#define LOGIN		       "https://login.microsoftonline.com"
#define TENANT		       "11111111-aaaa-bbbb-cccc-222222222222"
#define VAULT		       "https://myvault.vault.azure.net"
#define TWIN		       "https://twin.vault.azure.net"
#define CHALLENGE_OF(resource) "Bearer authorization=\"" LOGIN "/" TENANT "\", resource=\"" resource "\""
#define ID		       "\"id\":\"" VAULT "/secrets/"
#define PAGE                                                         \
	"{\"value\":[{" ID "a\"},{" ID "b\"}],\"nextLink\":\"" VAULT \
	"/secrets?api-version=7.4&$skiptoken=x\"}"
#define VERSIONS "{\"value\":[{" ID "a/0123\"}],\"nextLink\":null}"
#define ABC4	 "YWJjYWJjYWJjYWJj"
#define BACKUP	 "{\"value\":\"" ABC4 ABC4 ABC4 ABC4 ABC4 ABC4 "\"}"
#define BUNDLE	 "{\"value\":\"v\"," ID "a/0123\"}"
#define DELETED	 "{" ID "a\",\"scheduledPurgeDate\":1700005000}"
#define FAULT \
	"{\"error\":{\"code\":\"Forbidden\",\"message\":\"No.\",\"innererror\":{\"code\":\"ForbiddenByRbac\"}}}"

static struct kv_loop *loop;
static struct kv_http *http;
static struct kv_token_cache *auth;
static struct kv_vault *vault;
static struct kv_token_options auth_options;
static struct kv_vault_options vault_options;
static struct kv_url origin;
static struct kv_blob *blob;

/* What the last completion was given; its strings are copies. */
static struct {
	int n;
	struct kv_reply reply;
	char why[1000], names[200], next_link[300], bytes[200];
	struct kv_item item;
	bool had_page, had_blob, had_item;
} done;

static void
take(void *arg, struct kv_reply *reply)
{
	assert_ptr_equal(arg, &done);
	done.n++;
	done.reply = *reply;
	done.had_page = reply->page != NULL;
	done.had_blob = reply->blob != NULL;
	done.had_item = reply->item != NULL;
	done.names[0] = done.next_link[0] = done.bytes[0] = '\0';
	snprintf(done.why, sizeof(done.why), "%s", reply->why);
	if (reply->page != NULL)
		for (size_t i = 0; i < reply->page->n; i++) {
			const size_t len = strlen(done.names);

			snprintf(done.names + len, sizeof(done.names) - len, "%s:%s ",
			    reply->page->items[i].name, reply->page->items[i].version);
		}
	if (reply->page != NULL && reply->page->next_link != NULL)
		snprintf(done.next_link, sizeof(done.next_link), "%s", reply->page->next_link);
	if (reply->blob != NULL)
		snprintf(done.bytes, sizeof(done.bytes), "%.*s", (int)reply->blob->len,
		    (const char *)reply->blob->data);
	if (reply->item != NULL)
		done.item = *reply->item;
	assert_true(done.had_page + done.had_blob + done.had_item <= 1);
	assert_true(reply->err == 0 || done.had_page + done.had_blob + done.had_item == 0);
}

/* ---- the server ---- */

static int n_tokens, n_refusals; /* of tokens, by the vault */
static const char *challenge, *body, *region;
static long status;
static int fetch_err, token_status;
static int n_mixed_up;		    /* answers, from now on, that are another request's */
static const char *refusal_message; /* in a 401's body to a token */

static int64_t
serve(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	static char token[100];

	if (strncmp(request->url, LOGIN, strlen(LOGIN)) == 0) {
		snprintf(
		    token, sizeof(token), "{\"access_token\":\"token-%d\",\"expires_in\":3600}", ++n_tokens);
		return fake_http_say(reply, token_status, token_status == 200 ? token : "");
	}
	reply->answer.region = region;
	reply->answer.request_id = "request-1";
	reply->answer.wall_date = 1700000001;
	if (request->token[0] == '\0' || n_refusals > 0) {
		n_refusals -= request->token[0] != '\0';
		reply->answer.challenge = challenge;
		return fake_http_say(reply, 401,
		    request->token[0] == '\0' || refusal_message == NULL ?
			"{\"error\":{\"code\":\"Unauthorized\",\"message\":\"AKV10000\"}}" :
			refusal_message);
	}
	if (n_mixed_up > 0) {
		n_mixed_up--;
		reply->err = -EBADMSG;
		reply->answer.is_mixed_up = true;
		reply->answer.reason = "the answer belongs to another request";
		return 10;
	}
	reply->err = fetch_err;
	reply->answer.reason = fetch_err != 0 ? "connection reset" : "";
	return fake_http_say(reply, status, body);
}

/* The vault's answer to whoever has a token. */
static void
answer(long code, const char *text)
{
	status = code;
	body = text;
}

static long probe_status;
static int probe_err;

/* A server that does not ask for a token. */
static int64_t
without_401(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	(void)request;
	reply->err = probe_err;
	return fake_http_say(reply, probe_status, body);
}

static int64_t
silent(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	(void)request;
	(void)reply;
	return -1;
}

/* ---- before and after a test ---- */

static void
make_for(const char *url)
{
	kv_vault_free(vault);
	kv_token_free(auth);
	assert_int_equal(kv_url_parse(url, &origin, NULL), 0);
	auth = kv_token_new(loop, http, &origin, &auth_options);
	vault = kv_vault_new(loop, http, auth, &origin, &vault_options);
	assert_non_null(vault);
}

static int
set_up(void **state)
{
	struct kv_buf b;

	(void)state;
	fake_clock_set(1000000, 1700000000);
	loop = kv_loop_new();
	http = fake_http_new(loop, serve);
	auth_options = (struct kv_token_options){ .credential = { .order = { .n = 1 },
						      .authority = LOGIN,
						      .client_id = "app",
						      .client_secret = "s3cret" } };
	vault_options = (struct kv_vault_options){ .api_version = "7.4" };
	challenge = CHALLENGE_OF("https://vault.azure.net");
	region = "westeurope";
	n_tokens = n_refusals = n_mixed_up = fetch_err = 0;
	refusal_message = NULL;
	token_status = 200;
	done.n = 0;
	answer(200, "{}");
	kv_buf_init(&b, 100);
	assert_int_equal(kv_buf_puts(&b, "abc"), 0);
	assert_int_equal(kv_blob_new(&b, &blob), 0);
	make_for(VAULT);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_vault_free(vault);
	vault = NULL;
	kv_token_free(auth);
	auth = NULL;
	kv_blob_unref(blob);
	assert_int_equal(fake_http_under_way(http), 0);
	assert_int_equal(fake_loop_timers(loop), 0);
	fake_http_free(http);
	kv_loop_free(loop);
	return 0;
}

static struct kv_vault_call *
begin(enum kv_op op, enum kv_type type, const char *next_link)
{
	const struct kv_call call = { .op = op,
		.type = type,
		.name = op == KV_OP_LIST ? NULL : "a",
		.next_link = next_link,
		.blob = op == KV_OP_RESTORE ? blob : NULL };
	struct kv_vault_call *handle;

	done.n = 0;
	assert_int_equal(kv_call_send(vault, &call, take, &done, &handle), 0);
	assert_int_equal(done.n, 0);
	return handle;
}

/* One call to its end; how many requests it took. */
static int
call(enum kv_op op, enum kv_type type)
{
	const int before = fake_http_requests(http);

	begin(op, type, NULL);
	fake_loop_run(loop, 60000);
	assert_int_equal(done.n, 1);
	return fake_http_requests(http) - before;
}

/* ---- requests ---- */

static void
each_operation_has_its_url(void **state)
{
	static const struct {
		enum kv_op op;
		enum kv_type type;
		const char *method, *url, *body;
	} rows[] = {
		{ KV_OP_LIST, KV_KEYS, "GET", VAULT "/keys?api-version=7.4", "" },
		{ KV_OP_LIST, KV_SECRETS, "GET", VAULT "/secrets?api-version=7.4", "" },
		{ KV_OP_LIST, KV_CERTIFICATES, "GET", VAULT "/certificates?api-version=7.4", "" },
		{ KV_OP_VERSIONS, KV_KEYS, "GET", VAULT "/keys/a/versions?api-version=7.4", "" },
		{ KV_OP_DELETED, KV_KEYS, "GET", VAULT "/deletedkeys/a?api-version=7.4", "" },
		{ KV_OP_DELETED, KV_CERTIFICATES, "GET", VAULT "/deletedcertificates/a?api-version=7.4", "" },
		{ KV_OP_BACKUP, KV_SECRETS, "POST", VAULT "/secrets/a/backup?api-version=7.4", "" },
		{ KV_OP_RESTORE, KV_SECRETS, "POST", VAULT "/secrets/restore?api-version=7.4",
		    "{\"value\":\"YWJj\"}" },
		{ KV_OP_RESTORE, KV_KEYS, "POST", VAULT "/keys/restore?api-version=7.4",
		    "{\"value\":\"YWJj\"}" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct fake_http_request *request;

		assert_row(call(rows[i].op, rows[i].type) == (i == 0 ? 3 : 1), i, rows[i].url);
		request = fake_http_last(http);
		assert_row(strcmp(request->method, rows[i].method) == 0, i, request->method);
		assert_row(strcmp(request->url, rows[i].url) == 0, i, request->url);
		assert_row(strcmp(request->body, rows[i].body) == 0, i, request->body);
		assert_row(strcmp(request->token, "token-1") == 0, i, request->token);
		assert_row(fake_http_has_header(request, "Accept: application/json"), i, "Accept");
		assert_row(fake_http_has_header(request, "Content-Type: application/json") ==
			(rows[i].body[0] != '\0'),
		    i, "Content-Type");
		assert_row(request->silence_s == (request->method[0] == 'P' ? 120 : 0), i, "silence");
		assert_false(request->is_local);
	}
}

static void
the_vaults_port_and_version_are_as_configured(void **state)
{
	static const struct {
		const char *vault, *url, *name;
	} rows[] = {
		{ "https://localhost:8443", "https://localhost:8443/keys?api-version=2025-07-01",
		    "localhost:8443" },
		{ "https://[::1]:8443/", "https://[::1]:8443/keys?api-version=2025-07-01", "[::1]:8443" },
		{ "https://X.vault.azure.net.:443", "https://x.vault.azure.net/keys?api-version=2025-07-01",
		    "x.vault.azure.net" },
	};

	(void)state;
	vault_options.api_version = "2025-07-01";
	fake_http_use(http, silent);
	for (size_t i = 0; i < N_OF(rows); i++) {
		make_for(rows[i].vault);
		begin(KV_OP_LIST, KV_KEYS, NULL);
		assert_row(strcmp(fake_http_last(http)->url, rows[i].url) == 0, i, fake_http_last(http)->url);
		assert_row(strcmp(kv_vault_name(vault), rows[i].name) == 0, i, kv_vault_name(vault));
	}
}

static void
the_next_page_is_asked_for_verbatim(void **state)
{
	static const char link[] =
	    VAULT ":443/Secrets?api-version=7.4&$skiptoken=a%2Fb==&x=%zz&maxresults=25";

	(void)state;
	call(KV_OP_LIST, KV_SECRETS);
	begin(KV_OP_LIST, KV_SECRETS, link);
	fake_loop_run(loop, 1000);
	assert_string_equal(fake_http_last(http)->url, link);
	assert_string_equal(fake_http_last(http)->method, "GET");
}

static void
a_request_has_an_id_of_its_own_that_the_reply_names(void **state)
{
	char line[100], before[37] = "";

	(void)state;
	for (int i = 0; i < 3; i++) {
		call(KV_OP_LIST, KV_SECRETS);
		assert_int_equal(strlen(done.reply.client_request_id), 36);
		snprintf(line, sizeof(line), "x-ms-client-request-id: %s", done.reply.client_request_id);
		assert_true(fake_http_has_header(fake_http_last(http), line));
		assert_string_not_equal(done.reply.client_request_id, before);
		snprintf(before, sizeof(before), "%s", done.reply.client_request_id);
		assert_string_equal(done.reply.request_id, "request-1");
		assert_int_equal(done.reply.wall_date, 1700000001);
	}
}

/* ---- tokens ---- */

static void
the_first_request_carries_no_token_and_no_body(void **state)
{
	(void)state;
	answer(200, BUNDLE);
	assert_int_equal(call(KV_OP_RESTORE, KV_SECRETS), 3);
	assert_string_equal(fake_http_request(http, 0)->url, VAULT "/secrets/restore?api-version=7.4");
	assert_string_equal(fake_http_request(http, 0)->method, "POST");
	assert_string_equal(fake_http_request(http, 0)->token, "");
	assert_int_equal(fake_http_request(http, 0)->body_len, 0);
	assert_false(fake_http_has_header(fake_http_request(http, 0), "Content-Type: application/json"));
	assert_string_equal(fake_http_request(http, 1)->url, LOGIN "/" TENANT "/oauth2/v2.0/token");
	assert_string_equal(fake_http_request(http, 2)->token, "token-1");
	assert_string_equal(fake_http_request(http, 2)->body, "{\"value\":\"YWJj\"}");
	assert_int_equal(done.reply.err, 0);
	assert_int_equal(call(KV_OP_RESTORE, KV_SECRETS), 1);
}

static void
calls_that_begin_together_share_one_token(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		begin(KV_OP_BACKUP, KV_SECRETS, NULL);
	answer(200, BACKUP);
	fake_loop_run(loop, 60000);
	assert_int_equal(done.n, 10);
	assert_int_equal(n_tokens, 1);
	assert_int_equal(fake_http_requests(http), 21);
}

static void
a_later_401_gets_a_new_token_and_the_call_is_made_again(void **state)
{
	(void)state;
	answer(200, BUNDLE);
	call(KV_OP_RESTORE, KV_SECRETS);
	n_refusals = 1;
	assert_int_equal(call(KV_OP_RESTORE, KV_SECRETS), 3);
	assert_int_equal(done.reply.err, 0);
	assert_string_equal(fake_http_last(http)->token, "token-2");
	assert_string_equal(fake_http_last(http)->body, "{\"value\":\"YWJj\"}");
	assert_int_equal(n_tokens, 2);
}

/* It may not be the vault that refuses it. */
static void
a_401_without_a_challenge_is_not_repeated_and_ends_token_and_challenge(void **state)
{
	(void)state;
	answer(200, BUNDLE);
	call(KV_OP_RESTORE, KV_SECRETS);
	challenge = "";
	n_refusals = 1;
	assert_int_equal(call(KV_OP_RESTORE, KV_SECRETS), 1);
	assert_int_equal(done.reply.err, -EACCES);
	assert_true(done.reply.is_of_token);
	assert_non_null(strstr(done.why, "refuses the token: it did not arrive"));
	n_refusals = 1;
	refusal_message = "";
	challenge = CHALLENGE_OF("https://vault.azure.net");
	assert_int_equal(call(KV_OP_RESTORE, KV_SECRETS), 5); /* probe, token, refused, token, served */
	challenge = "";
	n_refusals = 1;
	assert_int_equal(call(KV_OP_RESTORE, KV_SECRETS), 1);
	assert_int_equal(done.reply.err, -EBADMSG);
	assert_non_null(strstr(done.why, "401 without an Azure Key Vault challenge"));
	challenge = CHALLENGE_OF("https://vault.azure.net");
	assert_int_equal(call(KV_OP_RESTORE, KV_SECRETS), 3);
	assert_int_equal(done.reply.err, 0);
	assert_string_equal(fake_http_request(http, fake_http_requests(http) - 3)->token, "");
	assert_string_equal(fake_http_request(http, fake_http_requests(http) - 3)->body, "");
}

#define AKV10046 \
	"{\"error\":{\"code\":\"Unauthorized\",\"message\":\"AKV10046: Unable to resolve the key.\"}}"

static void
a_key_that_the_vault_cannot_resolve_is_asked_for_again_with_the_same_token(void **state)
{
	(void)state;
	answer(200, BUNDLE);
	call(KV_OP_LIST, KV_SECRETS);
	refusal_message = AKV10046;
	for (int n = 1; n <= 3; n++) {
		const int before = fake_http_requests(http);
		static const int64_t pauses[] = { 0, 2000, 7000, 17000 };

		n_refusals = n;
		begin(KV_OP_RESTORE, KV_SECRETS, NULL);
		fake_loop_run(loop, pauses[n] - 1);
		assert_int_equal(done.n, 0);
		assert_int_equal(fake_http_requests(http) - before, n);
		fake_loop_run(loop, 100);
		assert_int_equal(done.n, 1);
		assert_int_equal(fake_http_requests(http) - before, n + 1);
		assert_int_equal(done.reply.err, 0);
		assert_string_equal(fake_http_last(http)->body, "{\"value\":\"YWJj\"}");
	}
	assert_int_equal(n_tokens, 1);
}

static void
one_that_stays_unknown_is_eacces_and_the_token_is_kept(void **state)
{
	(void)state;
	n_refusals = 1000;
	refusal_message = AKV10046;
	assert_int_equal(call(KV_OP_BACKUP, KV_SECRETS), 6); /* the probe and the token too */
	assert_int_equal(done.reply.err, -EACCES);
	assert_true(done.reply.is_of_token);
	assert_non_null(strstr(done.why, "could not resolve the key that signed it"));
	n_refusals = 0;
	answer(200, BACKUP);
	assert_int_equal(call(KV_OP_BACKUP, KV_SECRETS), 1);
	assert_int_equal(done.reply.err, 0);
	assert_int_equal(n_tokens, 1);
}

static void
a_call_that_waits_for_a_key_can_be_cancelled(void **state)
{
	struct kv_vault_call *handle;

	(void)state;
	n_refusals = 1000;
	refusal_message = AKV10046;
	handle = begin(KV_OP_BACKUP, KV_SECRETS, NULL);
	fake_loop_run(loop, 1000);
	assert_int_equal(kv_call_sent_ms(handle), 0);
	kv_call_cancel(handle);
	fake_loop_run(loop, 60000);
	assert_int_equal(done.n, 0);
}

static void
a_wrong_clock_is_in_the_sentence_of_an_expired_token(void **state)
{
	(void)state;
	n_refusals = 1000;
	refusal_message =
	    "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"[TokenExpired] Error validating token: 'S2S12086'.\"}}";
	call(KV_OP_BACKUP, KV_SECRETS);
	assert_non_null(strstr(done.why, "it has expired: sign in again"));
	assert_non_null(strstr(done.why, "S2S12086"));
	fake_clock_set(2000000, 1700000001 + 3600);
	n_refusals = 1000;
	call(KV_OP_BACKUP, KV_SECRETS);
	assert_non_null(strstr(
	    done.why, "it has expired: set the clock of this machine, which shows 2023-11-14 23:13:2"));
}

static void
a_second_401_ends_in_eacces(void **state)
{
	(void)state;
	n_refusals = 1000;
	assert_int_equal(call(KV_OP_BACKUP, KV_SECRETS), 5);
	assert_int_equal(done.reply.err, -EACCES);
	assert_int_equal(done.reply.status, 401);
	assert_true(done.reply.is_of_token);
	assert_false(done.reply.was_sent);
	assert_string_equal(done.reply.fault.code, "Unauthorized");
	assert_non_null(strstr(done.why, "refuses the token"));
	assert_int_equal(n_tokens, 2);
}

/* The audience, the end of its life: only the vault knows what it did not like. */
static void
the_vaults_reason_for_refusing_a_token_is_told(void **state)
{
	static const struct {
		const char *body, *more, *words;
		int err;
	} rows[] = {
		{ "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"AKV10022: Invalid audience.\"}}", "",
		    "AKV10022: Invalid audience.", -EACCES },
		{ "", ", error=\"invalid_token\", error_description=\"It \\\"ended\\\"\n.\"",
		    "It \"ended\" .", -EACCES },
		{ "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"[TokenExpired]\"}}",
		    ", error_description=\"x\"", "[TokenExpired]", -EACCES },
		{ "", ", my_error_description=\"x\", error=\"invalid_token\"", "refuses the token", -EACCES },
	};
	char text[500];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		n_refusals = 1000;
		refusal_message = rows[i].body;
		snprintf(text, sizeof(text), "%s%s", CHALLENGE_OF("https://vault.azure.net"), rows[i].more);
		challenge = text;
		call(KV_OP_BACKUP, KV_SECRETS);
		assert_row(done.reply.err == rows[i].err, i, kv_err_name(done.reply.err));
		assert_true(done.reply.is_of_token);
		assert_row(strstr(done.why, "refuses the token") != NULL, i, done.why);
		assert_row(strstr(done.why, rows[i].words) != NULL, i, done.why);
	}
}

/* ---- answers of other requests ---- */

static void
what_was_mixed_up_is_asked_for_once_more(void **state)
{
	static const char *const bodies[KV_OPS] = { PAGE, VERSIONS, DELETED, BACKUP, BUNDLE };

	(void)state;
	answer(200, PAGE);
	call(KV_OP_LIST, KV_SECRETS);
	for (enum kv_op op = KV_OP_LIST; op < KV_OP_RESTORE; op++) {
		answer(200, bodies[op]);
		n_mixed_up = 1;
		assert_row(call(op, KV_SECRETS) == 2, op, "repeated");
		assert_row(done.reply.err == 0, op, done.why);
		n_mixed_up = 2;
		assert_row(call(op, KV_SECRETS) == 2, op, "ended");
		assert_row(done.reply.err == -EBADMSG, op, done.why);
		assert_int_equal(done.reply.status, 0);
		assert_string_equal(done.why, "the answer belongs to another request");
		assert_false(fake_http_last(http)->is_once);
	}
}

static void
a_restore_whose_answer_was_mixed_up_is_lost_and_not_sent_again(void **state)
{
	(void)state;
	answer(200, BUNDLE);
	call(KV_OP_RESTORE, KV_SECRETS);
	assert_true(fake_http_last(http)->is_once);
	n_mixed_up = 1;
	assert_int_equal(call(KV_OP_RESTORE, KV_SECRETS), 1);
	assert_int_equal(done.reply.err, -EIO);
	assert_int_equal(done.reply.status, 0);
	assert_true(done.reply.was_sent);
	assert_false(done.had_item);
}

static void
an_answer_about_another_object_is_ebadmsg(void **state)
{
	static const struct {
		enum kv_op op;
		const char *body;
	} rows[] = {
		{ KV_OP_VERSIONS, "{\"value\":[{" ID "b/0123\"}]}" },
		{ KV_OP_VERSIONS, "{\"value\":[{" ID "a/0123\"},{" ID "b/0123\"}]}" },
		{ KV_OP_DELETED, "{" ID "b\",\"scheduledPurgeDate\":1700005000}" },
		{ KV_OP_LIST, "{\"value\":[{\"id\":\"" VAULT "/certificates/a\"}]}" },
		{ KV_OP_RESTORE, "{\"id\":\"" VAULT "/certificates/a/0123\"}" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		answer(200, rows[i].body);
		call(rows[i].op, KV_SECRETS);
		assert_row(done.reply.err == -EBADMSG, i, rows[i].body);
	}
	answer(200, rows[1].body);
	call(KV_OP_VERSIONS, KV_SECRETS);
	assert_non_null(strstr(done.why, VAULT "/secrets/b/0123"));
}

static void
an_answer_that_is_not_key_vaults_is_described(void **state)
{
	static const long codes[] = { 200, 302, 403, 404, 407, 502 };

	(void)state;
	answer(200, PAGE);
	call(KV_OP_LIST, KV_SECRETS);
	for (size_t i = 0; i < N_OF(codes); i++)
		for (enum kv_op op = KV_OP_LIST; op <= KV_OP_RESTORE; op++) {
			answer(codes[i], "<html><title>Access denied</title>s3cret");
			call(op, KV_SECRETS);
			assert_true(done.reply.err != 0 && done.reply.err != -ENOENT);
			assert_row(
			    strstr(done.why, "an HTML page titled \"Access denied\"") != NULL, i, done.why);
			assert_null(strstr(done.why, "s3cret"));
			answer(codes[i], FAULT);
			call(op, KV_SECRETS);
			assert_row(strstr(done.why, "HTML") == NULL, i, done.why);
		}
}

static void
a_challenge_that_is_refused_ends_the_call_without_a_token(void **state)
{
	static const struct {
		const char *challenge;
		int err;
		const char *word;
	} rows[] = {
		{ CHALLENGE_OF("https://management.azure.com"), -EACCES, "no_challenge_verify" },
		{ "Basic realm=\"x\"", -EBADMSG, "is it a vault?" },
		{ "", -EBADMSG, "is it a vault?" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		challenge = rows[i].challenge;
		assert_row(call(KV_OP_LIST, KV_KEYS) == 1, i, rows[i].challenge);
		assert_row(done.reply.err == rows[i].err, i, done.why);
		assert_row(strstr(done.why, rows[i].word) != NULL, i, done.why);
		assert_true(done.reply.is_of_token);
		assert_false(done.reply.was_sent);
	}
	assert_int_equal(n_tokens, 0);
}

static void
claims_lead_to_another_token_and_the_call_is_made_again(void **state)
{
	(void)state;
	answer(200, BACKUP);
	call(KV_OP_BACKUP, KV_SECRETS);
	n_refusals = 1;
	challenge = "Bearer realm=\"\", error=\"insufficient_claims\", claims=\"eyJhIjoxfQ==\"";
	assert_int_equal(call(KV_OP_BACKUP, KV_SECRETS), 3);
	assert_int_equal(done.reply.err, 0);
	assert_non_null(strstr(fake_http_request(http, fake_http_requests(http) - 2)->body,
	    "&claims=%7B%22a%22%3A1%2C%22access_token"));
}

static void
a_token_that_is_not_to_be_had_is_told_as_such(void **state)
{
	(void)state;
	token_status = 400;
	assert_int_equal(call(KV_OP_LIST, KV_KEYS), 2);
	assert_int_equal(done.reply.err, -EACCES);
	assert_true(done.reply.is_of_token);
	assert_false(done.reply.was_sent);
	assert_int_equal(done.reply.status, 0);
	assert_true(done.reply.retry_after_ms == -1);
	assert_non_null(strstr(done.why, "refuses client app"));
}

static void
a_server_that_asks_for_no_token_is_no_vault(void **state)
{
	(void)state;
	fake_http_use(http, without_401);
	probe_err = 0;
	for (enum kv_op op = KV_OP_LIST; op <= KV_OP_RESTORE; op++) {
		static const char *const bodies[KV_OPS] = { PAGE, VERSIONS, DELETED, BACKUP, BUNDLE };

		body = bodies[op];
		probe_status = op == KV_OP_DELETED ? 204 : 200;
		assert_row(call(op, KV_SECRETS) == 1, op, body);
		assert_row(done.reply.err == -EBADMSG, op, done.why);
		assert_row(strstr(done.why, "a vault") != NULL, op, done.why);
		assert_false(done.reply.was_sent);
	}
}

static void
a_probe_that_fails_has_restored_nothing(void **state)
{
	static const struct {
		int probe_err;
		long status;
		int err;
	} rows[] = { { -ECONNREFUSED, 0, -ECONNREFUSED }, { -EIO, 0, -EIO }, { 0, 403, -EACCES },
		{ 0, 503, -EIO }, { 0, 404, -EBADMSG } };

	(void)state;
	fake_http_use(http, without_401);
	body = "";
	for (size_t i = 0; i < N_OF(rows); i++) {
		probe_err = rows[i].probe_err;
		probe_status = rows[i].status;
		assert_row(call(KV_OP_RESTORE, KV_SECRETS) == 1, i, done.why);
		assert_row(done.reply.err == rows[i].err, i, done.why);
		assert_false(done.reply.was_sent);
	}
}

/* ---- answers ---- */

static void
a_page_is_understood(void **state)
{
	(void)state;
	answer(200, PAGE);
	call(KV_OP_LIST, KV_SECRETS);
	assert_int_equal(done.reply.err, 0);
	assert_string_equal(done.names, "a: b: ");
	assert_string_equal(done.next_link, VAULT "/secrets?api-version=7.4&$skiptoken=x");
	answer(200, VERSIONS);
	call(KV_OP_VERSIONS, KV_SECRETS);
	assert_int_equal(done.reply.err, 0);
	assert_string_equal(done.names, "a:0123 ");
	assert_string_equal(done.next_link, "");
}

static void
a_backup_and_a_restore_are_understood(void **state)
{
	(void)state;
	answer(200, BACKUP);
	call(KV_OP_BACKUP, KV_SECRETS);
	assert_int_equal(done.reply.err, 0);
	assert_int_equal(done.reply.status, 200);
	assert_int_equal(strlen(done.bytes), 72);
	assert_memory_equal(done.bytes, "abcabc", 6);
	answer(200, BUNDLE);
	call(KV_OP_RESTORE, KV_SECRETS);
	assert_int_equal(done.reply.err, 0);
	assert_true(done.reply.was_sent);
	assert_string_equal(done.item.name, "a");
	assert_string_equal(done.item.version, "0123");
	answer(200, DELETED);
	call(KV_OP_DELETED, KV_SECRETS);
	assert_int_equal(done.reply.err, 0);
	assert_int_equal(done.reply.wall_purge, 1700005000);
	answer(200, "{" ID "a\"}");
	call(KV_OP_DELETED, KV_SECRETS);
	assert_int_equal(done.reply.err, 0);
	assert_int_equal(done.reply.wall_purge, 0);
}

static void
nonsense_is_ebadmsg(void **state)
{
	static const struct {
		enum kv_op op;
		const char *body;
	} rows[] = {
		{ KV_OP_LIST, "" },
		{ KV_OP_LIST, "{}" },
		{ KV_OP_LIST, "<html>sign in</html>" },
		{ KV_OP_LIST, "{\"value\":{}}" },
		{ KV_OP_LIST, "{\"value\":[{}]}" },
		{ KV_OP_LIST, "{\"value\":[{\"id\":\"https://other.vault.azure.net/secrets/a\"}]}" },
		{ KV_OP_LIST, "{\"value\":[{\"id\":\"" VAULT "/keys/a\"}]}" },
		{ KV_OP_LIST, "{\"value\":[{\"id\":\"" VAULT "/secrets/../a\"}]}" },
		{ KV_OP_LIST, "{\"value\":[],\"nextLink\":\"https://evil.example/secrets\"}" },
		{ KV_OP_LIST, "{\"value\":[],\"nextLink\":\"/secrets\"}" },
		{ KV_OP_VERSIONS, "[]" },
		{ KV_OP_BACKUP, "" },
		{ KV_OP_BACKUP, "{}" },
		{ KV_OP_BACKUP, "{\"value\":\"\"}" },
		{ KV_OP_BACKUP, "{\"value\":\"***\"}" },
		{ KV_OP_BACKUP, "{\"value\":7}" },
		{ KV_OP_BACKUP, "{\"value\":\"YQ\"}" },
		{ KV_OP_BACKUP, "{\"value\":\"JkF6dXJlS2V5VmF1bHRLZXlCYWNrdXBWMS5taWNyb3NvZnQuY29t\"}" },
		{ KV_OP_RESTORE, "" },
		{ KV_OP_RESTORE, "{}" },
		{ KV_OP_RESTORE, "{\"id\":\"" VAULT "/certificates/a/1\"}" },
		{ KV_OP_RESTORE, "{\"id\":\"" TWIN "/secrets/a/1\"}" },
		{ KV_OP_RECOVER, "{\"id\":\"" TWIN "/secrets/a/1\"}" },
		{ KV_OP_RECOVER, "{\"id\":\"" VAULT "/secrets/b/1\"}" },
		{ KV_OP_DELETED, "{\"id\":\"" TWIN "/secrets/a/1\"}" },
		{ KV_OP_DELETED, "{}" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		answer(200, rows[i].body);
		call(rows[i].op, KV_SECRETS);
		assert_row(done.reply.err == -EBADMSG, i, rows[i].body);
		assert_row(done.why[0] != '\0', i, rows[i].body);
		assert_int_equal(done.reply.status, 200);
		assert_true(done.reply.was_sent);
	}
}

static void
what_an_emulator_answers_may_name_another_host(void **state)
{
	(void)state;
	vault_options.any_host = true;
	make_for(VAULT);
	answer(200, "{\"value\":[{\"id\":\"https://localhost:5000/secrets/a\"}]}");
	call(KV_OP_LIST, KV_SECRETS);
	assert_int_equal(done.reply.err, 0);
	assert_string_equal(done.names, "a: ");
	answer(200, "{\"id\":\"https://localhost:5000/secrets/a/1\"}");
	call(KV_OP_RESTORE, KV_SECRETS);
	assert_int_equal(done.reply.err, 0);
}

static void
behind_a_gateway_ids_have_the_public_host(void **state)
{
	(void)state;
	assert_int_equal(kv_url_parse(TWIN, &vault_options.public, NULL), 0);
	make_for(VAULT);
	answer(200, "{\"id\":\"" TWIN "/secrets/a/1\"}");
	call(KV_OP_RESTORE, KV_SECRETS);
	assert_int_equal(done.reply.err, 0);
	answer(200, "{\"id\":\"" VAULT "/secrets/a/1\"}");
	call(KV_OP_RESTORE, KV_SECRETS);
	assert_int_equal(done.reply.err, -EBADMSG);
	assert_non_null(strstr(done.why, "of myvault.vault.azure.net, not of twin.vault.azure.net"));
}

static void
an_error_of_the_vault_is_an_errno_with_its_words(void **state)
{
	static const struct {
		long status;
		const char *body;
		int err, err_of_restore;
	} rows[] = {
		{ 403, FAULT, -EACCES, -EACCES },
		{ 404, "{\"error\":{\"code\":\"SecretNotFound\",\"message\":\"No.\"}}", -ENOENT, -EBADMSG },
		{ 404, "<html>", -EBADMSG, -EBADMSG },
		{ 409, "{\"error\":{\"code\":\"Conflict\",\"message\":\"No.\"}}", -EBUSY, -EEXIST },
		{ 429, "", -EBUSY, -EBUSY },
		{ 500, "", -EIO, -EIO },
		{ 307, "", -EBADMSG, -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		answer(rows[i].status, rows[i].body);
		call(KV_OP_BACKUP, KV_SECRETS);
		assert_row(done.reply.err == rows[i].err, i, rows[i].body);
		assert_row(done.reply.status == rows[i].status, i, rows[i].body);
		assert_false(done.reply.is_of_token);
		if (i == 0) {
			assert_string_equal(done.reply.fault.code, "Forbidden");
			assert_string_equal(done.reply.fault.inner, "ForbiddenByRbac");
			assert_string_equal(done.reply.fault.message, "No.");
		}
		answer(rows[i].status, rows[i].body);
		call(KV_OP_RESTORE, KV_SECRETS);
		assert_row(done.reply.err == rows[i].err_of_restore, i, rows[i].body);
	}
}

static void
a_broken_connection_is_told_with_the_reason(void **state)
{
	(void)state;
	call(KV_OP_LIST, KV_SECRETS);
	fetch_err = -EIO;
	assert_int_equal(call(KV_OP_RESTORE, KV_SECRETS), 1);
	assert_int_equal(done.reply.err, -EIO);
	assert_int_equal(done.reply.status, 0);
	assert_true(done.reply.was_sent);
	assert_false(done.reply.is_of_token);
	assert_string_equal(done.why, "connection reset");
}

/* ---- the log and the counters ---- */

static void
every_request_is_counted_by_operation_and_status(void **state)
{
	struct kv_vault_counted counted;
	uint64_t sum = 0;

	(void)state;
	answer(200, PAGE);
	for (int i = 0; i < 3; i++)
		call(KV_OP_LIST, KV_SECRETS);
	answer(403, FAULT);
	call(KV_OP_LIST, KV_SECRETS);
	call(KV_OP_BACKUP, KV_SECRETS);
	fetch_err = -EIO;
	call(KV_OP_BACKUP, KV_SECRETS);
	assert_int_equal(kv_vault_count(vault, KV_OP_LIST, 401), 1);
	assert_int_equal(kv_vault_count(vault, KV_OP_LIST, 200), 3);
	assert_int_equal(kv_vault_count(vault, KV_OP_LIST, 403), 1);
	assert_int_equal(kv_vault_count(vault, KV_OP_BACKUP, 403), 1);
	assert_int_equal(kv_vault_count(vault, KV_OP_BACKUP, 0), 1);
	assert_int_equal(kv_vault_count(vault, KV_OP_RESTORE, 200), 0);
	for (size_t i = 0; kv_vault_counted(vault, i, &counted); i++)
		sum += counted.n;
	assert_int_equal(sum, 7 + kv_token_count(auth, true));
}

static void
a_change_of_region_is_logged_once(void **state)
{
	static const char *const regions[] = { "westeurope", "westeurope", "", "northeurope", "northeurope",
		"" };
	const char *text, *end;

	(void)state;
	caught_begin();
	for (size_t i = 0; i < N_OF(regions); i++) {
		region = regions[i];
		call(KV_OP_LIST, KV_SECRETS);
	}
	text = caught_text();
	caught_end();
	end = strchr(text, '\n');
	assert_true(end != NULL && end[1] == '\0');
	assert_non_null(strstr(text, "myvault.vault.azure.net"));
	assert_non_null(strstr(text, "northeurope"));
	assert_non_null(strstr(text, "westeurope"));
}

/* ---- the end ---- */

/* While: the probe, the token, the call. */
static void
a_call_can_be_cancelled_at_any_time(void **state)
{
	static const int after_ms[] = { 0, 5, 15, 25 };

	(void)state;
	answer(200, BACKUP);
	for (size_t i = 0; i < N_OF(after_ms); i++) {
		struct kv_vault_call *handle;

		make_for(VAULT);
		handle = begin(KV_OP_BACKUP, KV_SECRETS, NULL);
		if (i > 0)
			fake_loop_run(loop, after_ms[i]);
		kv_call_cancel(handle);
		fake_loop_run(loop, 60000);
		assert_row(done.n == 0, i, "cancelled");
		assert_int_equal(fake_http_under_way(http), 0);
	}
	kv_call_cancel(NULL);
}

static void
the_end_drops_what_is_under_way(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		begin(KV_OP_BACKUP, KV_SECRETS, NULL);
		fake_loop_run(loop, 5);
	}
	kv_vault_free(vault);
	kv_vault_free(NULL);
	vault = NULL;
	done.n = 0;
	fake_loop_run(loop, 60000);
	assert_int_equal(done.n, 0);
}

static void
no_freed_memory_holds_a_token_or_a_blob(void **state)
{
	static const char *const texts[] = { "token-1", "token-2", "YWJj" };

	(void)state;
	for (size_t i = 0; i < N_OF(texts); i++) {
		make_for(VAULT);
		n_tokens = 0;
		fake_alloc_watch(texts[i]);
		answer(200, BACKUP);
		call(KV_OP_BACKUP, KV_SECRETS);
		n_refusals = 1;
		call(KV_OP_BACKUP, KV_SECRETS);
		kv_call_cancel(begin(KV_OP_RESTORE, KV_SECRETS, NULL));
		answer(200, BUNDLE);
		call(KV_OP_RESTORE, KV_SECRETS);
		kv_vault_free(vault);
		kv_token_free(auth);
		vault = NULL;
		auth = NULL;
		assert_row(fake_alloc_unwiped() == 0, i, texts[i]);
		fake_alloc_watch(NULL);
	}
}

static void
a_call_survives_the_want_of_memory(void **state)
{
	static const char *const bodies[KV_OPS] = { PAGE, VERSIONS, DELETED, BACKUP, BUNDLE };

	(void)state;
	for (enum kv_op op = KV_OP_LIST; op <= KV_OP_RESTORE; op++) {
		bool has_failed = true;

		answer(200, bodies[op]);
		for (int n = 1; has_failed; n++) {
			const struct kv_call one = {
				.op = op, .type = KV_SECRETS, .name = "a", .blob = blob
			};
			struct kv_vault_call *handle;
			int err;

			if (n % 20 == 1) {
				fake_http_free(http);
				http = NULL;
				kv_vault_free(vault);
				kv_token_free(auth);
				vault = NULL;
				auth = NULL;
				http = fake_http_new(loop, serve);
			}
			make_for(VAULT);
			done.n = 0;
			fake_alloc_fail_at(n);
			err = kv_call_send(vault, &one, take, &done, &handle);
			fake_loop_run(loop, 60000);
			has_failed = fake_alloc_has_failed();
			fake_alloc_fail_at(0);
			assert_int_equal(done.n, err == 0 ? 1 : 0);
			if (err == 0)
				err = done.reply.err;
			assert_row(err == 0 || (has_failed && err == -ENOMEM), n, kv_operation(op)->name);
		}
	}
}

/* ---- Managed HSM ---- */

/* Accepts only 7.6; its errors have no header with the request's id. */
static int64_t
older_hsm(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	const int64_t ms = serve(request, reply);

	if (strncmp(request->url, LOGIN, strlen(LOGIN)) == 0 || request->token[0] == '\0' ||
	    strstr(request->url, "api-version=7.6") != NULL)
		return ms;
	reply->answer.request_id = "";
	return fake_http_say(reply, 400,
	    "{\"error\":{\"code\":\"BadParameter\",\"message\":\"The specified version (2026-04-01) is not "
	    "recognized. (Activity ID: 0d6e71f6-7e05-11ec-a044-000d3a731e50)\"}}");
}

static void
a_version_that_is_refused_is_replaced_once_for_all_calls(void **state)
{
	(void)state;
	vault_options.api_version = "2026-04-01";
	vault_options.older_api_version = "7.6";
	make_for(VAULT);
	fake_http_use(http, older_hsm);
	answer(200, VERSIONS);
	assert_int_equal(call(KV_OP_VERSIONS, KV_SECRETS), 4); /* probe, token, refused, again */
	assert_int_equal(done.reply.err, 0);
	assert_string_equal(fake_http_last(http)->url, VAULT "/secrets/a/versions?api-version=7.6");
	assert_int_equal(call(KV_OP_VERSIONS, KV_SECRETS), 1);
	begin(KV_OP_LIST, KV_SECRETS, VAULT "/secrets?$skiptoken=x");
	fake_loop_run(loop, 60000);
	assert_string_equal(fake_http_last(http)->url, VAULT "/secrets?$skiptoken=x&api-version=7.6");
}

static void
without_an_older_version_the_refusal_is_the_result(void **state)
{
	(void)state;
	vault_options.api_version = "2026-04-01";
	make_for(VAULT);
	fake_http_use(http, older_hsm);
	call(KV_OP_LIST, KV_SECRETS);
	assert_int_equal(done.reply.err, -EINVAL);
	assert_string_equal(done.reply.request_id, "0d6e71f6-7e05-11ec-a044-000d3a731e50");
}

static void
a_sign_in_ends_with_the_token_and_requests_no_list(void **state)
{
	const struct kv_call call = { .op = KV_OP_LIST, .type = KV_KEYS, .is_sign_in = true };
	struct kv_vault_call *handle;

	(void)state;
	for (int i = 0; i < 2; i++) {
		done.n = 0;
		assert_int_equal(kv_call_send(vault, &call, take, &done, &handle), 0);
		fake_loop_run(loop, 60000);
		assert_int_equal(done.n, 1);
		assert_int_equal(done.reply.err, 0);
		assert_int_equal(fake_http_requests(http), 2); /* the challenge and the token */
	}
	token_status = 401;
	make_for(VAULT);
	done.n = 0;
	assert_int_equal(kv_call_send(vault, &call, take, &done, &handle), 0);
	fake_loop_run(loop, 60000);
	assert_int_equal(done.reply.err, -EACCES);
	assert_true(done.reply.is_of_token);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_operation_has_its_url),
		TEST(the_vaults_port_and_version_are_as_configured),
		TEST(the_next_page_is_asked_for_verbatim),
		TEST(a_version_that_is_refused_is_replaced_once_for_all_calls),
		TEST(without_an_older_version_the_refusal_is_the_result),
		TEST(a_sign_in_ends_with_the_token_and_requests_no_list),
		TEST(a_request_has_an_id_of_its_own_that_the_reply_names),
		TEST(the_first_request_carries_no_token_and_no_body),
		TEST(calls_that_begin_together_share_one_token),
		TEST(a_later_401_gets_a_new_token_and_the_call_is_made_again),
		TEST(a_401_without_a_challenge_is_not_repeated_and_ends_token_and_challenge),
		TEST(a_key_that_the_vault_cannot_resolve_is_asked_for_again_with_the_same_token),
		TEST(one_that_stays_unknown_is_eacces_and_the_token_is_kept),
		TEST(a_call_that_waits_for_a_key_can_be_cancelled),
		TEST(a_wrong_clock_is_in_the_sentence_of_an_expired_token),
		TEST(a_second_401_ends_in_eacces),
		TEST(the_vaults_reason_for_refusing_a_token_is_told),
		TEST(what_was_mixed_up_is_asked_for_once_more),
		TEST(a_restore_whose_answer_was_mixed_up_is_lost_and_not_sent_again),
		TEST(an_answer_about_another_object_is_ebadmsg),
		TEST(an_answer_that_is_not_key_vaults_is_described),
		TEST(a_challenge_that_is_refused_ends_the_call_without_a_token),
		TEST(claims_lead_to_another_token_and_the_call_is_made_again),
		TEST(a_token_that_is_not_to_be_had_is_told_as_such),
		TEST(a_server_that_asks_for_no_token_is_no_vault),
		TEST(a_probe_that_fails_has_restored_nothing),
		TEST(a_page_is_understood),
		TEST(a_backup_and_a_restore_are_understood),
		TEST(nonsense_is_ebadmsg),
		TEST(what_an_emulator_answers_may_name_another_host),
		TEST(behind_a_gateway_ids_have_the_public_host),
		TEST(an_error_of_the_vault_is_an_errno_with_its_words),
		TEST(a_broken_connection_is_told_with_the_reason),
		TEST(every_request_is_counted_by_operation_and_status),
		TEST(a_change_of_region_is_logged_once),
		TEST(a_call_can_be_cancelled_at_any_time),
		TEST(the_end_drops_what_is_under_way),
		TEST(no_freed_memory_holds_a_token_or_a_blob),
		TEST(a_call_survives_the_want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
