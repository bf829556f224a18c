#ifndef KV_FS_PREFLIGHT_H
#define KV_FS_PREFLIGHT_H
/*
 * Checks before the mount: a wrong name, a refused credential or a missing permission is reported at start-up and not
 * by a mount that fails later (fs/probe). For the time of the option retry, failures that can pass (no network yet, a
 * service that is down) are tried again.
 *
 * Of several vaults one that can be used is enough. The others are away: their folders fail, until kv_comeback finds
 * that they can be used.
 */
#include "fs/mount/branch.h"

/*
 * Runs the mount's loop until every vault has been probed. -errno, and one sentence in why; -EINTR: a signal.
 * warnings gets a line about each vault that is away.
 */
int kv_preflight(struct kv_mount *mount, struct kv_buf *warnings, struct kv_buf *why) KV_MUST_CHECK;
#endif
