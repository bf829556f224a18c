#ifndef KV_CACHE_PACE_WINDOW_H
#define KV_CACHE_PACE_WINDOW_H
/*
 * The in-flight limit: how many requests of one class may be under way: twice what its rate needs at the latency that was
 * measured (with once, a latency that varies by half costs 40 % of the speed), and at least 64.
 *
 * A request that takes four times as long as the others counts as hung and no longer occupies a slot,
 * so a few hung requests (of up to two minutes each) cannot block the rest; but while there are some and
 * none is answered only one at a time follows them. What an answer changes is bounded: no request makes
 * the latency grow by more than it would at the point where it became hung, and never above a second.
 *
 * As in cache/pace/bucket, no clock of its own.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct kv_window_slot {
	TAILQ_ENTRY(kv_window_slot) link; /* while it is not hung */
	int64_t mono_sent;
	bool is_hung;
};

struct kv_window {
	TAILQ_HEAD(kv_window_slots, kv_window_slot) slots; /* oldest first */
	int n_slots, n_hung;
	double latency_ms; /* smoothed; 0: unknown */
	int64_t mono_answered;
};

void kv_window_init(struct kv_window *window, int64_t mono_now);
/* At this rate (requests per second). */
int kv_window_size(const struct kv_window *window, double rate);
/* Milliseconds until there is a slot, 0 for now, if nothing is answered until then. */
int64_t kv_window_wait_ms(struct kv_window *window, double rate, int64_t mono_now);
/* A request goes; slot lives until kv_window_leave(). */
void kv_window_enter(struct kv_window *window, struct kv_window_slot *slot, int64_t mono_now);
/* It has ended. was_served: the vault answered for itself, so its time counts for the latency. */
void kv_window_leave(
    struct kv_window *window, struct kv_window_slot *slot, bool was_served, int64_t mono_now);

/* Asserts what the fields must be to each other. */
void kv_window_check(const struct kv_window *window);
#endif
