#ifndef KV_FS_COMEBACK_H
#define KV_FS_COMEBACK_H
/*
 * The vaults that were away at the start: each is probed again after 5 seconds, then less often, at least once a
 * minute, until it can be used. From then on its folder works as any other.
 */
#include "fs/mount/branch.h"

struct kv_comeback; /* of one vault; a list */

/* *all must be NULL, and is then the list. Short of memory, a vault stays away. */
void kv_comeback_start(struct kv_comeback **all, struct kv_mount *mount);
/* Probe them at once, also those that are being probed: credentials or network may have changed. */
void kv_comeback_now(struct kv_comeback *all);
void kv_comeback_stop(struct kv_comeback **all);
#endif
