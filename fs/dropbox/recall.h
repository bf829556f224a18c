#ifndef KV_FS_DROPBOX_RECALL_H
#define KV_FS_DROPBOX_RECALL_H
/*
 * LOOKUP and GETATTR of a file that was sent. Tools skip a file because its name exists (rsync, cp -n, tar
 * --skip-old-files), so a receipt is shown only if the vault confirms it, by a request that was sent at most
 * 5 s ago and after the calling process started. Names without a receipt never wait.
 *
 * For a process that queries one receipt after another, the next ones are confirmed ahead, in the order of
 * paths.
 */
#include "fs/dropbox/dropbox.h"

struct kv_recall_stream;

/* NULL: out of memory. Freed with free(3). */
struct kv_recall_stream *kv_recall_stream_new(void);

/*
 * Operations of struct kv_node_ops: of a folder and of a file. A GETATTR waits as a LOOKUP does, because the kernel sends
 * one after each; that of a handle (fi, with which an fstat(2) does not come) or of a removed file never waits.
 */
void kv_recall_lookup(struct kv_node *node, fuse_req_t req, const char *name);
void kv_recall_getattr(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
#endif
