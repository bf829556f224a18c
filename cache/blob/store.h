#ifndef KV_CACHE_BLOB_STORE_H
#define KV_CACHE_BLOB_STORE_H
/*
 * Blobs that were fetched, kept until they have been read (15 minutes at most), because tools stat a whole
 * directory before they read its first file: in memory, then in the spill file. When both are full the newest
 * goes, so that what is there is still there when the reader comes to it. What was read may be read again, and
 * goes first. With a disk, blobs are kept from mount to mount too.
 */
#include <stdbool.h>
#include <stddef.h>
#include "cache/object.h"
#include "client/vault/blob.h"

struct kv_disk;
struct kv_loop;
struct kv_store;
struct kv_stored; /* what is kept of one object */

#define KV_STORE_EACH 256 /* bytes of room that an object takes beside its blob */

struct kv_store_options {
	size_t room;	      /* bytes of blobs kept in memory beyond those that callers hold themselves */
	size_t spill;	      /* bytes of the spill file; 0: there is none */
	const char *folder;   /* for the spill file */
	struct kv_disk *disk; /* where blobs are kept from mount to mount, or NULL */
};
/* NULL: out of memory. */
struct kv_store *kv_store_new(struct kv_loop *loop, const struct kv_store_options *options);
void kv_store_free(struct kv_store *store);

/*
 * Keep object's blob, unread; nothing was kept of it. is_ahead: nobody has asked for it yet. Without memory it
 * is not kept. Room is made in the next turn of the loop, or by kv_store_trim().
 */
void kv_store_put(struct kv_store *store, struct kv_object *object, struct kv_blob *blob, bool is_ahead);
void kv_store_trim(struct kv_store *store);
/* The blob that is kept, or NULL; borrowed until the next turn of the loop. */
struct kv_blob *kv_store_get(struct kv_store *store, struct kv_object *object);
bool kv_store_has(const struct kv_store *store, const struct kv_object *object);
/* Somebody has asked for it: it was not fetched ahead in vain. */
void kv_store_mark_asked(struct kv_store *store, struct kv_object *object);
/* It was given to a reader: from now on it may go when room is needed. */
void kv_store_mark_read(struct kv_store *store, struct kv_object *object);
/* object's content has changed, or it is gone. */
void kv_store_drop(struct kv_store *store, struct kv_object *object);

/*
 * Whether bytes more could be kept unread, beside those in flight; drops from the spill file what was read, to
 * make room.
 */
bool kv_store_has_room(struct kv_store *store, size_t in_flight, size_t bytes);
/* These are all objects of type: the newest ones are put on disk, as far as they are in memory. */
void kv_store_keep_newest(
    struct kv_store *store, enum kv_type type, struct kv_object *const *objects, size_t n);

struct kv_store_state {
	size_t memory, spilled; /* bytes */
	uint64_t n_read;	/* blobs given to readers */
	uint64_t n_ahead_used;	/* of those put ahead: asked for by somebody */
	uint64_t n_from_disk;
};
void kv_store_state(const struct kv_store *store, struct kv_store_state *state);
/* Asserts the invariants at the top of store.c. */
void kv_store_check(const struct kv_store *store);
#endif
