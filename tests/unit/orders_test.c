#include "tests/unit/unit.h"

#include <stdlib.h>

#include "cache/blob/orders.h"
#include "cache/list/listing.h"
#include "tests/unit/rig.h"

static struct kv_orders orders;
static const char *names;

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	assert_int_equal(call->op, KV_OP_LIST);
	reply->page = fake_vault_page(names, 1600000000, "");
	return 10;
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(answer, 0, 8);
	names = "b a-b a c";
	rig_list(KV_SECRETS);
	kv_orders_init(&orders, rig.listings[KV_SECRETS]);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_orders_check(&orders);
	kv_orders_release(&orders);
	rig_end();
	return 0;
}

static struct kv_object *
find(const char *name)
{
	struct kv_object *object;

	assert_int_equal(kv_listing_find(rig.listings[KV_SECRETS], name, &object), 0);
	return object;
}

/* Where name is, or -1. */
static int
position(enum kv_order order, const char *name)
{
	size_t at;

	return kv_orders_position(&orders, order, find(name), &at) ? (int)at : -1;
}

static void
an_object_has_a_position_in_each_order(void **state)
{
	static const struct {
		const char *name;
		uint64_t ino;
		int listed, by_name, by_number;
	} rows[] = { { "b", 40, 0, 2, 3 }, { "a-b", 10, 1, 0, 0 }, { "a", 30, 2, 1, 2 },
		{ "c", 20, 3, 3, 1 } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		find(rows[i].name)->ino = rows[i].ino;
	assert_true(kv_orders_follow(&orders));
	assert_false(kv_orders_follow(&orders));
	assert_int_equal(position(KV_BY_NAME, "a"), -1); /* not sorted yet */
	kv_orders_sort(&orders);
	kv_orders_check(&orders);
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(position(KV_LISTED, rows[i].name) == rows[i].listed, i, "listed");
		assert_row(position(KV_BY_NAME, rows[i].name) == rows[i].by_name, i, "by name");
		assert_row(position(KV_BY_NUMBER, rows[i].name) == rows[i].by_number, i, "by number");
	}
}

static void
a_new_listing_has_new_positions(void **state)
{
	(void)state;
	assert_true(kv_orders_follow(&orders));
	kv_orders_sort(&orders);
	names = "c b a a-b";
	fake_loop_run(rig.loop, 70000);
	rig_use_listing(KV_SECRETS);
	fake_loop_run(rig.loop, 100);
	assert_false(kv_orders_is_current(&orders));
	kv_orders_check(&orders);
	assert_true(kv_orders_follow(&orders));
	assert_true(kv_orders_is_current(&orders));
	assert_int_equal(position(KV_LISTED, "c"), 0);
	assert_int_equal(position(KV_BY_NAME, "c"), -1);
	kv_orders_sort(&orders);
	assert_int_equal(position(KV_BY_NAME, "c"), 3);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_object_has_a_position_in_each_order),
		TEST(a_new_listing_has_new_positions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
