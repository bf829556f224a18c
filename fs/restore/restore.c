/*
 * The operation tables of restore/. Its folders list as empty; a restored file is found by its name.
 */
#include <errno.h>
#include <stdlib.h>

#include "fs/mount/entry.h"
#include "fs/mount/folder.h"
#include "fs/restore/close.h"
#include "fs/restore/drop.h"
#include "fs/restore/dropbox.h"
#include "fs/restore/folders.h"
#include "fs/restore/recall.h"
#include "fs/restore/restore.h"

#define VALID_S 3600 /* for restore/ itself */

/* "restore/keys/a.blob" */
static void
describe(const struct kv_node *node, struct kv_buf *path)
{
	const struct kv_drop *d = (const struct kv_drop *)node;

	if (d->parent != NULL)
		describe(&d->parent->node, path);
	kv_buf_say(path, "%s%s", d->parent != NULL ? "/" : "", d->name != NULL ? d->name : "restore");
}

/* ---- folders ---- */

static void
folder_attributes(struct kv_node *node, struct kv_attributes *a)
{
	a->stat.st_mode = S_IFDIR | (0777 & ~node->branch->mount->settings->umask);
	a->stat.st_nlink = 2;
	a->stat.st_mtim.tv_sec = node->wall_changed;
	if (kv_drop_of(node)->name == NULL)
		a->entry_valid_s = a->attr_valid_s = VALID_S;
}

/* Accept the change and ignore it. */
static void
set_folder_attributes(
    struct kv_node *node, fuse_req_t req, const struct stat *attr, int what, struct fuse_file_info *fi)
{
	(void)attr;
	(void)what;
	(void)fi;
	kv_entry_reply_attributes(node, req);
}

const struct kv_node_ops kv_restore_folder_ops = {
	.release = kv_drop_release,
	.describe = describe,
	.attributes = folder_attributes,
	.lookup = kv_recall_lookup,
	.opendir = kv_handle_open_plain,
	.readdir = kv_folder_readdir_empty,
	.create = kv_dropbox_create,
	.mkdir = kv_folders_mkdir,
	.unlink = kv_folders_unlink,
	.rmdir = kv_folders_rmdir,
	.rename = kv_folders_rename,
	.setattr = set_folder_attributes,
};

/* ---- files ---- */

static void
file_attributes(struct kv_node *node, struct kv_attributes *a)
{
	const struct kv_upload *u = kv_drop_of(node)->upload;

	a->stat.st_mode = S_IFREG | u->mode;
	a->stat.st_uid = u->uid;
	a->stat.st_gid = u->gid;
	a->stat.st_size = (off_t)kv_upload_size(u);
	a->stat.st_mtim.tv_sec = u->wall_mtime_ns / 1000000000;
	a->stat.st_mtim.tv_nsec = u->wall_mtime_ns % 1000000000;
}

const struct kv_node_ops kv_restore_file_ops = {
	.release = kv_drop_release,
	.describe = describe,
	.attributes = file_attributes,
	.getattr = kv_recall_getattr,
	.setattr = kv_dropbox_setattr,
	.open = kv_dropbox_open,
	.read = kv_dropbox_read,
	.write = kv_dropbox_write,
	.flush = kv_close_flush,
	.fsync = kv_close_fsync,
};

/* ---- the part ---- */

/* restore/ has a folder for each type from the start, so that blobs can be copied there without mkdir. */
static int
attach(struct kv_branch *branch, struct kv_folder *root, uint64_t first_ino, void **state)
{
	const struct kv_settings *settings = branch->mount->settings;
	struct kv_dropbox *box;
	struct kv_drop *drop, *folder;
	int err;

	if (settings->is_read_only)
		return 0;
	*state = box = kv_dropbox_new(branch);
	drop = box != NULL ? kv_drop_new_root(box, first_ino) : NULL;
	err = drop != NULL ? kv_folder_add(root, "restore", &drop->node, true) : -ENOMEM;
	if (drop != NULL)
		drop->is_of_keys = settings->is_hsm;
	for (int t = 0; err == 0 && t < KV_TYPES; t++) {
		if (!settings->types[t])
			continue;
		err = kv_drop_make_folder(drop, kv_type_name((enum kv_type)t), &folder);
		if (err == 0)
			folder->is_fixed = true;
	}
	return err;
}

static int
under_way(const void *state)
{
	return kv_dropbox_under_way(state);
}

static void
log_lost(void *state)
{
	kv_dropbox_log_lost(state);
}

static void
stop(void *state)
{
	kv_dropbox_stop(state);
}

static void
release(void *state)
{
	kv_dropbox_free(state);
}

static void
check(const void *state)
{
	kv_dropbox_check(state);
}

const struct kv_part kv_restore_part = {
	.attach = attach,
	.under_way = under_way,
	.log_lost = log_lost,
	.stop = stop,
	.release = release,
	.check = check,
};
