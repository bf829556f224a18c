#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

#include "fs/mount/branch.h"
#include "fs/mount/entry.h"
#include "fs/mount/mount.h"

void
kv_entry_attributes(struct kv_node *node, struct kv_attributes *a)
{
	const struct kv_settings *settings = node->tree->mount->settings;
	struct stat *st = &a->stat;

	*a = (struct kv_attributes){ .stat = { .st_ino = kv_branch_ino(node->branch, node->ino),
					 .st_mode = S_IFREG,
					 .st_nlink = 1,
					 .st_uid = settings->uid,
					 .st_gid = settings->gid } };
	node->ops->attributes(node, a);
	st->st_atim = st->st_ctim = st->st_mtim;
	st->st_blksize = 4096;
	st->st_blocks = (st->st_size + 511) / 512;
}

void
kv_entry_fill(struct kv_node *node, struct fuse_entry_param *entry)
{
	struct kv_attributes a;

	kv_entry_attributes(node, &a);
	*entry = (struct fuse_entry_param){ .ino = kv_tree_number(node),
		.generation = 1,
		.attr = a.stat,
		.entry_timeout = a.entry_valid_s,
		.attr_timeout = a.attr_valid_s };
}

void
kv_entry_reply(struct kv_node *node, fuse_req_t req)
{
	struct fuse_entry_param entry;

	kv_entry_fill(node, &entry);
	kv_tree_looked_up(node);
	if (fuse_reply_entry(req, &entry) != 0)
		kv_tree_forget(node, 1);
}

void
kv_entry_reply_attributes(struct kv_node *node, fuse_req_t req)
{
	struct kv_attributes a;

	kv_entry_attributes(node, &a);
	fuse_reply_attr(req, &a.stat, a.attr_valid_s);
}

/* ---- a folder's entries ---- */

int
kv_entries_init(
    struct kv_entries *e, struct kv_node *folder, fuse_req_t req, size_t size, off_t offset, bool plus)
{
	*e = (struct kv_entries){
		.req = req, .tree = folder->tree, .plus = plus, .offset = offset, .size = size
	};
	e->room = malloc(size);
	return e->room != NULL ? 0 : -ENOMEM;
}

bool
kv_entries_add_dots(struct kv_entries *e, struct kv_node *folder)
{
	static const char *const dots[KV_ENTRIES_FIRST] = { ".", ".." };

	while (e->offset < KV_ENTRIES_FIRST)
		if (!kv_entries_add(e, dots[e->offset], folder))
			return false;
	return true;
}

bool
kv_entries_add(struct kv_entries *e, const char *name, struct kv_node *node)
{
	char *at = e->room + e->used;
	const size_t left = e->size - e->used;
	struct fuse_entry_param entry;
	size_t need;

	kv_entry_fill(node, &entry);
	if (e->plus)
		need = fuse_add_direntry_plus(e->req, at, left, name, &entry, e->offset + 1);
	else
		need = fuse_add_direntry(e->req, at, left, name, &entry.attr, e->offset + 1);
	if (need > left)
		return false;
	e->used += need;
	e->offset++;
	if (e->plus && name[0] != '.')
		kv_tree_looked_up(node);
	return true;
}

/* The kernel did not take these entries: drop the references that they would have given it. */
static void
take_back(const struct kv_entries *e)
{
	struct fuse_direntplus entry;

	if (!e->plus)
		return;
	for (size_t at = 0; at + FUSE_NAME_OFFSET_DIRENTPLUS <= e->used;) {
		memcpy(&entry, e->room + at, FUSE_NAME_OFFSET_DIRENTPLUS);
		if (e->room[at + FUSE_NAME_OFFSET_DIRENTPLUS] != '.')
			kv_tree_forget(kv_tree_node(e->tree, entry.entry_out.nodeid), 1);
		at += FUSE_DIRENTPLUS_SIZE(&entry);
	}
}

void
kv_entries_reply(struct kv_entries *e, fuse_req_t req, int err)
{
	if (err != 0) {
		fuse_reply_err(req, -err);
		kv_entries_release(e);
		return;
	}
	if (fuse_reply_buf(req, e->room, e->used) != 0)
		take_back(e);
	free(e->room);
	e->room = NULL;
}

void
kv_entries_release(struct kv_entries *e)
{
	if (e->room == NULL)
		return;
	take_back(e);
	free(e->room);
	e->room = NULL;
}
