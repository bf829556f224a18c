#ifndef KV_FS_CONTROL_CONTROL_H
#define KV_FS_CONTROL_CONTROL_H
/*
 * .kvfs/: the state of a mount as files. The root does not list it, so that no archive contains it. As in
 * procfs, files have size 0, bypass the page cache, and each open returns a new snapshot of the content.
 */
#include "fs/mount/branch.h"

extern const struct kv_tree_part kv_control_part;

/* Add .kvfs/ with the sums of all vaults to the root of a mount with a folder for each. -ENOMEM. */
int kv_control_add_sums(struct kv_mount *mount, struct kv_folder *root, uint64_t first_ino) KV_MUST_CHECK;
#endif
