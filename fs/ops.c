/*
 * The FUSE callbacks: translate, call, reply once. What a request needs is in fs/folder (names),
 * fs/file (blobs) and fs/restore (the drop box); here is which of them a node goes to, and what is
 * refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cache/audit.h"
#include "cache/object.h"
#include "client/clock.h"
#include "client/log.h"
#include "fs/control.h"
#include "fs/restore/upload.h"
#include "fs/file.h"
#include "fs/folder.h"
#include "fs/restore/receipt.h"
#include "fs/request.h"
#include "fs/restore/submit.h"

#define MODULE	  "fs"
#define IS_WRITER 1 /* in the fh of a file of the drop box */

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
	struct kv_buf line, object;

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
	kv_buf_init(&line, 1024);
	kv_log_field(&line, "vault", kv_vault_name(m->vault));
	kv_log_field(&line, "op", what);
	kv_log_field(&line, "object", kv_buf_str(&object));
	kv_log_field(&line, "errno", "EACCES");
	kv_audit_caller(&line, &caller);
	kv_log_field(&line, "why",
	    m->tree.drop != NULL ?
		"only restore/ can be written: copy the blob into restore/keys/, restore/secrets/ or restore/certificates/" :
		"the mount is read-only");
	kv_log_write(KV_LOG_NOTICE, MODULE, "%s", kv_buf_str(&line));
	kv_buf_release(&line);
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
reply_attr(fuse_req_t req, struct kv_node *node)
{
	struct stat attr;

	kv_file_attributes(mount_of(req), node, &attr);
	fuse_reply_attr(req, &attr, kv_file_attr_valid_s(mount_of(req), node));
}

static void
op_getattr(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);

	(void)fi;
	if (node->kind != KV_NODE_BLOB)
		reply_attr(req, node);
	else if (!is_refused(req))
		kv_file_getattr(mount_of(req), req, node);
}

static int64_t
to_ns(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Tools set mode, owner and times of what they write, and fail if they cannot: remembered with the receipt. */
static void
op_setattr(fuse_req_t req, fuse_ino_t number, struct stat *attr, int what, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);
	struct kv_drop *drop = node->drop;
	int err = 0;

	(void)fi;
	if (node->kind == KV_NODE_DROP_FOLDER) {
		reply_attr(req, node);
		return;
	}
	if (node->kind != KV_NODE_DROP_FILE) {
		refuse_write(req, "setattr", node, NULL);
		return;
	}
	if (what & FUSE_SET_ATTR_SIZE)
		err = attr->st_size >= 0 ? kv_drop_truncate(drop, (size_t)attr->st_size) : -EINVAL;
	if (err != 0) {
		fuse_reply_err(req, -err);
		return;
	}
	if (what & FUSE_SET_ATTR_MODE)
		drop->mode = attr->st_mode & 07777;
	if (what & FUSE_SET_ATTR_UID)
		drop->uid = attr->st_uid;
	if (what & FUSE_SET_ATTR_GID)
		drop->gid = attr->st_gid;
	if (what & FUSE_SET_ATTR_MTIME)
		drop->wall_mtime_ns = to_ns(attr->st_mtim);
	if (what & FUSE_SET_ATTR_MTIME_NOW)
		drop->wall_mtime_ns = kv_clock_wall_s() * 1000000000;
	kv_receipts_note(mount_of(req)->receipts, node);
	reply_attr(req, node);
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
	struct kv_node *node = node_of(req, number);
	int err = 0;

	if (is_refused(req))
		return;
	if ((node->kind == KV_NODE_BLOB || node->kind == KV_NODE_CONTROL) &&
	    (fi->flags & O_ACCMODE) != O_RDONLY) {
		refuse_write(req, "open", node, NULL);
		return;
	}
	if (node->kind == KV_NODE_CONTROL) {
		kv_control_open(mount_of(req), req, node->control, fi);
		return;
	}
	if (node->kind == KV_NODE_BLOB) {
		kv_file_open(mount_of(req), req, node, fi);
		return;
	}
	if (fi->flags & O_TRUNC)
		err = kv_drop_truncate(node->drop, 0);
	if (err != 0) {
		fuse_reply_err(req, -err);
		return;
	}
	kv_timer_stop(&node->drop->expiry);
	if ((fi->flags & O_ACCMODE) != O_RDONLY) {
		fi->fh = IS_WRITER;
		kv_request_caller(req, &node->drop->writer);
	}
	fi->direct_io = 1;
	kv_tree_opened(node);
	if (fuse_reply_open(req, fi) != 0)
		kv_tree_closed(node);
}

static void
op_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);
	const struct kv_buf *data;

	if (is_refused(req))
		return;
	if (node->kind == KV_NODE_BLOB) {
		kv_file_read(mount_of(req), req, size, offset, fi);
		return;
	}
	if (node->kind == KV_NODE_CONTROL) {
		kv_control_read(req, size, offset, fi);
		return;
	}
	data = &node->drop->data;
	if (node->drop->state != KV_DROP_WRITING)
		fuse_reply_err(req, EACCES); /* a receipt: the content is in the vault */
	else if ((size_t)offset >= data->len)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, (const char *)data->data + offset,
		    size < data->len - (size_t)offset ? size : data->len - (size_t)offset);
}

static void
op_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);

	if (node->kind == KV_NODE_BLOB) {
		kv_file_release(mount_of(req), req, fi);
		return;
	}
	if (node->kind == KV_NODE_CONTROL) {
		kv_control_release(req, fi);
		return;
	}
	if (node->n_open == 1) {
		node->n_lookup++; /* it may lose its name */
		kv_restore_closed(mount_of(req)->restores, node);
		kv_tree_closed(node);
		kv_tree_forget(node, 1);
	} else {
		kv_tree_closed(node);
	}
	fuse_reply_err(req, 0);
}

/* ---- the drop box ---- */

/* A FLUSH or RENAME that waits for the vault's answer. */
struct committing {
	struct kv_mount *mount;
	struct kv_request *request;
	struct kv_restore_wait *wait;
	struct kv_node *node, *folder; /* of a rename; kept open */
	char *name;
};

static void
free_committing(struct committing *c)
{
	kv_restore_cancel(c->wait);
	if (c->name != NULL) {
		kv_tree_closed(c->node);
		kv_tree_closed(c->folder);
	}
	free(c->name);
	free(c);
}

static void
cancel_committing(void *arg)
{
	free_committing(arg);
}

static void
committed(void *arg, int err)
{
	struct committing *c = arg;

	c->wait = NULL;
	if (err == 0 && c->name != NULL && c->node->parent != NULL)
		err = kv_tree_move(c->node, c->folder, c->name);
	if (err == 0)
		kv_receipts_note(c->mount->receipts, c->node);
	kv_request_fail(c->request, err);
	free_committing(c);
}

/* Restore node's content; the answer is req's. folder and name: its new place, NULL where it stays. */
static void
commit(fuse_req_t req, struct kv_node *node, struct kv_node *folder, const char *name)
{
	struct kv_mount *m = mount_of(req);
	struct kv_request *request = kv_request_new(m, req);
	struct committing *c;
	int err;

	if (request == NULL)
		return;
	c = calloc(1, sizeof(*c));
	if (c == NULL || (name != NULL && (c->name = strdup(name)) == NULL)) {
		free(c);
		kv_request_fail(request, -ENOMEM);
		return;
	}
	c->mount = m;
	c->request = request;
	c->node = node;
	c->folder = folder;
	if (name != NULL) {
		kv_tree_opened(node);
		kv_tree_opened(folder);
	}
	err = kv_restore_commit(m->restores, node, folder != NULL ? folder : node->parent,
	    name != NULL ? name : node->name, &request->caller, committed, c, &c->wait);
	if (err == -EINPROGRESS) {
		request->is_sent = true;
		kv_request_wait(request, cancel_committing, c);
		return;
	}
	committed(c, err);
}

static void
op_flush(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);

	if (node->kind != KV_NODE_DROP_FILE || fi->fh != IS_WRITER || node->parent == NULL ||
	    kv_drop_is_staging(node->name)) {
		const bool repeats = node->kind == KV_NODE_DROP_FILE && node->drop->state == KV_DROP_FAILED;

		fuse_reply_err(req, repeats ? -node->drop->err : 0);
		return;
	}
	commit(req, node, NULL, NULL);
}

static void
op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct kv_mount *m = mount_of(req);
	struct kv_node *folder = node_of(req, parent), *node;
	struct fuse_entry_param entry;
	int err;

	if (is_refused(req))
		return;
	if (folder->kind != KV_NODE_DROP_FOLDER) {
		refuse_write(req, "create", folder, name);
		return;
	}
	err = kv_restore_make(m->restores, folder, name, &node);
	if (err != 0) {
		if (err == -EINVAL)
			kv_log_write(KV_LOG_NOTICE, MODULE,
			    "op=create errno=EINVAL why=\"a blob's file cannot begin with a dot\"");
		fuse_reply_err(req, -err);
		return;
	}
	node->drop->mode = mode & 07777;
	node->drop->uid = fuse_req_ctx(req)->uid;
	node->drop->gid = fuse_req_ctx(req)->gid;
	kv_request_caller(req, &node->drop->writer);
	fi->fh = IS_WRITER;
	fi->direct_io = 1;
	kv_folder_entry(m, node, &entry);
	kv_tree_looked_up(node);
	kv_tree_opened(node);
	if (fuse_reply_create(req, &entry, fi) != 0) {
		kv_tree_closed(node);
		kv_tree_forget(node, 1);
	}
}

static void
op_write(
    fuse_req_t req, fuse_ino_t number, const char *data, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct kv_node *node = node_of(req, number);
	int err;

	(void)fi;
	if (is_refused(req))
		return;
	err = offset >= 0 ? kv_drop_write(node->drop, data, size, (size_t)offset) : -EINVAL;
	if (err != 0)
		fuse_reply_err(req, -err);
	else
		fuse_reply_write(req, size);
}

static void
op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct kv_node *folder = node_of(req, parent), *node;
	int err;

	(void)mode;
	if (folder->kind != KV_NODE_DROP_FOLDER) {
		refuse_write(req, "mkdir", folder, name);
		return;
	}
	err = kv_tree_make(folder, KV_NODE_DROP_FOLDER, name, &node);
	if (err != 0)
		fuse_reply_err(req, -err);
	else
		kv_folder_reply(mount_of(req), req, node);
}

/* A receipt's name can always be removed: the object stays in the vault. */
static void
op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct kv_node *folder = node_of(req, parent), *node;

	if (folder->kind != KV_NODE_DROP_FOLDER) {
		refuse_write(req, "unlink", folder, name);
		return;
	}
	node = kv_tree_child(folder, name);
	if (node != NULL) {
		kv_receipts_forget(mount_of(req)->receipts, node);
		kv_tree_remove(node);
	}
	fuse_reply_err(req, node != NULL ? 0 : ENOENT);
}

static void
op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name,
    unsigned int flags)
{
	struct kv_node *folder = node_of(req, parent), *to = node_of(req, new_parent), *node;
	int err;

	if (is_refused(req))
		return;
	if (folder->kind != KV_NODE_DROP_FOLDER || to->kind != KV_NODE_DROP_FOLDER) {
		refuse_write(req, "rename", folder, name);
		return;
	}
	node = kv_tree_child(folder, name);
	if (node == NULL || flags != 0) {
		fuse_reply_err(req, node == NULL ? ENOENT : EINVAL);
		return;
	}
	if (node->kind == KV_NODE_DROP_FILE && kv_drop_is_staging(name) && !kv_drop_is_staging(new_name)) {
		commit(req, node, to, new_name);
		return;
	}
	kv_receipts_forget(mount_of(req)->receipts, node);
	err = kv_tree_move(node, to, new_name);
	kv_receipts_note(mount_of(req)->receipts, node);
	fuse_reply_err(req, -err);
}

/* No tool calls it, and what counts is the close. */
static void
op_fsync(fuse_req_t req, fuse_ino_t number, int is_data_only, struct fuse_file_info *fi)
{
	(void)number;
	(void)is_data_only;
	(void)fi;
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

const struct fuse_lowlevel_ops kv_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_unlink,
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
