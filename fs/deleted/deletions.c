#include "fs/deleted/deletions.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/deleted/deleted_folder.h"
#include "fs/mount/folder.h"

struct kv_deletions *
kv_deletions_of(const struct kv_node *node)
{
	return kv_branch_state(node->branch, &kv_deletions_part);
}

static int
attach(struct kv_branch *branch, struct kv_folder *root, uint64_t first_ino, void **state)
{
	struct kv_deletions *ds = calloc(1, sizeof(*ds));
	struct kv_folder *folder;
	int err;

	if (ds == NULL)
		return -ENOMEM;
	*state = ds;
	ds->branch = branch;
	folder = kv_folder_new(&branch->mount->tree, branch, first_ino, 0777);
	err = folder != NULL ?
	    kv_folder_add(root, "deleted", kv_folder_node(folder), branch->settings->list_extra) :
	    -ENOMEM;
	for (int t = 0; err == 0 && t < KV_TYPES; t++) {
		struct kv_node *node;

		if (!branch->settings->types[t])
			continue;
		node = kv_deleted_folder_new(branch, (enum kv_type)t, first_ino + 1 + (uint64_t)t);
		err =
		    node != NULL ? kv_folder_add(folder, kv_type_name((enum kv_type)t), node, true) : -ENOMEM;
	}
	return err;
}

static void
release(void *state)
{
	free(state);
}

const struct kv_tree_part kv_deletions_part = {
	.attach = attach,
	.release = release,
};
