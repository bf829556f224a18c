#ifndef KV_CACHE_BLOB_ORDERS_H
#define KV_CACHE_BLOB_ORDERS_H
/*
 * The orders in which programs read the files of one type, and the position of each object in each order.
 */
#include <stdbool.h>
#include <stddef.h>
#include "cache/object.h"

struct kv_listing;

/* By the listing; by file name (globs, restic, duplicity, rdiff-backup); by inode number (cp). */
enum kv_order { KV_LISTED, KV_BY_NAME, KV_BY_NUMBER };
_Static_assert(KV_BY_NUMBER + 1 == KV_ORDERS, "an object has a position in each");

struct kv_orders {
	struct kv_listing *listing;
	uint64_t serial;		      /* of the snapshot to which the positions belong */
	size_t n_positioned;		      /* objects that have a position in KV_LISTED */
	struct kv_object **sorted[KV_ORDERS]; /* a reference each; NULL until needed, and for KV_LISTED */
	size_t n_sorted;
};

void kv_orders_init(struct kv_orders *orders, struct kv_listing *listing);
/* Call before the listing is freed. */
void kv_orders_release(struct kv_orders *orders);
/*
 * Assigns positions to new objects of the listing. Returns whether its snapshot has changed: then all
 * positions are new.
 */
bool kv_orders_follow(struct kv_orders *orders);
/*
 * Builds the arrays of the other orders, if the listing is complete. If memory is short, an order is left
 * out.
 */
void kv_orders_sort(struct kv_orders *orders);
/* The objects in that order, valid until the next turn of the loop; *n is 0 if there is no array. */
struct kv_object *const *kv_orders_array(const struct kv_orders *orders, enum kv_order order, size_t *n);
/* False: object is not in that order. */
bool kv_orders_position(
    const struct kv_orders *orders, enum kv_order order, const struct kv_object *object, size_t *position);
/* Whether the positions belong to the snapshot that kv_listing_view() uses now. */
bool kv_orders_is_current(const struct kv_orders *orders);

/* Asserts the invariants at the top of orders.c. */
void kv_orders_check(const struct kv_orders *orders);
#endif
