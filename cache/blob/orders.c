/*
 * The orders of a listing.
 *
 * An object's position[order] is its index in the array of that order. It is valid only if the array has
 * the object there, so positions from an older listing do no harm. The array of KV_LISTED is the listing's
 * own; the others are built when first needed.
 *
 * Invariants:
 *	the sorted arrays have n_sorted objects, each at its position
 *	while the positions are current, the first n_positioned objects of the listing are at theirs
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cache/blob/orders.h"
#include "cache/list/listing.h"

void
kv_orders_init(struct kv_orders *o, struct kv_listing *listing)
{
	*o = (struct kv_orders){ .listing = listing };
}

struct kv_object *const *
kv_orders_array(const struct kv_orders *o, enum kv_order order, size_t *n)
{
	if (order == KV_LISTED)
		return kv_listing_view(o->listing, n, NULL, NULL);
	*n = o->sorted[order] != NULL ? o->n_sorted : 0;
	return o->sorted[order];
}

bool
kv_orders_position(
    const struct kv_orders *o, enum kv_order order, const struct kv_object *object, size_t *position)
{
	size_t n;
	struct kv_object *const *array = kv_orders_array(o, order, &n);

	*position = object->position[order];
	return *position < n && array[*position] == object;
}

/* Compares like strcmp() of the file names, which end in ".blob". */
static int
compare_names(const void *a, const void *b)
{
	const unsigned char *x = (const unsigned char *)(*(struct kv_object *const *)a)->name;
	const unsigned char *y = (const unsigned char *)(*(struct kv_object *const *)b)->name;

	while (*x != '\0' && *x == *y) {
		x++;
		y++;
	}
	return (*x != '\0' ? *x : '.') - (*y != '\0' ? *y : '.');
}

static int
compare_numbers(const void *a, const void *b)
{
	const uint64_t x = (*(struct kv_object *const *)a)->ino, y = (*(struct kv_object *const *)b)->ino;

	return x < y ? -1 : x > y;
}

void
kv_orders_sort(struct kv_orders *o)
{
	bool is_complete;
	size_t n;
	struct kv_object *const *objects = kv_listing_view(o->listing, &n, NULL, &is_complete);

	if (!is_complete || o->n_sorted > 0 || n == 0)
		return;
	o->n_sorted = n;
	for (int order = KV_BY_NAME; order < KV_ORDERS; order++) {
		struct kv_object **array = reallocarray(NULL, n, sizeof(struct kv_object *));

		if (array == NULL)
			continue;
		o->sorted[order] = array;
		memcpy(array, objects, n * sizeof(*array));
		qsort(array, n, sizeof(*array), order == KV_BY_NAME ? compare_names : compare_numbers);
		for (size_t i = 0; i < n; i++)
			kv_object_ref(array[i])->position[order] = (uint32_t)i;
	}
}

void
kv_orders_release(struct kv_orders *o)
{
	for (int order = 0; order < KV_ORDERS; order++) {
		for (size_t i = 0; o->sorted[order] != NULL && i < o->n_sorted; i++)
			kv_object_unref(o->sorted[order][i]);
		free(o->sorted[order]);
		o->sorted[order] = NULL;
	}
	o->n_sorted = 0;
}

bool
kv_orders_follow(struct kv_orders *o)
{
	uint64_t serial;
	size_t n;
	struct kv_object *const *objects = kv_listing_view(o->listing, &n, &serial, NULL);
	const bool is_new = serial != o->serial;

	if (is_new) {
		kv_orders_release(o);
		o->serial = serial;
		o->n_positioned = 0;
	}
	for (; o->n_positioned < n; o->n_positioned++)
		objects[o->n_positioned]->position[KV_LISTED] = (uint32_t)o->n_positioned;
	return is_new;
}

bool
kv_orders_is_current(const struct kv_orders *o)
{
	uint64_t serial;
	size_t n;

	(void)kv_listing_view(o->listing, &n, &serial, NULL);
	return serial == o->serial;
}

void
kv_orders_check(const struct kv_orders *o)
{
	size_t n;
	struct kv_object *const *objects = kv_orders_array(o, KV_LISTED, &n);
	const bool is_current = kv_orders_is_current(o);

	assert(!is_current || o->n_positioned <= n);
	for (size_t i = 0; is_current && i < o->n_positioned; i++)
		assert(objects[i]->position[KV_LISTED] == i);
	assert(o->sorted[KV_LISTED] == NULL);
	for (int order = KV_BY_NAME; order < KV_ORDERS; order++)
		for (size_t i = 0; o->sorted[order] != NULL && i < o->n_sorted; i++)
			assert(o->sorted[order][i]->position[order] == i);
}
