/*
 * Descriptions of one object.
 */
#include "client/vault/bundle.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/http/url.h"

/* Name and version of an id, which must be of the vault and object that were asked about. */
static int
parse_id(const char *id, const struct kv_bundle_asked *asked, struct kv_item *item)
{
	struct kv_url origin;
	int err = kv_item_parse_id(id, asked->type, NULL, item);

	if (err == 0 && asked->vault != NULL)
		err = kv_item_parse_id(id, asked->type, asked->vault, item);
	if (err == -EBADMSG && asked->why != NULL && asked->vault != NULL &&
	    kv_url_parse(id, &origin, NULL) == 0 && strcmp(origin.host, asked->vault->host) != 0)
		kv_buf_say(asked->why,
		    "the answer is about an object of %s, not of %s: does a gateway send requests to another vault?",
		    origin.host, asked->vault->host);
	if (err == 0 && asked->name != NULL && strcasecmp(item->name, asked->name) != 0) {
		if (asked->why != NULL)
			kv_buf_say(asked->why, "the vault's answer is about %s", item->name);
		err = -EBADMSG;
	}
	return err;
}

/* NULL if there is none. */
static int
find_id(const struct kv_json *root, enum kv_type type, const char **id)
{
	const struct kv_json *key = NULL;
	int err;

	*id = NULL;
	if (type != KV_KEYS)
		return kv_json_string(root, "id", id);
	err = kv_json_object(root, "key", &key);
	return err == 0 ? kv_json_string(key, "kid", id) : err;
}

int
kv_bundle_parse(const char *text, size_t len, const struct kv_bundle_asked *asked, struct kv_item *item)
{
	const char *id = NULL;
	struct kv_json *root;
	int err;

	memset(item, 0, sizeof(*item));
	err = kv_json_parse(text, len, &root);
	if (err != 0)
		return err;
	err = find_id(root, asked->type, &id);
	if (err == 0)
		err = id != NULL ? parse_id(id, asked, item) : -EBADMSG;
	if (err == 0)
		err = kv_item_parse_attributes(root, item);
	if (err != 0)
		memset(item, 0, sizeof(*item));
	kv_json_free(root);
	return err;
}

int
kv_bundle_parse_deleted(
    const char *text, size_t len, const struct kv_bundle_asked *asked, int64_t *wall_purge)
{
	const char *id = NULL, *recovery_id = NULL;
	struct kv_item item;
	struct kv_json *root;
	int err;

	*wall_purge = 0;
	err = kv_json_parse(text, len, &root);
	if (err != 0)
		return err;
	err = find_id(root, asked->type, &id);
	if (err == 0)
		err = kv_json_string(root, "recoveryId", &recovery_id);
	if (err == 0 && id != NULL)
		err = parse_id(id, asked, &item);
	else if (err == 0 && recovery_id == NULL)
		err = -EBADMSG;
	if (err == 0 && kv_json_integer(root, "scheduledPurgeDate", wall_purge) != 0)
		*wall_purge = 0;
	kv_json_free(root);
	return err;
}

int
kv_bundle_check_id(const struct kv_json *answer, const struct kv_bundle_asked *asked, const char *part)
{
	const char *id;
	struct kv_item item;
	int err = kv_json_string(answer, "id", &id);

	if (err == 0)
		err = id != NULL ? parse_id(id, asked, &item) : -ENOENT;
	if (err == 0 && strcasecmp(item.version, part) != 0) {
		if (asked->why != NULL)
			kv_buf_say(asked->why, "the vault's answer is about %s/%s", item.name, item.version);
		err = -EBADMSG;
	}
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
