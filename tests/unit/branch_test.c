/* Two vaults in one mount; here both have the same volume. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fs/mount/branch.h"
#include "fs/mount/entry.h"
#include "fs/mount/folder.h"
#include "fs/mount/mount.h"
#include "fs/mount/process.h"
#include "fs/mount/request.h"
#include "fs/mount/tree.h"
#include "fs/mount/ops.h"
#include "fs/mount/session.h"
#include "fs/mount/mountinfo.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_fuse.h"
#include "tests/unit/rig.h"

static struct kv_settings settings, own[2];
static struct kv_mount mount;
static struct kv_branch branches[2];
static int n_under_way[2], n_stopped;

/* ---- a part of the tree: a folder that is listed, and two that are not ---- */

static int
attach(struct kv_branch *b, struct kv_folder *root, uint64_t first_ino, void **state)
{
	static const char *const names[] = { "keys", KV_CONTROL_FOLDER, "import" };
	struct kv_folder *folders[N_OF(names)];
	int err = 0;

	*state = &n_under_way[b - branches];
	for (size_t i = 0; err == 0 && i < N_OF(names); i++) {
		folders[i] = kv_folder_new(&b->mount->tree, b, first_ino + i, 0777);
		err = folders[i] != NULL ? kv_folder_add(root, names[i], kv_folder_node(folders[i]), i == 0) :
					   -ENOMEM;
	}
	return err;
}

static int
under_way(const void *state)
{
	return *(const int *)state;
}

static void
stop(void *state)
{
	(void)state;
	n_stopped++;
}

static const struct kv_tree_part part = { .attach = attach, .under_way = under_way, .stop = stop };
static const struct kv_tree_part_row parts[] = { { &part, 2 }, { NULL, 0 } };

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	(void)call;
	(void)reply;
	return 10;
}

static int
make(void)
{
	int err = kv_folder_new(&mount.tree, NULL, 1, 0777) != NULL ? 0 : -ENOMEM;

	for (int i = 0; err == 0 && i < 2; i++)
		err = kv_branch_init(&branches[i], &mount, &rig, &own[i], parts);
	return err;
}

static void
end(void)
{
	for (int i = 0; i < 2; i++)
		kv_branch_stop(&branches[i]);
	kv_mount_close_handles(&mount);
	kv_mount_release(&mount);
	for (int i = 0; i < 2; i++)
		kv_branch_release(&branches[i]);
	assert_true(TAILQ_EMPTY(&mount.branches));
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(answer, 0, 0);
	settings = (struct kv_settings){ .umask = 0077, .is_each = true };
	own[0] = (struct kv_settings){ .folder = "a", .number = 7 };
	own[1] = (struct kv_settings){ .folder = "b", .number = 32767 };
	memset(branches, 0, sizeof(branches));
	memset(n_under_way, 0, sizeof(n_under_way));
	n_stopped = 0;
	kv_mount_init(&mount, rig.loop, &settings);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	assert_int_equal(fake_fuse_open(), 0);
	end();
	rig_end();
	return 0;
}

/* The errno of a LOOKUP of name in folder, negative; 0: it is there. */
static int
look_up(struct kv_node *folder, const char *name)
{
	struct fuse_req *req = fake_fuse_request(&mount, getpid());

	kv_ops.lookup(req, kv_tree_number(folder), name);
	kv_mount_check(&mount);
	return fake_fuse_done(req);
}

static uint64_t
ino_of(struct kv_node *node)
{
	struct kv_attributes a;

	kv_entry_attributes(node, &a);
	return a.stat.st_ino;
}

static void
each_branch_is_a_folder_with_numbers_of_its_own(void **state)
{
	struct kv_node *roots[2], *keys;

	(void)state;
	assert_int_equal(make(), 0);
	kv_mount_check(&mount);
	assert_int_equal(ino_of(mount.tree.root), 1);
	for (int i = 0; i < 2; i++) {
		roots[i] = kv_folder_find(kv_folder_of(mount.tree.root), own[i].folder);
		assert_non_null(roots[i]);
		keys = kv_folder_find(kv_folder_of(roots[i]), "keys");
		assert_ptr_equal(keys->branch, &branches[i]);
		assert_true(ino_of(roots[i]) == ((uint64_t)own[i].number << 48 | 1));
		assert_true(ino_of(keys) == ((uint64_t)own[i].number << 48 | 2));
		assert_true((int64_t)ino_of(keys) > 0);
		assert_int_equal(look_up(roots[i], "keys"), 0);
	}
	assert_int_equal(look_up(mount.tree.root, "a"), 0);
	assert_int_equal(look_up(mount.tree.root, "keys"), -ENOENT);
}

static void
in_the_folder_of_a_vault_that_is_away_all_but_the_control_folder_fails(void **state)
{
	struct fuse_file_info fi = { 0 };
	struct fuse_req *req;
	struct kv_node *a, *b;

	(void)state;
	assert_int_equal(make(), 0);
	a = kv_folder_find(kv_folder_of(mount.tree.root), "a");
	b = kv_folder_find(kv_folder_of(mount.tree.root), "b");
	branches[0].away = -EHOSTUNREACH;
	assert_int_equal(look_up(a, "keys"), -EHOSTUNREACH);
	assert_int_equal(look_up(a, "nothing"), -EHOSTUNREACH);
	assert_int_equal(look_up(a, "import"), -EHOSTUNREACH);
	assert_int_equal(look_up(a, ".kvfs"), 0);
	assert_int_equal(look_up(b, "keys"), 0);
	assert_int_equal(look_up(mount.tree.root, "a"), 0);
	req = fake_fuse_request(&mount, getpid());
	kv_ops.opendir(req, kv_tree_number(a), &fi);
	assert_int_equal(fake_fuse_done(req), -EHOSTUNREACH);
	branches[0].away = 0;
	assert_int_equal(look_up(a, "keys"), 0);
	assert_int_equal(look_up(a, "nothing"), -ENOENT);
}

static void
what_is_under_way_and_stopped_is_each_branchs(void **state)
{
	(void)state;
	assert_int_equal(make(), 0);
	n_under_way[1] = 3;
	assert_int_equal(kv_branch_under_way(&branches[0]), 0);
	assert_int_equal(kv_branch_under_way(&branches[1]), 3);
	kv_branch_stop(&branches[1]);
	assert_int_equal(n_stopped, 1);
	assert_true(kv_mount_is_idle(&mount));
}

static int
make_and_end(void)
{
	int err;

	kv_mount_init(&mount, rig.loop, &settings);
	err = make();
	end();
	memset(branches, 0, sizeof(branches));
	return err;
}

static void
without_memory_nothing_stays(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(make_and_end());
	kv_mount_init(&mount, rig.loop, &settings);
	assert_int_equal(make(), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_branch_is_a_folder_with_numbers_of_its_own),
		TEST(in_the_folder_of_a_vault_that_is_away_all_but_the_control_folder_fails),
		TEST(what_is_under_way_and_stopped_is_each_branchs),
		TEST(without_memory_nothing_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
