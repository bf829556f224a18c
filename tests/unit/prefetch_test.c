#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cache/blob/blobs.h"
#include "cache/list/listing.h"
#include "cache/blob/prefetch.h"
#include "cache/pace/throttle.h"
#include "tests/unit/rig.h"

/* 100 secrets: the one at position i of the list is called n and i x 37 mod 100. */
#define OBJECTS		100
#define NAME_AT(i)	((i)*37 % OBJECTS)
#define LISTED_AT(name) ((name)*73 % OBJECTS) /* the inverse */

static bool is_asked_for[OBJECTS]; /* by position in the list: its backup */
static int n_twice;

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	char names[OBJECTS * 5] = "";
	int i;

	if (call->op == KV_OP_LIST) {
		for (i = 0; i < OBJECTS; i++)
			snprintf(names + strlen(names), 6, "%sn%02d", i > 0 ? " " : "", NAME_AT(i));
		reply->page = fake_vault_page(names, 1600000000, "");
		return 10;
	}
	i = LISTED_AT((int)strtol(call->name + 1, NULL, 10));
	n_twice += is_asked_for[i];
	is_asked_for[i] = true;
	reply->blob = fake_vault_blob("four");
	return 75;
}

static void
make(long most)
{
	rig.prefetch = kv_prefetch_new(rig.blobs, rig.throttle, rig.listings, most);
	assert_non_null(rig.prefetch);
}

static int
set_up(void **state)
{
	struct kv_object *const *objects;
	size_t n;

	(void)state;
	memset(is_asked_for, 0, sizeof(is_asked_for));
	n_twice = 0;
	rig_begin(answer, 400, 0);
	rig.blobs = kv_blobs_new(rig.loop, rig.throttle, &(struct kv_blobs_options){ .store.room = 1000000 });
	rig_list(KV_SECRETS);
	objects = kv_listing_view(rig.listings[KV_SECRETS], &n, NULL, NULL);
	assert_int_equal(n, OBJECTS);
	for (size_t i = 0; i < n; i++)
		objects[i]->ino = 1000 + i; /* as an index gives them: in the list's order */
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	assert_int_equal(n_twice, 0);
	rig_end();
	return 0;
}

static void
done(void *arg, int err, struct kv_blob *blob)
{
	(void)arg;
	(void)blob;
	assert_int_equal(err, 0);
}

/* A reader wants what is at position i of the list, and waits for it. */
static void
access_for(int i, enum kv_need need)
{
	const struct kv_caller me = { .uid = 1000, .pid = 17, .command = "cp" };
	struct kv_object *object;
	struct kv_waiter *waiter;
	size_t n;
	bool waits;

	object = kv_listing_view(rig.listings[KV_SECRETS], &n, NULL, NULL)[i];
	waits = !kv_blobs_has(rig.blobs, object);
	assert_int_equal(kv_blobs_get(rig.blobs, object, need, &me, done, NULL, &waiter), 0);
	kv_prefetch_accessed(rig.prefetch, object, need, waits);
	fake_loop_run(rig.loop, 200);
}

static void
access_at(int i)
{
	access_for(i, KV_NEED_CONTENT);
}

static int
asked_for(void)
{
	int n = 0;

	for (int i = 0; i < OBJECTS; i++)
		n += is_asked_for[i];
	return n;
}

static size_t
streams(void)
{
	size_t n, window;

	kv_prefetch_state(rig.prefetch, &n, &window);
	return n;
}

/* ---- tests ---- */

static void
one_access_starts_nothing(void **state)
{
	(void)state;
	make(-1);
	access_at(50);
	assert_int_equal(asked_for(), 1);
	assert_int_equal(streams(), 0);
}

static void
two_that_follow_each_other_start_a_stream_that_doubles(void **state)
{
	(void)state;
	make(-1);
	access_at(10);
	access_at(11);
	assert_int_equal(asked_for(), 2 + 4);
	for (int i = 10; i < 16; i++)
		assert_row(is_asked_for[i], (size_t)i, "in the list's order");
	access_at(12);
	assert_int_equal(asked_for(), 3 + 8);
	access_at(13);
	assert_int_equal(asked_for(), 4 + 16);
	for (int i = 14; i < OBJECTS; i++)
		access_at(i);
	assert_int_equal(asked_for(), OBJECTS - 10);
}

static void
the_order_of_the_names_is_followed_too(void **state)
{
	(void)state;
	make(-1);
	access_at(LISTED_AT(40));
	access_at(LISTED_AT(41));
	for (int name = 40; name < 46; name++)
		assert_row(is_asked_for[LISTED_AT(name)], (size_t)name, "in the names' order");
	for (int name = 42; name < OBJECTS; name++)
		access_at(LISTED_AT(name));
	assert_int_equal(asked_for(), OBJECTS - 40);
}

static void
a_small_gap_and_what_is_known_are_passed_over(void **state)
{
	(void)state;
	make(-1);
	access_at(20);
	access_at(23); /* two left out */
	assert_true(is_asked_for[24] && is_asked_for[27]);
	assert_false(is_asked_for[21] || is_asked_for[22]);
	access_at(26);
	assert_int_equal(streams(), 1);
	assert_true(is_asked_for[34]);
}

static void
going_back_starts_nothing(void **state)
{
	(void)state;
	make(-1);
	for (int i = 90; i >= 0; i -= 10)
		access_at(i);
	assert_int_equal(asked_for(), 10);
}

static void
after_four_misses_a_stream_ends(void **state)
{
	static const int elsewhere[] = { 90, 75, 55, 35 }; /* far apart by name too */

	(void)state;
	make(-1);
	access_at(10);
	access_at(11);
	for (size_t i = 0; i < N_OF(elsewhere); i++) {
		assert_int_equal(streams(), 1);
		access_at(elsewhere[i]);
	}
	assert_int_equal(streams(), 0);
}

static void
no_more_is_fetched_ahead_than_the_user_allows(void **state)
{
	(void)state;
	make(2);
	for (int i = 10; i < 20; i++) {
		access_at(i);
		assert_row(asked_for() <= i - 10 + 1 + 2, (size_t)i, "two ahead");
	}
	assert_int_equal(asked_for(), 12);
}

static void
with_0_nothing_is_fetched_ahead(void **state)
{
	(void)state;
	make(0);
	for (int i = 10; i < 20; i++)
		access_at(i);
	assert_int_equal(asked_for(), 10);
}

static void
a_stream_of_stats_fetches_what_has_no_size(void **state)
{
	struct kv_object *const *objects;
	size_t n;

	(void)state;
	make(-1);
	objects = kv_listing_view(rig.listings[KV_SECRETS], &n, NULL, NULL);
	objects[12]->size = objects[14]->size = 4; /* from an earlier mount */
	access_for(10, KV_NEED_SIZE);
	access_for(11, KV_NEED_SIZE);
	assert_false(is_asked_for[12] || is_asked_for[14]);
	assert_true(is_asked_for[13] && is_asked_for[15] && is_asked_for[16] && is_asked_for[17]);
	assert_int_equal(asked_for(), 6);
}

/* A directory that was filled in the order of names: by name and by inode number is one order. */
static void
of_two_streams_in_one_order_each_knows_what_it_has_ahead(void **state)
{
	struct kv_object *const *objects;
	size_t n;

	(void)state;
	make(8);
	objects = kv_listing_view(rig.listings[KV_SECRETS], &n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		objects[i]->ino = 1000 + (uint64_t)NAME_AT(i);
	for (int name = 0; name < 90; name++) {
		access_at(LISTED_AT(name));
		if (name > 10)
			assert_row(
			    is_asked_for[LISTED_AT(name + 4)], name, "its successors are fetched ahead");
	}
	assert_int_equal(streams(), 2);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(one_access_starts_nothing),
		TEST(two_that_follow_each_other_start_a_stream_that_doubles),
		TEST(the_order_of_the_names_is_followed_too),
		TEST(a_small_gap_and_what_is_known_are_passed_over),
		TEST(going_back_starts_nothing),
		TEST(after_four_misses_a_stream_ends),
		TEST(no_more_is_fetched_ahead_than_the_user_allows),
		TEST(with_0_nothing_is_fetched_ahead),
		TEST(a_stream_of_stats_fetches_what_has_no_size),
		TEST(of_two_streams_in_one_order_each_knows_what_it_has_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
