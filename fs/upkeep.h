#ifndef KV_FS_UPKEEP_H
#define KV_FS_UPKEEP_H
/*
 * What a long-running mount does every five seconds: it closes connections that a suspended machine has lost,
 * and gives memory and idle connections back while nobody uses the mount.
 */
#include "client/base/loop.h"

struct kv_http;
struct kv_mount;

struct kv_upkeep {
	struct kv_mount *mount;
	struct kv_http *http;
	struct kv_timer timer;
	int64_t suspended_ms; /* how long the machine has been suspended since it was started */
	uint64_t n_received;  /* requests of the kernel at the last run */
	int n_idle;	      /* runs in a row without a request in between */
};

void kv_upkeep_start(struct kv_upkeep *upkeep, struct kv_mount *mount, struct kv_http *http);
/* One of zeros does nothing. */
void kv_upkeep_stop(struct kv_upkeep *upkeep);
#endif
