#ifndef KV_CACHE_BLOB_FETCH_H
#define KV_CACHE_BLOB_FETCH_H
/*
 * One backup of an object: sent, sent again where the object changed meanwhile, and where it failed, diagnosed.
 * All of it takes one time-out at most.
 */
#include <stdbool.h>
#include "cache/pace/throttle.h"

struct kv_blob;
struct kv_fetch;
struct kv_object;

struct kv_fetch_result {
	int err;       /* 0, or the errno of docs/errors.md, logged */
	bool is_stale; /* the object changed while this was under way, and the blob may be the one before */
	bool is_lost;  /* with -ENOENT: the object is not in the vault */
	struct kv_blob *blob;
	int64_t wall_date; /* the vault's, 0 where unknown */
};
/* Called once, from the loop; the fetch is freed then. The result is borrowed. */
typedef void kv_fetch_done(void *arg, const struct kv_fetch_result *result);

/* object must outlive the fetch. -ENOMEM and the like: done is not called. */
int kv_fetch_begin(struct kv_throttle *throttle, struct kv_object *object, enum kv_priority priority,
    const struct kv_caller *caller, kv_fetch_done *done, void *arg, struct kv_fetch **fetch) KV_MUST_CHECK;
/* Never lowers the priority. */
void kv_fetch_raise(struct kv_fetch *fetch, enum kv_priority priority);
/* The object has changed: what is under way is worth nothing. */
void kv_fetch_invalidate(struct kv_fetch *fetch);
/* done is not called. NULL does nothing. */
void kv_fetch_cancel(struct kv_fetch *fetch);

/* Asserts the invariants at the top of fetch.c. */
void kv_fetch_check(const struct kv_fetch *fetch);
#endif
