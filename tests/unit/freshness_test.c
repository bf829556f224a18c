#include "tests/unit/unit.h"

#include <errno.h>

#include "cache/list/freshness.h"
#include "client/base/clock.h"
#include "tests/unit/fake_clock.h"

#define TTL_MS 60000

static struct kv_freshness freshness;

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	kv_freshness_init(&freshness, TTL_MS);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_freshness_check(&freshness);
	return 0;
}

/* A listing that takes so long. */
static void
complete(uint64_t serial, int64_t took_ms)
{
	const int64_t mono_started = kv_clock_mono_ms();

	fake_clock_advance(took_ms);
	kv_freshness_complete(&freshness, serial, mono_started, 0);
	kv_freshness_check(&freshness);
}

static void
fail_listing(uint64_t serial, bool was_handed_out)
{
	kv_freshness_failed(&freshness, serial, -EACCES, was_handed_out);
	kv_freshness_check(&freshness);
}

static void
a_listing_is_needed_before_the_first_one(void **state)
{
	(void)state;
	assert_false(kv_freshness_is_serving(&freshness));
	assert_int_equal(kv_freshness_age_ms(&freshness), -1);
	assert_int_equal(kv_freshness_failure(&freshness), 0);
	assert_int_equal(kv_freshness_left_ms(&freshness, -1), 0);
	assert_true(kv_freshness_use(&freshness));
	assert_int_equal(kv_freshness_refusal(&freshness, true), 0);
}

static void
a_listing_serves_for_twice_its_time_and_is_renewed_from_four_fifths_on(void **state)
{
	static const struct {
		int64_t took_ms, age_ms;
		bool is_due, is_serving;
	} rows[] = {
		{ 0, 0, false, true },
		{ 0, TTL_MS / 5 * 4 - 1, false, true },
		{ 0, TTL_MS / 5 * 4, true, true },
		{ 0, 2 * TTL_MS - 1, true, true },
		{ 0, 2 * TTL_MS, true, false },
		{ 10000, 2 * TTL_MS, true, true }, /* what took long is fresh for ten times as long */
		{ 10000, 200000, true, false },
	};

	for (size_t i = 0; i < N_OF(rows); i++) {
		set_up(state);
		complete(1, rows[i].took_ms);
		fake_clock_advance(rows[i].age_ms - rows[i].took_ms);
		assert_row(kv_freshness_is_serving(&freshness) == rows[i].is_serving, i, "serves");
		assert_row(kv_freshness_use(&freshness) == rows[i].is_due, i, "due");
	}
}

static void
a_failed_refresh_does_not_matter_while_a_listing_serves(void **state)
{
	(void)state;
	complete(1, 0);
	fake_clock_advance(TTL_MS);
	fail_listing(2, false);
	assert_int_equal(kv_freshness_refusal(&freshness, false), 0);
	assert_int_equal(kv_freshness_failure(&freshness), 0);
	assert_false(kv_freshness_use(&freshness)); /* not at once */
	fake_clock_advance(2000);
	assert_true(kv_freshness_use(&freshness));
}

static void
a_failure_after_names_were_handed_out_bans_the_type_until_a_later_listing_is_complete(void **state)
{
	(void)state;
	complete(1, 0);
	fail_listing(2, true);
	assert_false(kv_freshness_is_serving(&freshness));
	assert_int_equal(kv_freshness_left_ms(&freshness, -1), 0);
	assert_int_equal(kv_freshness_refusal(&freshness, true), -EACCES);
	fake_clock_advance(9999);
	assert_int_equal(kv_freshness_refusal(&freshness, true), -EACCES);
	fake_clock_advance(1);
	assert_true(kv_freshness_use(&freshness));
	assert_int_equal(kv_freshness_refusal(&freshness, true), 0); /* waits for the whole */
	assert_int_equal(kv_freshness_refusal(&freshness, false), -EACCES);
	complete(3, 100);
	assert_true(kv_freshness_is_serving(&freshness));
	assert_false(kv_freshness_use(&freshness));
	assert_false(freshness.is_banned);
}

static void
a_ban_lasts_10_s_even_if_a_listing_is_complete_before(void **state)
{
	(void)state;
	fail_listing(1, true);
	complete(2, 100);
	assert_int_equal(kv_freshness_refusal(&freshness, false), -EACCES);
	(void)kv_freshness_use(&freshness);
	assert_true(freshness.is_banned);
	fake_clock_advance(10000);
	(void)kv_freshness_use(&freshness);
	assert_int_equal(kv_freshness_refusal(&freshness, false), 0);
}

static void
what_is_loading_is_true_for_as_long_as_it_will_serve(void **state)
{
	const int64_t mono_started = kv_clock_mono_ms();

	(void)state;
	fake_clock_advance(1000);
	assert_int_equal(kv_freshness_left_ms(&freshness, mono_started), TTL_MS - 1000);
	fake_clock_advance(9000);
	assert_int_equal(kv_freshness_left_ms(&freshness, mono_started), 90000);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_listing_is_needed_before_the_first_one),
		TEST(a_listing_serves_for_twice_its_time_and_is_renewed_from_four_fifths_on),
		TEST(a_failed_refresh_does_not_matter_while_a_listing_serves),
		TEST(a_failure_after_names_were_handed_out_bans_the_type_until_a_later_listing_is_complete),
		TEST(a_ban_lasts_10_s_even_if_a_listing_is_complete_before),
		TEST(what_is_loading_is_true_for_as_long_as_it_will_serve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
