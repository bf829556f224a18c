#ifndef KV_FS_DROPBOX_CLOSE_H
#define KV_FS_DROPBOX_CLOSE_H
/*
 * A file is sent at its close, or at the rename that gives a staged file its final name. Each function
 * answers req exactly once.
 */
#include "fs/dropbox/dropbox.h"

/* FLUSH: a close(2) of one of a handle's descriptors. */
void kv_close_flush(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
/* Reports a failure that has already happened; only the close reports success. */
void kv_close_fsync(struct kv_node *node, fuse_req_t req);
/*
 * Send file. folder and name: the destination of a RENAME, which is done afterwards; NULL for a
 * close.
 */
void kv_close_commit(struct kv_drop *file, fuse_req_t req, struct kv_drop *folder, const char *name);
#endif
