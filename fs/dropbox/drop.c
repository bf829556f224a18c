#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/mount/branch.h"
#include "fs/dropbox/drop.h"
#include "fs/dropbox/dropbox.h"
#include "fs/dropbox/nodes.h"
#include "fs/dropbox/upload.h"

/* ---- the node ---- */

struct kv_drop *
kv_drop_of(struct kv_node *node)
{
	return (struct kv_drop *)node;
}

bool
kv_drop_is_folder(const struct kv_drop *d)
{
	return d->upload == NULL;
}

bool
kv_drop_is_removed(const struct kv_drop *d)
{
	return d->parent == NULL && d->name != NULL;
}

void
kv_drop_release(struct kv_node *node)
{
	struct kv_drop *d = kv_drop_of(node);

	if (d->upload != NULL)
		LIST_REMOVE(d, files);
	kv_upload_free(d->upload);
	free(d->name);
	free(d);
}

struct kv_drop *
kv_drop_new_root(struct kv_dropbox *box, uint64_t ino)
{
	struct kv_drop *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->dropbox = box;
	d->is_fixed = true;
	d->node.is_kept = true;
	kv_tree_add(&box->branch->mount->tree, &d->node, &kv_dropbox_folder_ops, box->branch, ino);
	return d;
}

/* ---- names ---- */

static void
link_to(struct kv_drop *d, struct kv_drop *folder)
{
	d->parent = folder;
	d->sibling = folder->children;
	folder->children = d;
}

static void
unlink_from_parent(struct kv_drop *d)
{
	struct kv_drop **at;

	if (d->parent == NULL)
		return;
	for (at = &d->parent->children; *at != d; at = &(*at)->sibling)
		continue;
	*at = d->sibling;
	d->parent = NULL;
	d->sibling = NULL;
}

static int
make(struct kv_drop *folder, const char *name, struct kv_upload *upload, struct kv_drop **drop)
{
	struct kv_drop *d;

	*drop = NULL;
	if (kv_drop_is_removed(folder))
		return -ENOENT;
	if (kv_drop_child(folder, name) != NULL)
		return -EEXIST;
	d = calloc(1, sizeof(*d));
	if (d == NULL || (d->name = strdup(name)) == NULL) {
		free(d);
		return -ENOMEM;
	}
	d->dropbox = folder->dropbox;
	d->upload = upload;
	d->node.is_kept = true;
	if (upload != NULL)
		LIST_INSERT_HEAD(&d->dropbox->files, d, files);
	kv_tree_add(folder->node.tree, &d->node,
	    upload != NULL ? &kv_dropbox_file_ops : &kv_dropbox_folder_ops, folder->node.branch,
	    (uint64_t)(uintptr_t)d);
	link_to(d, folder);
	*drop = d;
	return 0;
}

int
kv_drop_make_folder(struct kv_drop *folder, const char *name, struct kv_drop **drop)
{
	return make(folder, name, NULL, drop);
}

int
kv_drop_make_file(struct kv_drop *folder, const char *name, struct kv_upload *upload, struct kv_drop **drop)
{
	return make(folder, name, upload, drop);
}

struct kv_drop *
kv_drop_child(struct kv_drop *folder, const char *name)
{
	struct kv_drop *d = folder->children;

	while (d != NULL && strcmp(d->name, name) != 0)
		d = d->sibling;
	return d;
}

void
kv_drop_remove(struct kv_drop *d)
{
	unlink_from_parent(d);
	while (d->children != NULL)
		kv_drop_remove(d->children);
	kv_tree_drop(&d->node);
}

int
kv_drop_move(struct kv_drop *d, struct kv_drop *folder, const char *name)
{
	struct kv_drop *other = kv_drop_child(folder, name);
	char *copy;

	if (other == d)
		return 0;
	if (kv_drop_is_removed(folder))
		return -ENOENT;
	copy = strdup(name);
	if (copy == NULL)
		return -ENOMEM;
	if (other != NULL)
		kv_drop_remove(other);
	unlink_from_parent(d);
	free(d->name);
	d->name = copy;
	link_to(d, folder);
	return 0;
}

int
kv_drop_type(const struct kv_drop *folder, enum kv_type *type)
{
	for (; folder != NULL; folder = folder->parent) {
		if (folder->name != NULL && kv_type_parse(folder->name, type) == 0)
			return 0;
		if (folder->is_of_keys) {
			*type = KV_KEYS;
			return 0;
		}
	}
	return -ENOENT;
}
