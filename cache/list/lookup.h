#ifndef KV_CACHE_LIST_LOOKUP_H
#define KV_CACHE_LIST_LOOKUP_H
/*
 * Finding one object by its name where kv_listing_find() cannot answer at once: in the listing that is coming
 * in, else in the vault, by the object's version list.
 */
#include "cache/object.h"

struct kv_absent;
struct kv_caller;
struct kv_listing;
struct kv_lookup; /* one lookup that waits */
struct kv_loop;

/* object is borrowed, NULL unless err is 0. err as of kv_listing_find(), but never -EAGAIN. From the loop, once. */
typedef void kv_lookup_done(void *arg, int err, struct kv_object *object);
/*
 * For exactly this name, after kv_listing_find() returned -EAGAIN. That the vault does not have it is put
 * into absent; an object that it has is added to listing.
 */
int kv_lookup_find(struct kv_loop *loop, struct kv_listing *listing, struct kv_absent *absent,
    const char *name, const struct kv_caller *caller, kv_lookup_done *done, void *arg,
    struct kv_lookup **lookup) KV_MUST_CHECK;
/* done is not called. NULL does nothing. */
void kv_lookup_cancel(struct kv_lookup *lookup);
#endif
