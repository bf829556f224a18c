#ifndef KV_CACHE_LIST_REVALIDATE_H
#define KV_CACHE_LIST_REVALIDATE_H
/*
 * What a list does not show: a change to an older version of an object. So an object whose blob was
 * fetched longer than max_age ago is checked by its version list, which costs no backup; if one of the
 * versions has changed since, its size and blob are unknown again. One request at a time, whenever a
 * listing has come in: an archive does not wait for it, and 25,000 objects take half an hour a week.
 */
#include "cache/object.h"

struct kv_revalidate;
struct kv_listing;
struct kv_throttle;

/* NULL: out of memory. */
struct kv_revalidate *kv_revalidate_new(
    struct kv_throttle *throttle, struct kv_listing *const listings[KV_TYPES], int64_t max_age_ms);
/* Before the listings. NULL does nothing. */
void kv_revalidate_free(struct kv_revalidate *revalidate);
/* The listing of type is complete. */
void kv_revalidate_type(struct kv_revalidate *revalidate, enum kv_type type);
#endif
