#ifndef KV_FS_MOUNT_FOLDER_H
#define KV_FS_MOUNT_FOLDER_H
/*
 * A folder whose entries never change: the root, a vault's folder, .kvfs/.
 */
#include <sys/types.h>
#include "client/base/err.h"
#include "fs/mount/tree.h"

struct kv_folder;

/* mode: 0777 if a copy of this read-only folder is to be writable. NULL: out of memory. */
struct kv_folder *kv_folder_new(struct kv_tree *tree, struct kv_branch *branch, uint64_t ino, mode_t mode);
struct kv_node *kv_folder_node(struct kv_folder *folder);
struct kv_folder *kv_folder_of(struct kv_node *node); /* made by kv_folder_new() */
/*
 * Add node under name, which is borrowed. is_listed: readdir returns it; otherwise only LOOKUP finds it. A
 * folder lists its entries in the order in which they were added. -ENOMEM.
 */
int kv_folder_add(
    struct kv_folder *folder, const char *name, struct kv_node *node, bool is_listed) KV_MUST_CHECK;
/* NULL if there is none. */
struct kv_node *kv_folder_find(const struct kv_folder *folder, const char *name);

/* An operation of struct kv_node_ops for other kinds of folders: lists no entries. */
void kv_folder_readdir_empty(
    struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi, bool plus);
#endif
