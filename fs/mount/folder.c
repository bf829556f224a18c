#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/buf.h"
#include "fs/mount/branch.h"
#include "fs/mount/entry.h"
#include "fs/mount/folder.h"
#include "fs/mount/mount.h"
#include "fs/mount/ops.h"

#define VALID_S 3600

struct name {
	const char *text;
	struct kv_node *node;
	bool is_listed;
};

struct kv_folder {
	struct kv_node node;
	mode_t mode;
	struct name *names;
	size_t n;
};

struct kv_folder *
kv_folder_of(struct kv_node *node)
{
	return (struct kv_folder *)node;
}

static const struct name *
find(const struct kv_folder *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->names[i].text, name) == 0)
			return &f->names[i];
	return NULL;
}

static void
release(struct kv_node *node)
{
	struct kv_folder *f = kv_folder_of(node);

	free(f->names);
	free(f);
}

/* The folder's name in the vault's root; nothing for the root itself. */
static void
describe(const struct kv_node *node, struct kv_buf *path)
{
	const struct kv_folder *root =
	    node->branch != NULL ? node->branch->root : kv_folder_of(node->tree->root);

	for (size_t i = 0; i < root->n; i++)
		if (root->names[i].node == node)
			kv_buf_say(path, "%s", root->names[i].text);
}

static void
attributes(struct kv_node *node, struct kv_attributes *a)
{
	a->stat.st_mode = S_IFDIR | (kv_folder_of(node)->mode & ~node->tree->mount->settings->umask);
	a->stat.st_nlink = 2;
	a->stat.st_mtim.tv_sec = node->wall_changed;
	a->entry_valid_s = a->attr_valid_s = VALID_S;
}

/* The errno of a vault that could not be reached yet, for the names in its folder; 0 for any other folder. */
static int
away(const struct kv_node *node)
{
	const struct kv_branch *b = node->branch;

	return b != NULL && b->root != NULL && node == &b->root->node ? b->away : 0;
}

static void
lookup(struct kv_node *node, fuse_req_t req, const char *name)
{
	const struct name *n = find(kv_folder_of(node), name);

	if (away(node) != 0 && (n == NULL || strcmp(name, KV_CONTROL_FOLDER) != 0))
		fuse_reply_err(req, -away(node));
	else if (n == NULL)
		fuse_reply_err(req, ENOENT);
	else
		kv_entry_reply(n->node, req);
}

/* ---- reading it ---- */

static void
open_folder(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi)
{
	if (away(node) != 0)
		fuse_reply_err(req, -away(node));
	else
		kv_handle_open_plain(node, req, fi);
}

static void
read_folder(
    struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi, bool plus)
{
	const struct kv_folder *f = kv_folder_of(node);
	struct kv_entries entries;
	off_t at = KV_ENTRIES_FIRST;
	bool fits;

	(void)fi;
	if (kv_entries_init(&entries, node, req, size, offset, plus) != 0) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	fits = kv_entries_add_dots(&entries, node);
	for (size_t i = 0; fits && i < f->n; i++)
		if (f->names[i].is_listed && at++ == entries.offset)
			fits = kv_entries_add(&entries, f->names[i].text, f->names[i].node);
	kv_entries_reply(&entries, req, 0);
}

void
kv_folder_readdir_empty(
    struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi, bool plus)
{
	struct kv_entries entries;

	(void)fi;
	if (kv_entries_init(&entries, node, req, size, offset, plus) != 0) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	(void)kv_entries_add_dots(&entries, node);
	kv_entries_reply(&entries, req, 0);
}

/* Nothing here can be removed, not even a writable folder: that one gets EBUSY. */
static void
remove_folder(struct kv_node *node, fuse_req_t req, const char *name)
{
	const struct kv_node *child = kv_folder_find(kv_folder_of(node), name);

	if (child != NULL && child->ops->create != NULL)
		fuse_reply_err(req, EBUSY);
	else
		kv_ops_refuse_write(node, req, "rmdir", name);
}

/* ---- the folder ---- */

static const struct kv_node_ops ops = {
	.release = release,
	.describe = describe,
	.attributes = attributes,
	.lookup = lookup,
	.opendir = open_folder,
	.readdir = read_folder,
	.rmdir = remove_folder,
};

struct kv_folder *
kv_folder_new(struct kv_tree *tree, struct kv_branch *branch, uint64_t ino, mode_t mode)
{
	struct kv_folder *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->mode = mode;
	f->node.is_kept = true;
	kv_tree_add(tree, &f->node, &ops, branch, ino);
	return f;
}

struct kv_node *
kv_folder_node(struct kv_folder *f)
{
	return &f->node;
}

int
kv_folder_add(struct kv_folder *f, const char *name, struct kv_node *node, bool is_listed)
{
	struct name *names = reallocarray(f->names, f->n + 1, sizeof(*names));

	if (names == NULL)
		return -ENOMEM;
	f->names = names;
	f->names[f->n++] = (struct name){ .text = name, .node = node, .is_listed = is_listed };
	return 0;
}

struct kv_node *
kv_folder_find(const struct kv_folder *f, const char *name)
{
	const struct name *n = find(f, name);

	return n != NULL ? n->node : NULL;
}
