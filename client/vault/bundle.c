/*
 * Descriptions of one object.
 */
#include "client/vault/bundle.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client/base/json.h"

int
kv_bundle_parse(const char *text, size_t len, enum kv_type type, struct kv_item *item)
{
	const struct kv_json *key = NULL;
	const char *id = NULL;
	struct kv_json *root;
	int err;

	memset(item, 0, sizeof(*item));
	err = kv_json_parse(text, len, &root);
	if (err != 0)
		return err;
	if (type == KV_KEYS)
		err = kv_json_object(root, "key", &key);
	if (err == 0)
		err = kv_json_string(type == KV_KEYS ? key : root, type == KV_KEYS ? "kid" : "id", &id);
	if (err == 0)
		err = id != NULL ? kv_item_parse_id(id, type, NULL, item) : -EBADMSG;
	if (err == 0)
		err = kv_item_parse_attributes(root, item);
	if (err != 0)
		memset(item, 0, sizeof(*item));
	kv_json_free(root);
	return err;
}

int
kv_bundle_parse_deleted(
    const char *text, size_t len, enum kv_type type, const char *name, int64_t *wall_purge)
{
	const struct kv_json *key = NULL;
	const char *id = NULL;
	struct kv_item item;
	struct kv_json *root;
	int err;

	*wall_purge = 0;
	err = kv_json_parse(text, len, &root);
	if (err != 0)
		return err;
	if (type == KV_KEYS)
		err = kv_json_object(root, "key", &key);
	if (err == 0 && (type != KV_KEYS || key != NULL))
		err = kv_json_string(type == KV_KEYS ? key : root, type == KV_KEYS ? "kid" : "id", &id);
	if (err == 0 && id != NULL)
		err = kv_item_parse_id(id, type, NULL, &item);
	if (err == 0 && id != NULL && strcasecmp(item.name, name) != 0)
		err = -EBADMSG;
	if (err == 0 && kv_json_integer(root, "scheduledPurgeDate", wall_purge) != 0)
		*wall_purge = 0;
	kv_json_free(root);
	return err;
}

int
kv_bundle_find_id(const struct kv_fault *fault, enum kv_type type, struct kv_item *item)
{
	const char *open = strchr(fault->message, '\''), *close;
	char id[sizeof(fault->message)];

	memset(item, 0, sizeof(*item));
	for (; open != NULL && (close = strchr(open + 1, '\'')) != NULL; open = close) {
		const size_t n = (size_t)(close - open) - 1;

		memcpy(id, open + 1, n);
		id[n] = '\0';
		if (kv_item_parse_id(id, type, NULL, item) == 0)
			return 0;
		memset(item, 0, sizeof(*item));
	}
	return -ENOENT;
}
