#include "tests/unit/unit.h"

#include <string.h>

#include "cache/index/object_rows.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/index_dir.h"

static void
what_was_noted_is_recalled_under_any_spelling(void **state)
{
	struct kv_index index = index_dir_open();
	struct kv_object *object = index_dir_recall(index.objects, "Db"), *again;

	(void)state;
	index_dir_note(index.objects, object, 4711);
	kv_index_close(&index);
	index = index_dir_open();
	again = index_dir_recall(index.objects, "DB");
	assert_int_equal(again->ino, object->ino);
	assert_int_equal(again->size, 4711);
	assert_true(again->has_fingerprint && again->has_digest);
	assert_memory_equal(again->digest, object->digest, KV_DIGEST_LEN);
	kv_object_unref(object);
	kv_object_unref(again);
	kv_index_close(&index);
}

static void
an_object_that_is_gone_is_forgotten_and_its_number_not_given_again(void **state)
{
	struct kv_index index = index_dir_open();
	struct kv_object *object = index_dir_recall(index.objects, "a"), *other;

	(void)state;
	index_dir_note(index.objects, object, 500);
	object->is_gone = true;
	kv_object_rows_note(index.objects, object);
	kv_object_rows_check(index.objects);
	kv_index_close(&index);
	index = index_dir_open();
	other = index_dir_recall(index.objects, "b");
	assert_int_not_equal(other->ino, object->ino);
	kv_object_unref(object);
	kv_object_unref(other);
	kv_index_close(&index);
}

static void
two_indexes_on_one_file_never_give_one_number_twice(void **state)
{
	struct kv_index one = index_dir_open(), two = index_dir_open();
	struct kv_object *a = index_dir_recall(one.objects, "a"), *b = index_dir_recall(two.objects, "b");

	(void)state;
	assert_int_not_equal(a->ino, b->ino);
	kv_object_unref(a);
	kv_object_unref(b);
	kv_index_close(&one);
	kv_index_close(&two);
}

/* Both list an object that neither knew. */
static void
the_second_to_write_takes_the_number_of_the_first(void **state)
{
	struct kv_index indexes[3] = { index_dir_open(), index_dir_open(), index_dir_open() };
	struct kv_object *objects[3], *again;

	(void)state;
	for (int i = 0; i < 3; i++)
		objects[i] = index_dir_recall(indexes[i].objects, "a");
	assert_int_not_equal(objects[0]->ino, objects[1]->ino);
	assert_int_not_equal(objects[0]->ino, objects[2]->ino);
	index_dir_note(indexes[0].objects, objects[0], 100);
	kv_object_rows_settle(indexes[0].objects);
	kv_object_rows_check(indexes[0].objects);
	index_dir_note(indexes[1].objects, objects[1], 200);
	kv_object_rows_settle(indexes[1].objects);
	kv_object_rows_check(indexes[1].objects);
	assert_int_equal(objects[1]->ino, objects[0]->ino);
	objects[2]->is_ino_used = true;
	index_dir_note(indexes[2].objects, objects[2], 300);
	kv_object_rows_settle(indexes[2].objects);
	kv_object_rows_check(indexes[2].objects);
	assert_int_not_equal(objects[2]->ino, objects[0]->ino);
	for (int i = 0; i < 3; i++)
		kv_index_close(&indexes[i]);
	indexes[0] = index_dir_open();
	again = index_dir_recall(indexes[0].objects, "a");
	assert_int_equal(again->ino, objects[0]->ino);
	assert_int_equal(again->size, 300);
	kv_object_unref(again);
	for (int i = 0; i < 3; i++)
		kv_object_unref(objects[i]);
	kv_index_close(&indexes[0]);
}

static void
a_size_that_no_backup_has_is_not_believed(void **state)
{
	static const struct {
		int64_t size, recalled;
	} rows[] = { { -7, -1 }, { 0, -1 }, { 1, -1 }, { 63, -1 }, { 64, 64 }, { 64 << 20, 64 << 20 },
		{ (64 << 20) + 1, -1 }, { INT64_MAX, -1 } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_index index = index_dir_open();
		struct kv_object *object = index_dir_recall(index.objects, "a"), *again;

		index_dir_note(index.objects, object, rows[i].size);
		kv_index_close(&index);
		index = index_dir_open();
		again = index_dir_recall(index.objects, "a");
		assert_row(again->size == rows[i].recalled, i, "size");
		assert_row(again->has_digest == (rows[i].recalled >= 0), i, "digest");
		kv_object_unref(object);
		kv_object_unref(again);
		kv_index_close(&index);
	}
}

/* A sibling of object, recalled. */
static struct kv_object *
recall_sibling(struct kv_index *index, struct kv_object *object, enum kv_kind kind)
{
	struct kv_object *sibling = kv_object_new_sibling(object, kind);

	kv_object_rows_recall(index->objects, sibling);
	return sibling;
}

static bool
is_listed(const void *arg, const char *key)
{
	(void)arg;
	return strcmp(key, "A") == 0;
}

static void
siblings_have_rows_and_numbers_of_their_own_which_end_with_the_object_s(void **state)
{
	struct kv_index index = index_dir_open();
	struct kv_object *a = index_dir_recall(index.objects, "a"), *b = index_dir_recall(index.objects, "b");
	struct kv_object *json = recall_sibling(&index, a, KV_KIND_JSON), *gone;
	struct kv_object *pem = recall_sibling(&index, b, KV_KIND_PEM), *again;

	(void)state;
	index_dir_note(index.objects, a, 500);
	index_dir_note(index.objects, b, 500);
	index_dir_note(index.objects, json, 7);
	index_dir_note(index.objects, pem, 8);
	kv_object_rows_settle(index.objects);
	/* a listing without b */
	kv_object_rows_prune(index.objects, KV_SECRETS, 1, is_listed, NULL);
	kv_index_close(&index);
	index = index_dir_open();
	again = recall_sibling(&index, a, KV_KIND_JSON);
	gone = recall_sibling(&index, b, KV_KIND_PEM);
	assert_int_equal(again->size, 7);
	assert_int_equal(again->ino, json->ino);
	assert_int_not_equal(again->ino, a->ino);
	assert_int_equal(gone->size, -1);
	assert_int_not_equal(gone->ino, pem->ino);
	kv_object_unref(again);
	kv_object_unref(gone);
	kv_object_unref(json);
	kv_object_unref(pem);
	kv_object_unref(a);
	kv_object_unref(b);
	kv_index_close(&index);
}

static void
without_an_index_nothing_is_recalled(void **state)
{
	struct kv_object *object = index_dir_recall(NULL, "a");

	(void)state;
	assert_int_equal(object->size, -1);
	index_dir_note(NULL, object, 500);
	kv_object_rows_begin(NULL);
	kv_object_rows_settle(NULL);
	kv_object_rows_prune(NULL, KV_SECRETS, 0, NULL, NULL);
	assert_false(object->is_noted);
	kv_object_unref(object);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, index_dir_set_up, index_dir_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_was_noted_is_recalled_under_any_spelling),
		TEST(an_object_that_is_gone_is_forgotten_and_its_number_not_given_again),
		TEST(two_indexes_on_one_file_never_give_one_number_twice),
		TEST(the_second_to_write_takes_the_number_of_the_first),
		TEST(a_size_that_no_backup_has_is_not_believed),
		TEST(siblings_have_rows_and_numbers_of_their_own_which_end_with_the_object_s),
		TEST(without_an_index_nothing_is_recalled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
