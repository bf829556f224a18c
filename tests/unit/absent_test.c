#include "tests/unit/unit.h"

#include "cache/list/absent.h"
#include "tests/unit/fake_clock.h"

static struct kv_absent *absent;

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	absent = kv_absent_new();
	return absent != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_absent_free(absent);
	return 0;
}

static void
a_name_is_absent_for_5_s_in_its_spelling_and_type(void **state)
{
	(void)state;
	assert_false(kv_absent_has(absent, KV_KEYS, "new"));
	kv_absent_add(absent, KV_KEYS, "new");
	assert_true(kv_absent_has(absent, KV_KEYS, "new"));
	assert_false(kv_absent_has(absent, KV_KEYS, "New"));
	assert_false(kv_absent_has(absent, KV_SECRETS, "new"));
	fake_clock_advance(4999);
	assert_true(kv_absent_has(absent, KV_KEYS, "new"));
	fake_clock_advance(1);
	assert_false(kv_absent_has(absent, KV_KEYS, "new"));
}

static void
a_name_that_is_added_again_is_absent_for_longer(void **state)
{
	(void)state;
	kv_absent_add(absent, KV_KEYS, "new");
	fake_clock_advance(4000);
	kv_absent_add(absent, KV_KEYS, "new");
	fake_clock_advance(4000);
	assert_true(kv_absent_has(absent, KV_KEYS, "new"));
}

static void
what_was_restored_is_forgotten_in_every_spelling(void **state)
{
	(void)state;
	kv_absent_add(absent, KV_KEYS, "new");
	kv_absent_add(absent, KV_KEYS, "New");
	kv_absent_forget(absent, KV_SECRETS, "new");
	assert_true(kv_absent_has(absent, KV_KEYS, "new"));
	kv_absent_forget(absent, KV_KEYS, "NEW");
	assert_false(kv_absent_has(absent, KV_KEYS, "new"));
	assert_false(kv_absent_has(absent, KV_KEYS, "New"));
}

static void
the_oldest_names_make_room_for_new_ones(void **state)
{
	char name[20];

	(void)state;
	for (int i = 0; i < 80; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		kv_absent_add(absent, KV_KEYS, name);
	}
	for (int i = 0; i < 80; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_row(kv_absent_has(absent, KV_KEYS, name) == (i >= 16), i, name);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_name_is_absent_for_5_s_in_its_spelling_and_type),
		TEST(a_name_that_is_added_again_is_absent_for_longer),
		TEST(what_was_restored_is_forgotten_in_every_spelling),
		TEST(the_oldest_names_make_room_for_new_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
