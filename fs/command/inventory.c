#include "fs/command/inventory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "client/base/buf.h"
#include "client/base/json.h"

/* The first line counts the others, so that a truncated manifest is recognized. */
static int
read_head(const char *line, size_t len, struct kv_inventory *inventory, int64_t *n_objects)
{
	const char *vault = NULL, *listed = NULL, *describes = NULL;
	struct kv_json *json;
	int err = kv_json_parse(line, len, &json);

	if (err == 0)
		err = kv_json_string(json, "vault", &vault);
	if (err == 0)
		err = kv_json_string(json, "listed", &listed);
	if (err == 0)
		err = kv_json_integer(json, "objects", n_objects);
	if (err == 0)
		err = kv_json_string(json, "describes", &describes);
	if (err == 0 && (vault == NULL || listed == NULL))
		err = -EBADMSG;
	if (err == 0) {
		snprintf(inventory->listed, sizeof(inventory->listed), "%s", listed);
		inventory->is_of_files = describes != NULL && strcmp(describes, "files") == 0;
		inventory->vault = strdup(vault);
		err = inventory->vault != NULL ? 0 : -ENOMEM;
	}
	kv_json_free(json);
	return err;
}

static int
read_entry(const char *line, size_t len, struct kv_inventory_entry *e)
{
	const char *type = NULL, *name = NULL, *updated = NULL, *sha256 = NULL;
	const struct kv_json *size = NULL;
	struct kv_json *json;
	int err = kv_json_parse(line, len, &json);

	*e = (struct kv_inventory_entry){ .size = -1 };
	if (err == 0)
		err = kv_json_string(json, "type", &type);
	if (err == 0)
		err = kv_json_string(json, "name", &name);
	if (err == 0)
		err = kv_json_string(json, "updated", &updated);
	if (err == 0)
		err = kv_json_string(json, "sha256", &sha256);
	if (err == 0)
		err = kv_json_member(json, "size", &size);
	if (err == 0 && size != NULL)
		err = kv_json_as_integer(size, &e->size);
	if (err == 0 &&
	    (type == NULL || name == NULL || !kv_type_is_name(name) || kv_type_parse(type, &e->type) != 0))
		err = -EBADMSG;
	if (err == 0) {
		snprintf(e->updated, sizeof(e->updated), "%s", updated != NULL ? updated : "");
		snprintf(e->sha256, sizeof(e->sha256), "%s", sha256 != NULL ? sha256 : "");
		e->name = strdup(name);
		err = e->name != NULL ? 0 : -ENOMEM;
	}
	kv_json_free(json);
	return err;
}

static int
compare(const void *a, const void *b)
{
	const struct kv_inventory_entry *x = a, *y = b;

	return x->type != y->type ? (x->type < y->type ? -1 : 1) : strcasecmp(x->name, y->name);
}

static int
read_entries(const char *text, const char *end, struct kv_inventory *inventory, size_t most)
{
	int err = 0;

	inventory->entries = calloc(most + 1, sizeof(*inventory->entries));
	if (inventory->entries == NULL)
		return -ENOMEM;
	while (err == 0 && text < end) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));

		if (line_end == NULL || inventory->n == most)
			return -EBADMSG;
		err = read_entry(text, (size_t)(line_end - text), &inventory->entries[inventory->n]);
		inventory->n += err == 0;
		text = line_end + 1;
	}
	return err == 0 && inventory->n < most ? -EBADMSG : err;
}

/* The manifest in the root of a mount with a folder for each vault is several ones, with this member in each line. */
static bool
is_of_several(const char *head, size_t len)
{
	static const char member[] = "\"folder\":";

	return memmem(head, len, member, sizeof(member) - 1) != NULL;
}

int
kv_inventory_parse(const char *text, size_t len, struct kv_inventory *inventory, struct kv_buf *why)
{
	const char *end = text + len, *line_end = memchr(text, '\n', len);
	int64_t n_objects = 0;
	int err;

	*inventory = (struct kv_inventory){ .entries = NULL };
	err = line_end != NULL ? read_head(text, (size_t)(line_end - text), inventory, &n_objects) : -EBADMSG;
	if (err == 0 && is_of_several(text, (size_t)(line_end - text))) {
		kv_buf_say(why,
		    "is that of several vaults: name the folder of one, as in ARCHIVE/VAULT and MOUNTPOINT/VAULT");
		kv_inventory_release(inventory);
		return -EBADMSG;
	}
	/* a line has at least 20 bytes, so a wrong count reserves no more than the file is worth */
	if (err == 0 && (uint64_t)n_objects > len / 20)
		err = -EBADMSG;
	if (err == 0)
		err = read_entries(line_end + 1, end, inventory, (size_t)n_objects);
	if (err == 0)
		qsort(inventory->entries, inventory->n, sizeof(*inventory->entries), compare);
	if (err == -EBADMSG)
		kv_buf_say(why, "is no manifest of kvfs, or a truncated one");
	if (err != 0)
		kv_inventory_release(inventory);
	return err;
}

void
kv_inventory_release(struct kv_inventory *inventory)
{
	for (size_t i = 0; i < inventory->n; i++)
		free(inventory->entries[i].name);
	free(inventory->entries);
	free(inventory->vault);
	*inventory = (struct kv_inventory){ .entries = NULL };
}

const struct kv_inventory_entry *
kv_inventory_find(const struct kv_inventory *inventory, enum kv_type type, const char *name)
{
	char copy[KV_NAME_MAX + 1];
	const struct kv_inventory_entry probe = { .type = type, .name = copy };

	if (inventory->n == 0)
		return NULL;
	snprintf(copy, sizeof(copy), "%s", name);
	return bsearch(&probe, inventory->entries, inventory->n, sizeof(probe), compare);
}

void
kv_inventory_time(int64_t wall, char text[KV_INVENTORY_TIME])
{
	const time_t t = (time_t)wall;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(text, KV_INVENTORY_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		text[0] = '\0';
}
