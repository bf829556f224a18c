#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/index/index.h"
#include "client/base/buf.h"
#include "fs/dropbox/drop.h"
#include "fs/dropbox/receipt.h"
#include "fs/dropbox/upload.h"
#include "fs/mount/tree.h"
#include "tests/unit/caught.h"
#include "tests/unit/drop_rig.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"

static char directory[32];
static struct kv_loop *loop;
static struct kv_index vault_index;
static struct kv_receipts *receipts;

static void
begin(void)
{
	struct kv_buf why;

	kv_buf_init(&why, 512);
	loop = kv_loop_new();
	assert_int_equal(kv_index_open(&vault_index, loop, directory, "v", &why), 0);
	drop_rig_begin();
	receipts = kv_receipts_new(vault_index.receipts);
	assert_non_null(receipts);
	kv_buf_release(&why);
}

static void
end(void)
{
	kv_receipts_free(receipts);
	drop_rig_end();
	kv_index_close(&vault_index);
	assert_int_equal(fake_loop_timers(loop), 0);
	kv_loop_free(loop);
}

static void
remount(void)
{
	end();
	begin();
}

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	snprintf(directory, sizeof(directory), "/tmp/kvfs-receipt.XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	caught_begin();
	begin();
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "v.db", "v.db-wal", "v.db-shm" };
	char path[64];

	(void)state;
	end();
	caught_end();
	for (size_t i = 0; i < N_OF(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		(void)unlink(path);
	}
	return rmdir(directory);
}

static struct kv_receipt
receipt_of(const char *name, unsigned char digest)
{
	struct kv_receipt r = { .type = KV_KEYS, .version = "v1", .wall_updated = 1600000000 };

	memset(r.digest, digest, sizeof(r.digest));
	snprintf(r.name, sizeof(r.name), "%s", name);
	return r;
}

/* A file of the drop box that was restored as name. */
static struct kv_drop *
restored(struct kv_drop *folder, const char *file_name, const char *name)
{
	const struct kv_receipt receipt = receipt_of(name, 7);
	struct kv_drop *file = drop_rig_file(folder, file_name);

	kv_upload_become_receipt(file->upload, &receipt);
	return file;
}

static bool
has(const char *path)
{
	struct kv_receipt found;

	return kv_receipt_rows_find_path(vault_index.receipts, path, &found);
}

static void
it_is_found_by_its_bytes_and_type_and_the_newest_counts(void **state)
{
	const struct kv_receipt first = receipt_of("a", 1), second = receipt_of("b", 1);
	struct kv_receipt found;

	(void)state;
	assert_false(kv_receipts_find(receipts, first.digest, KV_KEYS, &found));
	kv_receipts_keep(receipts, &first);
	kv_receipts_keep(receipts, &second);
	assert_true(kv_receipts_find(receipts, first.digest, KV_KEYS, &found));
	assert_string_equal(found.name, "b");
	assert_false(kv_receipts_find(receipts, first.digest, KV_SECRETS, &found));
}

static void
it_is_found_by_its_path_and_bytes_after_a_remount(void **state)
{
	const struct kv_receipt any = receipt_of("", 7);
	struct kv_receipt found;
	struct kv_drop *node = restored(drop_root, "a.blob", "a");

	(void)state;
	node->upload->mode = 0640;
	node->upload->wall_mtime_ns = 123456789;
	kv_receipts_note(receipts, node);
	remount();
	assert_true(kv_receipts_find_path(receipts, drop_root, "a.blob", &found));
	assert_string_equal(found.name, "a");
	assert_string_equal(found.version, "v1");
	assert_int_equal(found.mode, 0640);
	assert_int_equal(found.wall_mtime_ns, 123456789);
	assert_true(kv_receipts_find(receipts, any.digest, KV_KEYS, &found));
	assert_false(kv_receipts_find_path(receipts, drop_root, "b.blob", &found));
}

static void
what_is_no_receipt_is_not_noted(void **state)
{
	(void)state;
	kv_receipts_note(receipts, restored(drop_root, ".a.blob.Xy01Zz", "a"));
	kv_receipts_note(receipts, restored(drop_root, "unsent.blob", ""));
	remount();
	assert_false(has(".a.blob.Xy01Zz"));
	assert_false(has("unsent.blob"));
}

static void
a_path_that_was_removed_is_forgotten_and_its_bytes_are_not(void **state)
{
	const struct kv_receipt any = receipt_of("", 7);
	struct kv_receipt found;

	(void)state;
	kv_receipts_note(receipts, restored(drop_root, "a.blob", "a"));
	kv_receipts_forget(receipts, drop_root, "a.blob");
	remount();
	assert_false(has("a.blob"));
	assert_true(kv_receipts_find(receipts, any.digest, KV_KEYS, &found));
}

/* Before it is written to the file, and after. */
static void
a_folder_that_is_renamed_or_removed_takes_its_paths_along(void **state)
{
	(void)state;
	for (int is_written = 0; is_written <= 1; is_written++) {
		struct kv_drop *x = drop_rig_folder(drop_root, "x"), *y = drop_rig_folder(drop_root, "y");

		kv_receipts_note(receipts, restored(x, "a.blob", "a"));
		kv_receipts_note(receipts, restored(drop_rig_folder(x, "deep"), "b.blob", "b"));
		kv_receipts_note(receipts, restored(y, "old.blob", "old"));
		kv_receipts_note(receipts, restored(drop_root, "x.blob", "x"));
		kv_receipts_note(receipts, restored(drop_root, "x0", "x0"));
		if (is_written)
			fake_loop_run(loop, 10000);
		kv_receipts_move_below(receipts, drop_root, "x", drop_root, "y");
		for (int i = 0; i < 2; i++) {
			assert_true(has("y/a.blob") && has("y/deep/b.blob"));
			assert_false(has("x/a.blob") || has("x/deep/b.blob") || has("y/old.blob"));
			assert_true(has("x.blob") && has("x0"));
			fake_loop_run(loop, 10000); /* now from the file */
		}
		kv_receipts_forget_below(receipts, drop_root, "y");
		for (int i = 0; i < 2; i++) {
			assert_false(has("y/a.blob") || has("y/deep/b.blob"));
			assert_true(has("x.blob") && has("x0"));
			fake_loop_run(loop, 10000);
		}
		remount();
	}
}

static void
count(void *arg, const char *path, const struct kv_receipt *receipt)
{
	char *paths = arg;

	(void)receipt;
	snprintf(paths + strlen(paths), 100, "%s ", path);
}

static void
the_next_receipts_come_in_the_order_of_their_paths(void **state)
{
	struct kv_drop *keys = drop_rig_folder(drop_root, "keys");
	char paths[200] = "";

	(void)state;
	kv_receipts_note(receipts, restored(keys, "c", "c"));
	kv_receipts_note(receipts, restored(keys, "a", "a"));
	kv_receipts_note(receipts, restored(keys, "b", "b"));
	kv_receipts_note(receipts, restored(drop_root, "z", "z"));
	kv_receipts_forget(receipts, drop_root, "z");
	fake_loop_run(loop, 10000);
	kv_receipt_rows_next(vault_index.receipts, "keys/a", 5, count, paths);
	assert_string_equal(paths, "keys/b keys/c ");
	kv_receipt_rows_next(vault_index.receipts, "", 5, count, paths);
	assert_non_null(strstr(paths, "keys/a keys/b keys/c"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_is_found_by_its_bytes_and_type_and_the_newest_counts),
		TEST(it_is_found_by_its_path_and_bytes_after_a_remount),
		TEST(what_is_no_receipt_is_not_noted),
		TEST(a_path_that_was_removed_is_forgotten_and_its_bytes_are_not),
		TEST(a_folder_that_is_renamed_or_removed_takes_its_paths_along),
		TEST(the_next_receipts_come_in_the_order_of_their_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
