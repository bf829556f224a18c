#ifndef KV_CACHE_BLOBS_H
#define KV_CACHE_BLOBS_H
/*
 * The blobs of a vault's objects, fetched once and kept in memory while there is room.
 *
 * Any number of callers may ask for one object while it is being fetched: there is one backup
 * request, and all are answered from it. A blob that was handed out never changes; when its object
 * does, the next kv_blobs_get() yields a new one. A blob that was fetched for its size is kept until
 * it has been read (15 minutes at most), because tools stat a whole directory before they read its
 * first file.
 */
#include "cache/object.h"
#include "cache/throttle.h"
#include "client/blob.h"

struct kv_blobs;
struct kv_waiter; /* a pending kv_blobs_get() */

/* room: bytes of blobs kept beyond those that callers hold themselves. NULL: out of memory. */
struct kv_blobs *kv_blobs_new(struct kv_loop *loop, struct kv_throttle *throttle, size_t room);
void kv_blobs_free(struct kv_blobs *blobs);

/*
 * err is 0 and blob borrowed for the call (kv_blob_ref() keeps it); or err is the errno of the
 * README's table and blob NULL. Called exactly once, from the loop, never before kv_blobs_get() has
 * returned; object->size is up to date by then.
 */
typedef void kv_blobs_done(void *arg, int err, struct kv_blob *blob);
/* -ENOMEM, or 0 and *waiter, valid until done is called. */
int kv_blobs_get(struct kv_blobs *blobs, struct kv_object *object, enum kv_priority priority,
    const struct kv_caller *caller, kv_blobs_done *done, void *arg, struct kv_waiter **waiter) KV_MUST_CHECK;
/* done is not called; the fetch goes on, and its blob is kept. NULL does nothing. */
void kv_blobs_cancel(struct kv_waiter *waiter);

/* The blob that is kept, or NULL; borrowed until the next turn of the loop. */
struct kv_blob *kv_blobs_peek(struct kv_object *object);
/* It was given to a reader: from now on it may go when room is needed. */
void kv_blobs_was_read(struct kv_blobs *blobs, struct kv_object *object);
/* The object is another one now, or gone: what is kept of it is dropped, what is under way is fetched again. */
void kv_blobs_forget(struct kv_object *object);

/* Called when the vault says, and its version list agrees, that the object is no longer there. */
typedef void kv_blobs_lost(void *arg, struct kv_object *object);
void kv_blobs_on_lost(struct kv_blobs *blobs, kv_blobs_lost *lost, void *arg);
#endif
