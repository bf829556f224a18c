#ifndef KV_CLIENT_VAULT_TYPE_H
#define KV_CLIENT_VAULT_TYPE_H
/*
 * The types of objects in a vault, and the service's rule for their names.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"

enum kv_type { KV_KEYS, KV_SECRETS, KV_CERTIFICATES };
#define KV_TYPES	   3
#define KV_NAME_MAX	   127 /* characters of an object's name */
#define KV_FINGERPRINT_LEN 16  /* bytes of the digest of a list item */

/* "keys", "secrets", "certificates": path segment, directory name and word in the log. */
const char *kv_type_name(enum kv_type type);
/* -ENOENT if name is not the name of a type. */
int kv_type_parse(const char *name, enum kv_type *type) KV_MUST_CHECK;
/* Whether name has 1 to 127 characters 0-9 a-z A-Z and '-'. */
bool kv_type_is_name(const char *name);
/* How many characters at the start of s are valid in a name; versions use the same ones. */
size_t kv_type_name_span(const char *s);
#endif
