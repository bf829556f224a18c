/*
 * Timers in a list, oldest due first by search: tests have few.
 */
#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "client/base/clock.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"

#define MOST_WATCHES 4

struct kv_loop {
	struct kv_watch *watches[MOST_WATCHES]; /* or NULL */
	short events[MOST_WATCHES];		/* of poll(2) */
	struct kv_timer *first;			/* by child, of those that are set; prev is not NULL */
	uint64_t serial;
	int is_running;
	void (*check)(void); /* or NULL */
};

struct kv_loop *
kv_loop_new(void)
{
	return calloc(1, sizeof(struct kv_loop));
}

void
kv_loop_free(struct kv_loop *loop)
{
	free(loop);
}

/* ---- descriptors ---- */

static int
slot_of(const struct kv_loop *loop, const struct kv_watch *watch)
{
	int i = 0;

	while (i < MOST_WATCHES && loop->watches[i] != watch)
		i++;
	assert(i < MOST_WATCHES);
	return i;
}

int
kv_loop_watch(
    struct kv_loop *loop, struct kv_watch *watch, int fd, uint32_t events, kv_watch_ready *ready, void *arg)
{
	const int i = slot_of(loop, NULL);

	*watch = (struct kv_watch){ .loop = loop, .fd = fd, .ready = ready, .arg = arg };
	loop->watches[i] = watch;
	return kv_loop_rewatch(watch, events);
}

int
kv_loop_rewatch(struct kv_watch *watch, uint32_t events)
{
	watch->loop->events[slot_of(watch->loop, watch)] =
	    (short)((events & EPOLLIN ? POLLIN : 0) | (events & EPOLLOUT ? POLLOUT : 0));
	return 0;
}

void
kv_loop_unwatch(struct kv_watch *watch)
{
	if (watch->loop == NULL || watch->fd < 0)
		return;
	watch->loop->watches[slot_of(watch->loop, watch)] = NULL;
	watch->fd = -1;
}

int
fake_loop_poll(struct kv_loop *loop)
{
	int n = 0;

	for (int i = 0; i < MOST_WATCHES; i++) {
		struct kv_watch *watch = loop->watches[i];
		struct pollfd fd;

		if (watch == NULL || loop->events[i] == 0)
			continue;
		fd = (struct pollfd){ .fd = watch->fd, .events = loop->events[i] };
		if (poll(&fd, 1, 0) <= 0)
			continue;
		watch->ready(watch->arg, EPOLLIN);
		n++;
	}
	return n;
}

/* ---- timers ---- */

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
	struct kv_timer **at;

	if (timer->prev == NULL)
		return;
	for (at = &timer->loop->first; *at != timer; at = &(*at)->child)
		continue;
	*at = timer->child;
	timer->prev = timer->child = NULL;
}

void
kv_timer_set(struct kv_timer *timer, int64_t delay_ms)
{
	kv_timer_stop(timer);
	timer->mono_due = kv_clock_mono_ms() + (delay_ms > 0 ? delay_ms : 0);
	timer->serial = ++timer->loop->serial;
	timer->child = timer->loop->first;
	timer->prev = timer;
	timer->loop->first = timer;
}

static struct kv_timer *
next_due(const struct kv_loop *loop, int64_t mono_end)
{
	struct kv_timer *next = NULL;

	for (struct kv_timer *t = loop->first; t != NULL; t = t->child)
		if (t->mono_due <= mono_end &&
		    (next == NULL || t->mono_due < next->mono_due ||
			(t->mono_due == next->mono_due && t->serial < next->serial)))
			next = t;
	return next;
}

void
fake_loop_run(struct kv_loop *loop, int64_t ms)
{
	const int64_t mono_end = kv_clock_mono_ms() + ms;
	struct kv_timer *t;

	loop->is_running = 1;
	while (loop->is_running && (t = next_due(loop, mono_end)) != NULL) {
		if (t->mono_due > kv_clock_mono_ms())
			fake_clock_advance(t->mono_due - kv_clock_mono_ms());
		kv_timer_stop(t);
		t->fire(t->arg);
		if (loop->check != NULL)
			loop->check();
	}
	if (loop->is_running && mono_end > kv_clock_mono_ms())
		fake_clock_advance(mono_end - kv_clock_mono_ms());
}

void
fake_loop_check_with(struct kv_loop *loop, void (*check)(void))
{
	loop->check = check;
}

int
fake_loop_timers(const struct kv_loop *loop)
{
	int n = 0;

	for (const struct kv_timer *t = loop->first; t != NULL; t = t->child)
		n++;
	return n;
}

int
kv_loop_run(struct kv_loop *loop)
{
	fake_loop_run(loop, INT32_MAX);
	return 0;
}

void
kv_loop_stop(struct kv_loop *loop)
{
	loop->is_running = 0;
}
