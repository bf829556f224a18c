#ifndef KV_FS_OBJECT_READ_H
#define KV_FS_OBJECT_READ_H
/*
 * stat, open and read of an object's file. The blob is taken from the cache, or downloaded while the request
 * waits. These are operations of struct kv_node_ops; node is a kv_file.
 */
#include "fs/mount/tree.h"

/* Returns the exact size, which may have to be downloaded. */
void kv_read_getattr(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
void kv_read_open(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
void kv_read_read(struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi);
#endif
