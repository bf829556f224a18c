/*
 * Folders. The root and the three folders of types are made here; the drop box lists as empty, what
 * was restored is found by its name.
 */
#include <errno.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/absent.h"
#include "cache/list/lookup.h"
#include "cache/list/listing.h"
#include "fs/control/control.h"
#include "fs/object/file.h"
#include "fs/object/folder.h"
#include "fs/mount/request.h"
#include "fs/restore/recall.h"

#define SUFFIX ".blob"
#define FIRST  2 /* offset of the first name behind "." and ".." */

/* ---- names ---- */

/* "NAME.blob" to "NAME"; -ENOENT for what can be no object's file. */
static int
object_name(const char *file, char name[KV_NAME_MAX + 1])
{
	const size_t n = strlen(file), suffix = strlen(SUFFIX);

	if (n <= suffix || n - suffix > KV_NAME_MAX || strcmp(file + n - suffix, SUFFIX) != 0)
		return -ENOENT;
	memcpy(name, file, n - suffix);
	name[n - suffix] = '\0';
	return kv_type_is_name(name) ? 0 : -ENOENT;
}

void
kv_folder_entry(const struct kv_mount *m, struct kv_node *node, struct fuse_entry_param *entry)
{
	*entry = (struct fuse_entry_param){ .ino = kv_tree_number(node), .generation = 1 };
	kv_file_attributes(m, node, &entry->attr);
	entry->entry_timeout = kv_file_entry_valid_s(m, node);
	entry->attr_timeout = kv_file_attr_valid_s(m, node);
}

void
kv_folder_reply(const struct kv_mount *m, fuse_req_t req, struct kv_node *node)
{
	struct fuse_entry_param entry;

	kv_folder_entry(m, node, &entry);
	kv_tree_looked_up(node);
	if (fuse_reply_entry(req, &entry) != 0)
		kv_tree_forget(node, 1);
}

static void
reply_object(struct kv_mount *m, fuse_req_t req, struct kv_object *object)
{
	struct kv_node *node = kv_tree_blob(&m->tree, object);

	if (node == NULL)
		fuse_reply_err(req, ENOMEM);
	else
		kv_folder_reply(m, req, node);
}

/* ---- look-up ---- */

struct search {
	struct kv_mount *mount;
	struct kv_request *request;
	struct kv_lookup *lookup;
};

static void
cancel_search(void *arg)
{
	struct search *s = arg;

	kv_lookup_cancel(s->lookup);
	free(s);
}

static void
found(void *arg, int err, struct kv_object *object)
{
	struct search *s = arg;
	struct kv_mount *m = s->mount;
	fuse_req_t req = kv_request_end(s->request);

	free(s);
	if (err != 0)
		fuse_reply_err(req, -err);
	else
		reply_object(m, req, object);
}

static void
search(struct kv_mount *m, fuse_req_t req, enum kv_type type, const char *name)
{
	struct kv_request *request = kv_request_new(m, req);
	struct search *s;
	int err;

	if (request == NULL)
		return;
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		kv_request_fail(request, -ENOMEM);
		return;
	}
	s->mount = m;
	s->request = request;
	err = kv_lookup_find(m->loop, m->volume->listings[type], m->volume->absent, name, &request->caller,
	    found, s, &s->lookup);
	if (err != 0) {
		free(s);
		kv_request_fail(request, err);
		return;
	}
	kv_request_wait(request, cancel_search, s);
}

static void
lookup_object(struct kv_mount *m, fuse_req_t req, enum kv_type type, const char *file)
{
	char name[KV_NAME_MAX + 1];
	struct kv_object *object = NULL;
	int err = object_name(file, name);

	if (err == 0)
		err = kv_listing_find(m->volume->listings[type], name, &object);
	else if (kv_listing_failure(m->volume->listings[type]) !=
	    0) /* the pattern of a glob that could not be read */
		err = kv_listing_failure(m->volume->listings[type]);
	if (err == -EAGAIN && kv_listing_is_serving(m->volume->listings[type]) &&
	    kv_absent_has(m->volume->absent, type, name))
		err = -ENOENT;
	if (err == -EAGAIN)
		search(m, req, type, name);
	else if (err != 0)
		fuse_reply_err(req, -err);
	else
		reply_object(m, req, object);
}

static struct kv_node *
root_child(const struct kv_tree *tree, const char *name)
{
	enum kv_type type;

	if (kv_type_parse(name, &type) == 0)
		return tree->types[type];
	if (strcmp(name, KV_CONTROL_FOLDER) == 0)
		return tree->control;
	return strcmp(name, "restore") == 0 ? tree->drop : NULL;
}

static struct kv_node *
control_child(const struct kv_tree *tree, const char *name)
{
	for (int i = 0; i < KV_CONTROLS; i++)
		if (strcmp(name, kv_control_name((enum kv_control)i)) == 0)
			return tree->controls[i];
	return NULL;
}

void
kv_folder_lookup(struct kv_mount *m, fuse_req_t req, struct kv_node *folder, const char *name)
{
	struct kv_node *node = NULL;

	if (folder->kind == KV_NODE_TYPE) {
		lookup_object(m, req, folder->type, name);
		return;
	}
	if (folder->kind == KV_NODE_DROP_FOLDER) {
		kv_recall_lookup(m->dropbox, req, folder, name);
		return;
	}
	if (folder->kind == KV_NODE_ROOT)
		node = root_child(&m->tree, name);
	else if (folder->kind == KV_NODE_CONTROL_FOLDER)
		node = control_child(&m->tree, name);
	if (node == NULL)
		fuse_reply_err(req, ENOENT);
	else
		kv_folder_reply(m, req, node);
}

/* ---- listing ---- */

struct kv_folder_handle {
	struct kv_snapshot *snapshot; /* of a type's folder */
	LIST_ENTRY(kv_folder_handle) link;
};

/* A READDIR, perhaps waiting for the next page. */
struct reading {
	struct kv_mount *mount;
	fuse_req_t req;
	struct kv_request *request; /* while it waits */
	struct kv_snapshot_wait *wait;
	struct kv_node *folder;
	struct kv_snapshot *snapshot;
	bool with_attributes;
	char *room;
	size_t size, used;
	off_t offset;
};

/* 1: added; 0: it does not fit. */
static int
add_name(struct reading *r, const char *name, struct kv_node *node)
{
	char *at = r->room + r->used;
	const size_t left = r->size - r->used;
	struct fuse_entry_param entry;
	size_t need;

	kv_folder_entry(r->mount, node, &entry);
	if (r->with_attributes)
		need = fuse_add_direntry_plus(r->req, at, left, name, &entry, r->offset + 1);
	else
		need = fuse_add_direntry(r->req, at, left, name, &entry.attr, r->offset + 1);
	if (need > left)
		return 0;
	r->used += need;
	r->offset++;
	/* READDIRPLUS looks every name up but "." and ".." */
	if (r->with_attributes && name[0] != '.')
		kv_tree_looked_up(node);
	return 1;
}

static int
add_root(struct reading *r)
{
	const struct kv_tree *tree = &r->mount->tree;
	int n = FIRST;

	for (int t = 0; t <= KV_TYPES; t++) {
		struct kv_node *node = t < KV_TYPES ? tree->types[t] : tree->drop;
		const char *name = t < KV_TYPES ? kv_type_name((enum kv_type)t) : "restore";

		if (node == NULL || n++ < r->offset)
			continue;
		if (!add_name(r, name, node))
			break;
	}
	return 0;
}

static int
add_controls(struct reading *r)
{
	for (off_t i = r->offset - FIRST; i < KV_CONTROLS; i++)
		if (!add_name(r, kv_control_name((enum kv_control)i), r->mount->tree.controls[i]))
			break;
	return 0;
}

/* 0, -EAGAIN (nothing more yet), or the listing's failure. */
static int
add_objects(struct reading *r)
{
	char name[KV_NAME_MAX + sizeof(SUFFIX)];
	struct kv_object *object;
	struct kv_node *node;
	int err;

	while ((object = kv_snapshot_at(r->snapshot, (size_t)(r->offset - FIRST), &err)) != NULL) {
		if (object->is_gone || object->is_managed) {
			r->offset++;
			continue;
		}
		node = kv_tree_blob(&r->mount->tree, object);
		if (node == NULL)
			return -ENOMEM;
		if (!kv_snapshot_is_complete(r->snapshot))
			kv_snapshot_hand_out(r->snapshot);
		snprintf(name, sizeof(name), "%s" SUFFIX, object->name);
		if (!add_name(r, name, node))
			return 0;
	}
	return err;
}

static int
add_names(struct reading *r)
{
	if (r->offset == 0 && !add_name(r, ".", r->folder))
		return 0;
	if (r->offset == 1 && !add_name(r, "..", r->folder))
		return 0;
	if (r->folder->kind == KV_NODE_ROOT)
		return add_root(r);
	if (r->folder->kind == KV_NODE_CONTROL_FOLDER)
		return add_controls(r);
	return r->snapshot != NULL ? add_objects(r) : 0;
}

static void
free_reading(struct reading *r)
{
	kv_snapshot_cancel(r->wait);
	free(r->room);
	free(r);
}

static void
cancel_reading(void *arg)
{
	free_reading(arg);
}

/* The kernel did not get these entries: it knows none of their nodes by them. */
static void
take_back_entries(const struct reading *r)
{
	const struct kv_tree *tree = &r->mount->tree;
	struct fuse_direntplus entry;

	if (!r->with_attributes)
		return;
	for (size_t at = 0; at + FUSE_NAME_OFFSET_DIRENTPLUS <= r->used;) {
		memcpy(&entry, r->room + at, FUSE_NAME_OFFSET_DIRENTPLUS);
		if (r->room[at + FUSE_NAME_OFFSET_DIRENTPLUS] != '.')
			kv_tree_forget(kv_tree_node(tree, entry.entry_out.nodeid), 1);
		at += FUSE_DIRENTPLUS_SIZE(&entry);
	}
}

/* Names of a listing that has failed are never the last word: the error is told instead. */
static void
finish_reading(struct reading *r, int err)
{
	fuse_req_t req = r->request != NULL ? kv_request_end(r->request) : r->req;

	if (err == -EAGAIN)
		err = 0; /* some names are better than waiting for more */
	if (err != 0) {
		take_back_entries(r);
		fuse_reply_err(req, -err);
	} else if (fuse_reply_buf(req, r->room, r->used) != 0) {
		take_back_entries(r);
	}
	free_reading(r);
}

static void
more_names(void *arg, int err, const struct kv_reply *reply)
{
	struct reading *r = arg;

	(void)reply;
	r->wait = NULL;
	if (err == 0)
		err = add_names(r);
	if (err == -EAGAIN && r->used == 0)
		err = kv_snapshot_wait_for(r->snapshot, (size_t)(r->offset - FIRST), more_names, r, &r->wait);
	if (err != 0 || r->wait == NULL)
		finish_reading(r, err);
}

void
kv_folder_read(struct kv_mount *m, fuse_req_t req, struct kv_node *folder, size_t size, off_t offset,
    struct fuse_file_info *fi, bool with_attributes)
{
	const struct kv_folder_handle *h = (const struct kv_folder_handle *)(uintptr_t)fi->fh;
	struct kv_request *request = NULL;
	struct reading *r = calloc(1, sizeof(*r));
	int err;

	if (h->snapshot != NULL && !kv_snapshot_is_complete(h->snapshot)) {
		request = kv_request_new(m, req); /* it may have to wait */
		if (request == NULL) {
			free(r);
			return;
		}
	}
	if (r == NULL || (r->room = malloc(size)) == NULL) {
		free(r);
		if (request != NULL)
			kv_request_fail(request, -ENOMEM);
		else
			fuse_reply_err(req, ENOMEM);
		return;
	}
	r->mount = m;
	r->req = req;
	r->request = request;
	r->folder = folder;
	r->snapshot = h->snapshot;
	r->with_attributes = with_attributes;
	r->size = size;
	r->offset = offset;
	err = add_names(r);
	if (err == -EAGAIN && r->used == 0) {
		err = kv_snapshot_wait_for(r->snapshot, (size_t)(r->offset - FIRST), more_names, r, &r->wait);
		if (err == 0) {
			kv_request_wait(request, cancel_reading, r);
			return;
		}
	}
	finish_reading(r, err);
}

static void
close_handle(struct kv_folder_handle *h)
{
	LIST_REMOVE(h, link);
	kv_snapshot_unref(h->snapshot);
	free(h);
}

void
kv_folder_open(struct kv_mount *m, fuse_req_t req, struct kv_node *folder, struct fuse_file_info *fi)
{
	struct kv_folder_handle *h = calloc(1, sizeof(*h));
	int err = h != NULL ? 0 : -ENOMEM;

	if (err == 0 && folder->kind == KV_NODE_TYPE)
		err = kv_listing_open(m->volume->listings[folder->type], &h->snapshot);
	if (err != 0) {
		free(h);
		fuse_reply_err(req, -err);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)h;
	LIST_INSERT_HEAD(&m->folders, h, link);
	if (fuse_reply_open(req, fi) != 0)
		close_handle(h);
}

void
kv_folder_release(fuse_req_t req, struct fuse_file_info *fi)
{
	close_handle((struct kv_folder_handle *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

void
kv_folder_release_all(struct kv_mount *m)
{
	while (!LIST_EMPTY(&m->folders))
		close_handle(LIST_FIRST(&m->folders));
}
