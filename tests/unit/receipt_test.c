#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/index/index.h"
#include "client/base/buf.h"
#include "fs/restore/receipt.h"
#include "fs/restore/upload.h"
#include "fs/mount/tree.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"

static char directory[32];
static struct kv_loop *loop;
static struct kv_index vault_index;
static struct kv_tree tree;
static struct kv_receipts *receipts;
static size_t staged;

static void
begin(void)
{
	const bool has[KV_TYPES] = { [KV_KEYS] = true };
	struct kv_buf why;

	kv_buf_init(&why, 512);
	loop = kv_loop_new();
	assert_int_equal(kv_index_open(&vault_index, loop, directory, "v", &why), 0);
	assert_int_equal(kv_tree_init(&tree, has, true), 0);
	receipts = kv_receipts_new(vault_index.receipts);
	assert_non_null(receipts);
	kv_buf_release(&why);
}

static void
end(void)
{
	kv_receipts_free(receipts);
	kv_tree_release(&tree);
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
static struct kv_node *
restored(struct kv_node *folder, const char *file, const char *name)
{
	const struct kv_receipt receipt = receipt_of(name, 7);
	struct kv_node *node = NULL;

	assert_int_equal(kv_tree_make(folder, KV_NODE_DROP_FILE, file, &node), 0);
	node->upload = kv_upload_new(loop, &staged, NULL, NULL);
	assert_non_null(node->upload);
	kv_upload_become_receipt(node->upload, &receipt);
	return node;
}

static struct kv_node *
folder_of(struct kv_node *folder, const char *name)
{
	struct kv_node *made = kv_tree_child(folder, name);

	if (made == NULL)
		assert_int_equal(kv_tree_make(folder, KV_NODE_DROP_FOLDER, name, &made), 0);
	return made;
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
	struct kv_node *node = restored(tree.drop, "a.blob", "a");

	(void)state;
	node->upload->mode = 0640;
	node->upload->wall_mtime_ns = 123456789;
	kv_receipts_note(receipts, node);
	remount();
	assert_true(kv_receipts_find_path(receipts, tree.drop, "a.blob", &found));
	assert_string_equal(found.name, "a");
	assert_string_equal(found.version, "v1");
	assert_int_equal(found.mode, 0640);
	assert_int_equal(found.wall_mtime_ns, 123456789);
	assert_true(kv_receipts_find(receipts, any.digest, KV_KEYS, &found));
	assert_false(kv_receipts_find_path(receipts, tree.drop, "b.blob", &found));
}

static void
what_is_no_receipt_is_not_noted(void **state)
{
	(void)state;
	kv_receipts_note(receipts, restored(tree.drop, ".a.blob.Xy01Zz", "a"));
	kv_receipts_note(receipts, restored(tree.drop, "unsent.blob", ""));
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
	kv_receipts_note(receipts, restored(tree.drop, "a.blob", "a"));
	kv_receipts_forget(receipts, tree.drop, "a.blob");
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
		struct kv_node *x = folder_of(tree.drop, "x"), *y = folder_of(tree.drop, "y");

		kv_receipts_note(receipts, restored(x, "a.blob", "a"));
		kv_receipts_note(receipts, restored(folder_of(x, "deep"), "b.blob", "b"));
		kv_receipts_note(receipts, restored(y, "old.blob", "old"));
		kv_receipts_note(receipts, restored(tree.drop, "x.blob", "x"));
		kv_receipts_note(receipts, restored(tree.drop, "x0", "x0"));
		if (is_written)
			fake_loop_run(loop, 10000);
		kv_receipts_move_below(receipts, tree.drop, "x", tree.drop, "y");
		for (int i = 0; i < 2; i++) {
			assert_true(has("y/a.blob") && has("y/deep/b.blob"));
			assert_false(has("x/a.blob") || has("x/deep/b.blob") || has("y/old.blob"));
			assert_true(has("x.blob") && has("x0"));
			fake_loop_run(loop, 10000); /* now from the file */
		}
		kv_receipts_forget_below(receipts, tree.drop, "y");
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
	struct kv_node *keys = folder_of(tree.drop, "keys");
	char paths[200] = "";

	(void)state;
	kv_receipts_note(receipts, restored(keys, "c", "c"));
	kv_receipts_note(receipts, restored(keys, "a", "a"));
	kv_receipts_note(receipts, restored(keys, "b", "b"));
	kv_receipts_note(receipts, restored(tree.drop, "z", "z"));
	kv_receipts_forget(receipts, tree.drop, "z");
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
