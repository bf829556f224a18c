/*
 * Invariants:
 *	a member waits in a class, or not; those that wait are in the queue of the class, in the order of their turns
 *	while members wait in any class, the timer is set, or one of them is being woken
 */
#include <assert.h>
#include <stdlib.h>

#include "cache/pace/bucket.h"
#include "cache/pace/schedule.h"
#include "cache/pace/total.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/loop.h"

#define MODULE	  "total"
#define VAULTS	  2.5  /* half of the service's common limit, in limits of one vault */
#define TOGETHER  3000 /* milliseconds within which 429s of several vaults are the common limit's */
#define ACTIVE_MS 1000
#define PROBE_MS  2000

_Static_assert(KV_TOTAL_CLASSES == KV_SCHEDULE_CLASSES, "a class of a vault is one here");

struct class
{
	const char *name;
	struct kv_bucket bucket;
	TAILQ_HEAD(, kv_total_member) queue;
	const struct kv_total_member *called; /* is being woken, and may take one */
	int64_t mono_probed;
	bool was_closed; /* as last logged */
};

struct kv_total {
	struct class classes[KV_TOTAL_CLASSES];
	int n_classes;
	LIST_HEAD(, kv_total_member) members;
	struct kv_timer timer;
};

/* With one class for all, every class of a vault is that one. */
static int
index_of(const struct kv_total *t, int class)
{
	return class < t->n_classes ? class : 0;
}

/* ---- turns ---- */

static void
leave_queue(struct class *c, struct kv_total_member *m, int i)
{
	if (!m->classes[i].is_waiting)
		return;
	TAILQ_REMOVE(&c->queue, m, classes[i].link);
	m->classes[i].is_waiting = false;
}

/* Milliseconds until a request may be sent; a probe that takes too long is given up. */
static int64_t
wait_ms(struct class *c, int64_t mono_now)
{
	if (c->bucket.is_closed && c->bucket.is_probing) {
		const int64_t left_ms = c->mono_probed + PROBE_MS - mono_now;

		if (left_ms > 0)
			return left_ms;
		kv_bucket_close(&c->bucket, mono_now);
	}
	return kv_bucket_wait_ms(&c->bucket, mono_now);
}

/* Set the timer for the members that wait. */
static void
arm(struct kv_total *t, int64_t mono_now)
{
	int64_t least_ms = -1;

	for (int i = 0; i < t->n_classes; i++) {
		const int64_t ms = TAILQ_EMPTY(&t->classes[i].queue) ? -1 : wait_ms(&t->classes[i], mono_now);

		if (ms >= 0 && (least_ms < 0 || ms < least_ms))
			least_ms = ms;
	}
	if (least_ms >= 0)
		kv_timer_set(&t->timer, least_ms);
}

bool
kv_total_may_send(struct kv_total_member *m, int class, int64_t mono_now)
{
	struct kv_total *t = m->total;
	const int i = index_of(t, class);
	struct class *c = &t->classes[i];

	if ((c->called == m || TAILQ_EMPTY(&c->queue)) && wait_ms(c, mono_now) == 0)
		return true;
	if (!m->classes[i].is_waiting) {
		m->classes[i].is_waiting = true;
		TAILQ_INSERT_TAIL(&c->queue, m, classes[i].link);
	}
	if (c->called == NULL)
		arm(t, mono_now);
	return false;
}

bool
kv_total_take(struct kv_total_member *m, int class, int64_t mono_now)
{
	const int i = index_of(m->total, class);
	struct class *c = &m->total->classes[i];
	const bool is_probe = kv_bucket_take(&c->bucket, mono_now);

	leave_queue(c, m, i);
	c->called = NULL;
	m->classes[i].mono_taken = mono_now;
	if (is_probe)
		c->mono_probed = mono_now;
	return is_probe;
}

/* Wake those whose turn it is. One that does not take its turn has left the queue. */
static void
serve(struct kv_total *t, int i)
{
	struct class *c = &t->classes[i];
	struct kv_total_member *m;

	while ((m = TAILQ_FIRST(&c->queue)) != NULL && wait_ms(c, kv_clock_mono_ms()) == 0) {
		leave_queue(c, m, i);
		c->called = m;
		m->wake(m->arg);
		c->called = NULL;
	}
}

static void
serve_all(void *arg)
{
	struct kv_total *t = arg;

	for (int i = 0; i < t->n_classes; i++)
		serve(t, i);
	arm(t, kv_clock_mono_ms());
}

/* ---- answers ---- */

static void
log_change(struct class *c)
{
	const bool is_closed = c->bucket.is_closed;

	if (is_closed == c->was_closed)
		return;
	c->was_closed = is_closed;
	kv_log_event(KV_LOG_NOTICE, MODULE, "event=%s class=%s rate=%.1f why=%s",
	    is_closed ? "closed" : "reopened", c->name, c->bucket.rate,
	    is_closed ?
		"several vaults answer 429 at the same time: kvfs sends only probes until one is served" :
		"the vaults serve requests again");
}

/* Whether the 429s of the last seconds are those of most vaults that send. */
static bool
is_of_most(const struct kv_total *t, int i, int64_t mono_now)
{
	const struct kv_total_member *m;
	int n_limited = 0, n_active = 0;

	LIST_FOREACH(m, &t->members, all) {
		const bool is_limited =
		    m->classes[i].mono_limited > 0 && mono_now - m->classes[i].mono_limited < TOGETHER;

		n_limited += is_limited;
		n_active += is_limited ||
		    (m->classes[i].mono_taken > 0 && mono_now - m->classes[i].mono_taken < ACTIVE_MS);
	}
	return n_limited >= 2 && 2 * n_limited >= n_active;
}

static void
excuse_all(struct kv_total *t, int i, int64_t mono_now)
{
	struct kv_total_member *m;

	LIST_FOREACH(m, &t->members, all)
		if (m->classes[i].mono_limited > 0 && mono_now - m->classes[i].mono_limited < TOGETHER)
			m->excuse(m->arg);
}

static bool
limited(struct kv_total_member *m, int i, int64_t mono_sent, int64_t retry_after_ms, int64_t mono_now)
{
	struct kv_total *t = m->total;
	struct class *c = &t->classes[i];

	m->classes[i].mono_limited = mono_now;
	if (!c->bucket.is_closed && mono_sent < c->bucket.mono_opened)
		return true; /* from before it closed */
	if (!c->bucket.is_closed && !is_of_most(t, i, mono_now))
		return false;
	if (!c->bucket.is_closed)
		excuse_all(t, i, mono_now);
	kv_bucket_limited(&c->bucket, mono_sent, retry_after_ms, mono_now);
	return true;
}

bool
kv_total_ended(struct kv_total_member *m, int class, enum kv_outcome outcome, bool was_probe,
    int64_t mono_sent, int64_t retry_after_ms)
{
	const int64_t mono_now = kv_clock_mono_ms();
	const int i = index_of(m->total, class);
	struct class *c = &m->total->classes[i];
	bool is_common = false;

	if (outcome == KV_SERVED)
		kv_bucket_served(&c->bucket, was_probe && c->bucket.is_closed, mono_now);
	else if (outcome == KV_LIMITED)
		is_common = limited(m, i, mono_sent, retry_after_ms, mono_now);
	else if (was_probe && c->bucket.is_closed)
		kv_bucket_close(&c->bucket, mono_now);
	log_change(c);
	arm(m->total, mono_now);
	return is_common;
}

/* ---- members ---- */

void
kv_total_join(
    struct kv_total *t, struct kv_total_member *m, void (*wake)(void *), void (*excuse)(void *), void *arg)
{
	*m = (struct kv_total_member){ .total = t, .wake = wake, .excuse = excuse, .arg = arg };
	LIST_INSERT_HEAD(&t->members, m, all);
}

void
kv_total_leave(struct kv_total_member *m)
{
	if (m->total == NULL)
		return;
	for (int i = 0; i < m->total->n_classes; i++)
		leave_queue(&m->total->classes[i], m, i);
	LIST_REMOVE(m, all);
	m->total = NULL;
}

/* ---- state, checking, creating, freeing ---- */

int
kv_total_classes(const struct kv_total *t)
{
	return t->n_classes;
}

void
kv_total_state(const struct kv_total *t, int class, struct kv_total_state *state)
{
	const struct class *c = &t->classes[class];
	const struct kv_total_member *m;

	*state = (struct kv_total_state){ .name = c->name,
		.rate = c->bucket.rate,
		.limit = c->bucket.limit,
		.served = kv_bucket_throughput(&c->bucket, kv_clock_mono_ms()),
		.is_closed = c->bucket.is_closed };
	TAILQ_FOREACH(m, &c->queue, classes[class].link)
		state->n_waiting++;
}

void
kv_total_check(const struct kv_total *t)
{
	const struct kv_total_member *m;
	int n_waiting = 0, n_queued = 0;

	LIST_FOREACH(m, &t->members, all)
		for (int i = 0; i < KV_TOTAL_CLASSES; i++) {
			assert(m->total == t);
			assert(i < t->n_classes || !m->classes[i].is_waiting);
			n_waiting += m->classes[i].is_waiting;
		}
	for (int i = 0; i < t->n_classes; i++) {
		kv_bucket_check(&t->classes[i].bucket);
		assert(t->classes[i].called == NULL);
		TAILQ_FOREACH(m, &t->classes[i].queue, classes[i].link)
			n_queued++;
	}
	assert(n_queued == n_waiting);
	assert(n_queued == 0 || kv_timer_is_set(&t->timer));
}

static void
init_class(struct class *c, const char *name, double start, double ceiling, double share)
{
	c->name = name;
	kv_bucket_init(&c->bucket, start, ceiling, share, kv_clock_mono_ms());
	TAILQ_INIT(&c->queue);
}

struct kv_total *
kv_total_new(struct kv_loop *loop, const struct kv_total_options *o)
{
	const double rate = o->rate > 0 ? o->rate : VAULTS * o->vault_rate;
	struct kv_total *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	LIST_INIT(&t->members);
	kv_timer_init(&t->timer, loop, serve_all, t);
	t->n_classes = rate > 0 ? 1 : KV_TOTAL_CLASSES;
	if (rate > 0)
		init_class(&t->classes[0], "all", rate, rate, o->share);
	for (int i = 0; rate == 0 && i < KV_TOTAL_CLASSES; i++) {
		struct kv_schedule_start start;

		kv_schedule_start(i, &start);
		init_class(&t->classes[i], start.name, VAULTS * start.rate, VAULTS * start.ceiling, o->share);
	}
	return t;
}

void
kv_total_free(struct kv_total *t)
{
	if (t == NULL)
		return;
	assert(LIST_EMPTY(&t->members));
	kv_timer_stop(&t->timer);
	free(t);
}
