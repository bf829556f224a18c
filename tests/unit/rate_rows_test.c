#include "tests/unit/unit.h"

#include "cache/index/rate_rows.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/index_dir.h"

static void
a_rate_is_found_with_the_age_of_its_limit(void **state)
{
	struct kv_index index = index_dir_open();
	double rate, limit;
	int64_t age_s;

	(void)state;
	assert_false(kv_rate_rows_find(index.rates, "keys", &rate, &limit, &age_s));
	kv_rate_rows_keep(index.rates, "keys", 12.5, 25, 60);
	kv_rate_rows_keep(index.rates, "light", 200, 0, 0);
	kv_index_close(&index);
	fake_clock_advance(5000);
	index = index_dir_open();
	assert_true(kv_rate_rows_find(index.rates, "keys", &rate, &limit, &age_s));
	assert_true(rate == 12.5 && limit == 25);
	assert_int_equal(age_s, 65);
	assert_false(kv_rate_rows_find(index.rates, "restores", &rate, &limit, &age_s));
	kv_index_close(&index);
}

static void
a_rate_that_cannot_be_is_not_found(void **state)
{
	static const struct {
		double rate, limit;
		int64_t age_s;
	} rows[] = { { 0, 0, 0 }, { -1, 0, 0 }, { 10, -1, 0 }, { 10, 0, -100 } };
	struct kv_index index = index_dir_open();
	double rate, limit;
	int64_t age_s;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_rate_rows_keep(index.rates, "keys", rows[i].rate, rows[i].limit, rows[i].age_s);
		assert_row(!kv_rate_rows_find(index.rates, "keys", &rate, &limit, &age_s), i, "found");
	}
	kv_index_close(&index);
}

static void
without_an_index_nothing_is_found(void **state)
{
	double rate, limit;
	int64_t age_s;

	(void)state;
	kv_rate_rows_keep(NULL, "keys", 10, 0, 0);
	assert_false(kv_rate_rows_find(NULL, "keys", &rate, &limit, &age_s));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, index_dir_set_up, index_dir_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_rate_is_found_with_the_age_of_its_limit),
		TEST(a_rate_that_cannot_be_is_not_found),
		TEST(without_an_index_nothing_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
