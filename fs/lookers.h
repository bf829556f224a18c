#ifndef KV_FS_LOOKERS_H
#define KV_FS_LOOKERS_H
/*
 * Programs that stat every file and read none. A stat needs the exact size, which costs a backup
 * request, and people look at names with programs that ask for sizes all the same.
 */
#include <stdbool.h>
#include "client/loop.h"
#include "client/vault.h"

struct kv_lookers {
	const char *names; /* separated by ':' */
	struct kv_caller last;
	unsigned int n_fetched; /* that last asked for, one after the other */
	bool has_read;		/* last has opened one of them, too */
	struct kv_timer quiet;
};

/* names is borrowed, and lives as long as lookers. */
void kv_lookers_init(struct kv_lookers *lookers, struct kv_loop *loop, const char *names);
void kv_lookers_release(struct kv_lookers *lookers);
/* Whether caller is one of the names: its stat is answered without a fetch. */
bool kv_lookers_has(const struct kv_lookers *lookers, const struct kv_caller *caller);
/* A fetch for caller's stat begins. Twenty of them without a read are one log line. */
void kv_lookers_fetched(struct kv_lookers *lookers, const struct kv_caller *caller);
void kv_lookers_read(struct kv_lookers *lookers, const struct kv_caller *caller);
#endif
