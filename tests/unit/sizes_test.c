#include "tests/unit/unit.h"

#include "cache/blob/sizes.h"

static void
the_largest_of_the_last_eight_is_expected_unless_the_size_is_known(void **state)
{
	static const struct {
		size_t len, expected; /* a blob of len comes in; then the next is expected to have */
	} rows[] = { { 100, 100 }, { 300, 300 }, { 200, 300 }, { 200, 300 }, { 200, 300 }, { 200, 300 },
		{ 200, 300 }, { 200, 300 }, { 200, 300 }, { 250, 250 }, { 29 << 20, 29 << 20 } };
	struct kv_object *object = kv_object_new(KV_SECRETS, "a"), *key = kv_object_new(KV_KEYS, "a");
	struct kv_sizes sizes = { 0 };

	(void)state;
	assert_non_null(object);
	assert_non_null(key);
	assert_int_equal(kv_sizes_expected(&sizes, object), 8192);
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_sizes_note(&sizes, KV_SECRETS, rows[i].len);
		assert_row(kv_sizes_expected(&sizes, object) == rows[i].expected, i, "expected");
		assert_row(kv_sizes_expected(&sizes, key) == 8192, i, "of another type");
	}
	object->size = 7161;
	assert_int_equal(kv_sizes_expected(&sizes, object), 7161);
	kv_object_unref(object);
	kv_object_unref(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_of_the_last_eight_is_expected_unless_the_size_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
