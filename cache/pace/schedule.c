/*
 * The schedule: queues, and which entry may be sent.
 *
 *	(out) -> queued -> in flight -> (out) -> queued …
 *	             `-> (out)
 *
 * Invariants:
 *	an entry is queued or in flight, never both; a queued one is in the queue of its class and priority
 *	n_in_flight is the sum over all classes, and at most max_inflight
 *	a probe is in flight only in a class that is probing
 */
#include <assert.h>
#include <stdlib.h>

#include "cache/pace/bucket.h"
#include "cache/pace/schedule.h"

#define RECENT	     20
#define MAX_RESERVED 4
#define REST_MS	     KV_BUCKET_IDLE_MS

/*
 * Starting rates, requests per second. The service allows 400 (documentation, "Key Vault service limits"),
 * but 50 for 4096-bit keys (25 in an HSM), and less for creations. A Managed HSM allows ten backups or
 * restores ("Managed HSM scaling guidance").
 */
static const struct {
	const char *name;
	double start, hsm_start;
} class_rates[KV_SCHEDULE_CLASSES] = {
	[KV_PACE_LIGHT] = { "light", 200, 50 },
	[KV_PACE_KEYS] = { "keys", 25, 5 },
	[KV_PACE_RESTORES] = { "restores", 10, 5 },
};
#define CEILING 200 /* half of the service's highest limit */

TAILQ_HEAD(queue, kv_schedule_entry);

struct class
{
	struct kv_bucket bucket;
	struct kv_window window;
	struct queue queues[KV_PRIORITIES];
	int64_t mono_rested; /* no prefetch is sent before this */
};

struct kv_schedule {
	struct kv_schedule_options o;
	struct class classes[KV_SCHEDULE_CLASSES];
	int n_in_flight;
	uint32_t recent; /* one bit per attempt, 1: the vault was down */
};

/* ---- classes ---- */

int
kv_schedule_class(const struct kv_schedule *s, enum kv_op op, enum kv_type type)
{
	if (s->o.rate > 0)
		return KV_PACE_LIGHT;
	return (int)(type == KV_KEYS ? kv_operation(op)->pace_of_keys : kv_operation(op)->pace);
}

int
kv_schedule_classes(const struct kv_schedule *s)
{
	return s->o.rate > 0 ? 1 : KV_SCHEDULE_CLASSES;
}

const char *
kv_schedule_class_name(const struct kv_schedule *s, int class)
{
	return s->o.rate > 0 ? "all" : class_rates[class].name;
}

struct kv_bucket *
kv_schedule_bucket(struct kv_schedule *s, int class)
{
	return &s->classes[class].bucket;
}

const struct kv_window *
kv_schedule_window(const struct kv_schedule *s, int class)
{
	return &s->classes[class].window;
}

/* ---- queues ---- */

static struct queue *
queue_of(struct kv_schedule *s, const struct kv_schedule_entry *e)
{
	return &s->classes[e->class].queues[e->priority];
}

static void
put_last(struct kv_schedule *s, struct kv_schedule_entry *e)
{
	e->is_queued = true;
	TAILQ_INSERT_TAIL(queue_of(s, e), e, link);
}

void
kv_schedule_add(struct kv_schedule *s, struct kv_schedule_entry *e, enum kv_op op, enum kv_type type,
    enum kv_priority priority)
{
	e->class = kv_schedule_class(s, op, type);
	e->priority = priority;
	put_last(s, e);
}

void
kv_schedule_put_back(struct kv_schedule *s, struct kv_schedule_entry *e)
{
	e->is_queued = true;
	TAILQ_INSERT_HEAD(queue_of(s, e), e, link);
}

void
kv_schedule_remove(struct kv_schedule *s, struct kv_schedule_entry *e)
{
	e->is_queued = false;
	TAILQ_REMOVE(queue_of(s, e), e, link);
}

void
kv_schedule_raise(struct kv_schedule *s, struct kv_schedule_entry *e, enum kv_priority priority)
{
	const bool is_queued = e->is_queued;

	if (priority <= e->priority)
		return;
	if (is_queued)
		kv_schedule_remove(s, e);
	e->priority = priority;
	if (is_queued)
		put_last(s, e);
}

static bool
has_queued(const struct class *c, int lowest)
{
	for (int p = lowest; p < KV_PRIORITIES; p++)
		if (!TAILQ_EMPTY(&c->queues[p]))
			return true;
	return false;
}

int
kv_schedule_queued(const struct kv_schedule *s, int class)
{
	const struct kv_schedule_entry *e;
	int n = 0;

	for (int p = 0; p < KV_PRIORITIES; p++)
		TAILQ_FOREACH(e, &s->classes[class].queues[p], link)
			n++;
	return n;
}

int
kv_schedule_in_flight(const struct kv_schedule *s)
{
	return s->n_in_flight;
}

/* ---- which entry may be sent ---- */

/*
 * The lowest priority of a class that the in-flight limits allow to be sent, or KV_PRIORITIES for none.
 * *wait_ms: time until the window has a slot for lower ones, -1 if that depends on an answer.
 */
static int
lowest_priority(const struct kv_schedule *s, struct class *c, int64_t mono_now, int64_t *wait_ms)
{
	const int reserved = s->o.max_inflight / 8 < MAX_RESERVED ? s->o.max_inflight / 8 : MAX_RESERVED;

	*wait_ms = -1;
	if (s->n_in_flight >= s->o.max_inflight)
		return KV_PRIORITIES;
	if (s->n_in_flight >= s->o.max_inflight - reserved)
		return KV_METADATA;
	*wait_ms = kv_window_wait_ms(&c->window, c->bucket.rate, mono_now);
	return *wait_ms == 0 ? 0 : KV_METADATA;
}

/* How long prefetches still pause; 0 or less: they do not. */
static int64_t
rest_ms(struct class *c, int64_t mono_now)
{
	int64_t wait_ms;

	if (c->mono_rested <= mono_now && !TAILQ_EMPTY(&c->queues[KV_AHEAD]) &&
	    !has_queued(c, KV_AHEAD + 1)) {
		wait_ms = kv_bucket_wait_ms(&c->bucket, mono_now);
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

static void
send(struct kv_schedule *s, struct kv_schedule_entry *e, int64_t mono_now)
{
	struct class *c = &s->classes[e->class];

	kv_schedule_remove(s, e);
	e->is_in_flight = true;
	e->is_probe = kv_bucket_take(&c->bucket, mono_now);
	if (s->o.member != NULL)
		e->is_total_probe = kv_total_take(s->o.member, e->class, mono_now);
	kv_window_enter(&c->window, &e->slot, mono_now);
	s->n_in_flight++;
}

struct kv_schedule_entry *
kv_schedule_next(struct kv_schedule *s, int64_t mono_now, int64_t *wait_ms)
{
	int lowest[KV_SCHEDULE_CLASSES];
	int64_t waits[KV_SCHEDULE_CLASSES];

	*wait_ms = -1;
	for (int i = 0; i < KV_SCHEDULE_CLASSES; i++) {
		struct class *c = &s->classes[i];
		int64_t slot_ms, left_ms;

		lowest[i] = lowest_priority(s, c, mono_now, &slot_ms);
		if (lowest[i] == KV_AHEAD && (left_ms = rest_ms(c, mono_now)) > 0) {
			lowest[i] = KV_AHEAD + 1;
			slot_ms = left_ms;
		}
		waits[i] = has_queued(c, lowest[i]) ? kv_bucket_wait_ms(&c->bucket, mono_now) : -1;
		if (waits[i] == 0 && s->o.member != NULL && !kv_total_may_send(s->o.member, i, mono_now))
			waits[i] = -1;
		*wait_ms = sooner(*wait_ms, waits[i]);
		if (slot_ms > 0 && has_queued(c, 0))
			*wait_ms = sooner(*wait_ms, slot_ms);
	}
	for (int p = KV_PRIORITIES - 1; p >= 0; p--)
		for (int i = 0; i < KV_SCHEDULE_CLASSES; i++)
			if (waits[i] == 0 && p >= lowest[i] && !TAILQ_EMPTY(&s->classes[i].queues[p])) {
				struct kv_schedule_entry *e = TAILQ_FIRST(&s->classes[i].queues[p]);

				send(s, e, mono_now);
				return e;
			}
	return NULL;
}

/* ---- outcomes ---- */

bool
kv_schedule_is_paused(const struct kv_schedule *s)
{
	return __builtin_popcount(s->recent) > RECENT / 2;
}

static void
close_all_if_down(struct kv_schedule *s, bool is_down, int64_t mono_now)
{
	s->recent = ((s->recent << 1) | is_down) & (((uint32_t)1 << RECENT) - 1);
	if (!kv_schedule_is_paused(s))
		return;
	for (int i = 0; i < KV_SCHEDULE_CLASSES; i++)
		if (!s->classes[i].bucket.is_closed)
			kv_bucket_close(&s->classes[i].bucket, mono_now);
}

enum kv_outcome
kv_schedule_outcome(const struct kv_reply *reply)
{
	if (reply->status == 429)
		return KV_LIMITED;
	return reply->err != 0 && (reply->status == 0 || kv_err_is_temporary(reply->status)) ? KV_DOWN :
											       KV_SERVED;
}

void
kv_schedule_ended(struct kv_schedule *s, struct kv_schedule_entry *e, enum kv_outcome outcome,
    int64_t retry_after_ms, int64_t mono_now)
{
	struct class *c = &s->classes[e->class];
	const bool is_common = s->o.member != NULL &&
	    kv_total_ended(
		s->o.member, e->class, outcome, e->is_total_probe, e->slot.mono_sent, retry_after_ms);

	e->is_in_flight = e->is_total_probe = false;
	s->n_in_flight--;
	kv_window_leave(&c->window, &e->slot, outcome == KV_SERVED || outcome == KV_LIMITED, mono_now);
	if (outcome == KV_SERVED || outcome == KV_DOWN)
		close_all_if_down(s, outcome == KV_DOWN, mono_now);
	if (is_common) {
		if (e->is_probe)
			kv_bucket_excuse(&c->bucket, mono_now);
	} else if (outcome == KV_LIMITED) {
		kv_bucket_limited(&c->bucket, e->slot.mono_sent, retry_after_ms, mono_now);
	} else if (outcome == KV_SERVED) {
		if (e->is_probe)
			s->recent = 0;
		kv_bucket_served(&c->bucket, e->is_probe, mono_now);
	} else if (e->is_probe) {
		kv_bucket_close(&c->bucket, mono_now);
	}
	e->is_probe = false;
}

void
kv_schedule_excuse(struct kv_schedule *s, int64_t mono_now)
{
	for (int i = 0; i < KV_SCHEDULE_CLASSES; i++)
		kv_bucket_excuse(&s->classes[i].bucket, mono_now);
}

void
kv_schedule_start(int class, struct kv_schedule_start *start)
{
	*start = (struct kv_schedule_start){ class_rates[class].name, class_rates[class].start, CEILING };
}

/* ---- checking, creating, freeing ---- */

static int
check_queues(const struct class *c, int class)
{
	const struct kv_schedule_entry *e;
	int n = 0;

	for (int p = 0; p < KV_PRIORITIES; p++)
		TAILQ_FOREACH(e, &c->queues[p], link) {
			assert(e->is_queued && !e->is_in_flight && !e->is_probe);
			assert(e->class == class && (int)e->priority == p);
			n++;
		}
	return n;
}

void
kv_schedule_check(const struct kv_schedule *s)
{
	int n_in_flight = 0;

	for (int i = 0; i < KV_SCHEDULE_CLASSES; i++) {
		const struct class *c = &s->classes[i];

		assert(check_queues(c, i) == 0 || i < kv_schedule_classes(s));
		kv_bucket_check(&c->bucket);
		kv_window_check(&c->window);
		n_in_flight += c->window.n_slots + c->window.n_hung;
	}
	assert(n_in_flight == s->n_in_flight);
	assert(s->n_in_flight >= 0 && s->n_in_flight <= s->o.max_inflight);
}

static void
init_class(struct kv_schedule *s, int i, int64_t mono_now)
{
	struct class *c = &s->classes[i];
	const double start = s->o.is_hsm ? class_rates[i].hsm_start : class_rates[i].start;

	if (s->o.rate > 0)
		kv_bucket_init(&c->bucket, s->o.rate, s->o.rate, s->o.share, mono_now);
	else
		kv_bucket_init(&c->bucket, start, CEILING, s->o.share, mono_now);
	kv_window_init(&c->window, mono_now);
	for (int p = 0; p < KV_PRIORITIES; p++)
		TAILQ_INIT(&c->queues[p]);
}

struct kv_schedule *
kv_schedule_new(const struct kv_schedule_options *options, int64_t mono_now)
{
	struct kv_schedule *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->o = *options;
	for (int i = 0; i < KV_SCHEDULE_CLASSES; i++)
		init_class(s, i, mono_now);
	return s;
}

void
kv_schedule_free(struct kv_schedule *s)
{
	free(s);
}
