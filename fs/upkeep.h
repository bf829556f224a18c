#ifndef KV_FS_UPKEEP_H
#define KV_FS_UPKEEP_H
/*
 * Every five seconds: close connections that broke while the machine was suspended, and release memory and
 * idle connections while nobody uses the mount.
 */
#include "client/base/loop.h"

struct kv_http;
struct kv_mount;

struct kv_upkeep {
	struct kv_mount *mount;
	struct kv_http *http;
	struct kv_timer timer;
	int64_t suspended_ms; /* total time that the machine has been suspended since boot */
	uint64_t n_received;  /* kernel requests received, at the last run */
	int n_idle;	      /* consecutive runs without a request in between */
};

void kv_upkeep_start(struct kv_upkeep *upkeep, struct kv_mount *mount, struct kv_http *http);
/* Does nothing if upkeep is zeroed. */
void kv_upkeep_stop(struct kv_upkeep *upkeep);
#endif
