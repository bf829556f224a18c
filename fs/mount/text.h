#ifndef KV_FS_MOUNT_TEXT_H
#define KV_FS_MOUNT_TEXT_H
/*
 * Open files whose content is a text that was made at the open, so that all reads of a handle are of the same text.
 * The kernel caches none of it.
 */
#include "fs/mount/mount.h"

struct kv_buf;

/* Answer an OPEN of node: the content of the handle is text, which is taken. */
void kv_text_reply_open(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi, struct kv_buf *text);
/* An operation of struct kv_node_ops. */
void kv_text_read(struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi);
#endif
