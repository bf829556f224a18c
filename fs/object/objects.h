#ifndef KV_FS_OBJECT_OBJECTS_H
#define KV_FS_OBJECT_OBJECTS_H
/*
 * keys/, secrets/ and certificates/: the part of the tree whose files are the backups of the vault's objects.
 */
#include "fs/mount/branch.h"
#include "fs/object/stat_only.h"

struct kv_told_map;

extern const struct kv_tree_part kv_objects_part;

/* The state of the part, for the modules of this folder. */
struct kv_objects {
	struct kv_branch *branch;
	struct kv_told_map *told;
	struct kv_stat_only stat_only;
};
/* The state of the part that node belongs to. */
struct kv_objects *kv_objects_of(const struct kv_node *node);
#endif
