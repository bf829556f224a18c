/*
 * The credentials. A fetch walks the sources that are configured, one request at a time:
 *
 *	begin -> try source -> answer -> done
 *	            ^            |
 *	            +-- again ---+   (passing failure: after a pause; AUTO and source not there: the next)
 *
 * With AUTO a source that is configured is the only one: a wrong secret is an error, not a reason to
 * ask the az CLI. Only where nothing is configured the machine's IMDS is probed (one second to connect) and
 * then the az CLI: whatever else answers at that address, a proxy or a portal, is no reason to end there.
 * What has worked is kept for the renewals.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/auth/credential.h"
#include "client/http/http.h"
#include "client/auth/token_answer.h"
#include "client/base/log.h"
#include "client/base/loop.h"
#include "client/base/spawn.h"
#include "client/auth/secret_file.h"

#define MODULE	       "auth"
#define IMDS	       "http://169.254.169.254"
#define MAX_ANSWER     ((size_t)1 << 20)
#define CLI_TIMEOUT_MS 60000
#define REQUEST_MS     30000 /* of one request, however the bytes drip */
#define PROBE_MS       10000
#define PROBE_ATTEMPTS 3
#define MOST_PAUSE_MS  60000 /* that a service may ask for */

struct kv_credential {
	struct kv_loop *loop;
	struct kv_http *http;
	const struct kv_credential_options *o;
	enum kv_credential_kind source; /* being tried, or what has worked */
	bool is_probe;			/* AUTO, and nothing says that source is there */
	bool is_settled;		/* source has given a token before */
	int attempt;
	const struct kv_audience *audience; /* NULL while no fetch is under way */
	struct kv_transfer *transfer;
	struct kv_spawn *run;
	struct kv_timer timer;	  /* the next attempt, or the result in the next turn */
	struct kv_timer too_late; /* of the request under way */
	struct kv_buf why;
	struct kv_buf skipped; /* why AUTO has passed over the managed identity */
	struct kv_token_answer token;
	int err;
	bool has_result;
	kv_credential_done *done;
	void *arg;
};

static void try_source(struct kv_credential *);

/* ---- the end of a fetch ---- */

static void
finish(struct kv_credential *c, int err)
{
	struct kv_token_answer token = c->token;
	struct kv_buf why = c->why;

	c->token = (struct kv_token_answer){ 0 };
	kv_buf_init(&c->why, 1024);
	c->audience = NULL;
	c->is_settled = err == 0 || (c->is_settled && !c->is_probe);
	c->done(c->arg, err, token.value, token.life_s, kv_buf_str(&why));
	kv_token_answer_release(&token);
	kv_buf_release(&why);
}

static void
finish_later(struct kv_credential *c, int err)
{
	c->err = err;
	c->has_result = true;
	kv_timer_set(&c->timer, 0);
}

static void
timer_fired(void *arg)
{
	struct kv_credential *c = arg;

	if (c->has_result) {
		c->has_result = false;
		finish(c, c->err);
	} else {
		try_source(c);
	}
}

/* No token from a source that AUTO only guessed, for the reason in why: the next one. */
static void
try_next(struct kv_credential *c)
{
	kv_buf_clear(&c->skipped);
	kv_buf_say(&c->skipped, "%s", kv_buf_str(&c->why));
	c->source = KV_AUTH_CLI;
	c->is_probe = false;
	c->attempt = 0;
	kv_buf_clear(&c->why);
	kv_timer_set(&c->timer, 0);
}

/* The source gave a token, or failed: no answer, a passing failure once too often, a refusal, or nonsense. */
static void
finish_or_try_next(struct kv_credential *c, int err)
{
	if (err != 0 && err != -ENOMEM && c->is_probe)
		try_next(c);
	else
		finish(c, err);
}

/* ---- HTTP sources: token service, App Service, IMDS ---- */

/* Full jitter is not wanted here: there is one caller, and a pause of nothing helps nobody. */
static int64_t
pause_ms(const struct kv_credential *c, const struct kv_http_answer *answer)
{
	const int64_t own = (c->source == KV_AUTH_MANAGED ? 1340 : 800) * ((int64_t)1 << c->attempt);
	const int64_t most = c->is_probe ? PROBE_MS : MOST_PAUSE_MS;
	const int64_t wanted = answer->retry_after_ms < most ? answer->retry_after_ms : most;

	return wanted > own ? wanted : own;
}

static bool
is_passing(const struct kv_credential *c, long status)
{
	if (kv_err_is_passing(status))
		return true;
	/* 404 and 410: IMDS is being updated (Microsoft's "how-to-use-vm-token", retry guidance) */
	return c->source == KV_AUTH_MANAGED && !c->is_probe && (status == 404 || status == 410);
}

static const char *
source_name(const struct kv_credential *c)
{
	return c->source == KV_AUTH_MANAGED ? "the managed identity's endpoint" :
	    c->source == KV_AUTH_CLI	    ? "az account get-access-token" :
					      "the token service";
}

static void
say_refused(struct kv_credential *c, const struct kv_http_answer *answer)
{
	const char *text, *end;
	struct kv_fault fault;

	kv_token_answer_fault(answer->body, answer->body_len, &fault);
	text = fault.message[0] != '\0' ? fault.message : fault.code;
	if (c->source == KV_AUTH_MANAGED)
		kv_buf_say(&c->why, "the managed identity got no token (status %ld)", answer->status);
	else
		kv_buf_say(&c->why, "%s refuses client %s of tenant %s (status %ld)", c->o->authority,
		    c->o->client_id, c->audience->tenant, answer->status);
	end = strstr(text, ". "); /* what follows is advice and ids of the trace */
	if (text[0] != '\0')
		kv_buf_say(&c->why, ": %.*s", end != NULL ? (int)(end - text) : (int)strlen(text), text);
	if (c->source == KV_AUTH_ENV)
		kv_buf_say(&c->why, "; check AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID");
}

static void
take_token(struct kv_credential *c, const char *text, size_t len)
{
	int err = kv_token_answer_parse(text, len, kv_clock_wall_s(), &c->token);

	if (err != 0)
		kv_buf_say(&c->why, "the answer of %s holds no token", source_name(c));
	finish_or_try_next(c, err);
}

static int
attempts_of(const struct kv_credential *c)
{
	if (c->source != KV_AUTH_MANAGED)
		return 4;
	return c->is_probe ? PROBE_ATTEMPTS : 7; /* IMDS may be away for 70 s */
}

static void
answered(void *arg, int err, const struct kv_http_answer *answer)
{
	struct kv_credential *c = arg;

	c->transfer = NULL;
	kv_timer_stop(&c->too_late);
	kv_log_event(KV_LOG_DEBUG, MODULE, "op=token status=%ld err=%s ms=%lld", answer->status,
	    kv_err_name(err), (long long)answer->took_ms);
	if (err == 0 && answer->status == 200) {
		take_token(c, answer->body, answer->body_len);
	} else if (err != 0) {
		if (c->is_probe)
			kv_buf_say(&c->why, "no managed identity answers");
		else
			kv_buf_say(&c->why, "%s cannot be reached: %s", source_name(c), answer->reason);
		finish_or_try_next(c, err);
	} else if (is_passing(c, answer->status) && c->attempt + 1 < attempts_of(c)) {
		kv_timer_set(&c->timer, pause_ms(c, answer));
		c->attempt++;
	} else if (kv_err_is_passing(answer->status)) {
		kv_buf_say(&c->why, "%s fails with status %ld", source_name(c), answer->status);
		finish_or_try_next(c, answer->status == 429 ? -EBUSY : -EIO);
	} else {
		say_refused(c, answer);
		finish_or_try_next(c, -EACCES);
	}
}

static int
deadline_ms(const struct kv_credential *c)
{
	return c->is_probe ? PROBE_MS : REQUEST_MS;
}

static void
request_too_late(void *arg)
{
	struct kv_credential *c = arg;

	kv_http_cancel(c->transfer);
	c->transfer = NULL;
	kv_buf_say(&c->why, "%s has not answered within %d s", source_name(c), deadline_ms(c) / 1000);
	finish_or_try_next(c, -ETIMEDOUT);
}

static int
send_request(struct kv_credential *c, const struct kv_http_request *request)
{
	const int err = kv_http_send(c->http, request, answered, c, &c->transfer);

	if (err == 0)
		kv_timer_set(&c->too_late, deadline_ms(c));
	return err;
}

static int
add_field(struct kv_buf *form, const char *name, const char *value)
{
	int err = form->len > 0 ? kv_buf_puts(form, "&") : 0;

	if (err == 0)
		err = kv_buf_printf(form, "%s=", name);
	return err == 0 ? kv_buf_put_encoded(form, value) : err;
}

static int
ask_token_service(struct kv_credential *c)
{
	static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded",
		"Accept: application/json", NULL };
	const struct kv_audience *a = c->audience;
	struct kv_http_request request = { .method = "POST", .headers = headers, .max_answer = MAX_ANSWER };
	const size_t len = strlen(c->o->authority);
	struct kv_buf url, form;
	int err;

	kv_buf_init(&url, 4096);
	kv_buf_init(&form, (size_t)256 << 10);
	err =
	    kv_buf_append(&url, c->o->authority, len > 0 && c->o->authority[len - 1] == '/' ? len - 1 : len);
	if (err == 0)
		err = kv_buf_puts(&url, "/");
	if (err == 0)
		err = kv_buf_put_encoded(&url, a->tenant);
	if (err == 0)
		err = kv_buf_puts(&url, "/oauth2/v2.0/token");
	if (err == 0)
		err = add_field(&form, "grant_type", "client_credentials");
	if (err == 0)
		err = add_field(&form, "client_id", c->o->client_id);
	if (err == 0)
		err = add_field(&form, "client_secret", c->o->client_secret);
	if (err == 0)
		err = add_field(&form, "scope", a->scope);
	if (err == 0 && a->claims != NULL)
		err = add_field(&form, "claims", a->claims);
	if (err == 0) {
		request.url = kv_buf_str(&url);
		request.body = form.data;
		request.body_len = form.len;
		err = send_request(c, &request);
	}
	kv_buf_release(&form);
	kv_buf_release(&url);
	return err;
}

static bool
has_app_service(const struct kv_credential *c)
{
	return c->o->identity_endpoint != NULL && c->o->identity_header != NULL;
}

static int
ask_identity_endpoint(struct kv_credential *c)
{
	const char *headers[] = { "Metadata: true", NULL };
	struct kv_http_request request = { .method = "GET",
		.headers = headers,
		.max_answer = MAX_ANSWER,
		.is_local = true,
		.connect_ms = c->is_probe ? 1000 : 0 };
	const char *imds = c->o->imds != NULL ? c->o->imds : IMDS;
	struct kv_buf url, header;
	int err;

	kv_buf_init(&url, 8192);
	kv_buf_init(&header, 8192);
	if (has_app_service(c)) {
		err = kv_buf_printf(&url, "%s?api-version=2019-08-01&resource=", c->o->identity_endpoint);
		if (err == 0)
			err = kv_buf_printf(&header, "X-IDENTITY-HEADER: %s", c->o->identity_header);
		headers[0] = kv_buf_str(&header);
	} else {
		err = kv_buf_printf(
		    &url, "%s/metadata/identity/oauth2/token?api-version=2018-02-01&resource=", imds);
	}
	if (err == 0)
		err = kv_buf_put_encoded(&url, c->audience->resource);
	if (err == 0 && c->o->client_id != NULL)
		err = add_field(&url, "client_id", c->o->client_id);
	if (err == 0) {
		request.url = kv_buf_str(&url);
		err = send_request(c, &request);
	}
	kv_buf_release(&header);
	kv_buf_release(&url);
	return err;
}

/* ---- the az CLI ---- */

/* The first line that says "ERROR: …", or the first line. */
static void
say_diagnostics(struct kv_buf *why, const char *text)
{
	const char *from = strstr(text, "ERROR: ");
	size_t len;

	from = from != NULL ? from + strlen("ERROR: ") : text;
	len = strcspn(from, "\r\n");
	if (len > 0)
		kv_buf_say(why, ": %.*s", len > 300 ? 300 : (int)len, from);
}

static void
cli_ended(void *arg, int err, int status, const char *out, const char *diagnostics)
{
	struct kv_credential *c = arg;

	c->run = NULL;
	if (err == 0 && status == 0) {
		take_token(c, out, strlen(out));
		return;
	}
	if (c->o->kind == KV_AUTH_AUTO)
		kv_buf_say(&c->why, "no credential: AZURE_CLIENT_SECRET is not set, %s, and ",
		    c->skipped.len > 0 ? kv_buf_str(&c->skipped) : "no managed identity answers");
	if (err == -ENOENT)
		kv_buf_say(&c->why, "the az CLI is not installed");
	else if (err == -ETIMEDOUT)
		kv_buf_say(
		    &c->why, "az account get-access-token did not end within %d s", CLI_TIMEOUT_MS / 1000);
	else if (err != 0)
		kv_buf_say(&c->why, "az cannot be run: %s", strerror(-err));
	else {
		kv_buf_say(&c->why, "az account get-access-token failed");
		say_diagnostics(&c->why, diagnostics);
	}
	if (c->o->sudo_user != NULL && getuid() == 0)
		kv_buf_say(&c->why,
		    " (under sudo the az login of root counts, not that of %s: run kvfs as %s)",
		    c->o->sudo_user, c->o->sudo_user);
	else if (c->o->kind == KV_AUTH_AUTO)
		kv_buf_say(&c->why,
		    "; run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET");
	finish(c, err == -ETIMEDOUT ? -ETIMEDOUT : -EACCES);
}

static int
ask_cli(struct kv_credential *c)
{
	const char *tenant = c->audience->tenant;
	const char *argv[] = { "az", "account", "get-access-token", "--output", "json", "--resource",
		c->audience->resource, tenant != NULL ? "--tenant" : NULL, tenant, NULL };

	return kv_spawn_start(c->loop, argv, CLI_TIMEOUT_MS, cli_ended, c, &c->run);
}

/* ---- a file ---- */

static void
read_file(struct kv_credential *c)
{
	struct kv_buf text;
	int64_t wall_end;
	int err;

	kv_buf_init(&text, KV_SECRET_FILE_MAX);
	err = kv_secret_file_read("token_file", c->o->token_file, &text, &c->why);
	if (err == 0) {
		wall_end = kv_token_answer_jwt_expiry(kv_buf_str(&text));
		c->token.life_s = wall_end > 0 ? wall_end - kv_clock_wall_s() : 0;
		if (wall_end > 0 && c->token.life_s <= 0) {
			kv_buf_say(&c->why, "the token in %s has expired: write a new one", c->o->token_file);
			err = -EACCES;
		} else {
			c->token.value = strdup(kv_buf_str(&text));
			err = c->token.value != NULL ? 0 : -ENOMEM;
		}
	}
	kv_buf_release(&text);
	finish_later(c, err);
}

/* ---- the choice ---- */

/* For a client secret all of it must be there. 0, or -EACCES and what is missing. */
static int
check_secret(struct kv_credential *c)
{
	const char *missing = c->o->client_id == NULL ? "AZURE_CLIENT_ID (or -o client_id=)" :
	    c->o->client_secret == NULL		      ? "AZURE_CLIENT_SECRET (or -o client_secret_file=)" :
	    c->audience->tenant == NULL		      ? "AZURE_TENANT_ID (or -o tenant=)" :
							NULL;

	if (missing == NULL)
		return 0;
	kv_buf_say(&c->why, "the client secret credential lacks %s", missing);
	return -EACCES;
}

static void
choose_source(struct kv_credential *c)
{
	c->is_probe = false;
	if (c->is_settled)
		return;
	c->source = c->o->kind;
	if (c->source != KV_AUTH_AUTO)
		return;
	if (c->o->client_secret != NULL) {
		c->source = KV_AUTH_ENV;
	} else {
		c->source = KV_AUTH_MANAGED;
		c->is_probe = !has_app_service(c);
	}
}

static void
try_source(struct kv_credential *c)
{
	int err = 0;

	switch (c->source) {
	case KV_AUTH_AUTO:
	case KV_AUTH_ENV:
		err = check_secret(c);
		if (err == 0)
			err = ask_token_service(c);
		break;
	case KV_AUTH_MANAGED:
		err = ask_identity_endpoint(c);
		break;
	case KV_AUTH_CLI:
		err = ask_cli(c);
		break;
	case KV_AUTH_TOKEN:
		read_file(c);
		break;
	}
	if (err != 0)
		finish_later(c, err);
}

int
kv_credential_fetch(
    struct kv_credential *c, const struct kv_audience *audience, kv_credential_done *done, void *arg)
{
	if (c->audience != NULL)
		return -EBUSY;
	c->audience = audience;
	c->done = done;
	c->arg = arg;
	c->attempt = 0;
	kv_buf_clear(&c->why);
	choose_source(c);
	try_source(c);
	return 0;
}

void
kv_credential_reload(struct kv_credential *c)
{
	c->is_settled = false;
}

struct kv_credential *
kv_credential_new(struct kv_loop *loop, struct kv_http *http, const struct kv_credential_options *options)
{
	struct kv_credential *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->loop = loop;
	c->http = http;
	c->o = options;
	kv_timer_init(&c->timer, loop, timer_fired, c);
	kv_timer_init(&c->too_late, loop, request_too_late, c);
	kv_buf_init(&c->why, 1024);
	kv_buf_init(&c->skipped, 512);
	return c;
}

void
kv_credential_free(struct kv_credential *c)
{
	if (c == NULL)
		return;
	kv_http_cancel(c->transfer);
	kv_spawn_cancel(c->run);
	kv_timer_stop(&c->timer);
	kv_timer_stop(&c->too_late);
	kv_token_answer_release(&c->token);
	kv_buf_release(&c->why);
	kv_buf_release(&c->skipped);
	free(c);
}
