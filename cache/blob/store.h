#ifndef KV_CACHE_BLOB_STORE_H
#define KV_CACHE_BLOB_STORE_H
/*
 * Fetched blobs, kept until they have been read (15 minutes at most), because tools stat a whole directory
 * before they read its first file: in memory, then in the spill file. When both are full, blobs that were
 * read are evicted first, although they may be read again; then the newest unread one, because readers need
 * the older ones sooner. With a disk, blobs are also kept between mounts.
 */
#include <stdbool.h>
#include <stddef.h>
#include "cache/blob/budget.h"
#include "cache/object.h"
#include "client/vault/blob.h"

struct kv_disk;
struct kv_loop;
struct kv_store;
struct kv_stored; /* the entry of one object */

#define KV_STORE_EACH 256 /* bytes that an object counts in addition to its blob */

struct kv_store_options {
	struct kv_budget *budget; /* shared with other stores; NULL: one of its own, of the next three */
	size_t room;		  /* bytes kept in memory, without blobs that only callers hold */
	size_t spill;		  /* bytes of the spill file; 0: this store uses none, a shared one neither */
	const char *folder;	  /* for the spill file */
	struct kv_disk *disk;	  /* for blobs kept between mounts, or NULL */
};
/* NULL: out of memory. */
struct kv_store *kv_store_new(struct kv_loop *loop, const struct kv_store_options *options);
void kv_store_free(struct kv_store *store);

/*
 * Stores object's blob as unread; object must have no entry. is_ahead: a prefetch that no caller has
 * requested yet. If memory is short, nothing is stored. Room is made in the next turn of the loop, or by
 * kv_store_trim().
 */
void kv_store_put(struct kv_store *store, struct kv_object *object, struct kv_blob *blob, bool is_ahead);
void kv_store_trim(struct kv_store *store);
/* The stored blob, or NULL; borrowed until the next turn of the loop. */
struct kv_blob *kv_store_get(struct kv_store *store, struct kv_object *object);
bool kv_store_has(const struct kv_store *store, const struct kv_object *object);
/* A caller has requested object: if it was prefetched, that was useful. */
void kv_store_mark_asked(struct kv_store *store, struct kv_object *object);
/* A reader has received the blob: from now on it may be evicted. */
void kv_store_mark_read(struct kv_store *store, struct kv_object *object);
/* object's content has changed, or it is gone: drops its blob. */
void kv_store_drop(struct kv_store *store, struct kv_object *object);

/* Its part of the budget, for the bytes that are expected (cache/blob/blobs). */
struct kv_budget_user *kv_store_user(struct kv_store *store);
/* objects are all n objects of type: writes the blobs of the newest ones to disk, if they are in memory. */
void kv_store_keep_newest(
    struct kv_store *store, enum kv_type type, struct kv_object *const *objects, size_t n);

struct kv_store_state {
	size_t memory, spilled; /* bytes */
	uint64_t n_read;	/* blobs returned to readers */
	uint64_t n_ahead_used;	/* of those stored with is_ahead, requested later */
	uint64_t n_from_disk;
};
void kv_store_state(const struct kv_store *store, struct kv_store_state *state);
/* Asserts the invariants at the top of store.c. */
void kv_store_check(const struct kv_store *store);
#endif
