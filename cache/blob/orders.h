#ifndef KV_CACHE_BLOB_ORDERS_H
#define KV_CACHE_BLOB_ORDERS_H
/*
 * The orders in which programs read the files of one type, and where in each an object is.
 */
#include <stdbool.h>
#include <stddef.h>
#include "cache/object.h"

struct kv_listing;

/* The listing's; of the file names (globs, restic, duplicity, rdiff-backup); of the inode numbers (cp). */
enum kv_order { KV_LISTED, KV_BY_NAME, KV_BY_NUMBER };
_Static_assert(KV_BY_NUMBER + 1 == KV_ORDERS, "an object has a position in each");

struct kv_orders {
	struct kv_listing *listing;
	uint64_t serial;		      /* of the snapshot that the positions are of */
	size_t n_positioned;		      /* in KV_LISTED */
	struct kv_object **sorted[KV_ORDERS]; /* a reference each; NULL until needed, and for KV_LISTED */
	size_t n_sorted;
};

void kv_orders_init(struct kv_orders *orders, struct kv_listing *listing);
/* Before the listing. */
void kv_orders_release(struct kv_orders *orders);
/* Give what is new in the listing its position. Whether another listing serves now: then all positions are new. */
bool kv_orders_follow(struct kv_orders *orders);
/* Make the arrays of the other orders, of a complete listing; without memory there is one order less. */
void kv_orders_sort(struct kv_orders *orders);
/* The objects in that order, valid until the next turn of the loop; n 0 where there is no array. */
struct kv_object *const *kv_orders_array(const struct kv_orders *orders, enum kv_order order, size_t *n);
/* False where that order does not have the object. */
bool kv_orders_position(
    const struct kv_orders *orders, enum kv_order order, const struct kv_object *object, size_t *position);
/* Whether the positions are those of the listing that serves. */
bool kv_orders_is_current(const struct kv_orders *orders);

/* Asserts the invariants at the top of orders.c. */
void kv_orders_check(const struct kv_orders *orders);
#endif
