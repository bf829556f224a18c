#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cache/object.h"
#include "client/base/clock.h"
#include "client/vault/vault.h"
#include "fs/mount/process.h"
#include "fs/object/told.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"

#define N 1000

static struct kv_told_map *map;
static struct kv_object *object;
static struct kv_caller me;

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(INT64_C(1000000000000), 1700000000); /* long after this process began */
	me = (struct kv_caller){ .uid = 1000, .pid = getpid(), .command = "cp" };
	map = kv_told_map_new();
	object = kv_object_new(KV_KEYS, "a");
	assert_non_null(map);
	assert_non_null(object);
	return 0;
}

static int
tear_down(void **state)
{
	struct kv_told *told = kv_told_find(map, object);

	(void)state;
	kv_told_check(map);
	if (told != NULL)
		told->n_files = 0;
	kv_told_map_free(map);
	assert_int_equal(object->refs, 1);
	kv_object_unref(object);
	return 0;
}

/* That of object, which has a file. */
static struct kv_told *
told_of_file(void)
{
	struct kv_told *told = kv_told_of(map, object);

	assert_non_null(told);
	told->n_files = 1;
	return told;
}

/* Whether this process may go by another size. */
static bool
differs(const struct kv_told *told, int64_t size)
{
	kv_told_check(map);
	return kv_told_differs(told, size, &me);
}

static void
an_object_has_one_as_long_as_there_is_something_to_remember(void **state)
{
	struct kv_told *told = kv_told_of(map, object);

	(void)state;
	assert_ptr_equal(kv_told_of(map, object), told);
	assert_ptr_equal(kv_told_find(map, object), told);
	kv_told_settle(map, told);
	assert_null(kv_told_find(map, object));
	told = kv_told_of(map, object);
	kv_told_note(told, 10, 60000);
	kv_told_settle(map, told);
	assert_ptr_equal(kv_told_find(map, object), told); /* the size outlives the node */
	object->is_gone = true;
	kv_told_settle(map, told);
	assert_null(kv_told_find(map, object));
}

static void
a_file_keeps_it(void **state)
{
	struct kv_told *told = kv_told_of(map, object);

	(void)state;
	told->n_files++;
	object->is_gone = true;
	kv_told_settle(map, told);
	assert_ptr_equal(kv_told_find(map, object), told);
	told->n_files--;
	kv_told_settle(map, told);
	assert_null(kv_told_find(map, object));
}

static void
many_objects_have_one_each(void **state)
{
	struct kv_object *objects[N];
	char name[8];

	(void)state;
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		objects[i] = kv_object_new(KV_SECRETS, name);
		assert_non_null(objects[i]);
		kv_told_note(kv_told_of(map, objects[i]), i, 1000);
		kv_told_check(map);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(kv_told_find(map, objects[i])->size, i);
	for (int i = 0; i < N; i += 2) {
		objects[i]->is_gone = true;
		kv_told_settle(map, kv_told_find(map, objects[i]));
	}
	for (int i = 0; i < N; i++) {
		assert_true((kv_told_find(map, objects[i]) == NULL) == (i % 2 == 0));
		kv_object_unref(objects[i]); /* the others are the map's */
	}
}

static void
another_size_than_the_last_one_is_refused(void **state)
{
	struct kv_told *told = told_of_file();

	(void)state;
	assert_false(differs(told, 10)); /* none was given */
	kv_told_note(told, 10, 60000);
	assert_false(differs(told, 10));
	assert_true(differs(told, 11));
	kv_told_note_read(told, 11);
	assert_false(differs(told, 11));
	assert_true(differs(told, 10));
	kv_told_refuse(told, 17);
	assert_false(differs(told, 10));
}

static void
an_old_size_is_gone_by_for_a_minute(void **state)
{
	struct kv_told *told = told_of_file();

	(void)state;
	kv_told_note(told, 10, 600000);
	kv_told_expire(told);
	fake_clock_advance(59999);
	assert_true(differs(told, 11));
	kv_told_expire(told); /* a second change does not make it longer */
	fake_clock_advance(1);
	assert_false(differs(told, 11));
}

static void
a_program_that_began_later_does_not_go_by_it(void **state)
{
	struct kv_told *told = told_of_file();
	const int64_t mono_begun = kv_process_of(&me).mono_begun;

	(void)state;
	fake_clock_set(mono_begun - 1000, 1700000000); /* before this process began */
	kv_told_note(told, 10, 500);
	assert_false(differs(told, 11));
	kv_told_note(told, 10, 2000); /* the kernel may have answered this process from its cache */
	assert_true(differs(told, 11));
	kv_told_note_unknown(told);
	assert_false(differs(told, 11));
}

static void
the_second_try_of_a_refused_open_is_known_once(void **state)
{
	struct kv_told *told = told_of_file();

	(void)state;
	kv_told_refuse(told, 17);
	assert_false(kv_told_is_second_try(told, 18));
	assert_true(kv_told_is_second_try(told, 17));
	assert_false(kv_told_is_second_try(told, 17));
	kv_told_refuse(told, 17);
	fake_clock_advance(2000);
	assert_false(kv_told_is_second_try(told, 17)); /* that is another open */
}

static int
make(void)
{
	struct kv_told_map *other = kv_told_map_new();
	const struct kv_told *told = other != NULL ? kv_told_of(other, object) : NULL;
	const int err = told != NULL ? 0 : -ENOMEM;

	kv_told_map_free(other);
	return err;
}

static void
no_allocation_that_fails_does_harm(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(make());
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_object_has_one_as_long_as_there_is_something_to_remember),
		TEST(a_file_keeps_it),
		TEST(many_objects_have_one_each),
		TEST(another_size_than_the_last_one_is_refused),
		TEST(an_old_size_is_gone_by_for_a_minute),
		TEST(a_program_that_began_later_does_not_go_by_it),
		TEST(the_second_try_of_a_refused_open_is_known_once),
		TEST(no_allocation_that_fails_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
