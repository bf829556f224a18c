#ifndef KV_CACHE_PACE_WINDOW_H
#define KV_CACHE_PACE_WINDOW_H
/*
 * How many requests of one class may be under way: twice what its rate needs at the latency that was
 * measured (with once, a latency that varies by half costs 40 % of the speed), and at least 64.
 *
 * A request that takes four times as long as the others is said to hang. It takes no place any more,
 * so that those that hang (for up to two minutes each) do not stop the others; but while some hang and
 * none is answered only one at a time follows them. What an answer teaches is bounded: no request makes
 * the latency grow by more than it would at the point where it began to hang, and never above a second.
 *
 * As in cache/pace/bucket, no clock of its own.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct kv_window_place {
	TAILQ_ENTRY(kv_window_place) link; /* while it does not hang */
	int64_t mono_sent;
	bool is_hanging;
};

struct kv_window {
	TAILQ_HEAD(kv_window_places, kv_window_place) places; /* oldest first */
	int n_places, n_hanging;
	double latency_ms; /* smoothed; 0: not known */
	int64_t mono_answered;
};

void kv_window_init(struct kv_window *window, int64_t mono_now);
/* At this rate (requests per second). */
int kv_window_size(const struct kv_window *window, double rate);
/* Milliseconds until there is a place, 0 for now, if nothing is answered until then. */
int64_t kv_window_wait_ms(struct kv_window *window, double rate, int64_t mono_now);
/* A request goes; place lives until kv_window_leave(). */
void kv_window_enter(struct kv_window *window, struct kv_window_place *place, int64_t mono_now);
/* It has ended. was_served: the vault did what it does, so its time is worth learning. */
void kv_window_leave(
    struct kv_window *window, struct kv_window_place *place, bool was_served, int64_t mono_now);
#endif
