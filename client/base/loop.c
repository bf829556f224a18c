/*
 * The event loop: epoll for descriptors, a pairing heap for timers.
 *
 * A turn fires the timers that are due, waits for descriptors until the next timer is due, and calls
 * the watches that are ready. Timers set with delay 0 while timers fire belong to the next turn, so
 * that a chain of them cannot starve the descriptors. A watch removed in a turn may still have an
 * event in that turn's batch: the event is removed from the batch, so that the watch's memory may be
 * freed at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "client/base/clock.h"
#include "client/base/loop.h"

#define BATCH 32

struct kv_loop {
	int epoll;
	int is_running;
	struct kv_timer *first; /* root of the heap */
	uint64_t serial;
	struct epoll_event batch[BATCH];
	int n_batch;
};

struct kv_loop *
kv_loop_new(void)
{
	struct kv_loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return NULL;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		free(loop);
		return NULL;
	}
	return loop;
}

void
kv_loop_free(struct kv_loop *loop)
{
	if (loop == NULL)
		return;
	close(loop->epoll);
	free(loop);
}

int
kv_loop_watch(
    struct kv_loop *loop, struct kv_watch *watch, int fd, uint32_t events, kv_watch_ready *ready, void *arg)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	*watch = (struct kv_watch){ .loop = loop, .fd = fd, .ready = ready, .arg = arg };
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		watch->fd = -1;
		return -errno;
	}
	return 0;
}

int
kv_loop_rewatch(struct kv_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(watch->loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) == 0 ? 0 : -errno;
}

void
kv_loop_unwatch(struct kv_watch *watch)
{
	struct kv_loop *loop = watch->loop;

	if (loop == NULL || watch->fd < 0)
		return;
	(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->fd = -1;
	for (int i = 0; i < loop->n_batch; i++)
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
}

static int
is_before(const struct kv_timer *a, const struct kv_timer *b)
{
	if (a->mono_due != b->mono_due)
		return a->mono_due < b->mono_due;
	return a->serial < b->serial;
}

/* Join two heaps. A child's prev is its left sibling or, for the first child, its parent. */
static struct kv_timer *
meld(struct kv_timer *a, struct kv_timer *b)
{
	if (a == NULL)
		return b;
	if (b == NULL)
		return a;
	if (is_before(b, a)) {
		struct kv_timer *t = a;

		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next != NULL)
		b->next->prev = b;
	b->prev = a;
	a->child = b;
	return a;
}

/* Join a list of siblings: in pairs from left to right, then the pairs from right to left. */
static struct kv_timer *
meld_siblings(struct kv_timer *t)
{
	struct kv_timer *pairs = NULL, *heap = NULL;

	while (t != NULL) {
		struct kv_timer *a = t, *b = t->next;

		t = b != NULL ? b->next : NULL;
		a->next = NULL;
		if (b != NULL)
			b->next = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs != NULL) {
		struct kv_timer *a = pairs;

		pairs = a->next;
		a->next = NULL;
		heap = meld(heap, a);
	}
	return heap;
}

static void
set_root(struct kv_loop *loop, struct kv_timer *root)
{
	loop->first = root;
	if (root != NULL) {
		root->next = NULL;
		root->prev = root; /* itself: the timer is set, and is no child */
	}
}

void
kv_timer_init(struct kv_timer *timer, struct kv_loop *loop, kv_timer_fire *fire, void *arg)
{
	*timer = (struct kv_timer){ .loop = loop, .fire = fire, .arg = arg };
}

int
kv_timer_is_set(const struct kv_timer *timer)
{
	return timer->prev != NULL;
}

void
kv_timer_stop(struct kv_timer *timer)
{
	struct kv_loop *loop = timer->loop;

	if (timer->prev == NULL)
		return;
	if (loop->first == timer) {
		set_root(loop, meld_siblings(timer->child));
	} else {
		if (timer->prev->child == timer)
			timer->prev->child = timer->next;
		else
			timer->prev->next = timer->next;
		if (timer->next != NULL)
			timer->next->prev = timer->prev;
		set_root(loop, meld(loop->first, meld_siblings(timer->child)));
	}
	timer->child = timer->next = timer->prev = NULL;
}

void
kv_timer_set(struct kv_timer *timer, int64_t delay_ms)
{
	struct kv_loop *loop = timer->loop;

	kv_timer_stop(timer);
	timer->mono_due = kv_clock_mono_ms() + (delay_ms > 0 ? delay_ms : 0);
	timer->serial = ++loop->serial;
	timer->child = timer->next = NULL;
	set_root(loop, meld(loop->first, timer));
}

static void
fire_due(struct kv_loop *loop)
{
	const uint64_t serial = loop->serial;
	const int64_t mono_now = kv_clock_mono_ms();

	while (loop->is_running && loop->first != NULL && loop->first->mono_due <= mono_now &&
	    loop->first->serial <= serial) {
		struct kv_timer *timer = loop->first;

		kv_timer_stop(timer);
		timer->fire(timer->arg);
	}
}

static int
wait_ms(const struct kv_loop *loop)
{
	int64_t ms;

	if (loop->first == NULL)
		return -1;
	ms = loop->first->mono_due - kv_clock_mono_ms();
	if (ms < 0)
		return 0;
	return ms > 60000 ? 60000 : (int)ms; /* a suspension of the machine is noticed within a minute */
}

int
kv_loop_run(struct kv_loop *loop)
{
	loop->is_running = 1;
	while (loop->is_running) {
		fire_due(loop);
		if (!loop->is_running)
			break;
		loop->n_batch = epoll_wait(loop->epoll, loop->batch, BATCH, wait_ms(loop));
		if (loop->n_batch < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < loop->n_batch; i++) {
			struct kv_watch *watch = loop->batch[i].data.ptr;

			if (watch == NULL)
				continue;
			watch->ready(watch->arg, loop->batch[i].events);
			/* A request that this watch made is sent before the next watch is called. */
			fire_due(loop);
		}
		loop->n_batch = 0;
	}
	return 0;
}

void
kv_loop_stop(struct kv_loop *loop)
{
	loop->is_running = 0;
}
