#include "tests/unit/unit.h"

#include <string.h>

#include "cache/blob/spill.h"
#include "cache/blob/store.h"
#include "client/base/loop.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_vault.h"

#define OBJECTS 8
#define EACH	(4 + KV_STORE_EACH)

static struct kv_loop *loop;
static struct kv_budget *budget;
static struct kv_store *stores[2];
static struct kv_object *objects[2][OBJECTS];

static void
check(void)
{
	for (int i = 0; i < 2; i++)
		if (stores[i] != NULL)
			kv_store_check(stores[i]);
}

static void
make(size_t room, size_t spill)
{
	const struct kv_budget_options options = { room * 16 / 15 + 1, spill, "/tmp" };
	const struct kv_store_options store = { .spill = spill };

	budget = kv_budget_new(loop, &options);
	assert_non_null(budget);
	for (int i = 0; i < 2; i++) {
		struct kv_store_options mine = store;

		mine.budget = budget;
		stores[i] = kv_store_new(loop, &mine);
		assert_non_null(stores[i]);
	}
}

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	loop = kv_loop_new();
	fake_loop_check_with(loop, check);
	for (int i = 0; i < 2 * OBJECTS; i++) {
		const char name[] = { (char)('a' + i % OBJECTS), '\0' };

		objects[i / OBJECTS][i % OBJECTS] = kv_object_new(KV_SECRETS, name);
	}
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	check();
	for (int i = 0; i < 2; i++) {
		kv_store_free(stores[i]);
		stores[i] = NULL;
		for (int k = 0; k < OBJECTS; k++) {
			assert_int_equal(objects[i][k]->refs, 1);
			kv_object_unref(objects[i][k]);
		}
	}
	kv_budget_free(budget);
	assert_int_equal(fake_loop_timers(loop), 0);
	kv_loop_free(loop);
	return 0;
}

static void
put(int store, char name)
{
	const char content[] = { name, name, name, name, '\0' };
	struct kv_object *object = objects[store][name - 'a'];
	struct kv_blob *blob = fake_vault_blob(content);

	object->size = (int64_t)blob->len;
	object->has_digest = true;
	memcpy(object->digest, blob->digest, KV_DIGEST_LEN);
	kv_store_put(stores[store], object, blob, false);
	kv_blob_unref(blob);
	fake_loop_run(loop, 1);
	check();
}

static void
read_one(int store, char name)
{
	struct kv_object *object = objects[store][name - 'a'];

	assert_non_null(kv_store_get(stores[store], object));
	kv_store_mark_read(stores[store], object);
	fake_loop_run(loop, 1);
	check();
}

/* The names that a store has, in memory and in the spill file. */
static const char *
kept(int store)
{
	static char names[2][OBJECTS + 1];
	int n = 0;

	for (int i = 0; i < OBJECTS; i++)
		if (kv_store_has(stores[store], objects[store][i]))
			names[store][n++] = (char)('a' + i);
	names[store][n] = '\0';
	return names[store];
}

static void
what_was_read_longest_ago_goes_first_whichever_store_has_it(void **state)
{
	(void)state;
	make(4 * EACH, 0);
	put(0, 'a');
	read_one(0, 'a');
	put(1, 'a');
	read_one(1, 'a');
	put(0, 'b');
	read_one(0, 'b');
	put(1, 'b');
	put(1, 'c');
	assert_string_equal(kept(0), "b");
	assert_string_equal(kept(1), "abc");
	put(0, 'c');
	assert_string_equal(kept(0), "bc");
	assert_string_equal(kept(1), "bc");
}

static void
a_store_with_many_unread_ones_leaves_room_for_the_other(void **state)
{
	(void)state;
	make(4 * EACH, 0);
	for (const char *c = "abcd"; *c != '\0'; c++)
		put(0, *c);
	put(1, 'a');
	put(1, 'b');
	assert_string_equal(kept(0), "ab");
	assert_string_equal(kept(1), "ab");
}

static void
the_spill_file_is_shared_and_its_numbers_are_each_stores(void **state)
{
	struct kv_store_state of[2];

	(void)state;
	make(6 * KV_STORE_EACH + 8, 4 * KV_SPILL_BLOCK);
	for (const char *c = "abc"; *c != '\0'; c++)
		put(0, *c);
	for (const char *c = "abc"; *c != '\0'; c++)
		put(1, *c);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(kept(i), "abc");
		kv_store_state(stores[i], &of[i]);
	}
	assert_int_equal(of[0].spilled + of[1].spilled, 4 * KV_SPILL_BLOCK);
	assert_int_equal(kv_spill_used(kv_budget_spill(budget)), 4 * KV_SPILL_BLOCK);
	for (const char *c = "abc"; *c != '\0'; c++)
		read_one(1, *c);
	assert_string_equal(kept(0), "abc");
}

static void
what_others_expect_is_no_room(void **state)
{
	const size_t room = 4 * EACH + 1; /* rounded */

	(void)state;
	make(4 * EACH, 0);
	assert_true(kv_budget_has_room(budget, room));
	kv_budget_note_expected(kv_store_user(stores[0]), 100, true);
	kv_budget_note_expected(kv_store_user(stores[1]), 50, true);
	assert_int_equal(kv_budget_expected(budget), 150);
	assert_false(kv_budget_has_room(budget, room - 149));
	assert_true(kv_budget_has_room(budget, room - 150));
	kv_budget_note_expected(kv_store_user(stores[0]), 100, false);
	kv_budget_note_expected(kv_store_user(stores[1]), 50, false);
}

static void
without_memory_there_is_none(void **state)
{
	const struct kv_budget_options options = { 1000, 1 << 20, "/tmp" };

	(void)state;
	for (int n = 1; n <= 4; n++) {
		fake_alloc_fail_at(n);
		kv_budget_free(kv_budget_new(loop, &options));
		fake_alloc_fail_at(0);
	}
	make(EACH, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_was_read_longest_ago_goes_first_whichever_store_has_it),
		TEST(a_store_with_many_unread_ones_leaves_room_for_the_other),
		TEST(the_spill_file_is_shared_and_its_numbers_are_each_stores),
		TEST(what_others_expect_is_no_room),
		TEST(without_memory_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
