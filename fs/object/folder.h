#ifndef KV_FS_OBJECT_FOLDER_H
#define KV_FS_OBJECT_FOLDER_H
/*
 * Looking up and listing names. Each function answers req once, now or later.
 */
#include "fs/mount/mount.h"

void kv_folder_lookup(struct kv_mount *mount, fuse_req_t req, struct kv_node *folder, const char *name);
void kv_folder_open(
    struct kv_mount *mount, fuse_req_t req, struct kv_node *folder, struct fuse_file_info *fi);
/* with_attributes: READDIRPLUS. */
void kv_folder_read(struct kv_mount *mount, fuse_req_t req, struct kv_node *folder, size_t size, off_t offset,
    struct fuse_file_info *fi, bool with_attributes);
void kv_folder_release(fuse_req_t req, struct fuse_file_info *fi);
/* At the end, as with files. */
void kv_folder_release_all(struct kv_mount *mount);

/* An entry for node, which the kernel refers to once more if the reply goes out. */
void kv_folder_entry(const struct kv_mount *mount, struct kv_node *node, struct fuse_entry_param *entry);
/* The answer to a look-up, and to what makes a name. */
void kv_folder_reply(const struct kv_mount *mount, fuse_req_t req, struct kv_node *node);
#endif
