#ifndef KV_FS_RESTORE_CLOSE_H
#define KV_FS_RESTORE_CLOSE_H
/*
 * The moment at which what was written is restored: a close, or the rename that gives a staged file its real name.
 * Each function answers req exactly once.
 */
#include "fs/restore/dropbox.h"

/* FLUSH: a close(2) of one of the descriptors of a handle. */
void kv_close_flush(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
/* The close decides; but a failure that is known already is reported. */
void kv_close_fsync(struct kv_node *node, fuse_req_t req);
/* Restore file's bytes, for a rename to name in folder, where it moves then; for a close both are NULL. */
void kv_close_commit(struct kv_drop *file, fuse_req_t req, struct kv_drop *folder, const char *name);
#endif
