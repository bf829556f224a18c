#include "tests/unit/unit.h"

#include "client/http/room.h"

static struct kv_room room;
static struct kv_room_claim a, b, c;

static int
set_up(void **state)
{
	(void)state;
	kv_room_init(&room, 100);
	a = b = c = (struct kv_room_claim){ .bytes = 0 };
	return 0;
}

static void
there_is_room_up_to_the_bound(void **state)
{
	(void)state;
	assert_true(kv_room_take(&room, &a, 60));
	assert_true(kv_room_take(&room, &b, 40));
	assert_false(kv_room_take(&room, &c, 1));
	assert_null(kv_room_next(&room));
	kv_room_give_back(&room, &b);
	assert_ptr_equal(kv_room_next(&room), &c);
	assert_null(kv_room_next(&room));
	assert_int_equal(room.taken, 61);
	kv_room_give_back(&room, &a);
	kv_room_give_back(&room, &c);
	assert_int_equal(room.taken, 0);
}

static void
one_that_is_larger_than_all_of_it_goes_alone(void **state)
{
	(void)state;
	assert_true(kv_room_take(&room, &a, 500));
	assert_false(kv_room_take(&room, &b, 500));
	assert_false(kv_room_take(&room, &c, 1));
	assert_null(kv_room_next(&room));
	kv_room_give_back(&room, &a);
	assert_ptr_equal(kv_room_next(&room), &b);
	assert_null(kv_room_next(&room));
	kv_room_give_back(&room, &b);
	assert_ptr_equal(kv_room_next(&room), &c);
}

static void
a_small_one_does_not_overtake_and_one_that_gives_up_leaves_the_queue(void **state)
{
	(void)state;
	assert_true(kv_room_take(&room, &a, 60));
	assert_false(kv_room_take(&room, &b, 60));
	assert_false(kv_room_take(&room, &c, 10));
	assert_null(kv_room_next(&room));
	kv_room_give_back(&room, &b); /* cancelled */
	assert_ptr_equal(kv_room_next(&room), &c);
	kv_room_give_back(&room, &b); /* none any more */
	assert_int_equal(room.taken, 70);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(there_is_room_up_to_the_bound),
		TEST(one_that_is_larger_than_all_of_it_goes_alone),
		TEST(a_small_one_does_not_overtake_and_one_that_gives_up_leaves_the_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
