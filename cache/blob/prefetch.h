#ifndef KV_CACHE_BLOB_PREFETCH_H
#define KV_CACHE_BLOB_PREFETCH_H
/*
 * Read-ahead across files. Tools read one file at a time, so an archive would wait one round trip for each
 * object. When two accesses follow each other, a stream begins: the next objects are fetched before they
 * are needed.
 *
 * A stream follows one of three orders: that of the listing, of the file names (globs, restic, duplicity,
 * rdiff-backup) or of the inode numbers (cp). It fetches 4 objects ahead at first and twice as many after
 * each hit, up to what the rate allows in 2.5 s; it ends after four misses in a row. A stream that began
 * with stats fetches objects of unknown size, one that began with reads those without a cached blob.
 * Prefetches have the lowest priority, and are sent only while there is room to keep the blobs.
 */
#include <stdbool.h>
#include "cache/blob/blobs.h"

#define KV_PREFETCH_S 2.5 /* what the rate allows in this time is fetched ahead at most */

struct kv_listing;
struct kv_prefetch;

/*
 * listings: NULL for a type that is not mounted. most: objects ahead; 0: none, -1: as many as the rate
 * allows.
 */
struct kv_prefetch *kv_prefetch_new(struct kv_blobs *blobs, struct kv_throttle *throttle,
    struct kv_listing *const listings[KV_TYPES], long most);
/* Call before the listings are freed. */
void kv_prefetch_free(struct kv_prefetch *prefetch);

/* A program needs object's size or content; waits: it is not cached. */
void kv_prefetch_accessed(
    struct kv_prefetch *prefetch, struct kv_object *object, enum kv_need need, bool waits);
/* The listing of type has new objects. */
void kv_prefetch_grew(struct kv_prefetch *prefetch, enum kv_type type);

/* For the status: the number of streams, and the largest number of objects that one fetches ahead. */
void kv_prefetch_state(const struct kv_prefetch *prefetch, size_t *n_streams, size_t *window);

/* Asserts the invariants at the top of prefetch.c. */
void kv_prefetch_check(const struct kv_prefetch *prefetch);
#endif
