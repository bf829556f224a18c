/*
 * The FUSE callbacks: find the node, refuse what its kind does not support, call its operation.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "client/base/log.h"
#include "client/vault/audit.h"
#include "fs/mount/branch.h"
#include "fs/mount/entry.h"
#include "fs/mount/mount.h"
#include "fs/mount/ops.h"
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

/* While the mount ends, all new requests are refused. */
static bool
is_refused(fuse_req_t req)
{
	if (!mount_of(req)->is_ending)
		return false;
	fuse_reply_err(req, EIO);
	return true;
}

static bool
is_read_only(const struct kv_node *node)
{
	return (node->branch != NULL ? node->branch->settings : node->tree->mount->settings)->is_read_only;
}

void
kv_ops_refuse_write(const struct kv_node *node, fuse_req_t req, const char *op, const char *name)
{
	struct kv_caller caller;
	struct kv_buf object;

	kv_request_caller(req, &caller);
	kv_buf_init(&object, 512);
	node->ops->describe(node, &object);
	if (name != NULL)
		kv_buf_say(&object, "%s%s", object.len > 0 ? "/" : "", name);
	kv_log_event(KV_LOG_NOTICE, MODULE,
	    "vault=%s op=%s object=%s errno=EACCES uid=%u pid=%d cmd=%s why=%s",
	    node->branch != NULL ? kv_vault_name(node->branch->volume->vault) : NULL, op, kv_buf_str(&object),
	    caller.uid, caller.pid, caller.command,
	    is_read_only(node) ?
		"the mount is read-only" :
		"only restore/ can be written: copy the blob into restore/keys/, restore/secrets/ or restore/certificates/");
	kv_buf_release(&object);
	fuse_reply_err(req, EACCES);
}

static void
op_init(void *arg, struct fuse_conn_info *conn)
{
	struct kv_mount *m = arg;
	const int fd = open("/", O_RDONLY | O_CLOEXEC);
	const int flags = fd >= 0 ? fcntl(fd, F_GETFL) : 0;

	/* the flags that the kernel adds to every open by a 64-bit program; glibc's O_LARGEFILE is 0 there */
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
	struct kv_node *folder = node_of(req, parent);

	if (is_refused(req))
		return;
	if (folder->ops->lookup == NULL)
		fuse_reply_err(req, ENOTDIR);
	else
		folder->ops->lookup(folder, req, name);
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
	struct kv_node *folder = node_of(req, number);

	if (is_refused(req))
		return;
	if (folder->ops->opendir == NULL)
		fuse_reply_err(req, ENOTDIR);
	else
		folder->ops->opendir(folder, req, fi);
}

static void
read_folder(
    fuse_req_t req, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *fi, bool plus)
{
	struct kv_node *folder = node_of(req, number);

	if (!is_refused(req))
		folder->ops->readdir(folder, req, size, offset, fi, plus);
}

static void
op_readdir(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *fi)
{
	read_folder(req, number, size, offset, fi, false);
}

static void
op_readdirplus(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *fi)
{
	read_folder(req, number, size, offset, fi, true);
}

/* ---- attributes ---- */

static void
op_getattr(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);

	if (node->ops->getattr == NULL)
		kv_entry_reply_attributes(node, req);
	else if (!is_refused(req))
		node->ops->getattr(node, req, fi);
}

static void
op_setattr(fuse_req_t req, fuse_ino_t number, struct stat *attr, int what, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);

	if (node->ops->setattr == NULL)
		kv_ops_refuse_write(node, req, "setattr", NULL);
	else
		node->ops->setattr(node, req, attr, what, fi);
}

/* ENOSYS: the kernel does not ask again, which makes ls -l ten times faster. */
static void
op_getxattr(fuse_req_t req, fuse_ino_t number, const char *name, size_t size)
{
	(void)number;
	(void)name;
	(void)size;
	fuse_reply_err(req, ENOSYS);
}

/* cp -p and install set an ACL that only repeats the mode. */
static void
op_setxattr(fuse_req_t req, fuse_ino_t number, const char *name, const char *value, size_t size, int flags)
{
	(void)value;
	(void)size;
	(void)flags;
	if (node_of(req, number)->ops->setattr == NULL)
		fuse_reply_err(req, EACCES);
	else
		fuse_reply_err(req, strstr(name, "posix_acl") != NULL ? 0 : ENOTSUP);
}

/* The same tools remove the ACL if the source has none. */
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
	struct kv_node *node = node_of(req, number);

	if (is_refused(req))
		return;
	if (node->ops->open == NULL)
		fuse_reply_err(req, EISDIR);
	else if (node->ops->write == NULL && (fi->flags & O_ACCMODE) != O_RDONLY)
		kv_ops_refuse_write(node, req, "open", NULL);
	else
		node->ops->open(node, req, fi);
}

static void
op_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);

	if (!is_refused(req))
		node->ops->read(node, req, size, offset, fi);
}

static void
op_write(
    fuse_req_t req, fuse_ino_t number, const char *data, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);

	if (!is_refused(req))
		node->ops->write(node, req, data, size, offset, fi);
}

/* Served while the mount ends too, which waits for restores in flight. */
static void
op_flush(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);

	if (node->ops->flush == NULL)
		fuse_reply_err(req, 0);
	else
		node->ops->flush(node, req, fi);
}

static void
op_fsync(fuse_req_t req, fuse_ino_t number, int is_data_only, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);

	(void)is_data_only;
	(void)fi;
	if (node->ops->fsync == NULL)
		fuse_reply_err(req, 0);
	else
		node->ops->fsync(node, req);
}

/* RELEASE and RELEASEDIR. */
static void
op_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
	(void)number;
	kv_handle_close(kv_handle_of(fi));
	fuse_reply_err(req, 0);
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

/* ---- changing names ---- */

/* Returns the folder if its names can be changed. Otherwise answers req and returns NULL. */
static struct kv_node *
writable_folder(fuse_req_t req, fuse_ino_t number, const char *op, const char *name)
{
	struct kv_node *folder = node_of(req, number);

	if (is_refused(req))
		return NULL;
	if (folder->ops->create != NULL)
		return folder;
	kv_ops_refuse_write(folder, req, op, name);
	return NULL;
}

static void
op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct kv_node *folder = writable_folder(req, parent, "create", name);

	if (folder != NULL)
		folder->ops->create(folder, req, name, mode, fi);
}

static void
op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct kv_node *folder = writable_folder(req, parent, "mkdir", name);

	(void)mode;
	if (folder != NULL)
		folder->ops->mkdir(folder, req, name);
}

static void
op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct kv_node *folder = node_of(req, parent);

	if (is_refused(req))
		return;
	if (folder->ops->unlink == NULL)
		kv_ops_refuse_write(folder, req, "unlink", name);
	else
		folder->ops->unlink(folder, req, name);
}

static void
op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct kv_node *folder = node_of(req, parent);

	if (is_refused(req))
		return;
	if (folder->ops->rmdir == NULL)
		kv_ops_refuse_write(folder, req, "rmdir", name);
	else
		folder->ops->rmdir(folder, req, name);
}

static void
op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name,
    unsigned int flags)
{
	struct kv_node *folder = node_of(req, parent), *to;

	if (folder->ops->move_out != NULL) {
		if (!is_refused(req))
			folder->ops->move_out(folder, req, name, node_of(req, new_parent), new_name, flags);
		return;
	}
	folder = writable_folder(req, parent, "rename", name);
	to = folder != NULL ? writable_folder(req, new_parent, "rename", new_name) : NULL;
	if (to == NULL)
		return;
	if (to->ops != folder->ops || to->branch != folder->branch)
		fuse_reply_err(req, EXDEV);
	else
		folder->ops->rename(folder, req, name, to, new_name, flags);
}

/* Links and devices: even a writable folder accepts only regular files and folders. */
static void
refuse_kind(fuse_req_t req, fuse_ino_t parent, const char *op, const char *name)
{
	if (writable_folder(req, parent, op, name) != NULL)
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
	.releasedir = op_release,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.removexattr = op_removexattr,
	.create = op_create,
	.fallocate = op_fallocate,
};
