#ifndef KV_FS_CONFIG_ARGUMENTS_H
#define KV_FS_CONFIG_ARGUMENTS_H
/*
 * The arguments that are not options: [VAULT...] MOUNTPOINT, as `cp a b c DIR` reads.
 */
#include "client/base/err.h"

struct kv_buf;
struct kv_given;

/*
 * Set given->mountpoint and given->vaults. With --print-config the mount point may be missing. -EINVAL with a
 * sentence in why if a vault reads as a path, or the mount point as a vault; -ENOMEM.
 */
int kv_arguments_sort(struct kv_given *given, struct kv_buf *why) KV_MUST_CHECK;
#endif
