#ifndef KV_FS_COMMAND_WRITERS_H
#define KV_FS_COMMAND_WRITERS_H
/*
 * Writes files of an archive into restore/, several at a time, because each close waits for the vault. Each is created
 * under its own name: a rename would hold its folder until the vault has answered.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"
#include "fs/command/plan.h"

struct kv_written {
	const struct kv_plan_item *item;
	bool is_done; /* restored, or failed with err */
	int err;      /* 0, or the errno of the call that failed, negative */
	char *why;    /* the sentence of the log about it, or NULL */
};

struct kv_writers_state {
	size_t n_done, n_failed;
};
/* Called about five times a second, and at the end. */
typedef void kv_writers_progress(void *arg, const struct kv_writers_state *state);

/*
 * Writes the n files with n_threads writers and returns when all have ended, or, after *is_interrupted became true, when
 * those that were begun have ended. -errno if no writer could be started.
 */
int kv_writers_run(const struct kv_plan *plan, struct kv_written *files, size_t n, int n_threads,
    const volatile bool *is_interrupted, kv_writers_progress *progress, void *arg) KV_MUST_CHECK;
#endif
