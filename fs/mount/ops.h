#ifndef KV_FS_MOUNT_OPS_H
#define KV_FS_MOUNT_OPS_H
/*
 * What the FUSE callbacks answer for the kinds of nodes.
 */
#include "fs/mount/tree.h"

/*
 * Answer with EACCES, and log a line that names what can be written instead. op: "create", for the log. name is
 * in node, or NULL for node itself.
 */
void kv_ops_refuse_write(const struct kv_node *node, fuse_req_t req, const char *op, const char *name);
#endif
