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

/* Each answers req exactly once, now or later. */
void kv_recall_lookup(struct kv_dropbox *dropbox, fuse_req_t req, struct kv_node *folder, const char *name);
/* node: a KV_NODE_DROP_FILE that the asking process does not have open. */
void kv_recall_getattr(struct kv_dropbox *dropbox, fuse_req_t req, struct kv_node *node);
#endif
