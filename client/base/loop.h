#ifndef KV_CLIENT_BASE_LOOP_H
#define KV_CLIENT_BASE_LOOP_H
/*
 * The one event loop: descriptors and timers. All of kvfs runs in it, on one thread, so no callback
 * may block.
 */
#include <stdint.h>
#include "client/base/err.h"

struct kv_loop;

struct kv_loop *kv_loop_new(void);
/* Watches and timers must have been removed. */
void kv_loop_free(struct kv_loop *loop);
/* Returns after kv_loop_stop(): 0, or -errno of epoll_wait(). */
int kv_loop_run(struct kv_loop *loop) KV_MUST_CHECK;
void kv_loop_stop(struct kv_loop *loop);

/*
 * A file descriptor, watched level-triggered. events and ready are EPOLLIN and EPOLLOUT; EPOLLERR and
 * EPOLLHUP are always included. The watch is the caller's memory and must live until
 * kv_loop_unwatch(), which may be called from its own callback.
 */
typedef void kv_watch_ready(void *arg, uint32_t ready);
struct kv_watch {
	struct kv_loop *loop;
	int fd; /* -1 while not watched */
	kv_watch_ready *ready;
	void *arg;
};
int kv_loop_watch(struct kv_loop *loop, struct kv_watch *watch, int fd, uint32_t events,
    kv_watch_ready *ready, void *arg) KV_MUST_CHECK;
int kv_loop_rewatch(struct kv_watch *watch, uint32_t events) KV_MUST_CHECK;
void kv_loop_unwatch(struct kv_watch *watch);

/*
 * A timer that fires once. Setting and stopping allocate nothing and cannot fail; both may be done
 * from any callback, including its own. With delay 0 it fires after the callback that set it has
 * returned, never at once: this defers a completion until its caller has returned.
 */
typedef void kv_timer_fire(void *arg);
struct kv_timer {
	struct kv_loop *loop;
	kv_timer_fire *fire;
	void *arg;
	int64_t mono_due;
	uint64_t serial; /* timers due at the same time fire in the order in which they were set */
	struct kv_timer *child, *next, *prev; /* pairing heap; prev is NULL while not set */
};
void kv_timer_init(struct kv_timer *timer, struct kv_loop *loop, kv_timer_fire *fire, void *arg);
void kv_timer_set(struct kv_timer *timer, int64_t delay_ms);
void kv_timer_stop(struct kv_timer *timer);
int kv_timer_is_set(const struct kv_timer *timer);
#endif
