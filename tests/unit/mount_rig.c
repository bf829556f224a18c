/*
 * A mount for unit tests.
 */
#include "tests/unit/unit.h"

#include <string.h>
#include <unistd.h>

#include "fs/mount/folder.h"
#include "fs/mount/request.h"
#include "tests/unit/fake_fuse.h"
#include "tests/unit/mount_rig.h"
#include "tests/unit/rig.h"

#define HOUR_MS (60 * 60 * 1000)
#define STEP_MS 10

#define SETTINGS                                                                                      \
	{                                                                                             \
		.types = { true, true, true }, .umask = 0077, .timeout_ms = 300000, .stat_only = "ls" \
	}

struct kv_settings mount_settings = SETTINGS;
struct kv_mount mount;
struct kv_branch branch;

void
mount_rig_begin(const struct kv_tree_part_row parts[])
{
	kv_mount_init(&mount, rig.loop, &mount_settings);
	assert_int_equal(kv_branch_init(&branch, &mount, &rig, &mount_settings, parts), 0);
	mount_rig_check();
}

void
mount_rig_check(void)
{
	kv_mount_check(&mount);
	kv_branch_check(&branch);
}

void
mount_rig_end(void)
{
	assert_int_equal(fake_fuse_open(), 0);
	mount_rig_check();
	kv_branch_stop(&branch);
	kv_mount_close_handles(&mount);
	kv_mount_release(&mount);
	kv_branch_release(&branch);
	rig_end();
	mount_settings = (struct kv_settings)SETTINGS;
}

struct kv_node *
mount_rig_find(const char *name)
{
	struct kv_node *node = kv_folder_find((struct kv_folder *)mount.tree.root, name);

	assert_non_null(node);
	return node;
}

struct fuse_req *
mount_rig_request(void)
{
	return fake_fuse_request(&mount, getpid());
}

void
mount_rig_wait(struct fuse_req *req)
{
	for (int64_t ms = 0; !req->is_answered && ms < HOUR_MS; ms += STEP_MS)
		fake_loop_run(rig.loop, STEP_MS);
}

int
mount_rig_answer(struct fuse_req *req)
{
	int err;

	mount_rig_wait(req);
	err = fake_fuse_done(req);
	mount_rig_check();
	return err;
}
