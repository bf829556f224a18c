#include "tests/unit/unit.h"

#include "fs/dropbox/drop.h"
#include "fs/dropbox/nodes.h"
#include "fs/dropbox/upload.h"
#include "tests/unit/drop_rig.h"

static void
no_attributes(struct kv_node *node, struct kv_attributes *a)
{
	(void)node;
	(void)a;
}

const struct kv_node_ops kv_dropbox_folder_ops = { .release = kv_drop_release, .attributes = no_attributes };
const struct kv_node_ops kv_dropbox_file_ops = { .release = kv_drop_release, .attributes = no_attributes };

static const struct kv_dropbox_kind kind = { .name = "restore", .prefix = "", .most = 1 << 20 };
static struct kv_mount mount;
static struct kv_branch branch;
struct kv_dropbox drop_box;
struct kv_drop *drop_root;

void
drop_rig_begin(void)
{
	mount = (struct kv_mount){ .loop = NULL };
	branch = (struct kv_branch){ .mount = &mount };
	drop_box = (struct kv_dropbox){ .kind = &kind, .branch = &branch };
	kv_tree_init(&mount.tree);
	drop_root = kv_drop_new_root(&drop_box, 5);
	assert_non_null(drop_root);
	for (int t = 0; t < KV_TYPES; t++)
		drop_rig_folder(drop_root, kv_type_name((enum kv_type)t));
}

void
drop_rig_end(void)
{
	kv_tree_check(&mount.tree);
	kv_tree_release(&mount.tree);
	assert_true(LIST_EMPTY(&drop_box.files));
	assert_int_equal(drop_box.staged, 0);
}

int
drop_rig_count(void)
{
	const struct kv_node *node;
	int n = 0;

	LIST_FOREACH(node, &mount.tree.all, all)
		n++;
	return n;
}

struct kv_drop *
drop_rig_folder(struct kv_drop *folder, const char *name)
{
	struct kv_drop *made = kv_drop_child(folder, name);

	if (made == NULL)
		assert_int_equal(kv_drop_make_folder(folder, name, &made), 0);
	return made;
}

struct kv_drop *
drop_rig_file(struct kv_drop *folder, const char *name)
{
	struct kv_upload *upload = kv_upload_new(NULL, &drop_box.staged, kind.most);
	struct kv_drop *file;

	assert_non_null(upload);
	assert_int_equal(kv_drop_make_file(folder, name, upload, &file), 0);
	return file;
}
