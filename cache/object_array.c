#include <errno.h>
#include <stdlib.h>

#include "cache/object.h"
#include "cache/object_array.h"

int
kv_object_array_append(struct kv_object_array *a, struct kv_object *object)
{
	if (a->n == a->size) {
		const size_t size = a->size + a->size / 2 + 64;
		struct kv_object **more = reallocarray(a->at, size, sizeof(struct kv_object *));

		if (more == NULL)
			return -ENOMEM;
		a->at = more;
		a->size = size;
	}
	a->at[a->n++] = kv_object_ref(object);
	return 0;
}

void
kv_object_array_trim(struct kv_object_array *a)
{
	struct kv_object **less;

	if (a->n == a->size || a->n == 0)
		return;
	less = reallocarray(a->at, a->n, sizeof(struct kv_object *));
	if (less == NULL)
		return;
	a->at = less;
	a->size = a->n;
}

void
kv_object_array_release(struct kv_object_array *a)
{
	for (size_t i = 0; i < a->n; i++)
		kv_object_unref(a->at[i]);
	free(a->at);
	*a = (struct kv_object_array){ .at = NULL };
}
