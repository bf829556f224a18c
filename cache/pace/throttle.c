/*
 * Calls, their attempts and their deadlines.
 *
 * A ticket is QUEUED (in the schedule), SENT (an attempt is in flight) or RESTING (its attempt failed; its
 * timer puts it back). Unless it has a deadline of its own, its time-out starts with its first attempt.
 *
 *	QUEUED -> SENT -> done
 *	   ^        `-> RESTING (5xx, broken connection) -> QUEUED
 *	   `----------' (429)
 *
 * Invariants: a ticket is in the schedule's queue, in flight, or has its rest timer set, and only one of
 * these; the number of SENT tickets is the number in flight; the deadline timer is always set.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "client/vault/audit.h"
#include "client/vault/call_copy.h"
#include "cache/pace/bucket.h"
#include "cache/pace/retry.h"
#include "cache/pace/schedule.h"
#include "cache/pace/silence.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/loop.h"

#define MODULE "throttle"
#define IMPATIENT_MS \
	12000 /* longer than a connection takes to fail, whose reason is better than "time-out" */

enum state { QUEUED, SENT, RESTING };

struct kv_ticket {
	struct kv_schedule_entry entry; /* first */
	struct kv_throttle *throttle;
	LIST_ENTRY(kv_ticket) all;
	enum state state;
	bool is_quiet;
	bool is_short; /* began while the vault was silent */
	bool has_own_deadline;
	struct kv_call call; /* the ticket owns its strings and blob */
	int attempts;
	int64_t mono_begun;
	int64_t mono_deadline; /* 0 before the first attempt of a call without its own deadline */
	struct kv_reply last;  /* of the last failed attempt */
	const char *silence;   /* what the attempt that was given up waited for, a sentence; or NULL */
	struct kv_vault_call *attempt;
	struct kv_timer rest, deadline;
	kv_vault_done *done;
	void *arg;
};

struct kv_throttle {
	struct kv_loop *loop;
	struct kv_vault *vault;
	struct kv_schedule *schedule;
	struct kv_total_member member;
	struct kv_silence silence;
	int64_t timeout_ms;
	int max_inflight;
	bool is_patient;
	LIST_HEAD(, kv_ticket) all;
	struct kv_timer turn; /* when the next queued ticket may be sent */
	int down_err;	      /* errno of the last attempt that found the vault down */
	bool is_paused, is_limited[KV_SCHEDULE_CLASSES]; /* as last logged */
};

static void attempt_done(void *, struct kv_reply *);

/* ---- tickets ---- */

static void
free_ticket(struct kv_ticket *t)
{
	kv_timer_stop(&t->rest);
	kv_timer_stop(&t->deadline);
	LIST_REMOVE(t, all);
	kv_call_copy_release(&t->call);
	free(t);
}

static void
complete(struct kv_ticket *t, struct kv_reply *reply)
{
	struct kv_throttle *th = t->throttle;

	reply->attempts = t->attempts;
	if (reply->err != 0 && !t->is_quiet && th->is_patient)
		kv_audit_failure(th->vault, &t->call, reply, NULL);
	if (kv_operation(t->call.op)->is_audited)
		kv_audit_sent(th->vault, &t->call, reply,
		    reply->blob != NULL	     ? reply->blob->len :
			t->call.blob != NULL ? t->call.blob->len :
					       0);
	t->done(t->arg, reply);
	free_ticket(t);
}

static const struct kv_bucket *
bucket_of(const struct kv_ticket *t)
{
	return kv_schedule_bucket(t->throttle->schedule, t->entry.class);
}

/* Why a ticket was not sent before its deadline: its class was closed, or other tickets were sent first. */
static int
reason_not_sent(const struct kv_ticket *t)
{
	const struct kv_bucket *bucket = bucket_of(t);

	return !bucket->is_closed ? -ETIMEDOUT : bucket->is_limited ? -EBUSY : t->throttle->down_err;
}

static void
note_time_out(const struct kv_ticket *t)
{
	if (!t->is_short && !t->has_own_deadline && t->throttle->is_patient)
		kv_silence_timed_out(
		    &t->throttle->silence, t->mono_begun, t->throttle->timeout_ms, kv_clock_mono_ms());
}

/* Completes a ticket at its deadline: with the failure of its last attempt, or the reason why there was none. */
static void
give_up(struct kv_ticket *t)
{
	struct kv_reply reply = t->last;

	if (t->attempts == 0 || reply.err == 0)
		reply = (struct kv_reply){ .err = t->attempts == 0 ? reason_not_sent(t) : -ETIMEDOUT,
			.retry_after_ms = -1 };
	note_time_out(t);
	reply.why = t->is_short ? "the vault has answered nothing for a whole time-out, nor does it now" :
	    t->silence != NULL	? t->silence :
	    reply.err == -EBUSY ? "the vault's limit was reached until the time-out" :
				  "no success until the time-out";
	complete(t, &reply);
}

/* Cancels the attempt in flight; its request, if it was sent, may still take effect. */
static void
abandon_attempt(struct kv_ticket *t)
{
	const bool is_sent = kv_call_is_sent(t->attempt);

	if (t->last.err == 0 || kv_operation(t->call.op)->is_once) {
		t->silence = is_sent ?
		    "no answer until the time-out: does a firewall or a proxy hold the request back?" :
		    "no token until the time-out: the token service, or the program that is asked for "
		    "one, does not answer";
		t->last = (struct kv_reply){ .err = is_sent ? -ETIMEDOUT : -EIO,
			.retry_after_ms = -1,
			.was_sent = is_sent,
			.is_of_token = !is_sent };
	}
	kv_call_cancel(t->attempt);
	kv_schedule_ended(t->throttle->schedule, &t->entry, KV_ABANDONED, -1, kv_clock_mono_ms());
	kv_timer_set(&t->throttle->turn, 0);
}

static int64_t
timeout_ms(const struct kv_throttle *th)
{
	return !th->is_patient && th->timeout_ms > IMPATIENT_MS ? IMPATIENT_MS : th->timeout_ms;
}

/*
 * A ticket that was never sent times out only if its whole class served nothing for timeout_ms; one with
 * its own deadline keeps it, because its caller has been waiting since before.
 */
static void
deadline_over(void *arg)
{
	struct kv_ticket *t = arg;
	const int64_t idle_ms = kv_clock_mono_ms() - bucket_of(t)->mono_served;

	if (t->mono_deadline == 0 && idle_ms < t->throttle->timeout_ms) {
		kv_timer_set(&t->deadline, t->throttle->timeout_ms - idle_ms);
		return;
	}
	if (t->state == SENT && !t->throttle->is_patient) { /* not counting the token: az starts slowly */
		const int64_t sent_ms = kv_call_sent_ms(t->attempt);

		if (sent_ms < timeout_ms(t->throttle)) {
			t->mono_deadline = kv_clock_mono_ms() + timeout_ms(t->throttle) - sent_ms;
			kv_timer_set(&t->deadline, timeout_ms(t->throttle) - sent_ms);
			return;
		}
	}
	if (t->state == QUEUED)
		kv_schedule_remove(t->throttle->schedule, &t->entry);
	if (t->state == SENT)
		abandon_attempt(t);
	give_up(t);
}

static void
put_back(struct kv_ticket *t)
{
	t->state = QUEUED;
	kv_schedule_put_back(t->throttle->schedule, &t->entry);
}

static void
rested(void *arg)
{
	struct kv_ticket *t = arg;

	put_back(t); /* in front: the reader needs it next, and the prefetch queue is seconds long */
	kv_timer_set(&t->throttle->turn, 0);
}

/* Logs one line when a class closes because of a 429 or reopens, and one when all classes pause or resume. */
static void
log_changes(struct kv_throttle *th, int class)
{
	const struct kv_bucket *bucket = kv_schedule_bucket(th->schedule, class);
	const bool is_limited = bucket->is_closed && bucket->is_limited;
	const bool is_paused = kv_schedule_is_paused(th->schedule);

	if (!th->is_patient)
		return;
	if (is_limited != th->is_limited[class])
		kv_audit_class(
		    th->vault, kv_schedule_class_name(th->schedule, class), is_limited, bucket->rate);
	if (is_paused != th->is_paused)
		kv_audit_pause(th->vault, is_paused, th->down_err);
	th->is_limited[class] = is_limited;
	th->is_paused = is_paused;
}

static void
attempt_done(void *arg, struct kv_reply *reply)
{
	struct kv_ticket *t = arg;
	struct kv_throttle *th = t->throttle;
	const enum kv_outcome outcome = kv_schedule_outcome(reply);
	const int64_t mono_now = kv_clock_mono_ms();
	bool is_worth;
	int64_t ms;

	t->attempt = NULL;
	if (outcome == KV_DOWN)
		th->down_err = reply->err;
	if (reply->status != 0)
		kv_silence_answered(&th->silence, mono_now);
	kv_schedule_ended(th->schedule, &t->entry, outcome, reply->retry_after_ms, mono_now);
	log_changes(th, t->entry.class);
	kv_timer_set(&th->turn, 0);
	ms = reply->err != 0 && reply->status != 429 ? kv_retry_rest_ms(reply, t->attempts) : 0;
	is_worth = kv_retry_is_worth(&t->call, reply, t->attempts, th->is_patient);
	if (!is_worth || mono_now + ms >= t->mono_deadline) {
		if (is_worth)
			note_time_out(t);
		if (reply->status == 429)
			reply->err = -EBUSY;
		complete(t, reply);
		return;
	}
	t->last = *reply;
	t->last.page = NULL;
	t->last.blob = NULL;
	t->last.item = NULL;
	if (reply->status == 429) {
		put_back(t); /* while the bucket is closed, this is the next probe */
	} else {
		t->state = RESTING;
		kv_timer_set(&t->rest, ms);
	}
}

static void
send_attempt(struct kv_ticket *t, int64_t mono_now)
{
	struct kv_throttle *th = t->throttle;
	int err;

	t->state = SENT;
	if (t->attempts++ == 0 && t->mono_deadline == 0) {
		t->mono_deadline = mono_now + timeout_ms(th);
		kv_timer_set(&t->deadline, timeout_ms(th));
	}
	err = kv_call_send(th->vault, &t->call, attempt_done, t, &t->attempt);
	if (err != 0) {
		struct kv_reply reply = { .err = err, .retry_after_ms = -1, .why = strerror(-err) };

		attempt_done(t, &reply);
	}
}

static void
take_turn(void *arg)
{
	struct kv_throttle *th = arg;
	struct kv_schedule_entry *e;
	int64_t wait_ms, mono_now;

	while ((e = kv_schedule_next(th->schedule, mono_now = kv_clock_mono_ms(), &wait_ms)) != NULL)
		send_attempt((struct kv_ticket *)e, mono_now);
	if (wait_ms >= 0)
		kv_timer_set(&th->turn, wait_ms);
}

/* Several vaults got a 429 at the same time: it was their common limit. */
static void
excuse(void *arg)
{
	struct kv_throttle *th = arg;

	kv_schedule_excuse(th->schedule, kv_clock_mono_ms());
	for (int i = 0; i < kv_schedule_classes(th->schedule); i++)
		log_changes(th, i);
	kv_timer_set(&th->turn, 0);
}

/* ---- the interface ---- */

int
kv_throttle_send(struct kv_throttle *th, const struct kv_task *task, kv_vault_done *done, void *arg,
    struct kv_ticket **ticket)
{
	const struct kv_call *call = &task->call;
	struct kv_ticket *t = calloc(1, sizeof(*t));
	const int64_t mono_now = kv_clock_mono_ms();
	int64_t left_ms;
	int err;

	*ticket = NULL;
	if (t == NULL)
		return -ENOMEM;
	t->throttle = th;
	t->is_quiet = task->is_quiet;
	t->done = done;
	t->arg = arg;
	kv_timer_init(&t->rest, th->loop, rested, t);
	kv_timer_init(&t->deadline, th->loop, deadline_over, t);
	LIST_INSERT_HEAD(&th->all, t, all);
	err = kv_call_copy(&t->call, call);
	if (err != 0) {
		free_ticket(t);
		return err;
	}
	kv_schedule_add(th->schedule, &t->entry, call->op, call->type, task->priority);
	t->mono_begun = mono_now;
	t->mono_deadline = task->mono_deadline;
	t->has_own_deadline = t->mono_deadline != 0;
	t->is_short = !t->has_own_deadline && !kv_operation(call->op)->is_once &&
	    th->timeout_ms > KV_SILENCE_MS && kv_silence_is_on(&th->silence, mono_now);
	if (t->is_short)
		t->mono_deadline = mono_now + KV_SILENCE_MS;
	left_ms = t->mono_deadline != 0 ? t->mono_deadline - mono_now : th->timeout_ms;
	kv_timer_set(&t->deadline, left_ms > 0 ? left_ms : 0);
	kv_timer_set(&th->turn, 0);
	*ticket = t;
	return 0;
}

int64_t
kv_throttle_deadline(const struct kv_ticket *t)
{
	const int64_t mono_now = kv_clock_mono_ms();

	if (t->is_short && !kv_silence_is_on(&t->throttle->silence, mono_now))
		return mono_now + t->throttle->timeout_ms; /* its answer has ended the silence */
	return t->mono_deadline != 0 ? t->mono_deadline : mono_now;
}

void
kv_throttle_raise(struct kv_ticket *t, enum kv_priority priority)
{
	kv_schedule_raise(t->throttle->schedule, &t->entry, priority);
}

bool
kv_throttle_is_sent(const struct kv_ticket *t)
{
	return (t->attempt != NULL && kv_call_is_sent(t->attempt)) ||
	    (t->last.was_sent && t->last.status != 429);
}

void
kv_throttle_cancel(struct kv_ticket *t)
{
	if (t == NULL)
		return;
	if (t->state == QUEUED)
		kv_schedule_remove(t->throttle->schedule, &t->entry);
	if (t->state == SENT)
		abandon_attempt(t);
	free_ticket(t);
}

double
kv_throttle_rate(const struct kv_throttle *th, enum kv_op op, enum kv_type type)
{
	return kv_schedule_bucket(th->schedule, kv_schedule_class(th->schedule, op, type))->rate;
}

void
kv_throttle_set_patient(struct kv_throttle *th, bool is_patient)
{
	th->is_patient = is_patient;
}

/* ---- learned rates ---- */

int
kv_throttle_classes(const struct kv_throttle *th)
{
	return kv_schedule_classes(th->schedule);
}

void
kv_throttle_learned(const struct kv_throttle *th, int class, struct kv_learned *learned)
{
	const struct kv_bucket *b = kv_schedule_bucket(th->schedule, class);

	*learned = (struct kv_learned){ .rate = b->rate, .limit = b->limit };
	if (b->limit > 0)
		learned->age_ms = kv_clock_mono_ms() - b->mono_limit;
}

void
kv_throttle_resume(struct kv_throttle *th, int class, const struct kv_learned *learned)
{
	if (kv_schedule_classes(th->schedule) > 1)
		kv_bucket_resume(kv_schedule_bucket(th->schedule, class), learned->rate, learned->limit,
		    learned->age_ms, kv_clock_mono_ms());
}

void
kv_throttle_state(const struct kv_throttle *th, int class, struct kv_throttle_state *state)
{
	const struct kv_bucket *b = kv_schedule_bucket(th->schedule, class);
	const struct kv_window *w = kv_schedule_window(th->schedule, class);

	*state = (struct kv_throttle_state){
		.name = kv_schedule_class_name(th->schedule, class),
		.rate = b->rate,
		.limit = b->limit,
		.served = kv_bucket_throughput(b, kv_clock_mono_ms()),
		.is_closed = b->is_closed,
		.in_flight = w->n_slots + w->n_hung,
		.hung = w->n_hung,
		.queued = kv_schedule_queued(th->schedule, class),
		.window = kv_window_size(w, b->rate),
		.latency_ms = (int64_t)(w->latency_ms + 0.5),
	};
	if (state->window > th->max_inflight)
		state->window = th->max_inflight;
}

bool
kv_throttle_is_paused(const struct kv_throttle *th)
{
	return kv_schedule_is_paused(th->schedule);
}

bool
kv_throttle_is_idle(const struct kv_throttle *th)
{
	return LIST_EMPTY(&th->all);
}

/* ---- checking, creating, freeing ---- */

int64_t
kv_throttle_timeout_ms(const struct kv_throttle *th)
{
	return th->timeout_ms;
}

struct kv_vault *
kv_throttle_vault(const struct kv_throttle *th)
{
	return th->vault;
}

void
kv_throttle_check(const struct kv_throttle *th)
{
	const struct kv_ticket *t;
	int n_sent = 0;

	kv_schedule_check(th->schedule);
	if (th->member.total != NULL)
		kv_total_check(th->member.total);
	LIST_FOREACH(t, &th->all, all) {
		assert(t->throttle == th);
		assert((t->state == QUEUED) == t->entry.is_queued);
		assert((t->state == SENT) == t->entry.is_in_flight);
		assert((t->state == SENT) == (t->attempt != NULL));
		assert((t->state == RESTING) == kv_timer_is_set(&t->rest));
		assert(kv_timer_is_set(&t->deadline));
		n_sent += t->state == SENT;
	}
	assert(n_sent == kv_schedule_in_flight(th->schedule));
}

struct kv_throttle *
kv_throttle_new(struct kv_loop *loop, struct kv_vault *vault, const struct kv_throttle_options *options)
{
	struct kv_throttle *th = calloc(1, sizeof(*th));
	struct kv_schedule_options schedule;

	if (th == NULL)
		return NULL;
	th->loop = loop;
	th->vault = vault;
	th->timeout_ms = options->timeout_ms;
	kv_silence_init(&th->silence, kv_clock_mono_ms());
	th->is_patient = true;
	th->max_inflight = options->max_inflight > 0 ? options->max_inflight : KV_THROTTLE_MOST_INFLIGHT;
	schedule = (struct kv_schedule_options){ .rate = options->rate,
		.share = options->share,
		.max_inflight = th->max_inflight,
		.is_hsm = options->is_hsm,
		.member = options->total != NULL ? &th->member : NULL };
	th->schedule = kv_schedule_new(&schedule, kv_clock_mono_ms());
	if (th->schedule == NULL) {
		free(th);
		return NULL;
	}
	kv_timer_init(&th->turn, loop, take_turn, th);
	if (options->total != NULL)
		kv_total_join(options->total, &th->member, take_turn, excuse, th);
	return th;
}

void
kv_throttle_free(struct kv_throttle *th)
{
	if (th == NULL)
		return;
	while (!LIST_EMPTY(&th->all))
		kv_throttle_cancel(LIST_FIRST(&th->all));
	kv_total_leave(&th->member);
	kv_timer_stop(&th->turn);
	kv_schedule_free(th->schedule);
	free(th);
}
