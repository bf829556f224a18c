#ifndef KV_CACHE_BLOB_FETCH_H
#define KV_CACHE_BLOB_FETCH_H
/*
 * Fetches the backup of one object, or a sibling's content: repeats it if the object changes meanwhile, and diagnoses
 * a failure.
 * All of it takes at most one time-out, or 0.8 s more if a failure is diagnosed at its end.
 */
#include <stdbool.h>
#include "cache/pace/throttle.h"

struct kv_blob;
struct kv_fetch;
struct kv_object;
struct kv_refusal_row;

struct kv_fetch_result {
	int err;			    /* 0, or the errno of docs/errors.md, logged */
	bool is_stale;			    /* the object changed meanwhile, and the blob may be outdated */
	bool is_lost;			    /* with -ENOENT: the object is not in the vault */
	const struct kv_refusal_row *cause; /* of err; NULL: no answer that refuses it */
	struct kv_blob *blob;
	int64_t wall_date; /* of the answer, by the vault's clock; 0: unknown */
};
/* Called once, from the loop; then the fetch is freed. The result is borrowed. */
typedef void kv_fetch_done(void *arg, const struct kv_fetch_result *result);

/* object must outlive the fetch. If this fails (-ENOMEM), done is not called. */
int kv_fetch_begin(struct kv_throttle *throttle, struct kv_object *object, enum kv_priority priority,
    const struct kv_caller *caller, kv_fetch_done *done, void *arg, struct kv_fetch **fetch) KV_MUST_CHECK;
/* Never lowers the priority. */
void kv_fetch_raise(struct kv_fetch *fetch, enum kv_priority priority);
/* The object has changed: the backup in flight is stale. */
void kv_fetch_invalidate(struct kv_fetch *fetch);
/* done is not called. NULL does nothing. */
void kv_fetch_cancel(struct kv_fetch *fetch);

/* Asserts the invariants at the top of fetch.c. */
void kv_fetch_check(const struct kv_fetch *fetch);
#endif
