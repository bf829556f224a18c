/*
 * One request for a token to one credential.
 *
 *	begin -> attempt -> answer -> result -> done
 *	            ^         |
 *	            +- pause -+   (after a temporary failure)
 *
 * A timer delivers the result, so that a kind may already have it when it starts.
 */
#include "client/auth/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/auth/token_answer.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/loop.h"
#include "client/base/spawn.h"
#include "client/http/http.h"

#define MODULE		 "auth"
#define REQUEST_MS	 30000 /* for one request, even if data arrives slowly */
#define GUESS_MS	 10000
#define GUESS_CONNECT_MS 1000
#define MOST_PAUSE_MS	 60000 /* longest pause that a service can request */

struct ask {
	struct kv_ask ask; /* must be first: kinds hold its address */
	struct kv_ask_setup setup;
	const struct kv_ask_endpoint *endpoint;
	int attempt;
	struct kv_transfer *transfer;
	struct kv_spawn *run;
	kv_ask_ended *ended;
	struct kv_timer timer;	  /* starts the next attempt, or delivers the result */
	struct kv_timer too_late; /* limit for the request in flight */
	struct kv_buf why;
	struct kv_token_answer token;
	enum kv_ask_outcome outcome;
	int err;
	bool has_result;
};

static struct ask *
whole(struct kv_ask *ask)
{
	return (struct ask *)ask;
}

/* ---- the result ---- */

void
kv_ask_fail(struct kv_ask *ask, enum kv_ask_outcome outcome, int err)
{
	struct ask *a = whole(ask);

	if (a->why.len == 0)
		kv_buf_say(&a->why, "%s", strerror(-err));
	a->outcome = outcome;
	a->err = err;
	a->has_result = true;
	kv_timer_set(&a->timer, 0);
}

/* After a failed guess the next credential is tried, unless memory ran out. */
static void
fail(struct kv_ask *ask, int err)
{
	kv_ask_fail(ask, ask->is_guess && err != -ENOMEM ? KV_UNAVAILABLE : KV_FAILED, err);
}

static void
succeed(struct ask *a)
{
	a->outcome = KV_TOKEN;
	a->has_result = true;
	kv_timer_set(&a->timer, 0);
}

void
kv_ask_take_answer(struct kv_ask *ask, const char *who, const char *text, size_t len)
{
	struct ask *a = whole(ask);
	const int err = kv_token_answer_parse(text, len, kv_clock_wall_s(), &a->token);

	if (err == 0) {
		succeed(a);
		return;
	}
	kv_buf_say(&a->why, "the answer of %s contains no token", who);
	fail(ask, err);
}

void
kv_ask_take_token(struct kv_ask *ask, const char *where, const char *token)
{
	struct ask *a = whole(ask);
	const int64_t wall_end = kv_token_answer_jwt_expiry(token), life_s = wall_end - kv_clock_wall_s();

	if (!kv_token_answer_is_token(token)) {
		kv_buf_say(&a->why, "the content of %s is not a token", where);
		fail(ask, -EACCES);
		return;
	}
	if (wall_end > 0 && life_s <= 0) {
		kv_buf_say(&a->why, "the token in %s has expired: write a new one", where);
		fail(ask, -EACCES);
		return;
	}
	a->token = (struct kv_token_answer){ .value = strdup(token), .life_s = wall_end > 0 ? life_s : 0 };
	if (a->token.value != NULL)
		succeed(a);
	else
		fail(ask, -ENOMEM);
}

struct kv_buf *
kv_ask_why(struct kv_ask *ask)
{
	return &whole(ask)->why;
}

static void
deliver(struct ask *a)
{
	const struct kv_ask_result result = { .outcome = a->outcome,
		.err = a->err,
		.token = a->token.value,
		.life_s = a->token.life_s,
		.why = kv_buf_str(&a->why) };

	a->setup.done(a->setup.arg, &result);
}

/* ---- endpoints ---- */

static void
attempt(struct ask *a)
{
	const int err = a->endpoint->send(&a->ask);

	if (err != 0)
		fail(&a->ask, err);
}

static void
timer_fired(void *arg)
{
	struct ask *a = arg;

	if (a->has_result)
		deliver(a);
	else
		attempt(a);
}

/* No jitter: there is only one caller, and a pause near zero would be useless. */
static int64_t
pause_ms(const struct ask *a, const struct kv_http_answer *answer)
{
	const int64_t own = a->endpoint->pause_ms * ((int64_t)1 << a->attempt);
	const int64_t most = a->ask.is_guess ? GUESS_MS : MOST_PAUSE_MS;
	const int64_t asked = answer->retry_after_ms < most ? answer->retry_after_ms : most;

	return asked > own ? asked : own;
}

static bool
is_tried_again(const struct ask *a, long status)
{
	const struct kv_ask_endpoint *e = a->endpoint;
	const bool is_away = e->may_be_away && !a->ask.is_guess && (status == 404 || status == 410);

	return (kv_err_is_temporary(status) || is_away) &&
	    a->attempt + 1 < (a->ask.is_guess ? e->guess_attempts : e->attempts);
}

static void
not_answered(struct ask *a, int err, const char *reason)
{
	if (a->ask.is_guess && a->endpoint->absent != NULL)
		kv_buf_say(&a->why, "%s", a->endpoint->absent);
	else
		kv_buf_say(&a->why, "%s cannot be reached: %s", a->endpoint->who, reason);
	fail(&a->ask, err);
}

static void
refused(struct ask *a, const struct kv_http_answer *answer)
{
	const struct kv_ask_endpoint *e = a->endpoint;
	int err = -EACCES;

	if (e->refused != NULL) {
		err = e->refused(&a->ask, answer);
	} else {
		kv_buf_say(&a->why, "%s (status %ld)", e->refusal, answer->status);
		kv_ask_say_fault(&a->ask, answer);
	}
	if (err != 0)
		fail(&a->ask, err);
}

static void
endpoint_answered(void *arg, int err, const struct kv_http_answer *answer)
{
	struct ask *a = arg;
	const struct kv_ask_endpoint *e = a->endpoint;

	a->transfer = NULL;
	kv_timer_stop(&a->too_late);
	kv_log_event(KV_LOG_DEBUG, MODULE, "op=token status=%ld errno=%s ms=%lld", answer->status,
	    err != 0 ? kv_err_name(err) : "", (long long)answer->took_ms);
	if (err != 0) {
		not_answered(a, err, answer->reason);
	} else if (answer->status == 200) {
		kv_ask_take_answer(&a->ask, e->who, answer->body, answer->body_len);
	} else if (is_tried_again(a, answer->status)) {
		kv_timer_set(&a->timer, pause_ms(a, answer));
		a->attempt++;
	} else if (kv_err_is_temporary(answer->status)) {
		kv_buf_say(&a->why, "%s fails with status %ld", e->who, answer->status);
		fail(&a->ask, answer->status == 429 ? -EBUSY : -EIO);
	} else {
		refused(a, answer);
	}
}

static int
deadline_ms(const struct ask *a)
{
	return a->ask.is_guess ? GUESS_MS : REQUEST_MS;
}

static void
request_too_late(void *arg)
{
	struct ask *a = arg;

	kv_http_cancel(a->transfer);
	a->transfer = NULL;
	kv_buf_say(&a->why, "%s has not answered within %d s", a->endpoint->who, deadline_ms(a) / 1000);
	fail(&a->ask, -ETIMEDOUT);
}

int
kv_ask_endpoint(struct kv_ask *ask, const struct kv_ask_endpoint *endpoint)
{
	whole(ask)->endpoint = endpoint;
	return endpoint->send(ask);
}

int
kv_ask_send(struct kv_ask *ask, const struct kv_http_request *request)
{
	struct ask *a = whole(ask);
	const int err = kv_http_send(a->setup.http, request, endpoint_answered, a, &a->transfer);

	if (err == 0)
		kv_timer_set(&a->too_late, deadline_ms(a));
	return err;
}

int
kv_ask_send_get(struct kv_ask *ask, const char *url, const char *header)
{
	const char *headers[] = { header, NULL };
	struct kv_http_request request = { .method = "GET",
		.headers = headers,
		.max_answer = KV_ASK_MAX_ANSWER,
		.is_local = true,
		.connect_ms = ask->is_guess ? GUESS_CONNECT_MS : 0 };
	struct kv_buf whole_url;
	int err;

	kv_buf_init(&whole_url, 8192);
	err = kv_buf_puts(&whole_url, url);
	if (err == 0)
		err = kv_ask_add_field(&whole_url, "resource", ask->audience->resource);
	if (err == 0 && ask->o->client_id != NULL)
		err = kv_ask_add_field(&whole_url, "client_id", ask->o->client_id);
	if (err == 0) {
		request.url = kv_buf_str(&whole_url);
		err = kv_ask_send(ask, &request);
	}
	kv_buf_release(&whole_url);
	return err;
}

int
kv_ask_add_field(struct kv_buf *form, const char *name, const char *value)
{
	int err = form->len > 0 ? kv_buf_puts(form, "&") : 0;

	if (err == 0)
		err = kv_buf_printf(form, "%s=", name);
	return err == 0 ? kv_buf_put_encoded(form, value) : err;
}

void
kv_ask_say_fault(struct kv_ask *ask, const struct kv_http_answer *answer)
{
	const char *text, *end;
	struct kv_fault fault;

	kv_token_answer_fault(answer->body, answer->body_len, &fault);
	text = fault.message[0] != '\0' ? fault.message : fault.code;
	end = strstr(text, ". "); /* only advice and trace ids follow */
	if (text[0] != '\0')
		kv_buf_say(
		    kv_ask_why(ask), ": %.*s", end != NULL ? (int)(end - text) : (int)strlen(text), text);
}

/* ---- programs ---- */

static void
program_ended(void *arg, int err, int status, const char *out, const char *diagnostics)
{
	struct ask *a = arg;

	a->run = NULL;
	a->ended(&a->ask, err, status, out, diagnostics);
}

int
kv_ask_run(struct kv_ask *ask, const char *const argv[], int timeout_ms, kv_ask_ended *ended)
{
	struct ask *a = whole(ask);

	a->ended = ended;
	return kv_spawn_start(a->setup.loop, argv, timeout_ms, program_ended, a, &a->run);
}

/* ---- the whole ---- */

struct kv_ask *
kv_ask_new(const struct kv_ask_setup *setup)
{
	struct ask *a = calloc(1, sizeof(*a));
	int err;

	if (a == NULL)
		return NULL;
	a->setup = *setup;
	a->ask =
	    (struct kv_ask){ .o = setup->options, .audience = setup->audience, .is_guess = setup->is_guess };
	kv_timer_init(&a->timer, setup->loop, timer_fired, a);
	kv_timer_init(&a->too_late, setup->loop, request_too_late, a);
	kv_buf_init(&a->why, 1024);
	err = setup->kind->ask(&a->ask);
	if (err != 0)
		fail(&a->ask, err);
	return &a->ask;
}

void
kv_ask_free(struct kv_ask *ask)
{
	struct ask *a;

	if (ask == NULL)
		return;
	a = whole(ask);
	kv_http_cancel(a->transfer);
	kv_spawn_cancel(a->run);
	kv_timer_stop(&a->timer);
	kv_timer_stop(&a->too_late);
	kv_token_answer_release(&a->token);
	kv_buf_release(&a->why);
	free(a->ask.state);
	free(a);
}
