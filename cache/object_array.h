#ifndef KV_CACHE_OBJECT_ARRAY_H
#define KV_CACHE_OBJECT_ARRAY_H
/*
 * A growing array of objects, with a reference each. Valid when zeroed.
 */
#include <stddef.h>
#include "client/base/err.h"

struct kv_object;

struct kv_object_array {
	struct kv_object **at;
	size_t n, size;
};

/* -ENOMEM: unchanged. */
int kv_object_array_append(struct kv_object_array *array, struct kv_object *object) KV_MUST_CHECK;
/* No more will be appended: returns spare memory. */
void kv_object_array_trim(struct kv_object_array *array);
/* Afterwards it is empty. */
void kv_object_array_release(struct kv_object_array *array);
#endif
