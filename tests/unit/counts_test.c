#include "tests/unit/unit.h"

#include "client/vault/counts.h"

static void
each_pair_of_operation_and_status_is_counted(void **state)
{
	struct kv_counts counts = { 0 };

	(void)state;
	assert_int_equal(kv_counts_len(&counts), 0);
	assert_int_equal(kv_counts_get(&counts, KV_OP_LIST, 200), 0);
	for (int i = 0; i < 3; i++)
		kv_counts_add(&counts, KV_OP_LIST, 200);
	kv_counts_add(&counts, KV_OP_LIST, 0);
	kv_counts_add(&counts, KV_OP_BACKUP, 200);
	assert_int_equal(kv_counts_len(&counts), 3);
	assert_int_equal(kv_counts_get(&counts, KV_OP_LIST, 200), 3);
	assert_int_equal(kv_counts_get(&counts, KV_OP_LIST, 0), 1);
	assert_int_equal(kv_counts_get(&counts, KV_OP_BACKUP, 200), 1);
	assert_int_equal(kv_counts_get(&counts, KV_OP_BACKUP, 0), 0);
	assert_int_equal(counts.slots[1].status, 0);
}

static void
a_server_with_many_statuses_does_not_fill_the_memory(void **state)
{
	struct kv_counts counts = { 0 };

	(void)state;
	for (long status = 0; status < 1000; status++)
		kv_counts_add(&counts, KV_OP_LIST, status);
	assert_int_equal(kv_counts_len(&counts), KV_COUNTS);
	kv_counts_add(&counts, KV_OP_LIST, 63);
	assert_int_equal(kv_counts_get(&counts, KV_OP_LIST, 63), 2);
	assert_int_equal(kv_counts_get(&counts, KV_OP_LIST, 64), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pair_of_operation_and_status_is_counted),
		cmocka_unit_test(a_server_with_many_statuses_does_not_fill_the_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
