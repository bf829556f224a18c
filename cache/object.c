/*
 * Objects: creation and reference counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/object.h"
#include "client/base/crypto.h"

#define MOST_SUFFIX 5

const char *
kv_object_suffix(enum kv_kind kind)
{
	static const char *const suffixes[KV_KINDS] = { ".blob", ".json", ".pem" };

	return suffixes[kind];
}

static void
to_upper(const char *name, size_t most, char *key)
{
	size_t i;

	for (i = 0; name[i] != '\0' && i < most; i++)
		key[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i]);
	key[i] = '\0';
}

void
kv_object_key(const char *name, char *key)
{
	to_upper(name, KV_NAME_MAX, key);
}

/*
 * 62 bits of a digest: collisions within a mount are negligible. Bit 62 is set: small numbers are
 * directories'.
 */
int
kv_object_number(const char *path, uint64_t *ino)
{
	unsigned char digest[KV_DIGEST_LEN];
	const int err = kv_crypto_sha256(path, strlen(path), digest);

	*ino = 0;
	for (int i = 0; err == 0 && i < 8; i++)
		*ino = *ino << 8 | digest[i];
	*ino = *ino >> 2 | (uint64_t)1 << 62;
	return err;
}

static int
number_inode(struct kv_object *object)
{
	char path[KV_NAME_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", kv_type_name(object->type), object->key);
	return kv_object_number(path, &object->ino);
}

/* name must be at most KV_NAME_MAX + MOST_SUFFIX characters long. */
static struct kv_object *
new_object(enum kv_type type, const char *name, size_t len)
{
	struct kv_object *object = calloc(1, sizeof(*object) + 2 * (len + 1));

	if (object == NULL)
		return NULL;
	object->type = type;
	memcpy(object->name, name, len);
	to_upper(object->name, len, object->name + len + 1);
	object->key = object->name + len + 1;
	if (number_inode(object) != 0) {
		free(object);
		return NULL;
	}
	object->size = -1;
	object->refs = 1;
	return object;
}

struct kv_object *
kv_object_new(enum kv_type type, const char *name)
{
	return new_object(type, name, strnlen(name, KV_NAME_MAX));
}

struct kv_object *
kv_object_new_sibling(struct kv_object *of, enum kv_kind kind)
{
	char name[KV_NAME_MAX + MOST_SUFFIX + 1];
	const int len = snprintf(name, sizeof(name), "%s%s", of->name, kv_object_suffix(kind));
	struct kv_object *sibling = new_object(of->type, name, (size_t)len);

	if (sibling == NULL)
		return NULL;
	sibling->kind = kind;
	sibling->of = kv_object_ref(of);
	return sibling;
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
	if (object == NULL || --object->refs > 0)
		return;
	kv_object_unref(object->of);
	free(object);
}
