#include "tests/unit/unit.h"

#include "cache/pace/window.h"

static struct kv_window window;
static struct kv_window_slot slots[2000];
static int64_t mono_now;

static int
set_up(void **state)
{
	(void)state;
	mono_now = 1000000;
	kv_window_init(&window, mono_now);
	return 0;
}

/* So many requests go one after another, each served after ms. */
static void
serve(int n, int64_t ms)
{
	for (int i = 0; i < n; i++) {
		kv_window_enter(&window, &slots[0], mono_now);
		mono_now += ms;
		kv_window_leave(&window, &slots[0], true, mono_now);
		kv_window_check(&window);
	}
}

/* As many as find a slot at once. */
static int
fill(double rate)
{
	int n = 0;

	while (kv_window_wait_ms(&window, rate, mono_now) == 0)
		kv_window_enter(&window, &slots[n++], mono_now);
	kv_window_check(&window);
	return n;
}

static void
the_window_is_twice_what_the_rate_needs(void **state)
{
	static const struct {
		double rate;
		int64_t ms;
		int size;
	} rows[] = { { 400, 250, 200 }, { 400, 75, 64 }, { 400, 100, 80 }, { 25, 75, 64 }, { 200, 1000, 400 },
		{ 400, 1, 64 } };

	for (size_t i = 0; i < N_OF(rows); i++) {
		set_up(state);
		serve(100, rows[i].ms);
		assert_row(kv_window_size(&window, rows[i].rate) >= rows[i].size - 1, i, "size");
		assert_row(kv_window_size(&window, rows[i].rate) <= rows[i].size + 1, i, "size");
		assert_row(fill(rows[i].rate) == kv_window_size(&window, rows[i].rate), i, "slots");
	}
}

static void
a_slot_is_free_when_a_request_has_ended(void **state)
{
	int n;

	(void)state;
	serve(10, 100);
	n = fill(100);
	mono_now += 10;
	kv_window_leave(&window, &slots[3], false, mono_now);
	assert_int_equal(kv_window_wait_ms(&window, 100, mono_now), 0);
	kv_window_enter(&window, &slots[n], mono_now);
	assert_int_equal(kv_window_wait_ms(&window, 100, mono_now), 490);
}

static void
a_hung_request_takes_no_slot_while_others_are_served(void **state)
{
	(void)state;
	serve(10, 100);
	assert_int_equal(fill(100), 64);
	mono_now += 499;
	assert_int_equal(kv_window_wait_ms(&window, 100, mono_now), 1);
	mono_now++;
	assert_int_equal(kv_window_wait_ms(&window, 100, mono_now), 0);
	assert_int_equal(window.n_hung, 64);
	kv_window_enter(&window, &slots[100], mono_now);
	assert_true(kv_window_wait_ms(&window, 100, mono_now) > 0); /* one, as nobody was served */
	mono_now += 100;
	kv_window_leave(&window, &slots[100], true, mono_now);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(kv_window_wait_ms(&window, 100, mono_now), 0);
		kv_window_enter(&window, &slots[100 + i], mono_now);
	}
	assert_true(kv_window_wait_ms(&window, 100, mono_now) > 0);
}

static void
a_request_that_hung_is_no_lesson(void **state)
{
	(void)state;
	serve(100, 75);
	for (int i = 0; i < 3; i++)
		serve(1, 120000);
	assert_true(window.latency_ms < 300);
	serve(1000, 60000);
	assert_true(window.latency_ms <= 1000);
	serve(100, 75);
	assert_true(window.latency_ms < 80);
	kv_window_enter(&window, &slots[0], mono_now);
	kv_window_leave(&window, &slots[0], false, mono_now + 60000); /* lost */
	assert_true(window.latency_ms < 80);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(the_window_is_twice_what_the_rate_needs),
		TEST(a_slot_is_free_when_a_request_has_ended),
		TEST(a_hung_request_takes_no_slot_while_others_are_served),
		TEST(a_request_that_hung_is_no_lesson),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
