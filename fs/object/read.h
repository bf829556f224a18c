#ifndef KV_FS_OBJECT_READ_H
#define KV_FS_OBJECT_READ_H
/*
 * Stat, open and read of an object's file: the blob that they need is kept already, or fetched while the
 * request waits. These are operations of struct kv_node_ops; node is a kv_file.
 */
#include "fs/mount/tree.h"

/* With the exact size, which may have to be fetched. */
void kv_read_getattr(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
void kv_read_open(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
void kv_read_read(struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi);
#endif
