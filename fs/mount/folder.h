#ifndef KV_FS_MOUNT_FOLDER_H
#define KV_FS_MOUNT_FOLDER_H
/*
 * A folder whose names never change: the root, .kvfs/.
 */
#include <sys/types.h>
#include "client/base/err.h"
#include "fs/mount/tree.h"

struct kv_folder;

/* mode: 0777 if a copy of the folder is to be writable, though this one is not. NULL: out of memory. */
struct kv_folder *kv_folder_new(struct kv_tree *tree, struct kv_branch *branch, uint64_t ino, mode_t mode);
struct kv_node *kv_folder_node(struct kv_folder *folder);
/*
 * node has this name in it, which is borrowed. is_listed: readdir returns it, else it is only found by its
 * name. A folder lists its names in the order in which they were added. -ENOMEM.
 */
int kv_folder_add(
    struct kv_folder *folder, const char *name, struct kv_node *node, bool is_listed) KV_MUST_CHECK;
/* NULL where there is none. */
struct kv_node *kv_folder_find(const struct kv_folder *folder, const char *name);

/* An operation of struct kv_node_ops for a folder of another kind: it has no names. */
void kv_folder_readdir_empty(
    struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi, bool plus);
#endif
