#ifndef KV_CACHE_BLOB_BLOBS_H
#define KV_CACHE_BLOB_BLOBS_H
/*
 * The blobs of a vault's objects, fetched once and kept while there is room (cache/blob/store).
 *
 * Any number of callers may ask for one object while it is being fetched: there is one backup
 * request, and all are answered from it. A blob that was handed out never changes; when its object
 * does, the next kv_blobs_get() yields a new one.
 */
#include "cache/blob/store.h"
#include "cache/object.h"
#include "cache/pace/throttle.h"
#include "client/vault/blob.h"

struct kv_blobs;
struct kv_object_rows;
struct kv_waiter; /* a pending kv_blobs_get() */

/* The vault has no such object any more, and its version list agrees. */
typedef void kv_blobs_lost(void *arg, struct kv_object *object);

struct kv_blobs_options {
	struct kv_store_options store;
	struct kv_object_rows *rows; /* where sizes are kept, or NULL */
	kv_blobs_lost *lost;	     /* or NULL */
	void *arg;
};
/* NULL: out of memory. */
struct kv_blobs *kv_blobs_new(
    struct kv_loop *loop, struct kv_throttle *throttle, const struct kv_blobs_options *options);
void kv_blobs_free(struct kv_blobs *blobs);

enum kv_need { KV_NEED_SIZE, KV_NEED_CONTENT };

/*
 * err is 0 and blob borrowed for the call (kv_blob_ref() keeps it); or err is the errno of
 * docs/errors.md and blob NULL. Called exactly once, from the loop, never before kv_blobs_get() has
 * returned; object->size is up to date by then.
 */
typedef void kv_blobs_done(void *arg, int err, struct kv_blob *blob);
/*
 * -ENOMEM, or 0 and *waiter, valid until done is called. A failure of a fetch whose content nobody
 * waited for is kept for 10 s: it is the answer to the first program that asks for the content, because a stat and
 * the opens behind it are one attempt.
 */
int kv_blobs_get(struct kv_blobs *blobs, struct kv_object *object, enum kv_need need,
    const struct kv_caller *caller, kv_blobs_done *done, void *arg, struct kv_waiter **waiter) KV_MUST_CHECK;
/* done is not called; the fetch goes on, and its blob is kept. NULL does nothing. */
void kv_blobs_cancel(struct kv_waiter *waiter);

/*
 * Fetch object before anybody asks, behind everything that somebody waits for. -EALREADY where it is
 * kept or under way, -ENOSPC where it could not be kept, -ENOMEM.
 */
int kv_blobs_prefetch(struct kv_blobs *blobs, struct kv_object *object) KV_MUST_CHECK;

/* The blob that is kept, or NULL; borrowed until the next turn of the loop. */
struct kv_blob *kv_blobs_peek(struct kv_blobs *blobs, struct kv_object *object);
/* Whether a request for object would find its blob here, or on its way. */
bool kv_blobs_has(const struct kv_blobs *blobs, const struct kv_object *object);
/* It was given to a reader: from now on it may go when room is needed. */
void kv_blobs_mark_read(struct kv_blobs *blobs, struct kv_object *object);
/* The object has changed, or it is gone: what is kept of it is dropped, what is under way is fetched again. */
void kv_blobs_forget(struct kv_blobs *blobs, struct kv_object *object);

/* These are all objects of type: blobs of the newest ones are put on disk, as far as they are in memory. */
void kv_blobs_keep_newest(
    struct kv_blobs *blobs, enum kv_type type, struct kv_object *const *objects, size_t n);

/* For the status. */
struct kv_blobs_state {
	size_t n_fetching;
	size_t memory, spilled;	     /* bytes */
	uint64_t n_fetched, n_bytes; /* in this mount */
	uint64_t n_hits, n_misses;   /* opens, and stats that needed the blob: from the cache; had to wait */
	uint64_t n_ahead, n_ahead_used; /* fetched ahead; of these asked for by somebody */
	uint64_t n_from_disk;
};
void kv_blobs_state(const struct kv_blobs *blobs, struct kv_blobs_state *state);

/* Asserts the invariants at the top of blobs.c, and those of the store. */
void kv_blobs_check(const struct kv_blobs *blobs);
#endif
