/*
 * Objects: creation and reference counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/object.h"
#include "client/base/crypto.h"

void
kv_object_key(const char *name, char *key)
{
	size_t i;

	for (i = 0; name[i] != '\0' && i < KV_NAME_MAX; i++)
		key[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i]);
	key[i] = '\0';
}

/*
 * 62 bits of a digest: collisions within a mount are negligible. Bit 62 is set: small numbers are
 * directories'.
 */
static int
number_inode(enum kv_type type, const char *key, uint64_t *ino)
{
	unsigned char digest[KV_DIGEST_LEN];
	char text[KV_NAME_MAX + 20];
	const int n = snprintf(text, sizeof(text), "%s/%s", kv_type_name(type), key);
	const int err = kv_crypto_sha256(text, (size_t)n, digest);

	*ino = 0;
	for (int i = 0; err == 0 && i < 8; i++)
		*ino = *ino << 8 | digest[i];
	*ino = *ino >> 2 | (uint64_t)1 << 62;
	return err;
}

struct kv_object *
kv_object_new(enum kv_type type, const char *name)
{
	const size_t len = strnlen(name, KV_NAME_MAX);
	struct kv_object *object = calloc(1, sizeof(*object) + 2 * (len + 1));

	if (object == NULL)
		return NULL;
	object->type = type;
	memcpy(object->name, name, len);
	kv_object_key(object->name, object->name + len + 1);
	object->key = object->name + len + 1;
	if (number_inode(type, object->key, &object->ino) != 0) {
		free(object);
		return NULL;
	}
	object->size = -1;
	object->refs = 1;
	return object;
}

struct kv_object *
kv_object_ref(struct kv_object *object)
{
	object->refs++;
	return object;
}

void
kv_object_unref(struct kv_object *object)
{
	if (object != NULL && --object->refs == 0)
		free(object);
}
