#ifndef KV_FS_CONFIG_MOUNTPOINT_H
#define KV_FS_CONFIG_MOUNTPOINT_H
/*
 * The directory to mount on.
 */
#include "client/base/err.h"

struct kv_buf;

/*
 * *absolute is a path without links, from malloc. -EINVAL and a sentence in why where given is no directory, or the mount
 * point of a kvfs already; -ENOMEM.
 */
int kv_mountpoint_find(const char *given, char **absolute, struct kv_buf *why) KV_MUST_CHECK;
#endif
