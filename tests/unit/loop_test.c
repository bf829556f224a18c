#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

#include "client/base/loop.h"
#include "tests/unit/fake_clock.h"

static struct kv_loop *loop;

/* What happened, a letter each. */
static char happened[200];

static void
note(char c)
{
	const size_t n = strlen(happened);

	assert_true(n + 1 < sizeof(happened));
	happened[n] = c;
	happened[n + 1] = '\0';
}

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000, 1700000000);
	happened[0] = '\0';
	loop = kv_loop_new();
	return loop != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_loop_free(loop);
	return 0;
}

/* ---- timers ---- */

/* A timer that notes its letter, and then does something to another one. */
struct note_timer {
	struct kv_timer timer;
	char letter;
	struct note_timer *stops, *sets;
	int64_t delay_ms;
	int again; /* how often it sets itself */
};

static void
note_letter(void *arg)
{
	struct note_timer *t = arg;

	note(t->letter);
	assert_false(kv_timer_is_set(&t->timer));
	if (t->stops != NULL)
		kv_timer_stop(&t->stops->timer);
	if (t->sets != NULL)
		kv_timer_set(&t->sets->timer, t->sets->delay_ms);
	if (t->again-- > 0)
		kv_timer_set(&t->timer, 0);
}

static void
stop_loop(void *arg)
{
	(void)arg;
	kv_loop_stop(loop);
}

static void
init_notes(struct note_timer *t, int n)
{
	for (int i = 0; i < n; i++) {
		t[i] = (struct note_timer){ .letter = (char)('a' + i) };
		kv_timer_init(&t[i].timer, loop, note_letter, &t[i]);
	}
}

/* Turn the loop for as long as something is due. */
static void
run_what_is_due(void)
{
	struct kv_timer end;

	kv_timer_init(&end, loop, stop_loop, NULL);
	for (int i = 0; i < 5; i++) {
		kv_timer_set(&end, 0);
		assert_int_equal(kv_loop_run(loop), 0);
	}
}

static void
timers_fire_in_the_order_of_their_time(void **state)
{
	struct note_timer t[5];

	(void)state;
	init_notes(t, 5);
	kv_timer_set(&t[0].timer, 30);
	kv_timer_set(&t[1].timer, 10);
	kv_timer_set(&t[2].timer, 20);
	kv_timer_set(&t[3].timer, 0);
	kv_timer_set(&t[4].timer, 40);
	run_what_is_due();
	assert_string_equal(happened, "d");
	fake_clock_advance(19);
	run_what_is_due();
	assert_string_equal(happened, "db");
	fake_clock_advance(11);
	run_what_is_due();
	assert_string_equal(happened, "dbca");
	assert_true(kv_timer_is_set(&t[4].timer));
	kv_timer_stop(&t[4].timer);
	fake_clock_advance(1000);
	run_what_is_due();
	assert_string_equal(happened, "dbca");
}

static void
timers_due_together_fire_in_the_order_in_which_they_were_set(void **state)
{
	struct note_timer t[8];

	(void)state;
	init_notes(t, 8);
	for (int i = 7; i >= 0; i--)
		kv_timer_set(&t[i].timer, 5);
	kv_timer_set(&t[3].timer, 5); /* set again: now it is the last one */
	fake_clock_advance(5);
	run_what_is_due();
	assert_string_equal(happened, "hgfecbad");
}

static void
a_negative_delay_is_the_next_turn(void **state)
{
	struct note_timer t[2];

	(void)state;
	init_notes(t, 2);
	kv_timer_set(&t[0].timer, 0);
	kv_timer_set(&t[1].timer, INT64_MIN);
	run_what_is_due();
	assert_string_equal(happened, "ab");
}

static void
a_timer_fires_once_and_can_be_set_again_by_itself(void **state)
{
	struct note_timer t[1];

	(void)state;
	init_notes(t, 1);
	kv_timer_set(&t[0].timer, 0);
	run_what_is_due();
	assert_string_equal(happened, "a");
	t[0].again = 2;
	kv_timer_set(&t[0].timer, 0);
	run_what_is_due();
	assert_string_equal(happened, "aaaa");
}

static void
a_timer_that_is_stopped_does_not_fire(void **state)
{
	struct note_timer t[4];

	(void)state;
	init_notes(t, 4);
	/* by one that fires in the same turn */
	t[0].stops = &t[2];
	/* and one may stop itself, which is not set any more */
	t[1].stops = &t[1];
	for (int i = 0; i < 4; i++)
		kv_timer_set(&t[i].timer, 0);
	run_what_is_due();
	assert_string_equal(happened, "abd");
	kv_timer_stop(&t[2].timer);
	kv_timer_stop(&t[2].timer);
	assert_false(kv_timer_is_set(&t[2].timer));
}

static void
a_timer_set_by_another_waits_for_the_next_turn(void **state)
{
	struct note_timer t[2];
	struct kv_timer end;

	(void)state;
	init_notes(t, 2);
	kv_timer_init(&end, loop, stop_loop, NULL);
	t[0].sets = &t[1];
	kv_timer_set(&t[0].timer, 0);
	kv_timer_set(&end, 0);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_string_equal(happened, "a");
	assert_true(kv_timer_is_set(&t[1].timer));
	run_what_is_due();
	assert_string_equal(happened, "ab");
}

#define MANY 300

struct numbered {
	struct kv_timer timer;
	int64_t due, order; /* what the model says; due 0: not set */
};

static struct numbered many[MANY];
static int64_t last_due, last_order;
static int n_fired;

static void
fire_numbered(void *arg)
{
	struct numbered *x = arg;

	assert_true(x->due != 0);
	assert_true(x->due > last_due || (x->due == last_due && x->order > last_order));
	last_due = x->due;
	last_order = x->order;
	x->due = 0;
	n_fired++;
}

static void
any_order_of_setting_and_stopping_is_right(void **state)
{
	int64_t mono_now = 1000, order = 0;
	int n_set = 0;

	(void)state;
	srandom(1);
	for (int i = 0; i < MANY; i++)
		kv_timer_init(&many[i].timer, loop, fire_numbered, &many[i]);
	for (int step = 0; step < 20000; step++) {
		struct numbered *x = &many[random() % MANY];
		const int64_t delay = random() % 50;

		if (random() % 3 > 0) {
			n_set += x->due == 0;
			x->due = mono_now + delay;
			x->order = ++order;
			kv_timer_set(&x->timer, delay);
		} else {
			n_set -= x->due != 0;
			x->due = 0;
			kv_timer_stop(&x->timer);
		}
		assert_int_equal(kv_timer_is_set(&x->timer), x->due != 0);
		if (step % 100 == 99) {
			last_due = last_order = 0;
			n_fired = 0;
			mono_now += random() % 20;
			fake_clock_set(mono_now, 1700000000);
			run_what_is_due();
			n_set -= n_fired;
			for (int i = 0; i < MANY; i++)
				assert_true(many[i].due == 0 || many[i].due > mono_now);
		}
	}
	for (int i = 0; i < MANY; i++) {
		n_set -= kv_timer_is_set(&many[i].timer);
		kv_timer_stop(&many[i].timer);
	}
	assert_int_equal(n_set, 0);
}

/* ---- descriptors ---- */

struct note_watch {
	struct kv_watch watch;
	int pipe[2];
	char letter;
	struct note_watch *frees;
	int unwatches;
	uint32_t ready;
};

static void
note_ready(void *arg, uint32_t ready)
{
	struct note_watch *w = arg;

	note(w->letter);
	w->ready = ready;
	if (w->frees != NULL) {
		kv_loop_unwatch(&w->frees->watch);
		free(w->frees);
		w->frees = NULL;
	}
	if (w->unwatches)
		kv_loop_unwatch(&w->watch);
	kv_loop_stop(loop);
}

static struct note_watch *
new_watch(char letter)
{
	struct note_watch *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->letter = letter;
	assert_int_equal(pipe2(w->pipe, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(kv_loop_watch(loop, &w->watch, w->pipe[0], EPOLLIN, note_ready, w), 0);
	return w;
}

static void
free_watch(struct note_watch *w)
{
	kv_loop_unwatch(&w->watch);
	kv_loop_unwatch(&w->watch);
	close(w->pipe[0]);
	if (w->pipe[1] >= 0)
		close(w->pipe[1]);
	free(w);
}

/* One turn in which all that is ready is called: with it comes a descriptor that ends the turn. */
static void
poll_descriptors(void)
{
	struct note_watch *bell = new_watch('.');

	assert_int_equal(write(bell->pipe[1], "x", 1), 1);
	assert_int_equal(kv_loop_run(loop), 0);
	free_watch(bell);
}

static void
a_descriptor_is_told_of_until_it_is_read(void **state)
{
	struct note_watch *w = new_watch('w');
	char c;

	(void)state;
	assert_int_equal(write(w->pipe[1], "x", 1), 1);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_int_equal(w->ready, EPOLLIN);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_string_equal(happened, "ww");
	assert_int_equal(read(w->pipe[0], &c, 1), 1);
	poll_descriptors();
	assert_string_equal(happened, "ww.");
	close(w->pipe[1]);
	w->pipe[1] = -1;
	assert_int_equal(kv_loop_run(loop), 0);
	assert_int_equal(w->ready, EPOLLHUP);
	free_watch(w);
}

static void
what_is_watched_for_can_change(void **state)
{
	struct note_watch *w = new_watch('w');
	struct kv_watch out;

	(void)state;
	assert_int_equal(write(w->pipe[1], "x", 1), 1);
	assert_int_equal(kv_loop_rewatch(&w->watch, 0), 0);
	poll_descriptors();
	assert_string_equal(happened, ".");
	assert_int_equal(kv_loop_rewatch(&w->watch, EPOLLIN), 0);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_string_equal(happened, ".w");
	kv_loop_unwatch(&w->watch);
	assert_int_equal(kv_loop_watch(loop, &out, w->pipe[1], EPOLLOUT, note_ready, w), 0);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_int_equal(w->ready, EPOLLOUT);
	kv_loop_unwatch(&out);
	free_watch(w);
}

static void
what_cannot_be_watched_is_an_error(void **state)
{
	struct note_watch *w = new_watch('w');
	struct kv_watch again, none = { 0 };

	(void)state;
	assert_int_equal(kv_loop_watch(loop, &again, w->pipe[0], EPOLLIN, note_ready, w), -EEXIST);
	assert_int_equal(again.fd, -1);
	kv_loop_unwatch(&again);
	assert_int_equal(kv_loop_watch(loop, &again, -1, EPOLLIN, note_ready, w), -EBADF);
	kv_loop_unwatch(&none);
	assert_int_equal(kv_loop_rewatch(&again, EPOLLIN), -EBADF);
	free_watch(w);
}

static void
a_watch_may_end_itself(void **state)
{
	struct note_watch *w = new_watch('w');

	(void)state;
	w->unwatches = 1;
	assert_int_equal(write(w->pipe[1], "x", 1), 1);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_int_equal(w->watch.fd, -1);
	poll_descriptors();
	assert_string_equal(happened, "w.");
	free_watch(w);
}

/* Two are ready in one turn; whichever comes first ends and frees the other, which must not be called. */
static void
a_watch_that_was_ended_in_this_turn_is_not_called(void **state)
{
	struct note_watch *a = new_watch('a'), *b = new_watch('b'), *left;
	const int fds[4] = { a->pipe[0], a->pipe[1], b->pipe[0], b->pipe[1] };

	(void)state;
	a->frees = b;
	b->frees = a;
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(write(fds[3], "x", 1), 1);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_int_equal(strlen(happened), 1);
	left = happened[0] == 'a' ? a : b;
	kv_loop_unwatch(&left->watch);
	free(left);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
}

static void
more_descriptors_than_a_batch_are_all_served(void **state)
{
	struct note_watch *w[100];

	(void)state;
	for (int i = 0; i < 100; i++) {
		w[i] = new_watch('w');
		w[i]->unwatches = 1;
		assert_int_equal(write(w[i]->pipe[1], "x", 1), 1);
	}
	for (int i = 0; i < 20 && strlen(happened) < 100; i++)
		assert_int_equal(kv_loop_run(loop), 0);
	assert_int_equal(strlen(happened), 100);
	for (int i = 0; i < 100; i++)
		free_watch(w[i]);
}

/* ---- both ---- */

static void
set_again(void *arg)
{
	kv_timer_set(arg, 0);
}

static void
timers_that_set_themselves_do_not_starve_descriptors(void **state)
{
	struct note_watch *w = new_watch('w');
	struct kv_timer t;

	(void)state;
	kv_timer_init(&t, loop, set_again, &t);
	kv_timer_set(&t, 0);
	assert_int_equal(write(w->pipe[1], "x", 1), 1);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_string_equal(happened, "w");
	kv_timer_stop(&t);
	free_watch(w);
}

static int signal_pipe = -1;

static void
on_alarm(int sig)
{
	(void)sig;
	if (write(signal_pipe, "x", 1) != 1)
		_exit(99);
}

static void
a_signal_does_not_end_the_loop(void **state)
{
	const struct itimerval soon = { .it_value.tv_usec = 10000 };
	struct sigaction action = { .sa_handler = on_alarm }, before;
	struct note_watch *w = new_watch('w');

	(void)state;
	signal_pipe = w->pipe[1];
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_string_equal(happened, "w");
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	free_watch(w);
}

static void
stop_ends_the_turn_and_run_goes_on_from_there(void **state)
{
	struct note_timer t[2];
	struct kv_timer end;

	(void)state;
	init_notes(t, 2);
	kv_timer_init(&end, loop, stop_loop, NULL);
	kv_timer_set(&t[0].timer, 0);
	kv_timer_set(&end, 0);
	kv_timer_set(&t[1].timer, 0);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_string_equal(happened, "a");
	run_what_is_due();
	assert_string_equal(happened, "ab");
	kv_loop_free(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(timers_fire_in_the_order_of_their_time),
		TEST(timers_due_together_fire_in_the_order_in_which_they_were_set),
		TEST(a_negative_delay_is_the_next_turn),
		TEST(a_timer_fires_once_and_can_be_set_again_by_itself),
		TEST(a_timer_that_is_stopped_does_not_fire),
		TEST(a_timer_set_by_another_waits_for_the_next_turn),
		TEST(any_order_of_setting_and_stopping_is_right),
		TEST(a_descriptor_is_told_of_until_it_is_read),
		TEST(what_is_watched_for_can_change),
		TEST(what_cannot_be_watched_is_an_error),
		TEST(a_watch_may_end_itself),
		TEST(a_watch_that_was_ended_in_this_turn_is_not_called),
		TEST(more_descriptors_than_a_batch_are_all_served),
		TEST(timers_that_set_themselves_do_not_starve_descriptors),
		TEST(a_signal_does_not_end_the_loop),
		TEST(stop_ends_the_turn_and_run_goes_on_from_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
