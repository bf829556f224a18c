#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "fs/mount/tree.h"
#include "fs/dropbox/drop.h"
#include "fs/dropbox/upload.h"
#include "tests/unit/drop_rig.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"

static int
set_up(void **state)
{
	(void)state;
	drop_rig_begin();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	drop_rig_end();
	return 0;
}

static void
a_name_is_there_once_in_a_folder(void **state)
{
	struct kv_drop *folder = drop_rig_folder(drop_root, "backup"), *node;
	struct kv_drop *file = drop_rig_file(folder, "a.blob");

	(void)state;
	assert_ptr_equal(kv_drop_child(folder, "a.blob"), file);
	assert_null(kv_drop_child(folder, "A.blob"));
	assert_null(kv_drop_child(drop_root, "a.blob"));
	assert_int_equal(kv_drop_make_folder(folder, "a.blob", &node), -EEXIST);
	assert_null(node);
	drop_rig_file(drop_root, "a.blob");
}

static void
a_file_with_a_name_stays_when_nobody_refers_to_it(void **state)
{
	struct kv_drop *file = drop_rig_file(drop_root, "a.blob");

	(void)state;
	kv_tree_looked_up(&file->node);
	kv_tree_opened(&file->node);
	kv_tree_closed(&file->node);
	kv_tree_forget(&file->node, 1);
	assert_ptr_equal(kv_drop_child(drop_root, "a.blob"), file);
}

static void
a_removed_file_lives_until_the_last_reference_is_gone(void **state)
{
	const int n = drop_rig_count();
	struct kv_drop *file = drop_rig_file(drop_root, "a.blob");

	(void)state;
	kv_tree_looked_up(&file->node);
	kv_tree_opened(&file->node);
	kv_drop_remove(file);
	assert_null(kv_drop_child(drop_root, "a.blob"));
	assert_string_equal(file->name, "a.blob");
	kv_tree_closed(&file->node);
	assert_int_equal(drop_rig_count(), n + 1);
	kv_tree_forget(&file->node, 1);
	assert_int_equal(drop_rig_count(), n);
	kv_drop_remove(drop_rig_file(drop_root, "a.blob"));
	assert_int_equal(drop_rig_count(), n);
}

static void
a_removed_folder_takes_all_below_it_along(void **state)
{
	const int n = drop_rig_count();
	struct kv_drop *top = drop_rig_folder(drop_root, "top");
	struct kv_drop *sub = drop_rig_folder(top, "sub");
	struct kv_drop *open = drop_rig_file(sub, "open");

	(void)state;
	drop_rig_file(top, "a");
	drop_rig_file(sub, "b");
	kv_tree_opened(&open->node);
	kv_drop_remove(top);
	assert_int_equal(drop_rig_count(), n + 1);
	assert_null(open->parent);
	kv_tree_closed(&open->node);
	assert_int_equal(drop_rig_count(), n);
}

static void
a_file_is_moved_in_the_place_of_another(void **state)
{
	struct kv_drop *folder = drop_rig_folder(drop_root, "backup");
	struct kv_drop *file = drop_rig_file(drop_root, ".a.XXXXXX");
	int n;

	(void)state;
	drop_rig_file(folder, "a");
	n = drop_rig_count();
	assert_int_equal(kv_drop_move(file, folder, "a"), 0);
	assert_ptr_equal(kv_drop_child(folder, "a"), file);
	assert_null(kv_drop_child(drop_root, ".a.XXXXXX"));
	assert_ptr_equal(file->parent, folder);
	assert_int_equal(drop_rig_count(), n - 1);
	assert_int_equal(kv_drop_move(file, folder, "a"), 0); /* to where it is */
	assert_ptr_equal(kv_drop_child(folder, "a"), file);
	assert_int_equal(kv_drop_move(file, folder, "b"), 0);
	assert_null(kv_drop_child(folder, "a"));
	assert_string_equal(file->name, "b");
}

static void
the_nearest_folder_of_a_types_name_says_the_type(void **state)
{
	static const struct {
		const char *path[4];
		int err;
		enum kv_type type;
	} rows[] = {
		{ { NULL }, -ENOENT, KV_KEYS },
		{ { "x", "y" }, -ENOENT, KV_KEYS },
		{ { "x", "keys" }, 0, KV_KEYS },
		{ { "secrets", "x", "y" }, 0, KV_SECRETS },
		{ { "secrets", "certificates" }, 0, KV_CERTIFICATES },
		{ { "certificates", "x", "secrets", "y" }, 0, KV_SECRETS },
		{ { "Keys" }, -ENOENT, KV_KEYS },
		{ { "keys-old" }, -ENOENT, KV_KEYS },
	};
	struct kv_drop *folder;
	enum kv_type type;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		folder = drop_root;
		for (size_t k = 0; k < 4 && rows[i].path[k] != NULL; k++) {
			folder = drop_rig_folder(folder, rows[i].path[k]);
		}
		assert_row(kv_drop_type(folder, &type) == rows[i].err, i, "err");
		assert_row(rows[i].err != 0 || type == rows[i].type, i, "type");
	}
}

static int
make_and_move(void)
{
	struct kv_drop *folder;
	int err = kv_drop_make_folder(drop_root, "a", &folder);

	if (err != 0)
		assert_null(kv_drop_child(drop_root, "a"));
	else
		err = kv_drop_move(folder, drop_root, "b");
	if (folder != NULL)
		kv_drop_remove(folder);
	return err;
}

static void
no_allocation_that_fails_does_harm(void **state)
{
	const int n = drop_rig_count();

	(void)state;
	EACH_ALLOCATION_FAILS(make_and_move());
	assert_int_equal(drop_rig_count(), n);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_name_is_there_once_in_a_folder),
		TEST(a_file_with_a_name_stays_when_nobody_refers_to_it),
		TEST(a_removed_file_lives_until_the_last_reference_is_gone),
		TEST(a_removed_folder_takes_all_below_it_along),
		TEST(a_file_is_moved_in_the_place_of_another),
		TEST(the_nearest_folder_of_a_types_name_says_the_type),
		TEST(no_allocation_that_fails_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
