#include "client/vault/call_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/vault/call.h"

static bool
copy_string(const char *from, const char **to)
{
	*to = from != NULL ? strdup(from) : NULL;
	return from == NULL || *to != NULL;
}

int
kv_call_copy(struct kv_call *to, const struct kv_call *from)
{
	bool is_copied;

	*to = *from;
	to->blob = from->blob != NULL ? kv_blob_ref(from->blob) : NULL;
	is_copied = copy_string(from->name, &to->name);
	is_copied &= copy_string(from->version, &to->version);
	is_copied &= copy_string(from->next_link, &to->next_link);
	return is_copied ? 0 : -ENOMEM;
}

void
kv_call_copy_release(struct kv_call *copy)
{
	free((char *)(uintptr_t)copy->name);
	free((char *)(uintptr_t)copy->version);
	free((char *)(uintptr_t)copy->next_link);
	kv_blob_unref(copy->blob);
}
