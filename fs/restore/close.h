#ifndef KV_FS_RESTORE_CLOSE_H
#define KV_FS_RESTORE_CLOSE_H
/*
 * The moment at which what was written is restored: a close, or the rename that gives a staged file its real name.
 * Each function answers req exactly once.
 */
#include "fs/restore/dropbox.h"

/* FLUSH: a close(2) of one of the descriptors of a handle. */
void kv_close_flush(
    struct kv_dropbox *dropbox, fuse_req_t req, struct kv_node *node, struct fuse_file_info *fi);
/* What counts is the close; but what has failed already is reported. */
void kv_close_fsync(fuse_req_t req, const struct kv_node *node);
/* Restore node's bytes, for a rename as name in folder, where node moves then; for a close both are NULL. */
void kv_close_commit(struct kv_dropbox *dropbox, fuse_req_t req, struct kv_node *node, struct kv_node *folder,
    const char *name);
#endif
