/*
 * Ids and attributes of objects. Everything from the network is checked.
 */
#include "client/vault/item.h"

#include <errno.h>
#include <string.h>

#include "client/base/json.h"
#include "client/http/url.h"

/* The end, or one slash: some independent servers end their ids with one. */
static bool
is_end(const char *path)
{
	return path[path[0] == '/'] == '\0';
}

/* "/keys/NAME" or "/keys/NAME/VERSION" */
static int
parse_path(const char *path, enum kv_type type, struct kv_item *item)
{
	const char *const folder = kv_type_name(type);
	const size_t n_type = strlen(folder);
	size_t n;

	if (path[0] != '/' || strncmp(path + 1, folder, n_type) != 0 || path[1 + n_type] != '/')
		return -EBADMSG;
	path += 1 + n_type + 1;
	n = kv_type_name_span(path);
	if (n == 0 || n > KV_NAME_MAX)
		return -EBADMSG;
	memcpy(item->name, path, n);
	if (is_end(path + n))
		return 0;
	if (path[n] != '/')
		return -EBADMSG;
	path += n + 1;
	n = kv_type_name_span(path);
	if (n == 0 || n >= sizeof(item->version) || !is_end(path + n))
		return -EBADMSG;
	memcpy(item->version, path, n);
	return 0;
}

int
kv_item_parse_id(const char *id, enum kv_type type, const struct kv_url *vault, struct kv_item *item)
{
	struct kv_url origin;
	const char *path;
	int err;

	memset(item->name, 0, sizeof(item->name));
	memset(item->version, 0, sizeof(item->version));
	path = vault != NULL ? kv_url_path_within(id, vault) : NULL; /* almost always succeeds */
	if (path != NULL)
		return parse_path(path, type, item);
	err = kv_url_parse(id, &origin, &path);
	if (err != 0)
		return err == -ENOMEM ? err : -EBADMSG;
	if (vault != NULL && (!origin.is_https || strcmp(origin.host, vault->host) != 0))
		return -EBADMSG;
	return parse_path(path, type, item);
}

int
kv_item_parse_attributes(const struct kv_json *object, struct kv_item *item)
{
	const struct kv_json *attributes, *external;
	int err = kv_json_bool(object, "managed", &item->is_managed);

	item->is_enabled = true;
	if (err == 0)
		err = kv_json_object(object, "attributes", &attributes);
	if (err != 0 || attributes == NULL)
		return err;
	err = kv_json_object(attributes, "external_key", &external);
	item->is_external = err == 0 && external != NULL;
	item->is_managed = item->is_managed || item->is_external;
	if (err == 0)
		err = kv_json_bool(attributes, "enabled", &item->is_enabled);
	if (err == 0)
		err = kv_json_integer(attributes, "created", &item->wall_created);
	if (err == 0)
		err = kv_json_integer(attributes, "updated", &item->wall_updated);
	if (err == 0)
		err = kv_json_integer(attributes, "exp", &item->wall_expires);
	return err;
}
