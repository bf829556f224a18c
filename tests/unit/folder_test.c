#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/listing.h"
#include "cache/object.h"
#include "cache/pace/throttle.h"
#include "fs/object/folder.h"
#include "fs/mount/request.h"
#include "fs/restore/upload.h"
#include "fs/mount/tree.h"
#include "tests/unit/fake_fuse.h"
#include "tests/unit/rig.h"

static struct kv_settings options;
static struct kv_mount mount;
static struct fuse_file_info fi;

/* ---- what fs/object/folder calls ---- */

void kv_recall_lookup(struct kv_dropbox *, fuse_req_t, struct kv_node *, const char *);
void kv_file_attributes(const struct kv_mount *, struct kv_node *, struct stat *);
double kv_file_entry_valid_s(const struct kv_mount *, const struct kv_node *);
double kv_file_attr_valid_s(const struct kv_mount *, const struct kv_node *);
const char *kv_control_name(enum kv_control);

void
kv_recall_lookup(struct kv_dropbox *box, fuse_req_t req, struct kv_node *folder, const char *name)
{
	(void)box;
	(void)folder;
	(void)name;
	fuse_reply_err(req, ENOENT);
}

void
kv_file_attributes(const struct kv_mount *m, struct kv_node *node, struct stat *attr)
{
	(void)m;
	*attr = (struct stat){ .st_ino = node->ino, .st_mode = S_IFREG };
}

double
kv_file_entry_valid_s(const struct kv_mount *m, const struct kv_node *node)
{
	(void)m;
	(void)node;
	return 1;
}

double
kv_file_attr_valid_s(const struct kv_mount *m, const struct kv_node *node)
{
	return kv_file_entry_valid_s(m, node);
}

const char *
kv_control_name(enum kv_control control)
{
	(void)control;
	return "status";
}

/* ---- the mount ---- */

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	(void)call;
	reply->page = fake_vault_page("a b c", 1600000000, "");
	return 10;
}

static int
set_up(void **state)
{
	const bool has[KV_TYPES] = { [KV_KEYS] = true };
	struct fuse_req *req;

	(void)state;
	rig_begin(answer, 0, 8);
	memset(&mount, 0, sizeof(mount));
	mount.volume = &rig;
	mount.o = &options;
	mount.loop = rig.loop;
	rig_make_listing(KV_KEYS);
	assert_int_equal(kv_tree_init(&mount.tree, has, false), 0);
	req = fake_fuse_request(&mount, 1);
	kv_folder_open(&mount, req, mount.tree.types[KV_KEYS], &fi);
	fi = req->fi;
	assert_int_equal(fake_fuse_done(req), 0);
	fake_loop_run(mount.loop, 100);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_folder_release_all(&mount);
	kv_tree_release(&mount.tree);
	kv_request_forget_asker(&mount);
	rig_end();
	assert_int_equal(fake_fuse_open(), 0);
	return 0;
}

/* A READDIRPLUS from the beginning. */
static int
read_all(void)
{
	struct fuse_req *req = fake_fuse_request(&mount, 1);

	kv_folder_read(&mount, req, mount.tree.types[KV_KEYS], 65536, 0, &fi, true);
	fake_loop_run(mount.loop, 100);
	return fake_fuse_done(req);
}

/* How often the kernel refers to the objects' nodes, as far as the tree knows. */
static uint64_t
look_ups(void)
{
	const struct kv_node *node;
	uint64_t n = 0;

	LIST_FOREACH(node, &mount.tree.all, all)
		if (node->kind == KV_NODE_BLOB)
			n += node->n_lookup;
	return n;
}

static void
each_name_that_is_read_is_looked_up(void **state)
{
	(void)state;
	assert_int_equal(read_all(), 0);
	assert_int_equal(look_ups(), 3);
	assert_int_equal(read_all(), 0);
	assert_int_equal(look_ups(), 6);
}

static void
names_that_the_kernel_did_not_take_are_not_looked_up(void **state)
{
	(void)state;
	fake_fuse_refuse(true);
	(void)read_all();
	fake_fuse_refuse(false);
	assert_int_equal(look_ups(), 0);
	assert_int_equal(read_all(), 0);
	assert_int_equal(look_ups(), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_name_that_is_read_is_looked_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    names_that_the_kernel_did_not_take_are_not_looked_up, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
