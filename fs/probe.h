#ifndef KV_FS_PROBE_H
#define KV_FS_PROBE_H
/*
 * A check of one vault: get a token and the first page of each listing, so that a wrong name, a refused credential or
 * a missing permission is known before somebody uses the mount. Meanwhile the vault's throttle is impatient.
 */
#include "fs/mount/branch.h"

struct kv_probe;

struct kv_probe_result {
	int err;	 /* 0: the vault can be used; or -errno */
	bool can_pass;	 /* the failure is one that time can mend: no network yet, a service that is down */
	const char *why; /* one sentence about the failure, for the user */
};
/* Called exactly once, from the loop, never before kv_probe_new() has returned; the probe is freed by then. */
typedef void kv_probe_done(void *arg, const struct kv_probe_result *result);

/* NULL: out of memory. */
struct kv_probe *kv_probe_new(struct kv_branch *branch, kv_probe_done *done, void *arg);
/* done is not called. NULL does nothing. */
void kv_probe_cancel(struct kv_probe *probe);
#endif
