/*
 * A drop box lists as empty, so rmdir of a folder with receipts must succeed and removes them. A folder must
 * stay if it has files whose writers have no result yet: unsent bytes, a restore in flight, a staged file. A
 * folder such as rsync's .~tmp~ also stays if it contains anything: rsync removes it and relies on ENOTEMPTY.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/mount/entry.h"
#include "fs/mount/request.h"
#include "fs/dropbox/close.h"
#include "fs/dropbox/folders.h"
#include "fs/dropbox/receipt.h"
#include "fs/dropbox/upload.h"

/* Whether a writer of a file below folder has no result yet. */
static bool
is_busy(const struct kv_drop *folder)
{
	for (const struct kv_drop *c = folder->children; c != NULL; c = c->sibling)
		if (kv_drop_is_folder(c) ? is_busy(c) : kv_upload_is_unsent(c->upload))
			return true;
	return false;
}

/* Returns 0, or -errno if folder must not be removed or replaced. */
static int
check_removable(const struct kv_drop *folder)
{
	if (folder->is_fixed)
		return -EBUSY;
	if (folder->name[0] == '.' && folder->children != NULL)
		return -ENOTEMPTY;
	return is_busy(folder) ? -ENOTEMPTY : 0;
}

/* Remove folder and everything below it, and forget the receipts. */
static void
remove_folder(struct kv_drop *folder)
{
	struct kv_drop *c, *next;

	kv_receipts_forget_below(folder->dropbox->receipts, folder->parent, folder->name);
	for (c = folder->children; c != NULL; c = next) {
		next = c->sibling;
		if (kv_drop_is_folder(c))
			remove_folder(c);
		else
			kv_dropbox_detach(c);
	}
	kv_drop_remove(folder);
}

static void
remove_file(struct kv_drop *file)
{
	kv_receipts_forget(file->dropbox->receipts, file->parent, file->name);
	kv_dropbox_detach(file);
}

void
kv_folders_mkdir(struct kv_node *node, fuse_req_t req, const char *name)
{
	struct kv_drop *folder = kv_drop_of(node), *made;
	int err;

	kv_dropbox_free_name(folder, name);
	err = kv_drop_make_folder(folder, name, &made);
	if (err != 0)
		fuse_reply_err(req, -err);
	else
		kv_entry_reply(&made->node, req);
}

/* Removes only the name and the receipt: the object stays in the vault. */
void
kv_folders_unlink(struct kv_node *node, fuse_req_t req, const char *name)
{
	struct kv_drop *file = kv_dropbox_child(kv_drop_of(node), name);
	const int err = file == NULL ? -ENOENT : kv_drop_is_folder(file) ? -EISDIR : 0;

	if (err == 0)
		remove_file(file);
	fuse_reply_err(req, -err);
}

void
kv_folders_rmdir(struct kv_node *node, fuse_req_t req, const char *name)
{
	struct kv_drop *file = kv_dropbox_child(kv_drop_of(node), name);
	const int err = file == NULL ? -ENOENT : kv_drop_is_folder(file) ? check_removable(file) : -ENOTDIR;

	if (err == 0)
		remove_folder(file);
	fuse_reply_err(req, -err);
}

/* ---- rename ---- */

static bool
is_below(const struct kv_drop *file, const struct kv_drop *folder)
{
	while (file != NULL && file != folder)
		file = file->parent;
	return file != NULL;
}

/*
 * "x.blob.~1~": cp --backup=numbered searches the listing for a free number. It is empty here, so cp would
 * loop.
 */
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

/* Why a file cannot get this name; NULL if it can. */
static const char *
refuse_name(const struct kv_drop *file, const char *to_name)
{
	const struct kv_dropbox_kind *kind = file->dropbox->kind;

	/* its close would return success although nothing was sent */
	if (to_name[0] == '.' && !(kv_upload_is_staging(file->name) && kv_upload_is_staging(to_name)))
		return "a file cannot be renamed here to a name that begins with a dot";
	if (is_numbered_backup(to_name))
		return kind->no_backups;
	if (kind->refuse_name != NULL && !kv_upload_is_staging(to_name))
		return kind->refuse_name(to_name);
	return NULL;
}

/* Whether file may replace other, called to_name in to (other may be NULL). Returns 0 or -errno. */
static int
check_rename(const struct kv_drop *file, const struct kv_drop *to, const char *to_name,
    const struct kv_drop *other, unsigned int flags)
{
	if ((flags & ~(unsigned int)RENAME_NOREPLACE) != 0)
		return -EINVAL;
	if (file->dropbox != to->dropbox)
		return -EXDEV;
	if (kv_drop_is_removed(to))
		return -ENOENT;
	if (other != NULL && flags != 0)
		return -EEXIST;
	if (!kv_drop_is_folder(file)) {
		if (refuse_name(file, to_name) != NULL)
			return -EINVAL;
		return other != NULL && kv_drop_is_folder(other) ? -EISDIR : 0;
	}
	if (file->is_fixed)
		return -EBUSY;
	if (is_below(to, file))
		return -EINVAL;
	if (other != NULL && !kv_drop_is_folder(other))
		return -ENOTDIR;
	return other != NULL ? check_removable(other) : 0;
}

static int
move_folder(struct kv_drop *file, struct kv_drop *to, const char *to_name)
{
	kv_receipts_move_below(file->dropbox->receipts, file->parent, file->name, to, to_name);
	return kv_drop_move(file, to, to_name);
}

static int
move_file(struct kv_drop *file, struct kv_drop *to, const char *to_name)
{
	int err;

	kv_receipts_forget(file->dropbox->receipts, file->parent, file->name);
	err = kv_drop_move(file, to, to_name);
	kv_receipts_note(file->dropbox->receipts, file);
	return err;
}

void
kv_folders_rename(struct kv_node *node, fuse_req_t req, const char *name, struct kv_node *to_node,
    const char *to_name, unsigned int flags)
{
	struct kv_drop *file = kv_dropbox_child(kv_drop_of(node), name), *to = kv_drop_of(to_node);
	struct kv_drop *other = kv_dropbox_child(to, to_name);
	struct kv_caller caller;
	int err = file == NULL ? -ENOENT : file == other ? 0 : check_rename(file, to, to_name, other, flags);

	if (err == -EINVAL && !kv_drop_is_folder(file) && refuse_name(file, to_name) != NULL) {
		kv_request_caller(req, &caller);
		kv_dropbox_log(file->dropbox, name, &caller, err, refuse_name(file, to_name));
	}
	if (err != 0 || file == other) {
		fuse_reply_err(req, -err);
		return;
	}
	if (!kv_drop_is_folder(file) && kv_upload_is_staging(name) && !kv_upload_is_staging(to_name)) {
		kv_close_commit(file, req, to, to_name);
		return;
	}
	kv_dropbox_free_name(to, to_name);
	if (other != NULL && kv_drop_is_folder(other))
		remove_folder(other);
	else if (other != NULL)
		remove_file(other);
	err = kv_drop_is_folder(file) ? move_folder(file, to, to_name) : move_file(file, to, to_name);
	fuse_reply_err(req, -err);
}
