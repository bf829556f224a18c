#ifndef KV_CACHE_BLOB_SIZES_H
#define KV_CACHE_BLOB_SIZES_H
/*
 * Estimates the size of an object's blob before it is fetched.
 */
#include <stddef.h>
#include "cache/object.h"

#define KV_SIZES_OF 8 /* the last blobs of each type */

struct kv_sizes {
	size_t last[KV_TYPES][KV_SIZES_OF]; /* 0: none yet */
	unsigned int next[KV_TYPES];
};

/* Records that a blob of type had len bytes. */
void kv_sizes_note(struct kv_sizes *sizes, enum kv_type type, size_t len);
/* The size of object if it is known, else the largest of the last eight of its type, else a typical size. */
size_t kv_sizes_expected(const struct kv_sizes *sizes, const struct kv_object *object);
#endif
