/*
 * Pacing, order and repetition of calls.
 *
 * A ticket is QUEUED (in the list of its priority and bucket), SENT (an attempt is under way) or
 * RESTING (its attempt failed; its timer puts it back). From its first attempt on a deadline runs.
 *
 * Each class of requests has a bucket (cache/pace/bucket) that says when the next one may go, and a window
 * (cache/pace/window) that says how many may be under way. Metadata needs no place in the window, and a few
 * of the places that there are in all are kept for it. A 5xx or a broken connection is its request's
 * own affair; only when more than half of the last 20 attempts failed do all buckets close, and probe
 * until the vault serves again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "client/vault/audit.h"
#include "cache/pace/bucket.h"
#include "cache/pace/retry.h"
#include "cache/pace/throttle.h"
#include "cache/pace/window.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/loop.h"

#define MODULE	     "throttle"
#define PRIORITIES   (KV_METADATA + 1)
#define CLASSES	     3
#define RECENT	     20
#define MAX_RESERVED 4
#define IMPATIENT_MS 10000
#define REST_MS	     20

/*
 * Requests per second at the start. The service allows 400 (documentation, "Key Vault service limits"),
 * of keys with 4096 bits 50 and in an HSM 25, creations less. A Managed HSM allows ten backups or
 * restores ("Managed HSM scaling guidance").
 */
static const struct {
	const char *name;
	double start, hsm_start;
} class_rates[CLASSES] = {
	[KV_PACE_LIGHT] = { "light", 200, 200 },
	[KV_PACE_KEYS] = { "keys", 25, 5 },
	[KV_PACE_RESTORES] = { "restores", 10, 5 },
};
#define CEILING 200 /* half of what the service allows at most */

TAILQ_HEAD(queue, kv_ticket);

struct class
{
	struct kv_bucket pace;
	struct kv_window window;
	struct queue queues[PRIORITIES];
	int64_t mono_rested; /* nothing is sent ahead before */
	bool is_limited;     /* closed by a 429; the log has said so */
};

enum state { QUEUED, SENT, RESTING };

struct kv_ticket {
	struct kv_throttle *throttle;
	TAILQ_ENTRY(kv_ticket) link; /* while QUEUED */
	LIST_ENTRY(kv_ticket) all;
	enum state state;
	enum kv_priority priority;
	struct class *class;
	struct kv_window_place place; /* while SENT */
	bool is_probe, is_quiet;
	struct kv_call call; /* strings and blob are the ticket's own */
	int attempts;
	int64_t mono_deadline; /* 0 before the first attempt of a call that has none of its own */
	struct kv_reply last;  /* of the last attempt that failed */
	struct kv_vault_call *attempt;
	struct kv_timer rest, deadline;
	kv_vault_done *done;
	void *arg;
};

struct kv_throttle {
	struct kv_loop *loop;
	struct kv_vault *vault;
	struct kv_throttle_options o;
	bool is_patient;
	int n_sent;
	struct class classes[CLASSES];
	LIST_HEAD(, kv_ticket) all;
	struct kv_timer turn; /* when the next queued one may go */
	uint32_t recent;      /* the last attempts, 1: failed */
	int down_err;	      /* of the last one that failed */
	bool is_paused;	      /* the log has said so */
};

static void attempt_done(void *, struct kv_reply *);

/* ---- queues ---- */

static struct queue *
queue_of(struct kv_ticket *t)
{
	return &t->class->queues[t->priority];
}

static void
put_last(struct kv_ticket *t)
{
	t->state = QUEUED;
	TAILQ_INSERT_TAIL(queue_of(t), t, link);
}

static void
put_first(struct kv_ticket *t)
{
	t->state = QUEUED;
	TAILQ_INSERT_HEAD(queue_of(t), t, link);
}

static void
take_out(struct kv_ticket *t)
{
	TAILQ_REMOVE(queue_of(t), t, link);
}

static bool
has_queued(const struct class *c, int lowest)
{
	for (int p = lowest; p < PRIORITIES; p++)
		if (!TAILQ_EMPTY(&c->queues[p]))
			return true;
	return false;
}

/* ---- classes ---- */

static int
class_of(const struct kv_throttle *th, enum kv_op op, enum kv_type type)
{
	if (th->o.rate > 0)
		return KV_PACE_LIGHT;
	return (int)(type == KV_KEYS ? kv_operation(op)->pace_of_keys : kv_operation(op)->pace);
}

/* ---- tickets ---- */

static void
free_ticket(struct kv_ticket *t)
{
	kv_timer_stop(&t->rest);
	kv_timer_stop(&t->deadline);
	LIST_REMOVE(t, all);
	free((char *)(uintptr_t)t->call.name);
	free((char *)(uintptr_t)t->call.next_link);
	kv_blob_unref(t->call.blob);
	free(t);
}

static void
complete(struct kv_ticket *t, struct kv_reply *reply)
{
	struct kv_throttle *th = t->throttle;

	reply->attempts = t->attempts;
	reply->mono_deadline = t->mono_deadline != 0 ? t->mono_deadline : kv_clock_mono_ms();
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

/* What kept a ticket from being sent until its time was over: what closed its class, or the others before it. */
static int
reason_not_sent(const struct kv_ticket *t)
{
	const struct kv_bucket *pace = &t->class->pace;

	return !pace->is_closed ? -ETIMEDOUT : pace->is_limited ? -EBUSY : t->throttle->down_err;
}

/* The ticket ends without an attempt of its own: with what the last one said, or why there was none. */
static void
give_up(struct kv_ticket *t)
{
	struct kv_reply reply = t->last;

	if (t->attempts == 0 || reply.err == 0)
		reply = (struct kv_reply){ .err = t->attempts == 0 ? reason_not_sent(t) : -ETIMEDOUT,
			.retry_after_ms = -1 };
	reply.why = reply.err == -EBUSY ? "the vault's limit was reached until the time-out" :
					  "no success until the time-out";
	complete(t, &reply);
}

/* Nobody waits for the attempt under way any more; what was sent is sent. */
static void
abandon_attempt(struct kv_ticket *t)
{
	const int64_t mono_now = kv_clock_mono_ms();

	kv_vault_cancel(t->attempt);
	t->throttle->n_sent--;
	kv_window_leave(&t->class->window, &t->place, false, mono_now);
	if (t->is_probe)
		kv_bucket_close(&t->class->pace, mono_now);
	kv_timer_set(&t->throttle->turn, 0);
}

static int64_t
timeout_ms(const struct kv_throttle *th)
{
	return !th->is_patient && th->o.timeout_ms > IMPATIENT_MS ? IMPATIENT_MS : th->o.timeout_ms;
}

/*
 * Of a ticket that was never sent the time without progress counts, and all progress is its class's; but
 * one that has a deadline of its own keeps it, because somebody has been waiting since before.
 */
static void
deadline_over(void *arg)
{
	struct kv_ticket *t = arg;
	const int64_t idle_ms = kv_clock_mono_ms() - t->class->pace.mono_served;

	if (t->mono_deadline == 0 && idle_ms < t->throttle->o.timeout_ms) {
		kv_timer_set(&t->deadline, t->throttle->o.timeout_ms - idle_ms);
		return;
	}
	if (t->state == SENT && !t->throttle->is_patient) { /* a token may take longer, az starts slowly */
		const int64_t sent_ms = kv_vault_sent_ms(t->attempt);

		if (sent_ms < timeout_ms(t->throttle)) {
			t->mono_deadline = kv_clock_mono_ms() + timeout_ms(t->throttle) - sent_ms;
			kv_timer_set(&t->deadline, timeout_ms(t->throttle) - sent_ms);
			return;
		}
	}
	if (t->state == QUEUED)
		take_out(t);
	if (t->state == SENT) {
		abandon_attempt(t);
		if (t->last.err == 0 || kv_operation(t->call.op)->is_once)
			t->last =
			    (struct kv_reply){ .err = -ETIMEDOUT, .retry_after_ms = -1, .was_sent = true };
	}
	give_up(t);
}

static void
rested(void *arg)
{
	struct kv_ticket *t = arg;

	put_first(t); /* a reader comes to it soonest, and the queue of the read-ahead is seconds long */
	kv_timer_set(&t->throttle->turn, 0);
}

bool
kv_throttle_is_paused(const struct kv_throttle *th)
{
	return __builtin_popcount(th->recent) > RECENT / 2;
}

static void
close_all_if_failing(struct kv_throttle *th, bool has_failed, int64_t mono_now)
{
	th->recent = ((th->recent << 1) | has_failed) & (((uint32_t)1 << RECENT) - 1);
	if (!kv_throttle_is_paused(th))
		return;
	for (int i = 0; i < CLASSES; i++)
		if (!th->classes[i].pace.is_closed)
			kv_bucket_close(&th->classes[i].pace, mono_now);
}

static const char *
class_name(const struct kv_throttle *th, const struct class *c)
{
	return th->o.rate > 0 ? "all" : class_rates[c - th->classes].name;
}

/* A class that closes because of a 429 or opens again, and a vault that is only probed, are a line each. */
static void
say_what_changed(struct kv_throttle *th, struct class *c)
{
	const bool is_limited = c->pace.is_closed && c->pace.is_limited;

	if (!th->is_patient)
		return;
	if (is_limited != c->is_limited)
		kv_audit_class(th->vault, class_name(th, c), is_limited, c->pace.rate);
	if (kv_throttle_is_paused(th) != th->is_paused)
		kv_audit_pause(th->vault, !th->is_paused, th->down_err);
	c->is_limited = is_limited;
	th->is_paused = kv_throttle_is_paused(th);
}

/* What an attempt's end says about its class and the vault. */
static void
learn(struct kv_ticket *t, const struct kv_reply *reply, int64_t mono_now)
{
	struct kv_throttle *th = t->throttle;
	struct kv_bucket *pace = &t->class->pace;
	const bool is_down = reply->err != 0 && (reply->status == 0 || kv_err_is_passing(reply->status));

	kv_window_leave(&t->class->window, &t->place, !is_down, mono_now);
	if (reply->status == 429) {
		kv_bucket_limited(pace, t->place.mono_sent, reply->retry_after_ms, mono_now);
		return;
	}
	if (is_down)
		th->down_err = reply->err;
	close_all_if_failing(th, is_down, mono_now);
	if (!is_down) {
		if (t->is_probe)
			th->recent = 0;
		kv_bucket_served(pace, t->is_probe, mono_now);
	} else if (t->is_probe) {
		kv_bucket_close(pace, mono_now);
	}
}

static void
attempt_done(void *arg, struct kv_reply *reply)
{
	struct kv_ticket *t = arg;
	struct kv_throttle *th = t->throttle;
	const int64_t mono_now = kv_clock_mono_ms();
	int64_t ms;

	t->attempt = NULL;
	th->n_sent--;
	learn(t, reply, mono_now);
	say_what_changed(th, t->class);
	kv_timer_set(&th->turn, 0);
	ms = reply->err != 0 && reply->status != 429 ? kv_retry_rest_ms(reply, t->attempts) : 0;
	if (!kv_retry_is_worth(&t->call, reply, t->attempts, th->is_patient) ||
	    mono_now + ms >= t->mono_deadline) {
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
		put_first(t); /* while the bucket is closed it is the probe */
	} else {
		t->state = RESTING;
		kv_timer_set(&t->rest, ms);
	}
}

static void
send_attempt(struct kv_ticket *t)
{
	struct kv_throttle *th = t->throttle;
	const int64_t mono_now = kv_clock_mono_ms();
	int err;

	t->is_probe = kv_bucket_take(&t->class->pace, mono_now);
	kv_window_enter(&t->class->window, &t->place, mono_now);
	t->state = SENT;
	th->n_sent++;
	if (t->attempts++ == 0 && t->mono_deadline == 0) {
		t->mono_deadline = mono_now + timeout_ms(th);
		kv_timer_set(&t->deadline, timeout_ms(th));
	}
	err = kv_vault_send(th->vault, &t->call, attempt_done, t, &t->attempt);
	if (err != 0) {
		struct kv_reply reply = { .err = err, .retry_after_ms = -1, .why = strerror(-err) };

		attempt_done(t, &reply);
	}
}

/*
 * What may go of a class as far as places are concerned: its lowest priority, or PRIORITIES for nothing.
 * The last places are for metadata: ls must answer while all reads hang. *wait_ms: until the window has
 * a place for the others, -1 where no timer can tell.
 */
static int
lowest_priority(const struct kv_throttle *th, struct class *c, int64_t *wait_ms)
{
	const int reserved = th->o.max_inflight / 8 < MAX_RESERVED ? th->o.max_inflight / 8 : MAX_RESERVED;

	*wait_ms = -1;
	if (th->n_sent >= th->o.max_inflight)
		return PRIORITIES;
	if (th->n_sent >= th->o.max_inflight - reserved)
		return KV_METADATA;
	*wait_ms = kv_window_wait_ms(&c->window, c->pace.rate, kv_clock_mono_ms());
	return *wait_ms == 0 ? 0 : KV_METADATA;
}

/*
 * What nobody waits for goes in batches: once the pace is used up it rests, for more to be saved up. The
 * answers come together then, and the loop and the program that reads wake less often (measured: 13 % less
 * processor time for an archive at 400 a second). Below 50 a second each goes alone anyway. How long it
 * still rests; 0 or less: it does not.
 */
static int64_t
rest_ms(struct class *c, int64_t mono_now)
{
	int64_t wait_ms;

	if (c->mono_rested <= mono_now && !TAILQ_EMPTY(&c->queues[KV_AHEAD]) &&
	    !has_queued(c, KV_AHEAD + 1)) {
		wait_ms = kv_bucket_wait_ms(&c->pace, mono_now);
		if (wait_ms > 0 && wait_ms < REST_MS)
			c->mono_rested = mono_now + REST_MS;
	}
	return c->mono_rested - mono_now;
}

static int64_t
sooner(int64_t a_ms, int64_t b_ms)
{
	return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

/*
 * The first ticket of the highest priority whose class lets it go. NULL: *wait_ms until one does, -1
 * where no timer can tell.
 */
static struct kv_ticket *
next_ticket(struct kv_throttle *th, int64_t *wait_ms)
{
	int lowest[CLASSES];
	int64_t waits[CLASSES];

	*wait_ms = -1;
	for (int i = 0; i < CLASSES; i++) {
		const int64_t mono_now = kv_clock_mono_ms();
		struct class *c = &th->classes[i];
		int64_t place_ms, left_ms;

		lowest[i] = lowest_priority(th, c, &place_ms);
		if (lowest[i] == KV_AHEAD && (left_ms = rest_ms(c, mono_now)) > 0) {
			lowest[i] = KV_AHEAD + 1;
			place_ms = left_ms;
		}
		waits[i] = has_queued(c, lowest[i]) ? kv_bucket_wait_ms(&c->pace, mono_now) : -1;
		*wait_ms = sooner(*wait_ms, waits[i]);
		if (place_ms > 0 && has_queued(c, 0))
			*wait_ms = sooner(*wait_ms, place_ms);
	}
	for (int p = PRIORITIES - 1; p >= 0; p--)
		for (int i = 0; i < CLASSES; i++)
			if (waits[i] == 0 && p >= lowest[i] && !TAILQ_EMPTY(&th->classes[i].queues[p]))
				return TAILQ_FIRST(&th->classes[i].queues[p]);
	return NULL;
}

static void
take_turn(void *arg)
{
	struct kv_throttle *th = arg;
	struct kv_ticket *t;
	int64_t wait_ms;

	while ((t = next_ticket(th, &wait_ms)) != NULL) {
		take_out(t);
		send_attempt(t);
	}
	if (wait_ms >= 0)
		kv_timer_set(&th->turn, wait_ms);
}

/* ---- the interface ---- */

static int
copy_call(struct kv_call *to, const struct kv_call *from)
{
	*to = *from;
	to->name = from->name != NULL ? strdup(from->name) : NULL;
	to->next_link = from->next_link != NULL ? strdup(from->next_link) : NULL;
	to->blob = from->blob != NULL ? kv_blob_ref(from->blob) : NULL;
	return (from->name == NULL || to->name != NULL) &&
		(from->next_link == NULL || to->next_link != NULL) ?
	    0 :
	    -ENOMEM;
}

int
kv_throttle_send(struct kv_throttle *th, const struct kv_call *call, enum kv_priority priority, bool quiet,
    kv_vault_done *done, void *arg, struct kv_ticket **ticket)
{
	struct kv_ticket *t = calloc(1, sizeof(*t));
	int64_t left_ms;
	int err;

	*ticket = NULL;
	if (t == NULL)
		return -ENOMEM;
	t->throttle = th;
	t->priority = priority;
	t->is_quiet = quiet;
	t->done = done;
	t->arg = arg;
	t->class = &th->classes[class_of(th, call->op, call->type)];
	kv_timer_init(&t->rest, th->loop, rested, t);
	kv_timer_init(&t->deadline, th->loop, deadline_over, t);
	LIST_INSERT_HEAD(&th->all, t, all);
	err = copy_call(&t->call, call);
	if (err != 0) {
		free_ticket(t);
		return err;
	}
	put_last(t);
	t->mono_deadline = call->caller.mono_deadline;
	left_ms = t->mono_deadline != 0 ? t->mono_deadline - kv_clock_mono_ms() : th->o.timeout_ms;
	kv_timer_set(&t->deadline, left_ms > 0 ? left_ms : 0);
	kv_timer_set(&th->turn, 0);
	*ticket = t;
	return 0;
}

void
kv_throttle_raise(struct kv_ticket *t, enum kv_priority priority)
{
	if (priority <= t->priority)
		return;
	if (t->state == QUEUED)
		take_out(t);
	t->priority = priority;
	if (t->state == QUEUED)
		put_last(t);
}

void
kv_throttle_cancel(struct kv_ticket *t)
{
	if (t == NULL)
		return;
	if (t->state == QUEUED)
		take_out(t);
	if (t->state == SENT)
		abandon_attempt(t);
	free_ticket(t);
}

double
kv_throttle_rate(const struct kv_throttle *th, enum kv_op op, enum kv_type type)
{
	return th->classes[class_of(th, op, type)].pace.rate;
}

void
kv_throttle_set_patient(struct kv_throttle *th, bool is_patient)
{
	th->is_patient = is_patient;
}

/* ---- what was learnt ---- */

int
kv_throttle_classes(const struct kv_throttle *th)
{
	return th->o.rate > 0 ? 1 : CLASSES;
}

void
kv_throttle_learnt(const struct kv_throttle *th, int class, struct kv_pace *pace)
{
	const struct kv_bucket *b = &th->classes[class].pace;

	*pace = (struct kv_pace){ .rate = b->rate, .limit = b->limit };
	if (b->limit > 0)
		pace->age_ms = kv_clock_mono_ms() - b->mono_limit;
}

void
kv_throttle_remember(struct kv_throttle *th, int class, const struct kv_pace *pace)
{
	if (th->o.rate > 0)
		return;
	kv_bucket_remember(
	    &th->classes[class].pace, pace->rate, pace->limit, pace->age_ms, kv_clock_mono_ms());
}

void
kv_throttle_state(const struct kv_throttle *th, int class, struct kv_throttle_state *state)
{
	const struct class *c = &th->classes[class];
	const struct kv_ticket *t;

	*state = (struct kv_throttle_state){
		.name = class_name(th, c),
		.rate = c->pace.rate,
		.limit = c->pace.limit,
		.served = kv_bucket_throughput(&c->pace, kv_clock_mono_ms()),
		.is_closed = c->pace.is_closed,
		.in_flight = c->window.n_places + c->window.n_hanging,
		.hanging = c->window.n_hanging,
		.window = kv_window_size(&c->window, c->pace.rate),
		.latency_ms = (int64_t)(c->window.latency_ms + 0.5),
	};
	if (state->window > th->o.max_inflight)
		state->window = th->o.max_inflight;
	for (int p = 0; p < PRIORITIES; p++)
		TAILQ_FOREACH(t, &c->queues[p], link)
			state->queued++;
}

bool
kv_throttle_is_idle(const struct kv_throttle *th)
{
	return LIST_EMPTY(&th->all);
}

/* ---- the whole ---- */

int64_t
kv_throttle_timeout_ms(const struct kv_throttle *th)
{
	return th->o.timeout_ms;
}

struct kv_vault *
kv_throttle_vault(const struct kv_throttle *th)
{
	return th->vault;
}

static void
init_class(struct kv_throttle *th, int i)
{
	struct class *c = &th->classes[i];
	const double start = th->o.is_hsm ? class_rates[i].hsm_start : class_rates[i].start;
	const int64_t mono_now = kv_clock_mono_ms();

	if (th->o.rate > 0)
		kv_bucket_init(&c->pace, th->o.rate, th->o.rate, th->o.share, mono_now);
	else
		kv_bucket_init(&c->pace, start, CEILING, th->o.share, mono_now);
	kv_window_init(&c->window, mono_now);
	for (int p = 0; p < PRIORITIES; p++)
		TAILQ_INIT(&c->queues[p]);
}

struct kv_throttle *
kv_throttle_new(struct kv_loop *loop, struct kv_vault *vault, const struct kv_throttle_options *options)
{
	struct kv_throttle *th = calloc(1, sizeof(*th));

	if (th == NULL)
		return NULL;
	th->loop = loop;
	th->vault = vault;
	th->o = *options;
	th->is_patient = true;
	if (th->o.max_inflight == 0)
		th->o.max_inflight = KV_THROTTLE_MOST_INFLIGHT;
	for (int i = 0; i < CLASSES; i++)
		init_class(th, i);
	kv_timer_init(&th->turn, loop, take_turn, th);
	return th;
}

void
kv_throttle_free(struct kv_throttle *th)
{
	if (th == NULL)
		return;
	while (!LIST_EMPTY(&th->all))
		kv_throttle_cancel(LIST_FIRST(&th->all));
	kv_timer_stop(&th->turn);
	free(th);
}
