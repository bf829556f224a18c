#ifndef KV_FS_GUARD_H
#define KV_FS_GUARD_H
/* Keeps secrets out of core dumps, of swap and of what other processes can see of this one. */
#include "client/base/err.h"

struct kv_buf;

/* No core dumps, and no other process of this user may trace this one. */
void kv_guard_dumps(void);
/* Likewise; and secrets are wiped from /proc/PID/environ, so the settings must have been read. */
void kv_guard_secrets(void);
/*
 * Lock all memory, so that it is never swapped; call it before a secret is read. -EPERM and a sentence in why if that is
 * not possible, and there is swap.
 */
int kv_guard_lock(struct kv_buf *why) KV_MUST_CHECK;
/* Set HOME and PATH, which the programs that print tokens need: fstab and systemd give neither, or another user's home. */
void kv_guard_complete_environment(void);
#endif
