#include "tests/unit/unit.h"

#include <string.h>

#include "fs/config/nearest.h"

static void
a_word_is_near_if_few_characters_differ(void **state)
{
	static const struct {
		const char *name, *known;
		bool is_near;
	} rows[] = {
		{ "status", "status", true },
		{ "stauts", "status", true },  /* swapped */
		{ "statuss", "status", true }, /* added */
		{ "satus", "status", true },   /* left out */
		{ "stetus", "status", true },  /* changed */
		{ "statsu5", "status", true }, /* two, of a long word */
		{ "pln", "plan", true },
		{ "pn", "plan", false }, /* two, of a short one */
		{ "no", "ro", false },
		{ "backup", "status", false },
		{ "", "plan", false },
		{ "a-very-long-word-that-is-no-option-at-all", "status", false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const size_t len = strlen(rows[i].name);
		size_t least = kv_nearest_start(len);

		assert_row(kv_nearest_is(rows[i].name, len, rows[i].known, &least) == rows[i].is_near, i,
		    rows[i].name);
	}
}

static void
the_nearest_is_found_whatever_the_order(void **state)
{
	size_t least = kv_nearest_start(6);

	(void)state;
	assert_true(kv_nearest_is("unmout", 6, "umount", &least));
	assert_int_equal(least, 2);
	assert_true(kv_nearest_is("unmout", 6, "unmount", &least));
	assert_int_equal(least, 1);
	assert_false(kv_nearest_is("unmout", 6, "umount", &least));
	assert_int_equal(least, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_is_near_if_few_characters_differ),
		cmocka_unit_test(the_nearest_is_found_whatever_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
