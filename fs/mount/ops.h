#ifndef KV_FS_MOUNT_OPS_H
#define KV_FS_MOUNT_OPS_H
/*
 * The replies that FUSE callbacks give for all kinds of nodes.
 */
#include "fs/mount/tree.h"

/*
 * Reply EACCES, and log where to write instead. op: "create", for the log. name is in node; NULL for node
 * itself.
 */
void kv_ops_refuse_write(const struct kv_node *node, fuse_req_t req, const char *op, const char *name);
#endif
