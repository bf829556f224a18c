#include "tests/unit/unit.h"

#include <string.h>

#include "cache/blob/store.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_vault.h"

#define OBJECTS 8
#define ROOM	(2 * (4 + KV_STORE_EACH) * 16 / 15 + 1) /* two blobs of 4 bytes */

static struct kv_loop *loop;
static struct kv_store *store;
static struct kv_object *objects[OBJECTS]; /* "a", "b", … */

static void
check(void)
{
	if (store != NULL)
		kv_store_check(store);
}

static void
make(size_t room, size_t spill)
{
	const struct kv_store_options options = { .room = room, .spill = spill, .folder = "/tmp" };

	kv_store_free(store);
	store = kv_store_new(loop, &options);
	assert_non_null(store);
}

static int
set_up(void **state)
{
	(void)state;
	caught_begin();
	fake_clock_set(1000000, 1700000000);
	loop = kv_loop_new();
	fake_loop_check_with(loop, check);
	for (int i = 0; i < OBJECTS; i++) {
		const char name[] = { (char)('a' + i), '\0' };

		objects[i] = kv_object_new(KV_SECRETS, name);
		assert_non_null(objects[i]);
	}
	make(ROOM, 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	check();
	kv_store_free(store);
	store = NULL;
	for (int i = 0; i < OBJECTS; i++) {
		assert_int_equal(objects[i]->refs, 1);
		kv_object_unref(objects[i]);
	}
	assert_int_equal(fake_loop_timers(loop), 0);
	kv_loop_free(loop);
	caught_end();
	return 0;
}

static void
put(char name, bool is_ahead)
{
	const char content[] = { name, name, name, name, '\0' };
	struct kv_object *object = objects[name - 'a'];
	struct kv_blob *blob = fake_vault_blob(content);

	object->size = (int64_t)blob->len;
	object->has_digest = true;
	memcpy(object->digest, blob->digest, KV_DIGEST_LEN);
	kv_store_put(store, object, blob, is_ahead);
	check();
	kv_blob_unref(blob);
	fake_loop_run(loop, 1);
}

/* The names of those that are kept, "ac". */
static const char *
kept(void)
{
	static char names[OBJECTS + 1];
	size_t n = 0;

	for (int i = 0; i < OBJECTS; i++)
		if (kv_store_has(store, objects[i]))
			names[n++] = (char)('a' + i);
	names[n] = '\0';
	return names;
}

static void
read_one(char name)
{
	const struct kv_blob *blob = kv_store_get(store, objects[name - 'a']);

	assert_non_null(blob);
	assert_int_equal(blob->data[0], name);
	kv_store_mark_read(store, objects[name - 'a']);
	check();
}

static void
the_newest_unread_one_goes_and_before_it_what_was_read(void **state)
{
	(void)state;
	put('a', false);
	put('b', false);
	put('c', false);
	assert_string_equal(kept(), "ab");
	read_one('a');
	put('d', false);
	assert_string_equal(kept(), "bd");
	put('e', false);
	assert_string_equal(kept(), "bd");
}

static void
what_has_no_room_in_memory_is_in_the_spill_file(void **state)
{
	struct kv_store_state now;

	(void)state;
	make(ROOM, 6 * 4096);
	for (const char *p = "abcdefg"; *p != '\0'; p++)
		put(*p, false);
	/* two in memory, with their entries less; the file has six blocks */
	kv_store_state(store, &now);
	assert_in_range(now.spilled, 4096, 6 * 4096);
	for (const char *p = "abcdefg"; *p != '\0'; p++) {
		if (strchr(kept(), *p) != NULL)
			read_one(*p);
		fake_loop_run(loop, 1);
	}
}

static void
an_unread_blob_is_kept_for_15_minutes(void **state)
{
	(void)state;
	make(1000000, 0);
	put('a', false);
	put('b', false);
	read_one('b');
	fake_loop_run(loop, (int64_t)14 * 60 * 1000);
	assert_string_equal(kept(), "ab");
	fake_loop_run(loop, (int64_t)2 * 60 * 1000);
	assert_string_equal(kept(), "b");
}

static void
what_was_fetched_ahead_is_used_when_somebody_asks_for_it_once(void **state)
{
	struct kv_store_state now;

	(void)state;
	put('a', true);
	put('b', true);
	kv_store_mark_asked(store, objects[0]);
	kv_store_mark_asked(store, objects[0]);
	read_one('a');
	kv_store_state(store, &now);
	assert_int_equal(now.n_ahead_used, 1);
	assert_int_equal(now.n_read, 1);
}

static void
a_changed_object_has_nothing_kept(void **state)
{
	(void)state;
	make(ROOM, 1000000);
	for (const char *p = "abcd"; *p != '\0'; p++)
		put(*p, false);
	for (int i = 0; i < OBJECTS; i++) {
		kv_store_drop(store, objects[i]);
		check();
	}
	assert_string_equal(kept(), "");
}

static void
there_is_room_for_what_the_unread_leave(void **state)
{
	(void)state;
	make(1600, 0);
	assert_true(kv_budget_has_room(kv_store_user(store)->budget, 1500));
	assert_false(kv_budget_has_room(kv_store_user(store)->budget, 1501));
	kv_budget_note_expected(kv_store_user(store), 1000, true);
	assert_false(kv_budget_has_room(kv_store_user(store)->budget, 501));
	kv_budget_note_expected(kv_store_user(store), 1000, false);
	put('a', false);
	assert_true(kv_budget_has_room(kv_store_user(store)->budget, 1496));
	assert_false(kv_budget_has_room(kv_store_user(store)->budget, 1497));
	read_one('a');
	assert_true(kv_budget_has_room(kv_store_user(store)->budget, 1500));
}

static void
without_memory_a_blob_is_not_kept(void **state)
{
	struct kv_blob *blob = fake_vault_blob("blob");

	(void)state;
	fake_alloc_fail_at(1);
	kv_store_put(store, objects[0], blob, false);
	fake_alloc_fail_at(0);
	check();
	assert_string_equal(kept(), "");
	kv_blob_unref(blob);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_newest_unread_one_goes_and_before_it_what_was_read),
		TEST(what_has_no_room_in_memory_is_in_the_spill_file),
		TEST(an_unread_blob_is_kept_for_15_minutes),
		TEST(what_was_fetched_ahead_is_used_when_somebody_asks_for_it_once),
		TEST(a_changed_object_has_nothing_kept),
		TEST(there_is_room_for_what_the_unread_leave),
		TEST(without_memory_a_blob_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
