/*
 * One call to the vault.
 *
 *	get the token -> send -> answer -> parse -> done
 *	      ^                    |
 *	      +------- 401 --------+
 *
 * Before the first challenge the required token is unknown: the request is sent without a token and without
 * its body, as the SDKs do, and the 401 brings the challenge. A later 401 means that the token has expired or
 * was refused: it is dropped and the call repeated once, and once more if the new token lacks claims. A call
 * that got another request's answer is also repeated once, unless it is a restore that was sent.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "client/auth/token.h"
#include "client/base/fault.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/http/echo.h"
#include "client/http/http.h"
#include "client/base/log.h"
#include "client/base/loop.h"
#include "client/vault/misfit.h"
#include "client/auth/challenge.h"
#include "client/vault/attempts.h"
#include "client/vault/call_copy.h"
#include "client/vault/counts.h"
#include "client/vault/dialect.h"
#include "client/vault/explain.h"
#include "client/vault/vault.h"
#include "client/vault/vault_inside.h"

#define MODULE	  "vault"
#define MOST_BODY (KV_BLOB_MAX / 3 * 4 + 4096)
#define MAX_URL	  16384
#define MOST_WHY  4096 /* a failure of the credentials has a line for each */

struct kv_vault_call {
	struct kv_vault *vault;
	LIST_ENTRY(kv_vault_call) all;
	struct kv_call call; /* a copy */
	char *url;
	struct kv_token_wait *wait;
	struct kv_transfer *transfer;
	int64_t mono_sent;
	char *token; /* the current attempt's */
	struct kv_attempts attempts;
	struct kv_timer again;
	int n_mixed_up;		/* other requests' answers */
	bool has_older_version; /* it was repeated with the older version */
	bool was_probe;		/* the attempt was made without token and body */
	struct kv_buf why;
	char client_request_id[37];
	kv_vault_done *done;
	void *arg;
};

static int proceed(struct kv_vault_call *);
static int send_request(struct kv_vault_call *);
static int make_url(struct kv_vault_call *);

static void
free_call(struct kv_vault_call *c)
{
	kv_token_cancel(c->wait);
	kv_http_cancel(c->transfer);
	kv_timer_stop(&c->again);
	LIST_REMOVE(c, all);
	kv_buf_free_string(c->token);
	kv_buf_release(&c->why);
	kv_call_copy_release(&c->call);
	free(c->url);
	free(c);
}

/* ---- the answer ---- */

static void
complete(struct kv_vault_call *c, struct kv_reply *reply)
{
	reply->why = kv_buf_str(&c->why);
	memcpy(reply->client_request_id, c->client_request_id, sizeof(reply->client_request_id));
	if (kv_log_is_debug(MODULE))
		kv_log_event(KV_LOG_DEBUG, MODULE, "op=%s type=%s status=%ld errno=%s ms=%lld",
		    kv_operation(c->call.op)->name, kv_type_name(c->call.type), reply->status,
		    reply->err != 0 ? kv_err_name(reply->err) : "", (long long)reply->took_ms);
	c->done(c->arg, reply);
	free_call(c);
}

static void
fail_early(struct kv_vault_call *c, int err)
{
	struct kv_reply reply = { .err = err, .retry_after_ms = -1 };

	complete(c, &reply);
}

static int
err_of(enum kv_op op, long status, const struct kv_fault *fault)
{
	const int err = kv_err_of_status(status, fault);

	return err == -ENOENT ? kv_operation(op)->not_found :
	    err == -EEXIST    ? kv_operation(op)->conflict :
				err;
}

/* A 2xx answer: its body must be valid for the operation. */
static void
parse_answer(struct kv_vault_call *c, const struct kv_http_answer *answer, struct kv_reply *reply)
{
	const struct kv_operation *op = kv_operation(c->call.op);
	const struct kv_answered answered = { .type = c->call.type,
		.name = c->call.name,
		.vault = &c->vault->public,
		.origin = &c->vault->origin,
		.any_host = c->vault->any_host,
		.body = answer->body,
		.len = answer->body_len,
		.why = &c->why };
	struct kv_parsed parsed = { 0 };

	kv_buf_clear(&c->why);
	reply->err = op->parse(&answered, &parsed, reply);
	if (reply->err == -EBADMSG && c->why.len == 0) {
		kv_buf_say(&c->why, "not an Azure Key Vault answer to %s: ", op->name);
		kv_misfit_say(answer->body, answer->body_len, c->vault->origin.host,
		    kv_http_proxy(c->vault->http), &c->why);
	}
	if (reply->err == 0)
		kv_http_drop_body(answer); /* it may be large, and its content has been copied */
	complete(c, reply);
	kv_parsed_release(&parsed);
}

static int
explain_401(struct kv_vault_call *c, const struct kv_http_answer *answer, const struct kv_fault *fault)
{
	kv_buf_clear(&c->why);
	kv_explain_401(fault, c->vault->origin.host, answer->wall_date, &c->why);
	return -EACCES;
}

/* The vault cannot resolve the key of the token: try again later with the same token. */
static int
wait_for_key(struct kv_vault_call *c, const struct kv_http_answer *answer, const struct kv_fault *fault)
{
	const int pause_ms = kv_attempts_pause_ms(&c->attempts);

	if (pause_ms < 0)
		return explain_401(c, answer, fault);
	kv_log_event(KV_LOG_DEBUG, MODULE, "op=%s status=401 pause_ms=%d why=%s",
	    kv_operation(c->call.op)->name, pause_ms, "the vault cannot resolve the key of the token");
	kv_timer_set(&c->again, pause_ms);
	return 0;
}

static void
repeat(void *arg)
{
	struct kv_vault_call *c = arg;
	const int err = send_request(c);

	if (err != 0)
		fail_early(c, err);
}

/*
 * Returns 0 if the call continues with another attempt. Only a challenge permits one: what refuses a token
 * without a challenge may not be the vault, so the next call asks for its challenge again.
 */
static int
refused(struct kv_vault_call *c, const struct kv_http_answer *answer, struct kv_fault *fault)
{
	const bool is_bare = !c->was_probe && answer->challenge[0] == '\0';
	int err = 0;

	if (fault->message[0] == '\0')
		kv_challenge_fault(answer->challenge, fault);
	kv_attempts_mark_claims(answer->challenge, fault);
	if (!c->was_probe && kv_attempts_is_unresolved(fault))
		return wait_for_key(c, answer, fault);
	if (!c->was_probe)
		kv_token_reject(c->vault->auth, c->token);
	if (is_bare)
		kv_token_forget_challenge(c->vault->auth);
	if (is_bare || answer->challenge[0] != '\0' || !kv_token_has_challenge(c->vault->auth))
		err = kv_token_challenge(c->vault->auth, answer->challenge, &c->why);
	if (is_bare && fault->message[0] != '\0')
		return explain_401(c, answer, fault);
	if (err == -EBADMSG && fault->message[0] == '\0') {
		kv_buf_say(&c->why, " It sent ");
		kv_misfit_say(answer->body, answer->body_len, c->vault->origin.host,
		    kv_http_proxy(c->vault->http), &c->why);
	}
	if (err == 0 && !c->was_probe && !kv_attempts_again(&c->attempts, answer->challenge))
		return explain_401(c, answer, fault);
	return err != 0 ? err : proceed(c);
}

/* Whether this attempt must not be repeated: not the probe for a challenge, only the request itself. */
static bool
is_sent_once(const struct kv_vault_call *c)
{
	return kv_operation(c->call.op)->is_once && !c->was_probe;
}

/* There was no answer, or it was another call's. */
static void
not_answered(struct kv_vault_call *c, int err, const struct kv_http_answer *answer, struct kv_reply *reply)
{
	if (answer->is_mixed_up && !is_sent_once(c) && c->n_mixed_up++ == 0) {
		err = proceed(c);
		if (err == 0)
			return;
	}
	reply->err = answer->is_mixed_up && is_sent_once(c) ? -EIO : err;
	kv_buf_say(&c->why, "%s", answer->reason);
	complete(c, reply);
}

static void
describe_misfit(struct kv_vault_call *c, const struct kv_http_answer *answer, const struct kv_fault *fault)
{
	if (fault->code[0] == '\0' && fault->message[0] == '\0')
		kv_misfit_say(answer->body, answer->body_len, c->vault->origin.host,
		    kv_http_proxy(c->vault->http), &c->why);
}

/* 0: the call continues, with another version of the API. */
static int
use_older_version(struct kv_vault_call *c)
{
	int err;

	if (c->has_older_version)
		return -EINVAL;
	c->has_older_version = true;
	kv_dialect_fall_back(&c->vault->dialect, kv_vault_name(c->vault));
	err = make_url(c);
	return err == 0 ? proceed(c) : err;
}

static void
request_answered(void *arg, int err, const struct kv_http_answer *answer)
{
	struct kv_vault_call *c = arg;
	struct kv_reply reply = { .err = err,
		.status = answer->status,
		.wall_date = answer->wall_date,
		.retry_after_ms = answer->retry_after_ms,
		.took_ms = answer->took_ms,
		.was_sent = answer->was_sent && !c->was_probe,
		.is_of_proxy = answer->is_of_proxy };

	c->transfer = NULL;
	kv_counts_add(&c->vault->counts, c->call.op, answer->status);
	snprintf(reply.request_id, sizeof(reply.request_id), "%s", answer->request_id);
	if (err != 0) {
		not_answered(c, err, answer, &reply);
		return;
	}
	kv_vault_saw_region(c->vault, answer->region);
	if (answer->status == 401) {
		kv_fault_parse(answer->body, answer->body_len, &reply.fault);
		reply.err = refused(c, answer, &reply.fault);
		reply.was_sent = false;
		reply.is_of_token = true;
		if (reply.err != 0)
			complete(c, &reply);
	} else if (answer->status >= 200 && answer->status < 300 && c->was_probe) {
		kv_buf_say(&c->why, "%s answers without requesting a token: ", c->vault->origin.host);
		kv_misfit_say(answer->body, answer->body_len, c->vault->origin.host,
		    kv_http_proxy(c->vault->http), &c->why);
		reply.err = -EBADMSG;
		complete(c, &reply);
	} else if (answer->status >= 200 && answer->status < 300) {
		kv_dialect_accepted(&c->vault->dialect);
		parse_answer(c, answer, &reply);
	} else {
		kv_fault_parse(answer->body, answer->body_len, &reply.fault);
		if (reply.request_id[0] == '\0')
			kv_fault_activity(&reply.fault, reply.request_id, sizeof(reply.request_id));
		if (kv_dialect_is_refused(&c->vault->dialect, c->call.op, answer->status, &reply.fault) &&
		    use_older_version(c) == 0)
			return;
		reply.err = err_of(c->call.op, answer->status, &reply.fault);
		describe_misfit(c, answer, &reply.fault);
		complete(c, &reply);
	}
}

/* ---- the request ---- */

static int
send_request(struct kv_vault_call *c)
{
	const struct kv_operation *op = kv_operation(c->call.op);
	const bool has_body = op->make_body != NULL && !c->was_probe;
	const char *headers[] = { "Accept: application/json",
		has_body ? "Content-Type: application/json" : NULL, NULL };
	struct kv_http_request request = { .method = op->method,
		.url = c->url,
		.token = c->token,
		.headers = headers,
		.echo = &c->vault->echo,
		.id = c->client_request_id,
		.is_once = is_sent_once(c),
		.is_repeated = c->n_mixed_up > 0,
		.max_answer = op->most_answer,
		.silence_s = op->is_slow ? c->vault->blob_silence_s : 0 };
	struct kv_buf body;
	int err;

	kv_buf_init(&body, MOST_BODY);
	err = kv_echo_make_id(&c->vault->echo, c->client_request_id);
	if (err == 0 && has_body) {
		err = op->make_body(c->call.blob, &body);
		request.body = body.data;
		request.body_len = body.len;
	}
	if (err == 0)
		err = kv_http_send(c->vault->http, &request, request_answered, c, &c->transfer);
	c->mono_sent = kv_clock_mono_ms();
	kv_buf_release(&body);
	return err;
}

static void
token_answered(void *arg, int err, const char *token, const char *why)
{
	struct kv_vault_call *c = arg;
	struct kv_reply reply = { .err = err, .retry_after_ms = -1, .is_of_token = true };

	c->wait = NULL;
	if (err != 0) {
		kv_buf_clear(&c->why);
		kv_buf_say(&c->why, "%s", why);
		complete(c, &reply);
		return;
	}
	if (c->call.is_sign_in) {
		complete(c, &reply);
		return;
	}
	kv_buf_free_string(c->token);
	c->token = strdup(token);
	err = c->token != NULL ? send_request(c) : -ENOMEM;
	if (err != 0)
		fail_early(c, err);
}

static int
proceed(struct kv_vault_call *c)
{
	c->was_probe = !kv_token_has_challenge(c->vault->auth);
	if (c->was_probe) {
		kv_buf_free_string(c->token);
		c->token = NULL;
		return send_request(c);
	}
	return kv_token_get(c->vault->auth, token_answered, c, &c->wait);
}

static int
make_url(struct kv_vault_call *c)
{
	struct kv_buf text;
	int err;

	kv_buf_init(&text, MAX_URL);
	if (c->call.next_link != NULL) {
		err = kv_operation_put_link(c->call.next_link, c->vault->dialect.version, &text);
	} else {
		err = kv_buf_puts(&text, c->vault->base);
		if (err == 0)
			err = kv_operation_put_path(
			    c->call.op, c->call.type, c->call.name, c->call.version, &text);
		if (err == 0)
			err = kv_buf_printf(&text, "?api-version=%s", c->vault->dialect.version);
	}
	free(c->url);
	c->url = err == 0 ? strdup(kv_buf_str(&text)) : NULL;
	kv_buf_release(&text);
	return err != 0 ? err : c->url != NULL ? 0 : -ENOMEM;
}

int
kv_call_send(struct kv_vault *vault, const struct kv_call *call, kv_vault_done *done, void *arg,
    struct kv_vault_call **handle)
{
	struct kv_vault_call *c = calloc(1, sizeof(*c));
	int err;

	*handle = NULL;
	if (c == NULL)
		return -ENOMEM;
	if (kv_operation(call->op)->reveals_secrets && call->type == KV_SECRETS) {
		free(c);
		return -EPERM;
	}
	c->vault = vault;
	c->done = done;
	c->arg = arg;
	kv_buf_init(&c->why, MOST_WHY);
	kv_timer_init(&c->again, vault->loop, repeat, c);
	LIST_INSERT_HEAD(&vault->calls, c, all);
	err = kv_call_copy(&c->call, call);
	if (err == 0)
		err = make_url(c);
	if (err == 0)
		err = proceed(c);
	if (err != 0) {
		free_call(c);
		return err;
	}
	*handle = c;
	return 0;
}

bool
kv_call_is_sent(const struct kv_vault_call *handle)
{
	return handle->transfer != NULL;
}

int64_t
kv_call_sent_ms(const struct kv_vault_call *handle)
{
	return kv_call_is_sent(handle) ? kv_clock_mono_ms() - handle->mono_sent : 0;
}

void
kv_call_cancel(struct kv_vault_call *handle)
{
	if (handle != NULL)
		free_call(handle);
}
