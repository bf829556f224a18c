#ifndef KV_CACHE_LIST_REVALIDATE_H
#define KV_CACHE_LIST_REVALIDATE_H
/*
 * Detects changes to older versions of an object, which the list does not show. If an object's blob was
 * fetched more than max_age ago, its version list is read, which costs no backup; if a version has changed
 * since, the size and the blob are unknown again. Each type sends one request at a time, after each
 * complete listing: archives do not wait for it, and 25,000 objects take half an hour a week.
 */
#include "cache/object.h"

struct kv_revalidate;
struct kv_listing;
struct kv_throttle;

/* NULL: out of memory. */
struct kv_revalidate *kv_revalidate_new(
    struct kv_throttle *throttle, struct kv_listing *const listings[KV_TYPES], int64_t max_age_ms);
/* Call before the listings are freed. NULL does nothing. */
void kv_revalidate_free(struct kv_revalidate *revalidate);
/* Call when the listing of type is complete. */
void kv_revalidate_type(struct kv_revalidate *revalidate, enum kv_type type);
#endif
