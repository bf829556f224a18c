#ifndef KV_FS_RESTORE_FOLDERS_H
#define KV_FS_RESTORE_FOLDERS_H
/*
 * The names of the drop box: made, removed, renamed. Each function answers req exactly once; only the rename that
 * restores a staged file does so later.
 */
#include "fs/restore/dropbox.h"

void kv_folders_mkdir(struct kv_dropbox *dropbox, fuse_req_t req, struct kv_node *folder, const char *name);
void kv_folders_unlink(struct kv_dropbox *dropbox, fuse_req_t req, struct kv_node *folder, const char *name);
void kv_folders_rmdir(struct kv_dropbox *dropbox, fuse_req_t req, struct kv_node *folder, const char *name);
/* flags: as renameat2(2); only RENAME_NOREPLACE is supported. */
void kv_folders_rename(struct kv_dropbox *dropbox, fuse_req_t req, struct kv_node *folder, const char *name,
    struct kv_node *to, const char *to_name, unsigned int flags);
#endif
