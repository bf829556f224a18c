#ifndef KV_CACHE_BLOB_PREFETCH_H
#define KV_CACHE_BLOB_PREFETCH_H
/*
 * Read-ahead across files. Tools read one file at a time, so an archive would pay a round trip for
 * each object; when two accesses follow each other, the next objects are fetched before they are
 * asked for.
 *
 * What follows what is seen in any of three orders: the listing's, that of the files' names (globs,
 * restic, duplicity, rdiff-backup) and that of the inode numbers (cp). A stream fetches at first 4
 * objects ahead, twice as many with each hit, up to what the rate allows in 2.5 s; it ends after four misses in a
 * row. One that began with stats fetches what has no size, one that began with reads what is not
 * kept. Everything it sends goes behind what somebody waits for, and only while there is room to keep it.
 */
#include <stdbool.h>
#include "cache/blob/blobs.h"

struct kv_listing;
struct kv_prefetch;

/* listings: NULL for a type that is not mounted. most: objects ahead, 0 for none, -1 for as many as the rate allows. */
struct kv_prefetch *kv_prefetch_new(struct kv_blobs *blobs, struct kv_throttle *throttle,
    struct kv_listing *const listings[KV_TYPES], long most);
/* Before the listings. */
void kv_prefetch_free(struct kv_prefetch *prefetch);

/* A program needs object's size or content; waits: it was not cached. */
void kv_prefetch_accessed(
    struct kv_prefetch *prefetch, struct kv_object *object, enum kv_need need, bool waits);
/* The listing of type has more objects than before. */
void kv_prefetch_grew(struct kv_prefetch *prefetch, enum kv_type type);

/* For the status: streams that there are, objects ahead of the farthest. */
void kv_prefetch_state(const struct kv_prefetch *prefetch, size_t *n_streams, size_t *window);

/* Asserts the invariants at the top of prefetch.c. */
void kv_prefetch_check(const struct kv_prefetch *prefetch);
#endif
