#ifndef KV_FS_DROPBOX_FOLDERS_H
#define KV_FS_DROPBOX_FOLDERS_H
/*
 * mkdir, unlink, rmdir and rename below a drop box. Operations of struct kv_node_ops; node is the folder. All
 * reply at once, except a rename that sends a staged file.
 */
#include "fs/dropbox/dropbox.h"

void kv_folders_mkdir(struct kv_node *node, fuse_req_t req, const char *name);
void kv_folders_unlink(struct kv_node *node, fuse_req_t req, const char *name);
void kv_folders_rmdir(struct kv_node *node, fuse_req_t req, const char *name);
/* flags: as for renameat2(2); only RENAME_NOREPLACE is supported. EXDEV between two drop boxes. */
void kv_folders_rename(struct kv_node *node, fuse_req_t req, const char *name, struct kv_node *to,
    const char *to_name, unsigned int flags);
#endif
