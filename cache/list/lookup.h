#ifndef KV_CACHE_LIST_LOOKUP_H
#define KV_CACHE_LIST_LOOKUP_H
/*
 * Finds an object by its name when kv_listing_find() cannot answer at once: in the listing that is loading,
 * else in the vault, by the object's version list.
 */
#include "cache/object.h"

struct kv_absent;
struct kv_caller;
struct kv_listing;
struct kv_lookup; /* a pending lookup */
struct kv_loop;

/*
 * object is borrowed, NULL unless err is 0. err is as in kv_listing_find(), never -EAGAIN. Called once,
 * from the loop.
 */
typedef void kv_lookup_done(void *arg, int err, struct kv_object *object);
/*
 * Looks up exactly this name, after kv_listing_find() has returned -EAGAIN. Adds the object to listing, or
 * the name to absent if the vault does not have it.
 */
int kv_lookup_find(struct kv_loop *loop, struct kv_listing *listing, struct kv_absent *absent,
    const char *name, const struct kv_caller *caller, kv_lookup_done *done, void *arg,
    struct kv_lookup **lookup) KV_MUST_CHECK;
/* done is not called. NULL does nothing. */
void kv_lookup_cancel(struct kv_lookup *lookup);
#endif
