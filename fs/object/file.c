#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/listing.h"
#include "client/vault/audit.h"
#include "client/vault/blob.h"
#include "fs/mount/session.h"
#include "fs/object/file.h"
#include "fs/object/objects.h"
#include "fs/object/read.h"

static struct kv_file *
cast(struct kv_node *node)
{
	return (struct kv_file *)node;
}

static const struct kv_file *
cast_const(const struct kv_node *node)
{
	return (const struct kv_file *)node;
}

/* ---- the node ---- */

static void
release(struct kv_node *node)
{
	struct kv_file *f = cast(node);
	struct kv_told *told = f->told;

	if (told->file == f)
		told->file = NULL;
	told->n_files--;
	kv_told_settle(kv_objects_of(node)->told, told);
	kv_blob_unref(f->blob);
	free(f);
}

static void
closed(struct kv_node *node)
{
	struct kv_file *f = cast(node);

	kv_blob_unref(f->blob);
	f->blob = NULL;
}

static void
describe(const struct kv_node *node, struct kv_buf *path)
{
	const struct kv_object *object = cast_const(node)->told->object;

	kv_buf_say(path, "%s/%s", kv_type_name(object->type), object->name);
}

static void
attributes(struct kv_node *node, struct kv_attributes *a)
{
	struct kv_file *f = cast(node);
	const struct kv_object *object = f->told->object;
	const int64_t valid_ms =
	    f->is_stale ? 0 : kv_listing_valid_ms(node->branch->volume->listings[object->type]);

	/* copies get this mode too, and their owner must be able to overwrite them next time */
	a->stat.st_mode = S_IFREG | (0666 & ~node->branch->settings->umask);
	a->stat.st_mtim.tv_sec = object->wall_updated;
	a->entry_valid_s = (double)valid_ms / 1000;
	a->attr_valid_s = object->size >= 0 ? a->entry_valid_s : 0;
	if (f->is_stale && f->blob != NULL) {
		a->stat.st_size = (off_t)f->blob->len;
		kv_told_note_stale(f->told, a->stat.st_size);
	} else {
		a->stat.st_size = object->size > 0 ? object->size : 0;
	}
	if (f->is_stale)
		return;
	if (object->size >= 0)
		kv_told_note(f->told, object->size, valid_ms);
	else
		kv_told_note_unknown(f->told);
}

static const struct kv_node_ops ops = {
	.release = release,
	.closed = closed,
	.describe = describe,
	.attributes = attributes,
	.getattr = kv_read_getattr,
	.open = kv_read_open,
	.read = kv_read_read,
};

struct kv_file *
kv_file_of(struct kv_objects *objects, struct kv_object *object)
{
	struct kv_told *told = kv_told_of(objects->told, object);
	struct kv_file *f;

	if (told == NULL || told->file != NULL)
		return told != NULL ? told->file : NULL;
	f = calloc(1, sizeof(*f));
	if (f == NULL) {
		kv_told_settle(objects->told, told);
		return NULL;
	}
	f->told = told;
	told->file = f;
	told->n_files++;
	object->is_ino_used = true;
	kv_tree_add(&objects->branch->mount->tree, &f->node, &ops, objects->branch, object->ino);
	return f;
}

bool
kv_file_has_kind(enum kv_type type, enum kv_kind kind)
{
	return kind != KV_KIND_PEM || type != KV_SECRETS;
}

struct kv_file *
kv_file_of_kind(struct kv_objects *objects, struct kv_object *object, enum kv_kind kind)
{
	if (kind != KV_KIND_BLOB)
		object = kv_volume_sibling(objects->branch->volume, object, kind);
	return object != NULL ? kv_file_of(objects, object) : NULL;
}

struct kv_file *
kv_file_of_node(struct kv_node *node)
{
	return node->ops == &ops ? cast(node) : NULL;
}

/* ---- content ---- */

void
kv_file_make_stale(struct kv_file *f)
{
	f->is_stale = true;
	if (f->told->file == f)
		f->told->file = NULL;
}

void
kv_file_take_back(struct kv_file *f)
{
	kv_file_make_stale(f);
	kv_session_invalidate(&f->node);
}

static void
log_changed(const struct kv_file *f, const struct kv_caller *caller)
{
	struct kv_branch *branch = f->node.branch;
	const struct kv_object *object = f->told->object;
	const struct kv_call call = {
		.op = KV_OP_BACKUP, .type = object->type, .name = object->name, .caller = *caller
	};
	const struct kv_reply reply = { .err = -ESTALE };

	kv_audit_failure(branch->volume->vault, &call, &reply,
	    "its size has changed since it was last returned; nothing was read, and the next open is right");
	branch->n_failed++;
}

int
kv_file_bind(struct kv_file *f, struct kv_blob *blob, const struct kv_caller *caller)
{
	if (f->is_stale)
		return -ESTALE;
	if (f->is_bound && memcmp(f->digest, blob->digest, KV_DIGEST_LEN) != 0) {
		kv_file_make_stale(f);
		return -ESTALE;
	}
	if (kv_told_differs(f->told, (int64_t)blob->len, caller)) {
		log_changed(f, caller);
		kv_told_refuse(f->told, caller->pid);
		kv_file_take_back(f);
		return -ESTALE;
	}
	kv_told_note_read(f->told, (int64_t)blob->len);
	f->is_bound = true;
	memcpy(f->digest, blob->digest, KV_DIGEST_LEN);
	if (f->blob == NULL)
		f->blob = kv_blob_ref(blob);
	return 0;
}
