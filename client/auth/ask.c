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
#include "client/auth/token_refusal.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/fault.h"
#include "client/base/json.h"
#include "client/base/log.h"
#include "client/base/loop.h"
#include "client/base/spawn.h"
#include "client/http/http.h"

#define MODULE	      "auth"
#define LIMIT_MS      30000 /* for one request, even if data arrives slowly */
#define MOST_PAUSE_MS 60000 /* longest pause that a service can request */
#define MOST_QUOTED   120   /* characters of an answer that is not JSON */

struct ask {
	struct kv_ask ask; /* must be first: kinds hold its address */
	struct kv_ask_setup setup;
	int attempt;
	struct kv_transfer *transfer;
	struct kv_spawn *run;
	const char *program; /* the last that was run, or NULL */
	bool is_answered;    /* an endpoint answered */
	long failed_status;  /* of the last attempt that is tried again; 0: none */
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
		.token = a->token.value != NULL ? &a->token : NULL,
		.why = kv_buf_str(&a->why) };

	a->setup.done(a->setup.arg, &result);
}

/* ---- endpoints ---- */

static void
attempt(struct ask *a)
{
	const int err = a->ask.endpoint->send(&a->ask);

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
	const int64_t own = a->ask.endpoint->pause_ms * ((int64_t)1 << a->attempt);
	const int64_t asked = answer->retry_after_ms < MOST_PAUSE_MS ? answer->retry_after_ms : MOST_PAUSE_MS;

	return asked > own ? asked : own;
}

bool
kv_ask_is_page(const struct kv_http_answer *answer)
{
	return strncmp(answer->content_type, "text/html", 9) == 0 || answer->body[0] == '<';
}

static bool
is_tried_again(const struct ask *a, const struct kv_http_answer *answer)
{
	const struct kv_ask_endpoint *e = a->ask.endpoint;
	const long status = answer->status;
	const bool is_page =
	    e->is_authority && kv_ask_is_page(answer); /* a proxy's, which may be in trouble */
	const bool is_away = e->may_be_away && (status == 404 || status == 410);

	return (kv_err_is_temporary(status) || is_away || is_page) && a->attempt + 1 < e->attempts &&
	    !a->ask.is_guess;
}

static void
say_who(struct ask *a)
{
	const struct kv_ask_endpoint *e = a->ask.endpoint;

	kv_buf_say(&a->why, "%s%s%s", e->who, e->is_authority ? " " : "",
	    e->is_authority ? a->ask.o->authority : "");
}

static void
answered(struct ask *a, const struct kv_http_answer *answer)
{
	const struct kv_ask_endpoint *e = a->ask.endpoint;
	int err;

	if (e->answered == NULL && kv_ask_is_page(answer)) {
		say_who(a);
		kv_buf_say(&a->why, " answers with an HTML page: is a proxy or a login page in between?");
		fail(&a->ask, -EBADMSG);
		return;
	}
	if (e->answered == NULL) {
		kv_ask_take_answer(&a->ask, e->who, answer->body, answer->body_len);
		return;
	}
	err = e->answered(&a->ask, answer);
	if (err != 0)
		fail(&a->ask, err);
}

static void
refused(struct ask *a, const struct kv_http_answer *answer)
{
	const struct kv_ask_endpoint *e = a->ask.endpoint;
	int err = kv_err_is_temporary(answer->status) ? -EIO : -EACCES;

	if (e->refused != NULL) {
		err = e->refused(&a->ask, answer);
	} else {
		say_who(a);
		kv_buf_say(&a->why, " answers %ld", answer->status);
		(void)kv_ask_say_fault(&a->ask, answer, a->ask.o->client_id);
	}
	if (err != 0)
		fail(&a->ask, err);
}

static void
endpoint_answered(void *arg, int err, const struct kv_http_answer *answer)
{
	struct ask *a = arg;

	a->transfer = NULL;
	a->is_answered = a->is_answered || err == 0;
	kv_timer_stop(&a->too_late);
	kv_log_event(KV_LOG_DEBUG, MODULE, "op=token status=%ld errno=%s ms=%lld", answer->status,
	    err != 0 ? kv_err_name(err) : "", (long long)answer->took_ms);
	if (err != 0) {
		say_who(a);
		kv_buf_say(&a->why, " cannot be reached: %s", answer->reason);
		fail(&a->ask, err);
	} else if (answer->status == 200) {
		answered(a, answer);
	} else if (is_tried_again(a, answer)) {
		kv_timer_set(&a->timer, pause_ms(a, answer));
		a->failed_status = answer->status;
		a->attempt++;
	} else if (kv_err_is_temporary(answer->status) && !a->ask.is_guess) {
		say_who(a);
		kv_buf_say(&a->why, " fails with status %ld", answer->status);
		(void)kv_ask_say_fault(&a->ask, answer, a->ask.o->client_id);
		fail(&a->ask, answer->status == 429 ? -EBUSY : -EIO);
	} else {
		refused(a, answer);
	}
}

static int
limit_ms(const struct ask *a)
{
	return a->ask.endpoint->limit_ms != 0 ? a->ask.endpoint->limit_ms : LIMIT_MS;
}

static void
request_too_late(void *arg)
{
	struct ask *a = arg;

	kv_http_cancel(a->transfer);
	a->transfer = NULL;
	say_who(a);
	kv_buf_say(&a->why, " has not answered within %d s", limit_ms(a) / 1000);
	fail(&a->ask, -ETIMEDOUT);
}

int
kv_ask_endpoint(struct kv_ask *ask, const struct kv_ask_endpoint *endpoint)
{
	ask->endpoint = endpoint;
	whole(ask)->attempt = 0;
	return endpoint->send(ask);
}

int
kv_ask_send(struct kv_ask *ask, const struct kv_http_request *request)
{
	struct ask *a = whole(ask);
	const int err = kv_http_send(a->setup.http, request, endpoint_answered, a, &a->transfer);

	if (err == 0)
		kv_timer_set(&a->too_late, limit_ms(a));
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

int
kv_ask_make_claims(struct kv_ask *ask, struct kv_buf *claims)
{
	static const char own[] = "{\"access_token\":{\"xms_cc\":{\"values\":[\"CP1\"]}}}";
	const char *more = ask->audience->claims;
	const int err = more != NULL ? kv_json_merge(more, own, claims) : kv_buf_puts(claims, own);

	if (err == -EBADMSG)
		kv_buf_say(kv_ask_why(ask), "the claims that the vault requires are not JSON");
	return err;
}

/* Its message has the ids with which the token service's support finds the request. */
static void
log_refusal(const struct kv_http_answer *answer, const struct kv_fault *fault)
{
	if (fault->inner[0] != '\0')
		kv_log_event(KV_LOG_INFO, MODULE, "op=token status=%ld code=%s message=%s", answer->status,
		    fault->inner, fault->message);
}

int
kv_ask_say_fault(struct kv_ask *ask, const struct kv_http_answer *answer, const char *client)
{
	int err;
	const char *text, *end;
	char words[MOST_QUOTED];
	struct kv_fault fault;

	kv_token_answer_fault(answer->body, answer->body_len, &fault);
	kv_fault_line(words, sizeof(words), answer->body, answer->body_len);
	log_refusal(answer, &fault);
	err = kv_token_refusal_say(ask->audience,
	    &(struct kv_token_refused){ .fault = &fault, .client = client, .wall_date = answer->wall_date },
	    kv_ask_why(ask));
	if (err != 0)
		return err;
	text = fault.message[0] != '\0' ? fault.message : fault.code[0] != '\0' ? fault.code : words;
	end = strstr(text, ". "); /* only advice and trace ids follow */
	if (text[0] != '\0')
		kv_buf_say(
		    kv_ask_why(ask), ": %.*s", end != NULL ? (int)(end - text) : (int)strlen(text), text);
	return 0;
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
	a->program = argv[0];
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
	kv_buf_init(&a->why, KV_ASK_MOST_WHY);
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
	kv_buf_free_string(a->ask.secret);
	free(a);
}

bool
kv_ask_has_asked(const struct kv_ask *ask)
{
	const struct ask *a = (const struct ask *)ask;

	return a->is_answered || a->program != NULL;
}

void
kv_ask_say_wait(struct kv_ask *ask, struct kv_buf *why)
{
	struct ask *a = whole(ask);

	kv_buf_clear(&a->why);
	if (a->program != NULL)
		kv_buf_say(&a->why, "%s", a->program);
	else if (ask->endpoint != NULL)
		say_who(a);
	else
		kv_buf_say(&a->why, "the credential");
	if (a->transfer == NULL && a->failed_status != 0)
		kv_buf_say(&a->why, " still failed with status %ld", a->failed_status);
	else
		kv_buf_say(&a->why, " has not answered");
	kv_buf_say(why, "%s", kv_buf_str(&a->why));
}
