/*
 * The FUSE callbacks: translate, call, reply once. What a request needs is in fs/object/folder (names),
 * fs/object/file (blobs) and fs/restore (the drop box); here is which of them a node goes to, and what is
 * refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "client/vault/audit.h"
#include "cache/object.h"
#include "client/base/log.h"
#include "fs/control/control.h"
#include "fs/object/file.h"
#include "fs/object/folder.h"
#include "fs/restore/close.h"
#include "fs/restore/dropbox.h"
#include "fs/restore/folders.h"
#include "fs/restore/recall.h"
#include "fs/mount/request.h"

#define MODULE "fs"

static struct kv_mount *
mount_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static struct kv_node *
node_of(fuse_req_t req, fuse_ino_t number)
{
	return kv_tree_node(&mount_of(req)->tree, number);
}

/* During the end of the mount everything new is refused. */
static bool
is_refused(fuse_req_t req)
{
	if (!mount_of(req)->is_ending)
		return false;
	fuse_reply_err(req, EIO);
	return true;
}

/* Somebody writes where nothing can be written: say where to write. name is in folder, or NULL for folder itself. */
static void
refuse_write(fuse_req_t req, const char *what, const struct kv_node *folder, const char *name)
{
	const struct kv_mount *m = mount_of(req);
	struct kv_caller caller;
	struct kv_buf object;

	kv_request_caller(req, &caller);
	kv_buf_init(&object, 512);
	if (folder->kind == KV_NODE_TYPE || folder->kind == KV_NODE_BLOB)
		kv_buf_say(&object, "%s/", kv_type_name(folder->type));
	if (folder->kind == KV_NODE_CONTROL_FOLDER || folder->kind == KV_NODE_CONTROL)
		kv_buf_say(&object, "%s/", KV_CONTROL_FOLDER);
	kv_buf_say(&object, "%s",
	    folder->kind == KV_NODE_BLOB	? folder->object->name :
		folder->kind == KV_NODE_CONTROL ? kv_control_name(folder->control) :
		name != NULL			? name :
						  "");
	kv_log_event(KV_LOG_NOTICE, MODULE,
	    "vault=%s op=%s object=%s errno=EACCES uid=%u pid=%d cmd=%s why=%s",
	    kv_vault_name(m->volume->vault), what, kv_buf_str(&object), caller.uid, caller.pid,
	    caller.command,
	    m->tree.drop != NULL ?
		"only restore/ can be written: copy the blob into restore/keys/, restore/secrets/ or restore/certificates/" :
		"the mount is read-only");
	kv_buf_release(&object);
	fuse_reply_err(req, EACCES);
}

static void
op_init(void *arg, struct fuse_conn_info *conn)
{
	struct kv_mount *m = arg;
	const int fd = open("/", O_RDONLY | O_CLOEXEC);
	const int flags = fd >= 0 ? fcntl(fd, F_GETFL) : 0;

	/* what the kernel adds to every open of a 64-bit program; glibc's own O_LARGEFILE is 0 there */
	m->large_file = flags > 0 ? flags & ~(O_ACCMODE | O_CLOEXEC) : 0;
	if (fd >= 0)
		close(fd);
	conn->want |= conn->capable &
	    (FUSE_CAP_READDIRPLUS | FUSE_CAP_EXPLICIT_INVAL_DATA | FUSE_CAP_ATOMIC_O_TRUNC |
		FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_READ);
	conn->want &= ~(unsigned)(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_AUTO_INVAL_DATA |
	    FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE | FUSE_CAP_WRITEBACK_CACHE);
}

/* ---- names ---- */

static void
op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (!is_refused(req))
		kv_folder_lookup(mount_of(req), req, node_of(req, parent), name);
}

static void
op_forget(fuse_req_t req, fuse_ino_t number, uint64_t n)
{
	kv_tree_forget(node_of(req, number), n);
	fuse_reply_none(req);
}

static void
op_opendir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
	if (!is_refused(req))
		kv_folder_open(mount_of(req), req, node_of(req, number), fi);
}

static void
op_readdir(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *fi)
{
	if (!is_refused(req))
		kv_folder_read(mount_of(req), req, node_of(req, number), size, offset, fi, false);
}

static void
op_readdirplus(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *fi)
{
	if (!is_refused(req))
		kv_folder_read(mount_of(req), req, node_of(req, number), size, offset, fi, true);
}

static void
op_releasedir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
	(void)number;
	kv_folder_release(req, fi);
}

/* ---- attributes ---- */

static void
op_getattr(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
	struct kv_mount *m = mount_of(req);
	struct kv_node *node = node_of(req, number);

	if (node->kind == KV_NODE_BLOB) {
		if (!is_refused(req))
			kv_file_getattr(m, req, node);
	} else if (node->kind == KV_NODE_DROP_FILE && fi == NULL) {
		if (!is_refused(req))
			kv_recall_getattr(m->dropbox, req, node);
	} else {
		kv_file_reply_attributes(m, req, node);
	}
}

static void
op_setattr(fuse_req_t req, fuse_ino_t number, struct stat *attr, int what, struct fuse_file_info *fi)
{
	struct kv_mount *m = mount_of(req);
	struct kv_node *node = node_of(req, number);

	if (node->kind == KV_NODE_DROP_FILE)
		kv_dropbox_setattr(m->dropbox, req, node, attr, what, fi);
	else if (node->kind == KV_NODE_DROP_FOLDER)
		kv_file_reply_attributes(m, req, node);
	else
		refuse_write(req, "setattr", node, NULL);
}

/* ENOSYS: the kernel never asks again, which makes ls -l ten times faster. */
static void
op_getxattr(fuse_req_t req, fuse_ino_t number, const char *name, size_t size)
{
	(void)number;
	(void)name;
	(void)size;
	fuse_reply_err(req, ENOSYS);
}

/* cp -p and install set an ACL that says what the mode says. */
static void
op_setxattr(fuse_req_t req, fuse_ino_t number, const char *name, const char *value, size_t size, int flags)
{
	(void)value;
	(void)size;
	(void)flags;
	if (node_of(req, number)->kind != KV_NODE_DROP_FILE &&
	    node_of(req, number)->kind != KV_NODE_DROP_FOLDER)
		fuse_reply_err(req, EACCES);
	else
		fuse_reply_err(req, strstr(name, "posix_acl") != NULL ? 0 : ENOTSUP);
}

/* The same, where there is no ACL to copy. */
static void
op_removexattr(fuse_req_t req, fuse_ino_t number, const char *name)
{
	op_setxattr(req, number, name, NULL, 0, 0);
}

static void
op_statfs(fuse_req_t req, fuse_ino_t number)
{
	const struct statvfs st = { .f_bsize = 4096,
		.f_frsize = 4096,
		.f_blocks = 1 << 20,
		.f_bfree = 1 << 20,
		.f_bavail = 1 << 20,
		.f_files = 1 << 20,
		.f_ffree = 1 << 20,
		.f_namemax = 255 };

	(void)number;
	fuse_reply_statfs(req, &st);
}

/* ---- files ---- */

static void
op_open(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
	struct kv_mount *m = mount_of(req);
	struct kv_node *node = node_of(req, number);

	if (is_refused(req))
		return;
	if (node->kind == KV_NODE_DROP_FILE)
		kv_dropbox_open(m->dropbox, req, node, fi);
	else if ((fi->flags & O_ACCMODE) != O_RDONLY)
		refuse_write(req, "open", node, NULL);
	else if (node->kind == KV_NODE_CONTROL)
		kv_control_open(m, req, node->control, fi);
	else
		kv_file_open(m, req, node, fi);
}

static void
op_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct kv_mount *m = mount_of(req);
	struct kv_node *node = node_of(req, number);

	if (is_refused(req))
		return;
	if (node->kind == KV_NODE_DROP_FILE)
		kv_dropbox_read(req, node, size, offset);
	else if (node->kind == KV_NODE_CONTROL)
		kv_control_read(req, size, offset, fi);
	else
		kv_file_read(m, req, size, offset, fi);
}

static void
op_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
	struct kv_mount *m = mount_of(req);
	struct kv_node *node = node_of(req, number);

	if (node->kind == KV_NODE_DROP_FILE)
		kv_dropbox_release(m->dropbox, req, fi);
	else if (node->kind == KV_NODE_CONTROL)
		kv_control_release(req, fi);
	else
		kv_file_release(m, req, fi);
}

/* ---- the drop box ---- */

/* Even while the mount ends: a restore that was sent is waited for. */
static void
op_flush(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);

	if (node->kind == KV_NODE_DROP_FILE)
		kv_close_flush(mount_of(req)->dropbox, req, node, fi);
	else
		fuse_reply_err(req, 0);
}

static void
op_fsync(fuse_req_t req, fuse_ino_t number, int is_data_only, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);

	(void)is_data_only;
	(void)fi;
	if (node->kind == KV_NODE_DROP_FILE)
		kv_close_fsync(req, node);
	else
		fuse_reply_err(req, 0);
}

/* Whether what changes name in folder can go on; else req was answered. */
static bool
is_drop_folder(fuse_req_t req, const char *what, const struct kv_node *folder, const char *name)
{
	if (is_refused(req))
		return false;
	if (folder->kind == KV_NODE_DROP_FOLDER)
		return true;
	refuse_write(req, what, folder, name);
	return false;
}

static void
op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct kv_node *folder = node_of(req, parent);

	if (is_drop_folder(req, "create", folder, name))
		kv_dropbox_create(mount_of(req)->dropbox, req, folder, name, mode, fi);
}

static void
op_write(
    fuse_req_t req, fuse_ino_t number, const char *data, size_t size, off_t offset, struct fuse_file_info *fi)
{
	if (!is_refused(req))
		kv_dropbox_write(mount_of(req)->dropbox, req, node_of(req, number), data, size, offset, fi);
}

static void
op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct kv_node *folder = node_of(req, parent);

	(void)mode;
	if (is_drop_folder(req, "mkdir", folder, name))
		kv_folders_mkdir(mount_of(req)->dropbox, req, folder, name);
}

static void
op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct kv_node *folder = node_of(req, parent);

	if (is_drop_folder(req, "unlink", folder, name))
		kv_folders_unlink(mount_of(req)->dropbox, req, folder, name);
}

static void
op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct kv_node *folder = node_of(req, parent);

	if (folder->kind == KV_NODE_ROOT && strcmp(name, "restore") == 0)
		fuse_reply_err(req, EBUSY);
	else if (is_drop_folder(req, "rmdir", folder, name))
		kv_folders_rmdir(mount_of(req)->dropbox, req, folder, name);
}

static void
op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name,
    unsigned int flags)
{
	struct kv_node *folder = node_of(req, parent), *to = node_of(req, new_parent);

	if (is_drop_folder(req, "rename", folder, name) && is_drop_folder(req, "rename", to, new_name))
		kv_folders_rename(mount_of(req)->dropbox, req, folder, name, to, new_name, flags);
}

/* Links and devices: the drop box takes the bytes of files. */
static void
refuse_kind(fuse_req_t req, fuse_ino_t parent, const char *what, const char *name)
{
	if (is_drop_folder(req, what, node_of(req, parent), name))
		fuse_reply_err(req, EPERM);
}

static void
op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target;
	refuse_kind(req, parent, "symlink", name);
}

static void
op_link(fuse_req_t req, fuse_ino_t number, fuse_ino_t parent, const char *name)
{
	(void)number;
	refuse_kind(req, parent, "link", name);
}

static void
op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	(void)mode;
	(void)device;
	refuse_kind(req, parent, "mknod", name);
}

static void
op_fallocate(
    fuse_req_t req, fuse_ino_t number, int mode, off_t offset, off_t length, struct fuse_file_info *fi)
{
	(void)number;
	(void)mode;
	(void)offset;
	(void)length;
	(void)fi;
	fuse_reply_err(req, EOPNOTSUPP);
}

const struct fuse_lowlevel_ops kv_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.link = op_link,
	.mknod = op_mknod,
	.rename = op_rename,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.removexattr = op_removexattr,
	.create = op_create,
	.fallocate = op_fallocate,
};
