#ifndef KV_FS_DELETED_DELETIONS_H
#define KV_FS_DELETED_DELETIONS_H
/*
 * deleted/: the part of the tree that shows the vault's deleted objects, and recovers them by rename. The vault is
 * asked only when somebody looks there.
 */
#include "cache/list/deleted.h"
#include "fs/mount/branch.h"

extern const struct kv_tree_part kv_deletions_part;

/* The state of the part, for the modules of this folder. */
struct kv_deletions {
	struct kv_branch *branch;
	void *files; /* a tree (tsearch(3)) of those that the kernel refers to, by type and name */
};
struct kv_deletions *kv_deletions_of(const struct kv_node *node);
#endif
