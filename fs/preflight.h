#ifndef KV_FS_PREFLIGHT_H
#define KV_FS_PREFLIGHT_H
/*
 * Checks before the mount: get a token and the first page of each listing, so that a wrong name, a refused
 * credential or a missing permission is reported at start-up and not by a mount that fails later. For the time
 * of the option retry, failures that can pass (no network yet, a service that is down) are tried again.
 */
#include "fs/mount/branch.h"

/* Runs the mount's loop until the first pages have arrived. -errno, and one sentence in why; -EINTR: a signal. */
int kv_preflight(struct kv_branch *branch, struct kv_buf *why) KV_MUST_CHECK;
#endif
