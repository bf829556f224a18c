#ifndef KV_FS_OBJECT_STAT_ONLY_H
#define KV_FS_OBJECT_STAT_ONLY_H
/*
 * Programs that stat every file and read none. A stat needs the exact size, which costs a backup
 * request, and people look at names with programs that ask for sizes all the same.
 */
#include <stdbool.h>
#include "client/base/loop.h"
#include "client/vault/vault.h"

#define KV_BURSTS 4 /* programs that look at the same time */

struct kv_burst {
	struct kv_caller caller; /* a user and a command, by its newest process */
	unsigned int n_fetched;	 /* that it asked for; 0: there is none */
	bool has_read;		 /* it has opened one of them, too */
	int64_t mono_fetched;	 /* the last one */
};

struct kv_stat_only {
	const char *names; /* separated by ':' */
	struct kv_burst bursts[KV_BURSTS];
	struct kv_timer quiet;
};

/* names is borrowed, and lives as long as lookers. */
void kv_stat_only_init(struct kv_stat_only *lookers, struct kv_loop *loop, const char *names);
void kv_stat_only_release(struct kv_stat_only *lookers);
/* Whether caller is one of the names: its stat is answered without a fetch. */
bool kv_stat_only_has(const struct kv_stat_only *lookers, const struct kv_caller *caller);
/*
 * A fetch for caller's stat begins. Twenty of them without a read, by the time that caller has ended or
 * the mount is, are one log line.
 */
void kv_stat_only_fetched(struct kv_stat_only *lookers, const struct kv_caller *caller);
void kv_stat_only_read(struct kv_stat_only *lookers, const struct kv_caller *caller);
#endif
