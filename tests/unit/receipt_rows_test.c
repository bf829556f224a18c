#include "tests/unit/unit.h"

#include <string.h>

#include "cache/index/receipt_rows.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/index_dir.h"

static void
a_receipt_is_found_by_its_path_and_by_its_bytes(void **state)
{
	struct kv_index index = index_dir_open();
	struct kv_receipt receipt = { .type = KV_SECRETS, .size = 100, .mode = 0600 }, found;
	unsigned char other[KV_DIGEST_LEN] = { 1 };

	(void)state;
	memset(receipt.digest, 3, KV_DIGEST_LEN);
	snprintf(receipt.name, sizeof(receipt.name), "db");
	snprintf(receipt.version, sizeof(receipt.version), "v1");
	kv_receipt_rows_keep(index.receipts, "secrets/db.blob", &receipt);
	kv_index_close(&index);
	index = index_dir_open();
	assert_true(kv_receipt_rows_find_path(index.receipts, "secrets/db.blob", &found));
	assert_string_equal(found.version, "v1");
	assert_false(kv_receipt_rows_find_path(index.receipts, "secrets/other.blob", &found));
	assert_true(kv_receipt_rows_find_digest(index.receipts, receipt.digest, KV_SECRETS, &found));
	assert_false(kv_receipt_rows_find_digest(index.receipts, receipt.digest, KV_KEYS, &found));
	assert_false(kv_receipt_rows_find_digest(index.receipts, other, KV_SECRETS, &found));
	/* borg removes what is there before it writes it: the path is forgotten, the bytes are not */
	kv_receipt_rows_keep(index.receipts, "secrets/db.blob", NULL);
	kv_index_close(&index);
	index = index_dir_open();
	assert_false(kv_receipt_rows_find_path(index.receipts, "secrets/db.blob", &found));
	assert_true(kv_receipt_rows_find_digest(index.receipts, receipt.digest, KV_SECRETS, &found));
	kv_index_close(&index);
}

/* A crash of kvfs may cost sizes, which are fetched again, but no receipt. */
static void
a_receipt_is_written_at_once_although_sizes_wait(void **state)
{
	struct kv_index index = index_dir_open(), other;
	struct kv_object *object = index_dir_recall(index.objects, "a");
	const struct kv_receipt receipt = { .type = KV_SECRETS, .name = "db", .version = "v1", .size = 100 };
	struct kv_receipt found;

	(void)state;
	fake_loop_run(index_loop, 2000);
	index_dir_note(index.objects, object, 500);
	kv_receipt_rows_keep(index.receipts, "secrets/db.blob", &receipt);
	fake_loop_run(index_loop, 1);
	other = index_dir_open();
	assert_true(kv_receipt_rows_find_path(other.receipts, "secrets/db.blob", &found));
	kv_index_close(&other);
	kv_object_unref(object);
	kv_index_close(&index);
}

static void
without_an_index_nothing_is_found(void **state)
{
	const unsigned char digest[KV_DIGEST_LEN] = { 0 };
	const struct kv_receipt receipt = { .type = KV_SECRETS };
	struct kv_receipt found;

	(void)state;
	kv_receipt_rows_keep(NULL, "a", &receipt);
	kv_receipt_rows_move(NULL, "a", "b");
	assert_false(kv_receipt_rows_find_path(NULL, "a", &found));
	assert_false(kv_receipt_rows_find_digest(NULL, digest, KV_SECRETS, &found));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, index_dir_set_up, index_dir_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_receipt_is_found_by_its_path_and_by_its_bytes),
		TEST(a_receipt_is_written_at_once_although_sizes_wait),
		TEST(without_an_index_nothing_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
