/*
 * Pacing, order and repetition of calls.
 *
 * A ticket is QUEUED (in the list of its priority and bucket), SENT (an attempt is under way) or
 * RESTING (its attempt failed; its timer puts it back). From its first attempt on a deadline runs.
 *
 * Each class of requests has a bucket (cache/bucket) that says when the next one may go. A 5xx or a
 * broken connection is its request's own affair; only when more than half of the last 20 attempts
 * failed do all buckets close, and probe until the vault serves again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cache/audit.h"
#include "cache/bucket.h"
#include "cache/throttle.h"
#include "client/clock.h"
#include "client/log.h"
#include "client/loop.h"

#define MODULE		 "throttle"
#define PRIORITIES	 (KV_METADATA + 1)
#define BUCKETS		 3
#define SHARE		 0.5
#define RECENT		 20
#define MAX_RESERVED	 4
#define IMPATIENT_MS	 10000
#define TLS_ATTEMPTS	 3
#define RESTORE_ATTEMPTS 5 /* that are answered 500: some servers say so for a name in use */

enum bucket_name { LIGHT, OF_KEYS, OF_RESTORES };

/* Requests per second that leave the vault's other users half of the published limits or more. */
static const double class_rates[BUCKETS] = { [LIGHT] = 200, [OF_KEYS] = 25, [OF_RESTORES] = 10 };

TAILQ_HEAD(queue, kv_ticket);

struct bucket {
	struct kv_bucket pace;
	struct queue queues[PRIORITIES];
};

enum state { QUEUED, SENT, RESTING };

struct kv_ticket {
	struct kv_throttle *throttle;
	TAILQ_ENTRY(kv_ticket) link; /* while QUEUED */
	LIST_ENTRY(kv_ticket) all;
	enum state state;
	enum kv_priority priority;
	struct bucket *bucket;
	bool is_probe, is_quiet;
	struct kv_call call; /* strings and blob are the ticket's own */
	int attempts;
	int64_t mono_deadline; /* 0 before the first attempt */
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
	struct bucket buckets[BUCKETS];
	LIST_HEAD(, kv_ticket) all;
	struct kv_timer turn; /* when the next queued one may go */
	uint32_t recent;      /* the last attempts, 1: failed */
};

static void attempt_done(void *, struct kv_reply *);

/* ---- queues ---- */

static struct queue *
queue_of(struct kv_ticket *t)
{
	return &t->bucket->queues[t->priority];
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
has_queued(const struct bucket *b, int lowest)
{
	for (int p = lowest; p < PRIORITIES; p++)
		if (!TAILQ_EMPTY(&b->queues[p]))
			return true;
	return false;
}

/* ---- buckets ---- */

static enum bucket_name
bucket_name(const struct kv_throttle *th, enum kv_op op, enum kv_type type)
{
	if (th->o.rate > 0)
		return LIGHT;
	if (op == KV_OP_RESTORE)
		return OF_RESTORES;
	return op == KV_OP_BACKUP && type == KV_KEYS ? OF_KEYS : LIGHT;
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
	if (reply->err != 0 && !t->is_quiet && th->is_patient)
		kv_audit_failure(th->vault, &t->call, reply, NULL);
	if (t->call.op == KV_OP_BACKUP || t->call.op == KV_OP_RESTORE)
		kv_audit_sent(th->vault, &t->call, reply,
		    reply->blob != NULL	     ? reply->blob->len :
			t->call.blob != NULL ? t->call.blob->len :
					       0);
	t->done(t->arg, reply);
	free_ticket(t);
}

/* The ticket ends without an attempt of its own: with what the last one said, or a time-out. */
static void
give_up(struct kv_ticket *t)
{
	struct kv_reply reply = t->last;

	if (t->attempts == 0 || reply.err == 0)
		reply = (struct kv_reply){ .err = -ETIMEDOUT, .retry_after_ms = -1 };
	reply.why = reply.status == 429 ? "the vault's limit was reached until the time-out" :
					  "no success until the time-out";
	complete(t, &reply);
}

/* Nobody waits for the attempt under way any more; what was sent is sent. */
static void
abandon_attempt(struct kv_ticket *t)
{
	kv_vault_cancel(t->attempt);
	t->throttle->n_sent--;
	if (t->is_probe)
		kv_bucket_close(&t->bucket->pace, kv_clock_mono_ms());
	kv_timer_set(&t->throttle->turn, 0);
}

/* Of a ticket that was never sent the time without progress counts, and all progress is its bucket's. */
static void
deadline_over(void *arg)
{
	struct kv_ticket *t = arg;
	const int64_t idle_ms = kv_clock_mono_ms() - t->bucket->pace.mono_served;

	if (t->attempts == 0 && idle_ms < t->throttle->o.timeout_ms) {
		kv_timer_set(&t->deadline, t->throttle->o.timeout_ms - idle_ms);
		return;
	}
	if (t->state == QUEUED)
		take_out(t);
	if (t->state == SENT) {
		abandon_attempt(t);
		if (t->last.err == 0 || t->call.op == KV_OP_RESTORE)
			t->last =
			    (struct kv_reply){ .err = -ETIMEDOUT, .retry_after_ms = -1, .was_sent = true };
	}
	give_up(t);
}

static void
rested(void *arg)
{
	struct kv_ticket *t = arg;

	put_last(t);
	kv_timer_set(&t->throttle->turn, 0);
}

static bool
is_worth_another(const struct kv_ticket *t, const struct kv_reply *reply)
{
	const bool has_answer = reply->status != 0;

	if (reply->err == 0)
		return false;
	if (has_answer && !reply->is_of_token)
		return kv_err_is_passing(reply->status) &&
		    (t->call.op != KV_OP_RESTORE || reply->status != 500 || t->attempts < RESTORE_ATTEMPTS);
	if (t->call.op == KV_OP_RESTORE && reply->was_sent)
		return false;
	switch (reply->err) {
	case -EIO:
	case -EBUSY:
	case -ETIMEDOUT:
	case -EHOSTUNREACH:
	case -ECONNREFUSED:
		return t->throttle->is_patient;
	case -EPROTO:
		return t->throttle->is_patient && t->attempts < TLS_ATTEMPTS;
	default:
		return false;
	}
}

static int64_t
rest_ms(const struct kv_ticket *t, const struct kv_reply *reply)
{
	static const uint32_t most_ms[] = { 100, 400, 1600, 6400, 16000 };
	const int n = sizeof(most_ms) / sizeof(most_ms[0]);
	const int64_t ms = arc4random_uniform(most_ms[t->attempts <= n ? t->attempts - 1 : n - 1]) + 1;

	return reply->retry_after_ms > ms ? reply->retry_after_ms : ms;
}

static int64_t
timeout_ms(const struct kv_throttle *th)
{
	return !th->is_patient && th->o.timeout_ms > IMPATIENT_MS ? IMPATIENT_MS : th->o.timeout_ms;
}

static void
close_all_if_failing(struct kv_throttle *th, bool has_failed, int64_t mono_now)
{
	th->recent = ((th->recent << 1) | has_failed) & (((uint32_t)1 << RECENT) - 1);
	if (__builtin_popcount(th->recent) <= RECENT / 2)
		return;
	for (int i = 0; i < BUCKETS; i++)
		if (!th->buckets[i].pace.is_closed)
			kv_bucket_close(&th->buckets[i].pace, mono_now);
}

/* What an attempt's end says about the bucket and the vault. */
static void
learn(struct kv_ticket *t, const struct kv_reply *reply, int64_t mono_now)
{
	struct kv_throttle *th = t->throttle;
	struct kv_bucket *pace = &t->bucket->pace;
	const bool is_down = reply->err != 0 && (reply->status == 0 || kv_err_is_passing(reply->status));

	if (reply->status == 429) {
		kv_bucket_limited(pace, reply->retry_after_ms, mono_now);
		return;
	}
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
	kv_timer_set(&th->turn, 0);
	ms = reply->err != 0 && reply->status != 429 ? rest_ms(t, reply) : 0;
	if (!is_worth_another(t, reply) || mono_now + ms >= t->mono_deadline) {
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
		put_first(t); /* the bucket is closed: it is the probe */
	} else {
		t->state = RESTING;
		kv_timer_set(&t->rest, ms);
	}
}

static void
send_attempt(struct kv_ticket *t)
{
	struct kv_throttle *th = t->throttle;
	int err;

	t->is_probe = kv_bucket_take(&t->bucket->pace);
	t->state = SENT;
	th->n_sent++;
	if (t->attempts++ == 0) {
		t->mono_deadline = kv_clock_mono_ms() + timeout_ms(th);
		kv_timer_set(&t->deadline, timeout_ms(th));
	}
	err = kv_vault_send(th->vault, &t->call, attempt_done, t, &t->attempt);
	if (err != 0) {
		struct kv_reply reply = { .err = err, .retry_after_ms = -1, .why = strerror(-err) };

		attempt_done(t, &reply);
	}
}

/*
 * The first ticket of the highest priority, not below lowest, whose bucket lets it go. NULL: *wait_ms
 * until one does, -1 where no timer can tell.
 */
static struct kv_ticket *
next_ticket(struct kv_throttle *th, int lowest, int64_t *wait_ms)
{
	const int64_t mono_now = kv_clock_mono_ms();
	int64_t waits[BUCKETS];

	*wait_ms = -1;
	for (int i = 0; i < BUCKETS; i++) {
		struct bucket *b = &th->buckets[i];

		waits[i] = has_queued(b, lowest) ? kv_bucket_wait_ms(&b->pace, mono_now) : -1;
		if (waits[i] >= 0 && (*wait_ms < 0 || waits[i] < *wait_ms))
			*wait_ms = waits[i];
	}
	for (int p = PRIORITIES - 1; p >= lowest; p--)
		for (int i = 0; i < BUCKETS; i++)
			if (waits[i] == 0 && !TAILQ_EMPTY(&th->buckets[i].queues[p]))
				return TAILQ_FIRST(&th->buckets[i].queues[p]);
	return NULL;
}

/* The last places are for metadata: ls must answer while all reads hang. */
static int
lowest_priority(const struct kv_throttle *th)
{
	const int reserved = th->o.max_inflight / 8 < MAX_RESERVED ? th->o.max_inflight / 8 : MAX_RESERVED;

	if (th->n_sent < th->o.max_inflight - reserved)
		return 0;
	return th->n_sent < th->o.max_inflight ? KV_METADATA : PRIORITIES;
}

static void
take_turn(void *arg)
{
	struct kv_throttle *th = arg;
	struct kv_ticket *t;
	int64_t wait_ms;

	while ((t = next_ticket(th, lowest_priority(th), &wait_ms)) != NULL) {
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
	int err;

	*ticket = NULL;
	if (t == NULL)
		return -ENOMEM;
	t->throttle = th;
	t->priority = priority;
	t->is_quiet = quiet;
	t->done = done;
	t->arg = arg;
	t->bucket = &th->buckets[bucket_name(th, call->op, call->type)];
	kv_timer_init(&t->rest, th->loop, rested, t);
	kv_timer_init(&t->deadline, th->loop, deadline_over, t);
	LIST_INSERT_HEAD(&th->all, t, all);
	err = copy_call(&t->call, call);
	if (err != 0) {
		free_ticket(t);
		return err;
	}
	put_last(t);
	kv_timer_set(&t->deadline, th->o.timeout_ms);
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
	return th->buckets[bucket_name(th, op, type)].pace.rate;
}

void
kv_throttle_set_patient(struct kv_throttle *th, bool is_patient)
{
	th->is_patient = is_patient;
}

struct kv_vault *
kv_throttle_vault(const struct kv_throttle *th)
{
	return th->vault;
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
	for (int i = 0; i < BUCKETS; i++) {
		kv_bucket_init(&th->buckets[i].pace, options->rate > 0 ? options->rate : class_rates[i],
		    SHARE, kv_clock_mono_ms());
		for (int p = 0; p < PRIORITIES; p++)
			TAILQ_INIT(&th->buckets[i].queues[p]);
	}
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
