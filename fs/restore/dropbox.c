/*
 * Files of the drop box: made, opened, written, released. What a close is told is in fs/restore/close.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "client/vault/audit.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "fs/object/file.h"
#include "fs/object/folder.h"
#include "fs/restore/classify.h"
#include "fs/restore/confirm.h"
#include "fs/restore/dropbox.h"
#include "fs/restore/recall.h"
#include "fs/restore/receipt.h"
#include "fs/restore/submit.h"
#include "fs/restore/upload.h"

#define MODULE	   "restore"
#define STAGING_MS ((int64_t)10 * 60 * 1000) /* how long a staged file waits for its real name */

struct kv_dropbox_handle *
kv_dropbox_handle(const struct fuse_file_info *fi)
{
	return fi != NULL ? (struct kv_dropbox_handle *)(uintptr_t)fi->fh : NULL;
}

/* ---- the log ---- */

void
kv_dropbox_say(
    const struct kv_dropbox *box, const char *file, const struct kv_caller *caller, int err, const char *why)
{
	kv_log_event(KV_LOG_NOTICE, MODULE,
	    "vault=%s op=restore file=%s errno=%s uid=%u pid=%d cmd=%s why=%s",
	    kv_vault_name(box->mount->volume->vault), file, err != 0 ? kv_err_name(err) : "", caller->uid,
	    caller->pid, caller->command, why);
}

void
kv_dropbox_say_of(const struct kv_dropbox *box, const struct kv_node *node, int err, const char *why)
{
	kv_dropbox_say(box, node->name, &node->upload->writer, err, why);
}

/* ---- names ---- */

/* The name of a staged file that nobody has open was never made real. */
static void
expired(void *arg)
{
	struct kv_node *node = arg;
	struct kv_dropbox *box = node->upload->dropbox;

	if (node->parent == NULL || !kv_upload_is_staging(node->name))
		return; /* removed, or renamed and restored */
	if (node->upload->state == KV_UPLOAD_SENDING) {
		kv_timer_set(&node->upload->expiry, STAGING_MS);
		return;
	}
	kv_dropbox_say_of(box, node, 0, "dropped: it was never renamed to its real name");
	kv_dropbox_detach(node);
}

int
kv_dropbox_make(struct kv_dropbox *box, struct kv_node *folder, const char *name, struct kv_node **node)
{
	int err;

	*node = NULL;
	if (name[0] == '.' && !kv_upload_is_staging(name))
		return -EINVAL;
	kv_dropbox_free_name(folder, name);
	err = kv_tree_make(folder, KV_NODE_DROP_FILE, name, node);
	if (err != 0)
		return err;
	(*node)->upload = kv_upload_new(box->mount->loop, &box->staged, expired, *node);
	if ((*node)->upload == NULL) {
		kv_tree_remove(*node);
		*node = NULL;
		return -ENOMEM;
	}
	(*node)->upload->dropbox = box;
	return 0;
}

void
kv_dropbox_detach(struct kv_node *node)
{
	struct kv_upload *u = node->upload;

	kv_timer_stop(&u->expiry);
	if (u->n_handles == 0)
		kv_upload_abandon(u);
	kv_tree_remove(node);
}

struct kv_node *
kv_dropbox_child(struct kv_node *folder, const char *name)
{
	struct kv_node *node = kv_tree_child(folder, name);
	const bool is_file = node != NULL && node->kind == KV_NODE_DROP_FILE;

	return is_file && !kv_upload_is_visible(node->upload) && !kv_upload_is_staging(name) ? NULL : node;
}

void
kv_dropbox_free_name(struct kv_node *folder, const char *name)
{
	struct kv_node *node = kv_tree_child(folder, name);

	if (node != NULL && kv_dropbox_child(folder, name) == NULL)
		kv_dropbox_detach(node);
}

/* ---- open ---- */

static struct kv_dropbox_handle *
new_handle(struct kv_dropbox *box, fuse_req_t req, struct kv_node *node, const struct fuse_file_info *fi)
{
	struct kv_dropbox_handle *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->node = node;
	h->is_writer = (fi->flags & O_ACCMODE) != O_RDONLY;
	h->writer = (struct kv_writer){ .id = ++box->n_opened };
	if (h->is_writer)
		kv_request_caller(req, &node->upload->writer);
	LIST_INSERT_HEAD(&box->handles, h, link);
	node->upload->n_handles++;
	kv_timer_stop(&node->upload->expiry);
	kv_tree_opened(node);
	return h;
}

/* The last one: what has become nothing goes. */
static void
settle(struct kv_dropbox *box, struct kv_node *node)
{
	struct kv_upload *u = node->upload;

	if (node->parent == NULL) {
		kv_upload_abandon(u);
		return;
	}
	if (kv_upload_is_staging(node->name)) {
		kv_timer_set(&u->expiry, STAGING_MS);
		return;
	}
	if (u->state == KV_UPLOAD_OPEN && !u->was_judged)
		kv_dropbox_say_of(box, node, -EINVAL,
		    u->data.len == 0 ? "the file is empty: nothing was restored" :
				       "the file was written after its close: nothing was restored");
	if (u->state == KV_UPLOAD_OPEN || !kv_upload_is_visible(u))
		kv_dropbox_detach(node);
}

static void
close_handle(struct kv_dropbox *box, struct kv_dropbox_handle *h)
{
	struct kv_node *node = h->node;

	LIST_REMOVE(h, link);
	free(h);
	if (--node->upload->n_handles == 0)
		settle(box, node);
	kv_tree_closed(node);
}

/* What was restored under this name counts no more, once another content begins. */
static void
forget_replaced(struct kv_dropbox *box, const struct kv_node *node, enum kv_upload_state before)
{
	if (before == KV_UPLOAD_DONE && node->upload->state != KV_UPLOAD_DONE && node->parent != NULL)
		kv_receipts_forget(box->receipts, node->parent, node->name);
}

static int
empty(struct kv_dropbox *box, struct kv_dropbox_handle *h)
{
	struct kv_upload *u = h->node->upload;
	const enum kv_upload_state before = u->state;
	const int err = kv_upload_truncate(u, &h->writer, 0);

	if (err == 0)
		h->writer.content = u->content;
	forget_replaced(box, h->node, before);
	return err;
}

static void
reply_open(struct kv_dropbox *box, fuse_req_t req, struct kv_node *node, struct fuse_file_info *fi)
{
	struct kv_dropbox_handle *h = new_handle(box, req, node, fi);
	const int err = h == NULL ? -ENOMEM : fi->flags & O_TRUNC ? empty(box, h) : 0;

	if (err != 0) {
		if (h != NULL)
			close_handle(box, h);
		fuse_reply_err(req, -err);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)h;
	fi->direct_io = 1;
	if (fuse_reply_open(req, fi) != 0)
		close_handle(box, h);
}

void
kv_dropbox_open(struct kv_dropbox *box, fuse_req_t req, struct kv_node *node, struct fuse_file_info *fi)
{
	reply_open(box, req, node, fi);
}

static void
reply_create(struct kv_dropbox *box, fuse_req_t req, struct kv_node *node, struct fuse_file_info *fi)
{
	struct kv_dropbox_handle *h = new_handle(box, req, node, fi);
	struct fuse_entry_param entry;

	if (h == NULL) {
		kv_dropbox_detach(node);
		fuse_reply_err(req, ENOMEM);
		return;
	}
	h->writer.content = node->upload->content;
	fi->fh = (uint64_t)(uintptr_t)h;
	fi->direct_io = 1;
	kv_folder_entry(box->mount, node, &entry);
	kv_tree_looked_up(node);
	if (fuse_reply_create(req, &entry, fi) != 0) {
		close_handle(box, h);
		kv_tree_forget(node, 1);
	}
}

void
kv_dropbox_create(struct kv_dropbox *box, fuse_req_t req, struct kv_node *folder, const char *name,
    mode_t mode, struct fuse_file_info *fi)
{
	struct kv_node *node;
	struct kv_caller caller;
	const int err = kv_dropbox_make(box, folder, name, &node);

	if (err != 0) {
		kv_request_caller(req, &caller);
		kv_dropbox_say(
		    box, name, &caller, err, err == -EINVAL ? "a blob's file cannot begin with a dot" : NULL);
		fuse_reply_err(req, -err);
		return;
	}
	node->upload->mode = mode & 07777;
	node->upload->uid = fuse_req_ctx(req)->uid;
	node->upload->gid = fuse_req_ctx(req)->gid;
	reply_create(box, req, node, fi);
}

/* ---- read and write ---- */

void
kv_dropbox_read(fuse_req_t req, const struct kv_node *node, size_t size, off_t offset)
{
	const struct kv_buf *data = &node->upload->data;
	const size_t at = (size_t)offset;

	if (node->upload->state != KV_UPLOAD_OPEN)
		fuse_reply_err(req, EACCES); /* a receipt: the content is in the vault */
	else if (at >= data->len)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(
		    req, (const char *)data->data + at, size < data->len - at ? size : data->len - at);
}

/* A line for a file that a write has broken. */
static void
say_broken(const struct kv_dropbox *box, const struct kv_node *node, int err)
{
	kv_dropbox_say_of(box, node, err,
	    err == -EINVAL    ? "this is no blob: nothing was restored" :
		err == -EFBIG ? "larger than any blob: nothing was restored" :
		err == -ENOSPC ?
				"too many files are being written at once: nothing of this one was restored" :
				NULL);
}

/* The first bytes of a file that is not being staged must look like a blob's. */
static int
check_start(const struct kv_node *node, const char *data, size_t size)
{
	if (node->parent == NULL || kv_upload_is_staging(node->name) ||
	    kv_classify_may_begin((const unsigned char *)data, size, node->parent))
		return 0;
	return -EINVAL;
}

void
kv_dropbox_write(struct kv_dropbox *box, fuse_req_t req, struct kv_node *node, const char *data, size_t size,
    off_t offset, struct fuse_file_info *fi)
{
	struct kv_dropbox_handle *h = kv_dropbox_handle(fi);
	struct kv_upload *u = node->upload;
	const enum kv_upload_state before = u->state;
	int err = offset >= 0 ? kv_upload_write(u, &h->writer, data, size, (size_t)offset) : -EINVAL;

	if (err == 0 && offset == 0 && (err = check_start(node, data, size)) != 0)
		kv_upload_break(u, err);
	forget_replaced(box, node, before);
	if (u->state == KV_UPLOAD_BROKEN && before != KV_UPLOAD_BROKEN) {
		box->mount->n_failed++;
		say_broken(box, node, err);
	}
	if (err != 0)
		fuse_reply_err(req, -err);
	else
		fuse_reply_write(req, size);
}

/* ---- attributes ---- */

static int64_t
to_ns(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int
resize(struct kv_dropbox *box, struct kv_node *node, off_t size, struct kv_dropbox_handle *h)
{
	struct kv_upload *u = node->upload;
	const enum kv_upload_state before = u->state;
	int err;

	if (size < 0 || (h == NULL && u->n_handles == 0 && (size_t)size != kv_upload_size(u)))
		return -EINVAL; /* nobody would close it */
	err = kv_upload_truncate(u, h != NULL ? &h->writer : NULL, (size_t)size);
	forget_replaced(box, node, before);
	return err;
}

/* Tools set mode, owner and times of what they write, and fail if they cannot: remembered with the receipt. */
void
kv_dropbox_setattr(struct kv_dropbox *box, fuse_req_t req, struct kv_node *node, const struct stat *attr,
    int what, struct fuse_file_info *fi)
{
	struct kv_upload *u = node->upload;
	const int err =
	    what & FUSE_SET_ATTR_SIZE ? resize(box, node, attr->st_size, kv_dropbox_handle(fi)) : 0;

	if (err != 0) {
		fuse_reply_err(req, -err);
		return;
	}
	if (what & FUSE_SET_ATTR_MODE)
		u->mode = attr->st_mode & 07777;
	if (what & FUSE_SET_ATTR_UID)
		u->uid = attr->st_uid;
	if (what & FUSE_SET_ATTR_GID)
		u->gid = attr->st_gid;
	if (what & FUSE_SET_ATTR_MTIME)
		u->wall_mtime_ns = to_ns(attr->st_mtim);
	if (what & FUSE_SET_ATTR_MTIME_NOW)
		u->wall_mtime_ns = kv_clock_wall_s() * 1000000000;
	kv_receipts_note(box->receipts, node);
	kv_file_reply_attributes(box->mount, req, node);
}

void
kv_dropbox_release(struct kv_dropbox *box, fuse_req_t req, struct fuse_file_info *fi)
{
	close_handle(box, kv_dropbox_handle(fi));
	fuse_reply_err(req, 0);
}

/* ---- the whole ---- */

int
kv_dropbox_under_way(const struct kv_dropbox *box)
{
	return box->n_submits;
}

void
kv_dropbox_say_lost(struct kv_dropbox *box)
{
	const struct kv_node *node;

	kv_submit_say_lost(box);
	LIST_FOREACH(node, &box->mount->tree.all, all) {
		if (node->upload == NULL || node->upload->state != KV_UPLOAD_OPEN ||
		    node->upload->data.len == 0)
			continue;
		box->mount->n_failed++;
		kv_dropbox_say_of(
		    box, node, -EIO, "the mount ended before it was closed: nothing was restored");
	}
}

void
kv_dropbox_check(const struct kv_dropbox *box)
{
	const struct kv_dropbox_handle *h;
	const struct kv_node *node;
	unsigned int n_handles = 0;
	size_t staged = 0;
	int n_sending = 0;

	LIST_FOREACH(node, &box->mount->tree.all, all) {
		if (node->upload == NULL)
			continue;
		kv_upload_check(node->upload);
		staged += node->upload->data.len;
		n_handles += node->upload->n_handles;
		n_sending += node->upload->state == KV_UPLOAD_SENDING;
		/* bytes that nobody can send any more are not kept */
		assert(node->parent != NULL || node->upload->n_handles > 0 || node->upload->data.len == 0);
	}
	assert(staged == box->staged);
	assert(n_sending == box->n_submits);
	LIST_FOREACH(h, &box->handles, link) {
		assert(h->writer.content <= h->node->upload->content);
		n_handles--;
	}
	assert(n_handles == 0);
}

struct kv_dropbox *
kv_dropbox_new(struct kv_mount *mount)
{
	struct kv_dropbox *box = calloc(1, sizeof(*box));

	if (box == NULL)
		return NULL;
	box->mount = mount;
	LIST_INIT(&box->handles);
	LIST_INIT(&box->submits);
	box->receipts = kv_receipts_new(mount->volume->index.receipts);
	box->confirms = kv_confirms_new(mount->volume->throttle);
	box->stream = kv_recall_stream_new();
	if (box->receipts == NULL || box->confirms == NULL || box->stream == NULL) {
		kv_dropbox_free(box);
		return NULL;
	}
	return box;
}

void
kv_dropbox_stop(struct kv_dropbox *box)
{
	struct kv_dropbox_handle *h;

	if (box == NULL)
		return;
	kv_submit_stop_all(box);
	while ((h = LIST_FIRST(&box->handles)) !=
	    NULL) { /* an unmount comes before the kernel's last releases */
		LIST_REMOVE(h, link);
		h->node->upload->n_handles--;
		kv_tree_closed(h->node);
		free(h);
	}
}

void
kv_dropbox_free(struct kv_dropbox *box)
{
	if (box == NULL)
		return;
	free(box->stream);
	kv_confirms_free(box->confirms);
	kv_receipts_free(box->receipts);
	free(box);
}
