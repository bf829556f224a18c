#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "cache/object.h"
#include "tests/unit/fake_alloc.h"

static void
a_new_object_is_there_and_its_size_unknown(void **state)
{
	struct kv_object *object = kv_object_new(KV_SECRETS, "Db-Password");

	(void)state;
	assert_non_null(object);
	assert_int_equal(object->type, KV_SECRETS);
	assert_string_equal(object->name, "Db-Password");
	assert_string_equal(object->key, "DB-PASSWORD");
	assert_false(object->is_gone);
	assert_int_equal(object->size, -1);
	kv_object_unref(object);
}

static void
the_key_is_the_name_in_upper_case(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "a", "A" },
		{ "Z", "Z" },
		{ "az-AZ-09", "AZ-AZ-09" },
	};
	char key[KV_NAME_MAX + 1], longest[KV_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_object_key(rows[i][0], key);
		assert_row(strcmp(key, rows[i][1]) == 0, i, rows[i][0]);
	}
	memset(longest, 'x', KV_NAME_MAX);
	longest[KV_NAME_MAX] = '\0';
	kv_object_key(longest, key);
	assert_int_equal(strlen(key), KV_NAME_MAX);
	assert_int_equal(key[KV_NAME_MAX - 1], 'X');
}

static uint64_t
inode_of(enum kv_type type, const char *name)
{
	struct kv_object *object = kv_object_new(type, name);
	uint64_t ino;

	assert_non_null(object);
	ino = object->ino;
	kv_object_unref(object);
	return ino;
}

static void
the_inode_number_is_the_same_in_every_mount(void **state)
{
	(void)state;
	assert_true(inode_of(KV_KEYS, "a") == inode_of(KV_KEYS, "a"));
	assert_true(inode_of(KV_KEYS, "a") == inode_of(KV_KEYS, "A"));
	/* the first 62 bits of the SHA-256 of "keys/A" */
	assert_true(inode_of(KV_KEYS, "a") == UINT64_C(0x542b344429be5888));
}

static int
compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
no_two_objects_share_an_inode_number_and_none_has_a_small_one(void **state)
{
	static uint64_t inos[KV_TYPES * 5000];
	char name[20];
	size_t n = 0;

	(void)state;
	for (int t = 0; t < KV_TYPES; t++)
		for (int i = 0; i < 5000; i++) {
			snprintf(name, sizeof(name), "n%d", i);
			inos[n++] = inode_of((enum kv_type)t, name);
		}
	qsort(inos, n, sizeof(inos[0]), compare);
	assert_true(inos[0] > 0xffffffff);
	for (size_t i = 1; i < n; i++)
		assert_row(inos[i - 1] < inos[i], i, "an inode number is there twice");
}

static void
it_lives_as_long_as_somebody_refers_to_it(void **state)
{
	struct kv_object *object = kv_object_new(KV_KEYS, "a");

	(void)state;
	assert_ptr_equal(kv_object_ref(object), object);
	kv_object_unref(object);
	assert_string_equal(object->name, "a");
	kv_object_unref(object);
	kv_object_unref(NULL);
}

static void
without_memory_there_is_none(void **state)
{
	(void)state;
	fake_alloc_fail_at(1);
	assert_null(kv_object_new(KV_KEYS, "a"));
	fake_alloc_fail_at(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_object_is_there_and_its_size_unknown),
		cmocka_unit_test(the_key_is_the_name_in_upper_case),
		cmocka_unit_test(the_inode_number_is_the_same_in_every_mount),
		cmocka_unit_test(no_two_objects_share_an_inode_number_and_none_has_a_small_one),
		cmocka_unit_test(it_lives_as_long_as_somebody_refers_to_it),
		cmocka_unit_test(without_memory_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
