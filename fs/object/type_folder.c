#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cache/blob/archivers.h"
#include "cache/list/listing.h"
#include "client/base/words.h"
#include "fs/mount/entry.h"
#include "fs/mount/request.h"
#include "fs/object/file.h"
#include "fs/object/find.h"
#include "fs/object/objects.h"
#include "fs/object/takes_all.h"
#include "fs/object/type_folder.h"

#define VALID_S 3600

struct type_folder {
	struct kv_node node;
	enum kv_type type;
};

/* An open folder. All its reads use one snapshot. */
struct handle {
	struct kv_handle handle;
	struct kv_snapshot *snapshot;
};

/* An OPENDIR that waits for the first name. */
struct opening {
	struct kv_request request;
	struct kv_node *node; /* kept until the tree is released */
	struct handle *handle;
	struct kv_snapshot_wait *wait;
	struct fuse_file_info fi;
};

/* A READDIR that waits for the next page. */
struct reading {
	struct kv_request request;
	struct kv_objects *objects;
	struct kv_snapshot *snapshot; /* the handle's */
	struct kv_snapshot_wait *wait;
	struct kv_entries entries;
};

static void first_answered(void *, int, const struct kv_reply *);
static void page_answered(void *, int, const struct kv_reply *);

static enum kv_type
type_of(const struct kv_node *node)
{
	return ((const struct type_folder *)node)->type;
}

/* ---- names ---- */

/* How many offsets an object takes in a listing: one for each file that it may have. */
static off_t
files_each(const struct kv_objects *os)
{
	return os->branch->settings->list_extra ? KV_KINDS : 1;
}

/*
 * Whether the folder lists files of that kind. A Managed HSM's symmetric keys have no public part, and only asking for
 * each key would tell which ones these are.
 */
static bool
is_listed(const struct kv_objects *os, const struct kv_object *object, enum kv_kind kind)
{
	return kv_file_has_kind(object->type, kind) && (kind != KV_KIND_PEM || !os->branch->settings->is_hsm);
}

/* Add a file of object. False: it did not fit. */
static bool
add_file(
    struct kv_objects *os, struct kv_object *object, enum kv_kind kind, struct kv_entries *entries, int *err)
{
	char name[KV_NAME_MAX + 8];
	struct kv_file *file = kv_file_of_kind(os, object, kind);

	*err = file != NULL ? 0 : -ENOMEM;
	if (file == NULL)
		return false;
	snprintf(name, sizeof(name), "%s%s", object->name, kv_object_suffix(kind));
	return kv_entries_add(entries, name, &file->node);
}

/* Returns 0, -EAGAIN (no more names yet), or the listing's failure. */
static int
add_objects(struct kv_objects *os, struct kv_snapshot *snapshot, struct kv_entries *entries)
{
	const off_t each = files_each(os);
	struct kv_object *object;
	int err;

	for (;;) {
		const off_t at = entries->offset - KV_ENTRIES_FIRST;
		const enum kv_kind kind = (enum kv_kind)(at % each);

		object = kv_snapshot_at(snapshot, (size_t)(at / each), &err);
		if (object == NULL)
			return err;
		if (object->is_gone || object->is_managed || !is_listed(os, object, kind)) {
			entries->offset++;
			continue;
		}
		if (!kv_snapshot_is_complete(snapshot))
			kv_snapshot_hand_out(snapshot);
		if (!add_file(os, object, kind, entries, &err))
			return err;
	}
}

static int
add_names(struct kv_node *node, struct kv_snapshot *snapshot, struct kv_entries *entries)
{
	return kv_entries_add_dots(entries, node) ? add_objects(kv_objects_of(node), snapshot, entries) : 0;
}

/* ---- waiting for the first ---- */

static void
close_handle(struct kv_handle *handle)
{
	struct handle *h = (struct handle *)handle;

	kv_snapshot_unref(h->snapshot);
	free(h);
}

static void
release_opening(struct kv_request *request)
{
	struct opening *o = (struct opening *)request;

	kv_snapshot_cancel(o->wait);
	if (o->handle != NULL)
		close_handle(&o->handle->handle);
}

/*
 * A listing that fails before its first name fails the open: pax, busybox tar and lftp report that, and take an error of
 * readdir for the end of the folder. A reader waits no longer, because it would wait for the same name.
 */
static void
wait_for_first(struct kv_node *node, fuse_req_t req, struct handle *h, const struct fuse_file_info *fi)
{
	struct opening *o = kv_request_new(node->branch->mount, req, sizeof(*o), release_opening);
	int err;

	if (o == NULL) {
		close_handle(&h->handle);
		return;
	}
	o->node = node;
	o->handle = h;
	o->fi = *fi;
	err = kv_snapshot_wait_for(h->snapshot, 0, first_answered, o, &o->wait);
	if (err != 0)
		kv_request_finish(&o->request, err);
}

static void
first_answered(void *arg, int err, const struct kv_reply *reply)
{
	struct opening *o = arg;
	struct handle *h = o->handle;
	fuse_req_t req = kv_request_take(&o->request);

	(void)reply;
	o->wait = NULL;
	if (err != 0) {
		fuse_reply_err(req, -err);
	} else {
		o->handle = NULL;
		kv_handle_reply_open(&h->handle, o->node, close_handle, req, &o->fi);
	}
	kv_request_free(&o->request);
}

/* ---- waiting for more ---- */

static void
release_reading(struct kv_request *request)
{
	struct reading *r = (struct reading *)request;

	kv_snapshot_cancel(r->wait);
	kv_entries_release(&r->entries);
}

/* Reply with the names so far; wait only if there are none. */
static void
reply_or_wait(struct reading *r, int err)
{
	if (err == -EAGAIN && r->entries.used == 0)
		err = kv_snapshot_wait_for(r->snapshot,
		    (size_t)((r->entries.offset - KV_ENTRIES_FIRST) / files_each(r->objects)), page_answered,
		    r, &r->wait);
	if (err == 0 && r->wait != NULL)
		return;
	kv_entries_reply(&r->entries, kv_request_take(&r->request), err == -EAGAIN ? 0 : err);
	kv_request_free(&r->request);
}

static void
page_answered(void *arg, int err, const struct kv_reply *reply)
{
	struct reading *r = arg;

	(void)reply;
	r->wait = NULL;
	reply_or_wait(r, err != 0 ? err : add_objects(r->objects, r->snapshot, &r->entries));
}

/* Read from a snapshot that is still arriving; may have to wait. */
static void
read_coming(
    struct kv_node *node, fuse_req_t req, struct kv_snapshot *snapshot, size_t size, off_t offset, bool plus)
{
	struct reading *r = kv_request_new(node->branch->mount, req, sizeof(*r), release_reading);
	int err;

	if (r == NULL)
		return;
	r->objects = kv_objects_of(node);
	r->snapshot = snapshot;
	err = kv_entries_init(&r->entries, node, req, size, offset, plus);
	if (err != 0)
		kv_request_finish(&r->request, err);
	else
		reply_or_wait(r, add_names(node, snapshot, &r->entries));
}

/* ---- the operations ---- */

static void
release(struct kv_node *node)
{
	free(node);
}

static void
describe(const struct kv_node *node, struct kv_buf *path)
{
	kv_buf_say(path, "%s", kv_type_name(type_of(node)));
}

/*
 * The mode looks writable so that copies are writable; creating a name is refused. Without r, tools see before
 * they begin that there is nothing to list.
 */
static void
attributes(struct kv_node *node, struct kv_attributes *a)
{
	const struct kv_settings *settings = node->branch->settings;

	a->stat.st_mode = S_IFDIR | ((settings->is_listless ? 0333 : 0777) & ~settings->umask);
	a->stat.st_nlink = 2;
	a->stat.st_mtim.tv_sec = node->wall_changed;
	a->entry_valid_s = a->attr_valid_s = VALID_S;
}

static void
lookup(struct kv_node *node, fuse_req_t req, const char *name)
{
	kv_find(kv_objects_of(node), type_of(node), req, name);
}

/*
 * Read-ahead by listing begins if the program is one of those named in archivers=. A limit that was given with
 * prefetch= is kept, also for a program that takes all.
 */
static void
note_archiver(const struct kv_node *node, fuse_req_t req)
{
	const struct kv_settings *settings = node->branch->settings;
	struct kv_caller caller;

	if (settings->archivers == NULL || settings->prefetch == 0 || settings->is_dry_run)
		return;
	kv_request_caller(req, &caller);
	if (kv_words_has(settings->archivers, caller.command))
		kv_archivers_began(node->branch->volume->archivers, type_of(node), caller.pid,
		    settings->prefetch < 0 && kv_takes_all(&caller));
}

static void
open_folder(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi)
{
	struct handle *h = calloc(1, sizeof(*h));
	int err = h == NULL ? -ENOMEM : node->branch->settings->is_listless ? -EACCES : 0;

	if (err == 0)
		err = kv_listing_open(node->branch->volume->listings[type_of(node)], &h->snapshot);
	if (err == 0 && kv_snapshot_at(h->snapshot, 0, &err) == NULL && err == -EAGAIN) {
		wait_for_first(node, req, h, fi);
		return;
	}
	if (err != 0) {
		if (h != NULL)
			close_handle(&h->handle);
		fuse_reply_err(req, -err);
		return;
	}
	kv_handle_reply_open(&h->handle, node, close_handle, req, fi);
}

static void
read_folder(
    struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi, bool plus)
{
	struct kv_snapshot *snapshot = ((struct handle *)kv_handle_of(fi))->snapshot;
	struct kv_entries entries;

	if (offset == 0) /* not when it is opened, as tar -C does with a folder that it does not list */
		note_archiver(node, req);
	if (!kv_snapshot_is_complete(snapshot)) {
		read_coming(node, req, snapshot, size, offset, plus);
		return;
	}
	if (kv_entries_init(&entries, node, req, size, offset, plus) != 0)
		fuse_reply_err(req, ENOMEM);
	else
		kv_entries_reply(&entries, req, add_names(node, snapshot, &entries));
}

static const struct kv_node_ops ops = {
	.release = release,
	.describe = describe,
	.attributes = attributes,
	.lookup = lookup,
	.opendir = open_folder,
	.readdir = read_folder,
};

struct kv_node *
kv_type_folder_new(struct kv_branch *branch, enum kv_type type, uint64_t ino)
{
	struct type_folder *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->type = type;
	f->node.is_kept = true;
	kv_tree_add(&branch->mount->tree, &f->node, &ops, branch, ino);
	return &f->node;
}
