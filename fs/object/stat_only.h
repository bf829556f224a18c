#ifndef KV_FS_OBJECT_STAT_ONLY_H
#define KV_FS_OBJECT_STAT_ONLY_H
/*
 * Programs that stat every file and read none. A stat needs the exact size, which costs a backup request, but
 * programs that only list names, such as ls, call stat too.
 */
#include <stdbool.h>
#include "client/base/loop.h"
#include "client/vault/vault.h"

#define KV_BURSTS 4 /* programs that are followed at the same time */

struct kv_burst {
	struct kv_caller caller; /* a user and a command, by its newest process */
	unsigned int n_fetched;	 /* by its stats; 0: unused */
	bool has_read;		 /* it has opened a file, too */
	int64_t mono_fetched;	 /* the last one */
};

struct kv_stat_only {
	const char *names; /* separated by ':' */
	struct kv_burst bursts[KV_BURSTS];
	struct kv_timer quiet;
};

/* names is borrowed, and must live as long. */
void kv_stat_only_init(struct kv_stat_only *stat_only, struct kv_loop *loop, const char *names);
void kv_stat_only_release(struct kv_stat_only *stat_only);
/* Whether caller is one of the names: its stat is answered without a fetch. */
bool kv_stat_only_has(const struct kv_stat_only *stat_only, const struct kv_caller *caller);
/*
 * A fetch for a stat of caller starts. If there were twenty of them and no read by the time that caller has ended or
 * the mount ends, that is logged once.
 */
void kv_stat_only_fetched(struct kv_stat_only *stat_only, const struct kv_caller *caller);
void kv_stat_only_read(struct kv_stat_only *stat_only, const struct kv_caller *caller);
#endif
