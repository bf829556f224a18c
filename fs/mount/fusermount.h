#ifndef KV_FS_MOUNT_FUSERMOUNT_H
#define KV_FS_MOUNT_FUSERMOUNT_H
/*
 * Unmounting a FUSE file system of this user: by fusermount3(1), which may do that for whoever mounted it.
 */
#include <stdbool.h>

#include "client/base/err.h"

/*
 * Unmount what is on path (absolute, no links). is_lazy: detach it now, even if programs use it. -EBUSY if fusermount3
 * could not; -errno if it could not be started. Blocks until it has ended.
 */
int kv_fusermount_unmount(const char *path, bool is_lazy) KV_MUST_CHECK;
#endif
