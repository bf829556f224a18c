#ifndef KV_FS_OBJECT_TYPE_FOLDER_H
#define KV_FS_OBJECT_TYPE_FOLDER_H
/*
 * The folder of one type, such as keys/. Its names are those of the vault's listing, as far as it has
 * arrived. Without a listing that serves, OPENDIR waits for the first name, and fails if the listing fails before it.
 */
#include "client/vault/type.h"
#include "fs/mount/branch.h"

/* The node lives until the tree is released. NULL: out of memory. */
struct kv_node *kv_type_folder_new(struct kv_branch *branch, enum kv_type type, uint64_t ino);
#endif
