/*
 * The window of requests under way.
 */
#include "cache/pace/window.h"

#define LEAST	   64
#define FACTOR	   2
#define HANGS	   4	 /* x latency, */
#define HANGS_MS   500	 /* and at least this */
#define UNKNOWN_MS 250.0 /* the latency as long as it is not known */
#define MOST_MS	   1000.0
#define SMOOTH	   8

void
kv_window_init(struct kv_window *w, int64_t mono_now)
{
	*w = (struct kv_window){ .mono_answered = mono_now };
	TAILQ_INIT(&w->places);
}

int
kv_window_size(const struct kv_window *w, double rate)
{
	const double size = FACTOR * rate * (w->latency_ms > 0 ? w->latency_ms : UNKNOWN_MS) / 1000;

	return size > LEAST ? (int)size : LEAST;
}

static int64_t
hangs_after_ms(const struct kv_window *w)
{
	const int64_t ms = (int64_t)(HANGS * w->latency_ms);

	return ms > HANGS_MS ? ms : HANGS_MS;
}

int64_t
kv_window_wait_ms(struct kv_window *w, double rate, int64_t mono_now)
{
	const int64_t ms = hangs_after_ms(w);
	struct kv_window_place *oldest;
	bool is_stuck;

	while ((oldest = TAILQ_FIRST(&w->places)) != NULL && mono_now - oldest->mono_sent >= ms) {
		TAILQ_REMOVE(&w->places, oldest, link);
		oldest->is_hanging = true;
		w->n_places--;
		w->n_hanging++;
	}
	is_stuck = w->n_hanging > 0 && mono_now - w->mono_answered >= ms;
	if (oldest == NULL || w->n_places < (is_stuck ? 1 : kv_window_size(w, rate)))
		return 0;
	return oldest->mono_sent + ms - mono_now;
}

void
kv_window_enter(struct kv_window *w, struct kv_window_place *place, int64_t mono_now)
{
	place->mono_sent = mono_now;
	place->is_hanging = false;
	TAILQ_INSERT_TAIL(&w->places, place, link);
	w->n_places++;
}

static void
learn(struct kv_window *w, int64_t took_ms)
{
	const int64_t most_ms = hangs_after_ms(w);
	const double ms = (double)(took_ms < most_ms ? took_ms : most_ms);

	w->latency_ms = w->latency_ms > 0 ? w->latency_ms + (ms - w->latency_ms) / SMOOTH : ms;
	if (w->latency_ms > MOST_MS)
		w->latency_ms = MOST_MS;
	if (w->latency_ms < 1)
		w->latency_ms = 1;
}

void
kv_window_leave(struct kv_window *w, struct kv_window_place *place, bool was_served, int64_t mono_now)
{
	if (place->is_hanging) {
		w->n_hanging--;
	} else {
		TAILQ_REMOVE(&w->places, place, link);
		w->n_places--;
	}
	if (!was_served)
		return;
	w->mono_answered = mono_now;
	learn(w, mono_now - place->mono_sent);
}
