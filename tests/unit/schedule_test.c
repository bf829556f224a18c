#include "tests/unit/unit.h"

#include <stdbool.h>
#include <string.h>

#include "cache/pace/bucket.h"
#include "cache/pace/schedule.h"

static struct kv_schedule *schedule;
static struct kv_schedule_entry entries[200];
static int64_t mono_now;

static void
make(double rate, int max_inflight)
{
	const struct kv_schedule_options options = {
		.rate = rate, .share = 0.5, .max_inflight = max_inflight
	};

	kv_schedule_free(schedule);
	schedule = kv_schedule_new(&options, mono_now);
	assert_non_null(schedule);
	memset(entries, 0, sizeof(entries));
}

static int
set_up(void **state)
{
	(void)state;
	mono_now = 1000000;
	make(0, 1000);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_schedule_check(schedule);
	kv_schedule_free(schedule);
	schedule = NULL;
	return 0;
}

static void
add(int i, enum kv_op op, enum kv_type type, enum kv_priority priority)
{
	kv_schedule_add(schedule, &entries[i], op, type, priority);
	kv_schedule_check(schedule);
}

/* The number of the entry that goes now, -1 for none. */
static int
next(int64_t *wait_ms)
{
	struct kv_schedule_entry *e = kv_schedule_next(schedule, mono_now, wait_ms);

	kv_schedule_check(schedule);
	assert_true(e == NULL || e->is_in_flight);
	return e != NULL ? (int)(e - entries) : -1;
}

static void
end(int i, enum kv_outcome outcome)
{
	kv_schedule_ended(schedule, &entries[i], outcome, -1, mono_now);
	kv_schedule_check(schedule);
}

static void
the_highest_priority_goes_first_and_within_one_the_oldest(void **state)
{
	static const enum kv_priority priorities[] = { KV_AHEAD, KV_READ, KV_METADATA, KV_READ, KV_RESTORE };
	static const int order[] = { 2, 1, 3, 4, 0 };
	int64_t wait_ms;

	(void)state;
	for (int i = 0; i < 5; i++)
		add(i, KV_OP_BACKUP, KV_SECRETS, priorities[i]);
	for (size_t n = 0; n < N_OF(order); n++) {
		assert_row(next(&wait_ms) == order[n], n, "order");
		mono_now += 1000;
	}
	assert_int_equal(next(&wait_ms), -1);
	assert_int_equal(wait_ms, -1);
}

static void
a_raised_entry_goes_before_lower_ones_and_is_never_lowered(void **state)
{
	int64_t wait_ms;

	(void)state;
	add(0, KV_OP_BACKUP, KV_SECRETS, KV_READ);
	add(1, KV_OP_BACKUP, KV_SECRETS, KV_AHEAD);
	kv_schedule_raise(schedule, &entries[1], KV_METADATA);
	kv_schedule_raise(schedule, &entries[1], KV_AHEAD);
	kv_schedule_check(schedule);
	assert_int_equal(next(&wait_ms), 1);
}

static void
what_is_put_back_goes_first_and_what_is_removed_never(void **state)
{
	int64_t wait_ms;

	(void)state;
	for (int i = 0; i < 3; i++)
		add(i, KV_OP_BACKUP, KV_SECRETS, KV_READ);
	assert_int_equal(next(&wait_ms), 0);
	end(0, KV_DOWN);
	kv_schedule_put_back(schedule, &entries[0]);
	kv_schedule_remove(schedule, &entries[1]);
	kv_schedule_check(schedule);
	mono_now += 1000;
	assert_int_equal(next(&wait_ms), 0);
	assert_int_equal(next(&wait_ms), 2);
}

static void
a_class_that_is_closed_sends_one_probe_and_holds_no_other_class_up(void **state)
{
	const int keys = kv_schedule_class(schedule, KV_OP_BACKUP, KV_KEYS);
	int64_t wait_ms;

	(void)state;
	assert_string_equal(kv_schedule_class_name(schedule, keys), "keys");
	for (int i = 0; i < 3; i++)
		add(i, KV_OP_BACKUP, KV_KEYS, KV_READ);
	assert_int_equal(next(&wait_ms), 0);
	add(3, KV_OP_BACKUP, KV_SECRETS, KV_READ);
	end(0, KV_LIMITED);
	assert_true(kv_schedule_bucket(schedule, keys)->is_closed);
	assert_int_equal(next(&wait_ms), 3);
	mono_now += 400;
	assert_int_equal(next(&wait_ms), 1);
	assert_true(entries[1].is_probe);
	assert_int_equal(next(&wait_ms), -1);
	assert_int_equal(wait_ms, -1); /* until the probe is answered */
	end(1, KV_SERVED);
	assert_false(kv_schedule_bucket(schedule, keys)->is_closed);
	mono_now += 1000;
	assert_int_equal(next(&wait_ms), 2);
}

static void
the_last_slots_are_for_metadata(void **state)
{
	int64_t wait_ms;
	int n = 0;

	(void)state;
	make(0, 16);
	for (int i = 0; i < 20; i++)
		add(i, KV_OP_BACKUP, KV_SECRETS, KV_READ);
	for (; next(&wait_ms) >= 0; mono_now += 10)
		n++;
	assert_int_equal(n, 14);
	for (int i = 20; i < 24; i++)
		add(i, KV_OP_VERSIONS, KV_SECRETS, KV_METADATA);
	for (; next(&wait_ms) >= 0; mono_now += 10)
		n++;
	assert_int_equal(n, 16);
	end(0, KV_ABANDONED);
	assert_in_range(next(&wait_ms), 20, 23);
}

static void
a_vault_that_is_down_closes_all_classes_until_a_probe_is_served(void **state)
{
	int64_t wait_ms;

	(void)state;
	for (int i = 0; i < 100; i++)
		add(i, KV_OP_LIST, KV_SECRETS, KV_METADATA);
	for (int n = 0; n < 11; n++) {
		assert_false(kv_schedule_is_paused(schedule));
		end(next(&wait_ms), KV_DOWN);
		mono_now += 10;
	}
	assert_true(kv_schedule_is_paused(schedule));
	for (int class = 0; class < kv_schedule_classes(schedule); class ++)
		assert_true(kv_schedule_bucket(schedule, class)->is_closed);
	assert_int_equal(next(&wait_ms), -1);
	assert_true(wait_ms > 0);
	mono_now += wait_ms;
	end(next(&wait_ms), KV_SERVED);
	assert_false(kv_schedule_is_paused(schedule));
}

static void
with_a_rate_there_is_one_class(void **state)
{
	int64_t wait_ms;
	int n = 0;

	(void)state;
	make(10, 1000);
	assert_int_equal(kv_schedule_classes(schedule), 1);
	assert_string_equal(kv_schedule_class_name(schedule, 0), "all");
	for (int i = 0; i < 100; i++)
		add(i, i % 2 == 0 ? KV_OP_RESTORE : KV_OP_BACKUP, KV_KEYS, KV_READ);
	assert_int_equal(kv_schedule_queued(schedule, 0), 100);
	for (const int64_t mono_end = mono_now + 5000; mono_now < mono_end; mono_now += 10)
		for (int i; (i = next(&wait_ms)) >= 0; n++)
			end(i, KV_SERVED);
	assert_in_range(n, 48, 53);
	assert_int_equal(kv_schedule_queued(schedule, 0), 100 - n);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_highest_priority_goes_first_and_within_one_the_oldest),
		TEST(a_raised_entry_goes_before_lower_ones_and_is_never_lowered),
		TEST(what_is_put_back_goes_first_and_what_is_removed_never),
		TEST(a_class_that_is_closed_sends_one_probe_and_holds_no_other_class_up),
		TEST(the_last_slots_are_for_metadata),
		TEST(a_vault_that_is_down_closes_all_classes_until_a_probe_is_served),
		TEST(with_a_rate_there_is_one_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
