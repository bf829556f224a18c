/*
 * Names of the drop box.
 *
 * restore/ lists as empty, so rmdir of a folder with receipts must work: they go with it. What must not go is
 * what somebody was not told about yet: bytes that are not sent, a restore under way, a staged file that waits for
 * its name. And a folder like rsync's .~tmp~ is removed by a tool that relies on ENOTEMPTY.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/object/folder.h"
#include "fs/restore/close.h"
#include "fs/restore/folders.h"
#include "fs/restore/receipt.h"
#include "fs/restore/upload.h"

static bool
is_folder(const struct kv_node *node)
{
	return node->kind == KV_NODE_DROP_FOLDER;
}

/* Somebody has not been told yet what became of a file in it. */
static bool
is_busy(const struct kv_node *folder)
{
	for (const struct kv_node *c = folder->children; c != NULL; c = c->sibling)
		if (is_folder(c) ? is_busy(c) : kv_upload_is_unsent(c->upload))
			return true;
	return false;
}

/* 0, or why folder cannot be removed or renamed over. */
static int
check_removable(const struct kv_node *folder)
{
	if (folder->is_fixed)
		return -EBUSY;
	if (folder->name[0] == '.' && folder->children != NULL)
		return -ENOTEMPTY;
	return is_busy(folder) ? -ENOTEMPTY : 0;
}

/* With all below it, whose receipts are forgotten. */
static void
remove_folder(struct kv_dropbox *box, struct kv_node *folder)
{
	struct kv_node *c, *next;

	kv_receipts_forget_below(box->receipts, folder->parent, folder->name);
	for (c = folder->children; c != NULL; c = next) {
		next = c->sibling;
		if (is_folder(c))
			remove_folder(box, c);
		else
			kv_dropbox_detach(c);
	}
	kv_tree_remove(folder);
}

static void
remove_file(struct kv_dropbox *box, struct kv_node *file)
{
	kv_receipts_forget(box->receipts, file->parent, file->name);
	kv_dropbox_detach(file);
}

void
kv_folders_mkdir(struct kv_dropbox *box, fuse_req_t req, struct kv_node *folder, const char *name)
{
	struct kv_node *node;
	int err;

	kv_dropbox_free_name(folder, name);
	err = kv_tree_make(folder, KV_NODE_DROP_FOLDER, name, &node);
	if (err != 0)
		fuse_reply_err(req, -err);
	else
		kv_folder_reply(box->mount, req, node);
}

/* The object stays in the vault. */
void
kv_folders_unlink(struct kv_dropbox *box, fuse_req_t req, struct kv_node *folder, const char *name)
{
	struct kv_node *node = kv_dropbox_child(folder, name);
	const int err = node == NULL ? -ENOENT : is_folder(node) ? -EISDIR : 0;

	if (err == 0)
		remove_file(box, node);
	fuse_reply_err(req, -err);
}

void
kv_folders_rmdir(struct kv_dropbox *box, fuse_req_t req, struct kv_node *folder, const char *name)
{
	struct kv_node *node = kv_dropbox_child(folder, name);
	const int err = node == NULL ? -ENOENT : is_folder(node) ? check_removable(node) : -ENOTDIR;

	if (err == 0)
		remove_folder(box, node);
	fuse_reply_err(req, -err);
}

/* ---- rename ---- */

static bool
is_below(const struct kv_node *node, const struct kv_node *folder)
{
	while (node != NULL && node != folder)
		node = node->parent;
	return node != NULL;
}

/* "x.blob.~1~": cp --backup=numbered looks for a free number in a list that is empty here, and would never end. */
static bool
is_numbered_backup(const char *name)
{
	const char *digits = strrchr(name, '.');
	size_t n;

	if (digits == NULL || digits[1] != '~')
		return false;
	n = strspn(digits + 2, "0123456789");
	return n > 0 && strcmp(digits + 2 + n, "~") == 0;
}

/* Why a file cannot get this name; NULL: it can. */
static const char *
refuse_name(const struct kv_node *file, const char *to_name)
{
	/* its writer would be told "done" at its close, and nothing be sent */
	if (to_name[0] == '.' && !(kv_upload_is_staging(file->name) && kv_upload_is_staging(to_name)))
		return "a file of restore/ cannot be renamed to a name that begins with a dot";
	if (is_numbered_backup(to_name))
		return "restore/ keeps no numbered backups: what was restored is in the vault";
	return NULL;
}

/* Whether node may take the place of other, called to_name in to. */
static int
check_rename(const struct kv_node *node, const struct kv_node *to, const char *to_name,
    const struct kv_node *other, unsigned int flags)
{
	if ((flags & ~(unsigned int)RENAME_NOREPLACE) != 0)
		return -EINVAL;
	if (other != NULL && flags != 0)
		return -EEXIST;
	if (!is_folder(node)) {
		if (refuse_name(node, to_name) != NULL)
			return -EINVAL;
		return other != NULL && is_folder(other) ? -EISDIR : 0;
	}
	if (node->is_fixed)
		return -EBUSY;
	if (is_below(to, node))
		return -EINVAL;
	if (other != NULL && !is_folder(other))
		return -ENOTDIR;
	return other != NULL ? check_removable(other) : 0;
}

static int
move_folder(struct kv_dropbox *box, struct kv_node *node, struct kv_node *to, const char *to_name)
{
	kv_receipts_move_below(box->receipts, node->parent, node->name, to, to_name);
	return kv_tree_move(node, to, to_name);
}

static int
move_file(struct kv_dropbox *box, struct kv_node *node, struct kv_node *to, const char *to_name)
{
	int err;

	kv_receipts_forget(box->receipts, node->parent, node->name);
	err = kv_tree_move(node, to, to_name);
	kv_receipts_note(box->receipts, node);
	return err;
}

void
kv_folders_rename(struct kv_dropbox *box, fuse_req_t req, struct kv_node *folder, const char *name,
    struct kv_node *to, const char *to_name, unsigned int flags)
{
	struct kv_node *node = kv_dropbox_child(folder, name);
	struct kv_node *other = kv_dropbox_child(to, to_name);
	struct kv_caller caller;
	int err = node == NULL ? -ENOENT : node == other ? 0 : check_rename(node, to, to_name, other, flags);

	if (err == -EINVAL && !is_folder(node) && refuse_name(node, to_name) != NULL) {
		kv_request_caller(req, &caller);
		kv_dropbox_say(box, name, &caller, err, refuse_name(node, to_name));
	}
	if (err != 0 || node == other) {
		fuse_reply_err(req, -err);
		return;
	}
	if (!is_folder(node) && kv_upload_is_staging(name) && !kv_upload_is_staging(to_name)) {
		kv_close_commit(box, req, node, to, to_name);
		return;
	}
	kv_dropbox_free_name(to, to_name);
	if (other != NULL && is_folder(other))
		remove_folder(box, other);
	else if (other != NULL)
		remove_file(box, other);
	err = is_folder(node) ? move_folder(box, node, to, to_name) : move_file(box, node, to, to_name);
	fuse_reply_err(req, -err);
}
