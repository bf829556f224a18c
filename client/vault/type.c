/* The types of objects and the rule for their names. */
#include "client/vault/type.h"

#include <errno.h>
#include <string.h>

static const char *const type_names[KV_TYPES] = { "keys", "secrets", "certificates" };

const char *
kv_type_name(enum kv_type type)
{
	return type_names[type];
}

int
kv_type_parse(const char *name, enum kv_type *type)
{
	*type = KV_KEYS;
	for (int i = 0; i < KV_TYPES; i++) {
		if (strcmp(name, type_names[i]) == 0) {
			*type = (enum kv_type)i;
			return 0;
		}
	}
	return -ENOENT;
}

size_t
kv_type_name_span(const char *s)
{
	return strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");
}

bool
kv_type_is_name(const char *name)
{
	const size_t n = kv_type_name_span(name);

	return n > 0 && n <= KV_NAME_MAX && name[n] == '\0';
}
