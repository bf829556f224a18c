#include "fs/deleted/deleted_file.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/json_quote.h"
#include "fs/control/report.h"
#include "fs/mount/text.h"

#define MOST_TEXT 4096

static struct kv_deleted_file *
cast(struct kv_node *node)
{
	return (struct kv_deleted_file *)node;
}

static int
compare(const void *a, const void *b)
{
	const struct kv_deleted_file *x = a, *y = b;

	return x->type != y->type ? (x->type < y->type ? -1 : 1) :
				    strcmp(x->deleted.item.name, y->deleted.item.name);
}

/* ---- content ---- */

static int
put_time(struct kv_buf *out, const char *name, const char *readable, int64_t wall)
{
	char text[KV_REPORT_TIME];

	kv_report_time(wall, text);
	return kv_buf_printf(out, "  \"%s\": %lld,\n  \"%s\": %s,\n", name, (long long)wall, readable, text);
}

/* Only what the list and the answer about one object both have, so that the size is the same from either. */
static int
write_text(struct kv_deleted_file *f)
{
	const struct kv_deleted *d = &f->deleted;
	struct kv_buf *out = &f->text;
	int err;

	kv_buf_clear(out);
	err = kv_buf_puts(out, "{\n  \"recoveryId\": ");
	if (err == 0)
		err = kv_json_quote(out, d->recovery_id);
	if (err == 0)
		err = kv_buf_puts(out, ",\n");
	if (err == 0)
		err = put_time(out, "deletedDate", "deleted", d->wall_deleted);
	if (err == 0)
		err = put_time(out, "scheduledPurgeDate", "recoverableUntil", d->wall_purge);
	if (err == 0)
		err = kv_buf_printf(out, "  \"enabled\": %s,\n  \"created\": %lld,\n  \"updated\": %lld\n}\n",
		    d->item.is_enabled ? "true" : "false", (long long)d->item.wall_created,
		    (long long)d->item.wall_updated);
	return err;
}

/* ---- the node ---- */

static void
release(struct kv_node *node)
{
	struct kv_deleted_file *f = cast(node);

	tdelete(f, &kv_deletions_of(node)->files, compare);
	kv_buf_release(&f->text);
	free(f);
}

static void
describe(const struct kv_node *node, struct kv_buf *path)
{
	const struct kv_deleted_file *f = (const struct kv_deleted_file *)node;

	kv_buf_say(path, "deleted/%s/%s", kv_type_name(f->type), f->deleted.item.name);
}

/*
 * Not cached by the kernel: after a recovery the same name must not lead here. The mode looks writable so that copies
 * are; writing is refused.
 */
static void
attributes(struct kv_node *node, struct kv_attributes *a)
{
	const struct kv_deleted_file *f = cast(node);

	a->stat.st_mode = S_IFREG | (0666 & ~node->branch->settings->umask);
	a->stat.st_mtim.tv_sec = f->deleted.wall_deleted;
	a->stat.st_size = (off_t)f->text.len;
}

static void
open_file(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi)
{
	const struct kv_deleted_file *f = cast(node);
	struct kv_buf text;
	int err;

	kv_buf_init(&text, MOST_TEXT);
	err = kv_buf_append(&text, f->text.data, f->text.len);
	if (err == 0)
		kv_text_reply_open(node, req, fi, &text);
	else
		fuse_reply_err(req, -err);
}

static const struct kv_node_ops ops = {
	.release = release,
	.describe = describe,
	.attributes = attributes,
	.open = open_file,
	.read = kv_text_read,
};

/* ---- files by name ---- */

/* The same in every mount, and another one than that of the object's own file. */
static int
number_inode(enum kv_type type, const char *name, uint64_t *ino)
{
	char path[KV_NAME_MAX + 32];

	snprintf(path, sizeof(path), "deleted/%s/%s", kv_type_name(type), name);
	return kv_object_number(path, ino);
}

static struct kv_deleted_file *
new_file(struct kv_deletions *ds, enum kv_type type, const struct kv_deleted *deleted)
{
	struct kv_deleted_file *f = calloc(1, sizeof(*f));
	uint64_t ino;

	if (f == NULL || number_inode(type, deleted->item.name, &ino) != 0) {
		free(f);
		return NULL;
	}
	f->type = type;
	f->deleted = *deleted;
	kv_buf_init(&f->text, MOST_TEXT);
	if (tsearch(f, &ds->files, compare) == NULL) {
		free(f);
		return NULL;
	}
	kv_tree_add(&ds->branch->mount->tree, &f->node, &ops, ds->branch, ino);
	return f;
}

struct kv_deleted_file *
kv_deleted_file_find(const struct kv_deletions *ds, enum kv_type type, const char *name)
{
	struct kv_deleted_file probe = { .type = type };
	void *const *found;

	snprintf(probe.deleted.item.name, sizeof(probe.deleted.item.name), "%s", name);
	found = tfind(&probe, (void *const *)&ds->files, compare);
	return found != NULL ? *found : NULL;
}

struct kv_deleted_file *
kv_deleted_file_of(
    struct kv_deletions *ds, enum kv_type type, const struct kv_deleted *deleted, int64_t mono_sent)
{
	struct kv_deleted_file *f = kv_deleted_file_find(ds, type, deleted->item.name);

	if (f == NULL)
		f = new_file(ds, type, deleted);
	if (f == NULL)
		return NULL;
	f->deleted = *deleted;
	f->mono_seen = mono_sent;
	return write_text(f) == 0 ? f : NULL;
}
