/*
 * The in-flight limit: slots, and the latency.
 */
#include <assert.h>

#include "cache/pace/window.h"

#define LEAST	   64
#define FACTOR	   2
#define HUNG	   4	 /* x latency, */
#define HUNG_MS	   500	 /* and at least this */
#define UNKNOWN_MS 250.0 /* the latency while it is unknown */
#define MOST_MS	   1000.0
#define SMOOTH	   8

void
kv_window_init(struct kv_window *w, int64_t mono_now)
{
	*w = (struct kv_window){ .mono_answered = mono_now };
	TAILQ_INIT(&w->slots);
}

int
kv_window_size(const struct kv_window *w, double rate)
{
	const double size = FACTOR * rate * (w->latency_ms > 0 ? w->latency_ms : UNKNOWN_MS) / 1000;

	return size > LEAST ? (int)size : LEAST;
}

static int64_t
hung_after_ms(const struct kv_window *w)
{
	const int64_t ms = (int64_t)(HUNG * w->latency_ms);

	return ms > HUNG_MS ? ms : HUNG_MS;
}

int64_t
kv_window_wait_ms(struct kv_window *w, double rate, int64_t mono_now)
{
	const int64_t ms = hung_after_ms(w);
	struct kv_window_slot *oldest;
	bool is_stuck;

	while ((oldest = TAILQ_FIRST(&w->slots)) != NULL && mono_now - oldest->mono_sent >= ms) {
		TAILQ_REMOVE(&w->slots, oldest, link);
		oldest->is_hung = true;
		w->n_slots--;
		w->n_hung++;
	}
	is_stuck = w->n_hung > 0 && mono_now - w->mono_answered >= ms;
	if (oldest == NULL || w->n_slots < (is_stuck ? 1 : kv_window_size(w, rate)))
		return 0;
	return oldest->mono_sent + ms - mono_now;
}

void
kv_window_enter(struct kv_window *w, struct kv_window_slot *slot, int64_t mono_now)
{
	slot->mono_sent = mono_now;
	slot->is_hung = false;
	TAILQ_INSERT_TAIL(&w->slots, slot, link);
	w->n_slots++;
}

static void
learn(struct kv_window *w, int64_t took_ms)
{
	const int64_t most_ms = hung_after_ms(w);
	const double ms = (double)(took_ms < most_ms ? took_ms : most_ms);

	w->latency_ms = w->latency_ms > 0 ? w->latency_ms + (ms - w->latency_ms) / SMOOTH : ms;
	if (w->latency_ms > MOST_MS)
		w->latency_ms = MOST_MS;
	if (w->latency_ms < 1)
		w->latency_ms = 1;
}

void
kv_window_leave(struct kv_window *w, struct kv_window_slot *slot, bool was_served, int64_t mono_now)
{
	if (slot->is_hung) {
		w->n_hung--;
	} else {
		TAILQ_REMOVE(&w->slots, slot, link);
		w->n_slots--;
	}
	if (!was_served)
		return;
	w->mono_answered = mono_now;
	learn(w, mono_now - slot->mono_sent);
}

void
kv_window_check(const struct kv_window *w)
{
	const struct kv_window_slot *slot;
	int64_t mono_last = INT64_MIN;
	int n = 0;

	TAILQ_FOREACH(slot, &w->slots, link) {
		assert(!slot->is_hung && slot->mono_sent >= mono_last);
		mono_last = slot->mono_sent;
		n++;
	}
	assert(n == w->n_slots && w->n_hung >= 0);
	assert(w->latency_ms == 0 || (w->latency_ms >= 1 && w->latency_ms <= MOST_MS));
}
