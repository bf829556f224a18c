#ifndef KV_FS_DELETED_RECOVER_H
#define KV_FS_DELETED_RECOVER_H
/*
 * mv deleted/keys/NAME keys/: recovers a deleted object.
 */
#include "fs/mount/tree.h"

/*
 * An operation of struct kv_node_ops, move_out. Replies 0 only when a request that was sent after the recovery has
 * found the object; a vault takes some 10 s. -EINVAL: to is not the folder of that type, or to_name is neither NAME nor
 * NAME.blob; -EROFS: ro or dry_run; -ENOENT: there is no such deleted object; -EBUSY: the time-out is over, or the
 * answer was lost and the object is not found for a minute; -EEXIST: another object has the name, or an older state of
 * this one is there; -EACCES: also if the principal may not look.
 */
void kv_recover(struct kv_node *node, fuse_req_t req, const char *name, struct kv_node *to,
    const char *to_name, unsigned int flags);
#endif
