#ifndef KV_FS_CONFIG_MOUNTPOINT_H
#define KV_FS_CONFIG_MOUNTPOINT_H
/*
 * The directory to mount on.
 */
#include "client/base/err.h"

struct kv_buf;

/*
 * *absolute: the path without symbolic links, from malloc. -EINVAL and a sentence in why if given is not a
 * directory or is already a kvfs mount point; -ENOMEM.
 */
int kv_mountpoint_find(const char *given, char **absolute, struct kv_buf *why) KV_MUST_CHECK;
#endif
