#ifndef KV_CACHE_PACE_WINDOW_H
#define KV_CACHE_PACE_WINDOW_H
/*
 * The in-flight limit of one class of requests: twice the number that its rate needs at the measured
 * latency, and at least 64. (With the number itself, a latency that varies by half costs 40 % of the
 * throughput.)
 *
 * A request that takes four times the measured latency counts as hung and no longer occupies a slot, so a
 * few hung requests (of up to two minutes each) cannot block the rest. But while some are hung and no
 * answer arrives, only one further request is sent at a time. The effect of one answer is bounded: a hung
 * request counts with the time at which it became hung, and the measured latency never exceeds a second.
 *
 * Like cache/pace/bucket, it has no clock.
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
/* The limit at this rate (requests per second). */
int kv_window_size(const struct kv_window *window, double rate);
/* Milliseconds until a slot is free if no answer arrives before; 0: now. */
int64_t kv_window_wait_ms(struct kv_window *window, double rate, int64_t mono_now);
/* A request is sent; slot must exist until kv_window_leave(). */
void kv_window_enter(struct kv_window *window, struct kv_window_slot *slot, int64_t mono_now);
/* The request has ended. was_served: the vault itself answered, so its time counts for the latency. */
void kv_window_leave(
    struct kv_window *window, struct kv_window_slot *slot, bool was_served, int64_t mono_now);

/* Asserts the invariants of the fields. */
void kv_window_check(const struct kv_window *window);
#endif
