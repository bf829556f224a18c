#ifndef KV_FS_OBJECT_STAT_ONLY_H
#define KV_FS_OBJECT_STAT_ONLY_H
/*
 * Programs that stat every file and read none. A stat needs the exact size, which costs a backup request, but
 * programs that only list names, such as ls, call stat too. For the programs named by stat_only=, stat
 * returns without a download; for others kvfs logs a hint.
 */
#include <stdbool.h>
#include "client/base/loop.h"
#include "client/vault/vault.h"

#define KV_BURSTS 4 /* programs tracked at the same time */

struct kv_burst {
	struct kv_caller caller; /* a user and a command; pid of the latest process */
	unsigned int n_fetched;	 /* blobs that its stats downloaded; 0: unused slot */
	bool has_read;		 /* it has read a file, too */
	int64_t mono_fetched;	 /* time of the last download */
};

struct kv_stat_only {
	const char *names; /* separated by ':' */
	struct kv_burst bursts[KV_BURSTS];
	struct kv_timer quiet;
};

/* names is borrowed and must outlive stat_only. */
void kv_stat_only_init(struct kv_stat_only *stat_only, struct kv_loop *loop, const char *names);
void kv_stat_only_release(struct kv_stat_only *stat_only);
/* Whether caller's command is in names: its stat is answered without a download. */
bool kv_stat_only_has(const struct kv_stat_only *stat_only, const struct kv_caller *caller);
/*
 * A stat by caller starts a download. If twenty or more such downloads and no read were counted by the time
 * caller has exited or the mount ends, this is logged once.
 */
void kv_stat_only_fetched(struct kv_stat_only *stat_only, const struct kv_caller *caller);
void kv_stat_only_read(struct kv_stat_only *stat_only, const struct kv_caller *caller);
#endif
