#ifndef KV_FS_DELETED_DELETED_FOLDER_H
#define KV_FS_DELETED_DELETED_FOLDER_H
/*
 * deleted/keys/ and its siblings: list the deleted objects of a type. Each opendir asks the vault; so does a LOOKUP, if
 * no answer of the last seconds had the name.
 */
#include "client/vault/type.h"
#include "fs/mount/tree.h"

struct kv_branch;

/* NULL: out of memory. */
struct kv_node *kv_deleted_folder_new(struct kv_branch *branch, enum kv_type type, uint64_t ino);
/* -EINVAL: node is no such folder. */
int kv_deleted_folder_type(const struct kv_node *node, enum kv_type *type) KV_MUST_CHECK;
#endif
