#ifndef KV_FS_CONFIG_MOUNTPOINT_H
#define KV_FS_CONFIG_MOUNTPOINT_H
/*
 * The directory to mount on. It is looked at twice: when the options are read, so that a mistake ends the start before
 * anybody is asked for a token; and just before the mount, because minutes may lie between.
 *
 * A mount of kvfs whose process was killed stays behind as a dead mount: every use of it is ENOTCONN. The next start
 * of the same user on that directory unmounts it, just before its own mount, so that a start that fails leaves an
 * error there and not an empty directory, which a backup would take for an empty vault. Only a mount that is of type
 * fuse.kvfs, of this user, and dead is ever unmounted.
 */
#include <stdbool.h>

#include "client/base/err.h"

struct kv_buf;

/*
 * *absolute: the path without symbolic links, from malloc. -EINVAL and a sentence in why if given is not a directory,
 * is in use by a kvfs that lives or is another user's, or is not empty (unless may_hide); -ENOMEM. A dead mount of
 * this user is fine.
 */
int kv_mountpoint_find(const char *given, bool may_hide, char **absolute, struct kv_buf *why) KV_MUST_CHECK;
/*
 * The same once more for the path that was found, and unmount a dead mount; notes gets a line about that. *lock keeps
 * other starts on this directory waiting until it is closed; -1 if there is none. Blocks for some seconds at most.
 */
int kv_mountpoint_take(
    const char *absolute, bool may_hide, int *lock, struct kv_buf *notes, struct kv_buf *why) KV_MUST_CHECK;
#endif
