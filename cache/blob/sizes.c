/* The last sizes of each type. */
#include "cache/blob/sizes.h"

#define USUAL		 8192 /* of a blob, before the first one */
#define USUAL_OF_SIBLING 2048

void
kv_sizes_note(struct kv_sizes *s, enum kv_type type, size_t len)
{
	s->last[type][s->next[type]++ % KV_SIZES_OF] = len;
}

size_t
kv_sizes_expected(const struct kv_sizes *s, const struct kv_object *object)
{
	const size_t *last = s->last[object->type];
	size_t most = 0;

	if (object->size >= 0)
		return (size_t)object->size;
	if (object->kind != KV_KIND_BLOB)
		return USUAL_OF_SIBLING;
	for (int i = 0; i < KV_SIZES_OF; i++)
		most = last[i] > most ? last[i] : most;
	return most > 0 ? most : USUAL;
}
