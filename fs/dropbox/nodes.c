/*
 * The operation tables of a drop box. Its folders list as empty; a file that was sent is found by its name.
 */
#include "fs/dropbox/nodes.h"

#include "client/base/buf.h"
#include "fs/dropbox/close.h"
#include "fs/dropbox/drop.h"
#include "fs/dropbox/dropbox.h"
#include "fs/dropbox/folders.h"
#include "fs/dropbox/recall.h"
#include "fs/mount/entry.h"
#include "fs/mount/folder.h"

#define VALID_S 3600 /* for the drop box itself */

/* "restore/keys/a.blob" */
static void
describe(const struct kv_node *node, struct kv_buf *path)
{
	const struct kv_drop *d = (const struct kv_drop *)node;

	if (d->parent != NULL)
		describe(&d->parent->node, path);
	kv_buf_say(
	    path, "%s%s", d->parent != NULL ? "/" : "", d->name != NULL ? d->name : d->dropbox->kind->name);
}

/* ---- folders ---- */

static void
folder_attributes(struct kv_node *node, struct kv_attributes *a)
{
	a->stat.st_mode = S_IFDIR | (0777 & ~node->branch->settings->umask);
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

const struct kv_node_ops kv_dropbox_folder_ops = {
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

const struct kv_node_ops kv_dropbox_file_ops = {
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
