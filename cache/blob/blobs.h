#ifndef KV_CACHE_BLOB_BLOBS_H
#define KV_CACHE_BLOB_BLOBS_H
/*
 * The blobs of a vault's objects, fetched once and kept while there is room (cache/blob/store).
 *
 * Any number of callers may request an object while it is being fetched: one backup request answers all of
 * them. A blob that was returned never changes; after its object has changed, the next kv_blobs_get()
 * returns a new one.
 */
#include "cache/blob/store.h"
#include "cache/object.h"
#include "cache/pace/throttle.h"
#include "client/vault/blob.h"

struct kv_blobs;
struct kv_object_rows;
struct kv_waiter; /* a pending kv_blobs_get() */

/* The vault no longer has object, and its version list confirms that. */
typedef void kv_blobs_lost(void *arg, struct kv_object *object);

struct kv_blobs_options {
	struct kv_store_options store;
	struct kv_object_rows *rows; /* object data kept between mounts, or NULL */
	kv_blobs_lost *lost;	     /* or NULL */
	void *arg;
};
/* NULL: out of memory. */
struct kv_blobs *kv_blobs_new(
    struct kv_loop *loop, struct kv_throttle *throttle, const struct kv_blobs_options *options);
void kv_blobs_free(struct kv_blobs *blobs);

enum kv_need { KV_NEED_SIZE, KV_NEED_CONTENT };

/*
 * Either err is 0 and blob is borrowed for the call (kv_blob_ref() keeps it), or err is the errno of
 * docs/errors.md and blob is NULL. Called exactly once, from the loop, never before kv_blobs_get() has
 * returned; object->size is up to date by then.
 */
typedef void kv_blobs_done(void *arg, int err, struct kv_blob *blob);
/*
 * -ENOMEM, or 0 and *waiter, valid until done is called. If a fetch fails whose content no caller needed (a
 * prefetch or a stat), the failure is kept for 10 s and returned to the first program that needs the
 * content, because a stat and the opens after it are one attempt.
 */
int kv_blobs_get(struct kv_blobs *blobs, struct kv_object *object, enum kv_need need,
    const struct kv_caller *caller, kv_blobs_done *done, void *arg, struct kv_waiter **waiter) KV_MUST_CHECK;
/* done is not called; the fetch continues, and its blob is kept. NULL does nothing. */
void kv_blobs_cancel(struct kv_waiter *waiter);

/*
 * Fetches object before a caller needs it, at the lowest priority. -EALREADY: it is kept, being fetched or
 * has just failed; -ENOSPC: there is no room to keep it; -ENOMEM.
 */
int kv_blobs_prefetch(struct kv_blobs *blobs, struct kv_object *object) KV_MUST_CHECK;

/* The cached blob, or NULL; borrowed until the next turn of the loop. */
struct kv_blob *kv_blobs_peek(struct kv_blobs *blobs, struct kv_object *object);
/* Whether kv_blobs_get() would need no new fetch for object. */
bool kv_blobs_has(const struct kv_blobs *blobs, const struct kv_object *object);
/* A reader has received the blob: from now on it may be evicted. */
void kv_blobs_mark_read(struct kv_blobs *blobs, struct kv_object *object);
/* The object has changed or is gone: drops its cached blob, and repeats a fetch in progress. */
void kv_blobs_forget(struct kv_blobs *blobs, struct kv_object *object);

/* objects are all n objects of type: writes the blobs of the newest ones to disk, if they are in memory. */
void kv_blobs_keep_newest(
    struct kv_blobs *blobs, enum kv_type type, struct kv_object *const *objects, size_t n);

/* For the status. */
struct kv_blobs_state {
	size_t n_fetching;
	size_t memory, spilled;		/* bytes */
	uint64_t n_fetched, n_bytes;	/* during this mount */
	uint64_t n_hits, n_misses;	/* blobs returned to readers; requests that needed a new fetch */
	uint64_t n_ahead, n_ahead_used; /* prefetches; of these, requested later */
	uint64_t n_from_disk;
};
void kv_blobs_state(const struct kv_blobs *blobs, struct kv_blobs_state *state);

/* Asserts the invariants at the top of blobs.c, and those of the store. */
void kv_blobs_check(const struct kv_blobs *blobs);
#endif
