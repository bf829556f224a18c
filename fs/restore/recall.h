#ifndef KV_FS_RESTORE_RECALL_H
#define KV_FS_RESTORE_RECALL_H
/*
 * Looking up what was restored. Tools skip a file by a look at its name alone (rsync, cp -n, tar
 * --skip-old-files), so a receipt is shown only while the vault confirms it: by a request that was sent
 * after the asking process began and at most 5 s ago. Names without a receipt never wait.
 *
 * A process that asks for one receipt after the other has the next ones asked ahead, in the order of their paths.
 */
#include "fs/restore/dropbox.h"

struct kv_recall_stream;

/* NULL: out of memory. Freed with free(3). */
struct kv_recall_stream *kv_recall_stream_new(void);

/* Operations of struct kv_node_ops: of a folder, and of a file. What the asking process has open is as it is. */
void kv_recall_lookup(struct kv_node *node, fuse_req_t req, const char *name);
void kv_recall_getattr(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
#endif
