/*
 * Creating, opening, writing and releasing files of the drop box. fs/dropbox/close decides what a close
 * returns.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/vault/audit.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "fs/mount/entry.h"
#include "fs/mount/request.h"
#include "fs/dropbox/confirm.h"
#include "fs/dropbox/dropbox.h"
#include "fs/dropbox/recall.h"
#include "fs/dropbox/receipt.h"
#include "fs/dropbox/submit.h"
#include "fs/dropbox/upload.h"

#define STAGING_MS ((int64_t)10 * 60 * 1000) /* how long a staged file may wait for its rename */

/* ---- the log ---- */

static void
log_at(enum kv_log_level level, const struct kv_dropbox *box, const char *what,
    const struct kv_caller *caller, int err, const char *why)
{
	kv_log_event(level, box->kind->name, "vault=%s op=%s file=%s errno=%s uid=%u pid=%d cmd=%s why=%s",
	    kv_vault_name(box->branch->volume->vault), box->kind->name, what,
	    err != 0 ? kv_err_name(err) : "", caller->uid, caller->pid, caller->command, why);
}

void
kv_dropbox_log(
    const struct kv_dropbox *box, const char *what, const struct kv_caller *caller, int err, const char *why)
{
	log_at(KV_LOG_NOTICE, box, what, caller, err, why);
}

void
kv_dropbox_log_usual(
    const struct kv_dropbox *box, const char *what, const struct kv_caller *caller, const char *why)
{
	log_at(KV_LOG_INFO, box, what, caller, 0, why);
}

void
kv_dropbox_log_file(const struct kv_dropbox *box, const struct kv_drop *file, int err, const char *why)
{
	kv_dropbox_log(box, file->name, &file->upload->writer, err, why);
}

void
kv_dropbox_log_nothing(const struct kv_dropbox *box, const struct kv_drop *file, int err, const char *why)
{
	char text[512];

	snprintf(text, sizeof(text), "%s: nothing was %s", why, box->kind->done);
	kv_dropbox_log_file(box, file, err, text);
}

/* ---- names ---- */

/* A staged file that nobody has open was never renamed: remove it. */
static void
expired(void *arg)
{
	struct kv_drop *file = arg;
	struct kv_dropbox *box = file->dropbox;

	if (file->parent == NULL || !kv_upload_is_staging(file->name))
		return; /* removed, or renamed and sent */
	if (file->upload->state == KV_UPLOAD_SENDING) {
		kv_timer_set(&file->upload->expiry, STAGING_MS);
		return;
	}
	kv_dropbox_log_file(box, file, 0, "discarded: it was not renamed within 10 minutes");
	kv_dropbox_detach(file);
}

/* Why no file can have this name; NULL: it can. */
static const char *
refuse_name(const struct kv_dropbox *box, const char *name)
{
	if (kv_upload_is_staging(name))
		return NULL;
	if (name[0] == '.')
		return "the name of a file cannot begin with a dot here";
	return box->kind->refuse_name != NULL ? box->kind->refuse_name(name) : NULL;
}

int
kv_dropbox_make(struct kv_dropbox *box, struct kv_drop *folder, const char *name, struct kv_drop **file)
{
	struct kv_upload *upload;
	int err;

	*file = NULL;
	if (refuse_name(box, name) != NULL)
		return -EINVAL;
	kv_dropbox_free_name(folder, name);
	upload = kv_upload_new(box->branch->mount->loop, &box->staged, box->kind->most);
	if (upload == NULL)
		return -ENOMEM;
	err = kv_drop_make_file(folder, name, upload, file);
	if (err != 0)
		kv_upload_free(upload);
	else
		kv_upload_on_expiry(upload, expired, *file);
	return err;
}

void
kv_dropbox_detach(struct kv_drop *file)
{
	struct kv_upload *u = file->upload;

	kv_timer_stop(&u->expiry);
	if (u->n_handles == 0)
		kv_upload_abandon(u);
	kv_drop_remove(file);
}

struct kv_drop *
kv_dropbox_child(struct kv_drop *folder, const char *name)
{
	struct kv_drop *file = kv_drop_child(folder, name);

	return file != NULL && !kv_drop_is_folder(file) && !kv_upload_is_visible(file->upload) &&
		!kv_upload_is_staging(name) ?
	    NULL :
	    file;
}

void
kv_dropbox_free_name(struct kv_drop *folder, const char *name)
{
	struct kv_drop *file = kv_drop_child(folder, name);

	if (file != NULL && kv_dropbox_child(folder, name) == NULL)
		kv_dropbox_detach(file);
}

/* ---- open ---- */

static struct kv_dropbox_handle *
new_handle(fuse_req_t req, struct kv_drop *file, const struct fuse_file_info *fi)
{
	struct kv_dropbox *box = file->dropbox;
	struct kv_dropbox_handle *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->file = file;
	h->is_writer = (fi->flags & O_ACCMODE) != O_RDONLY;
	h->writer = (struct kv_writer){ .id = ++box->n_opened };
	if (h->is_writer)
		kv_request_caller(req, &file->upload->writer);
	LIST_INSERT_HEAD(&box->handles, h, link);
	file->upload->n_handles++;
	kv_timer_stop(&file->upload->expiry);
	return h;
}

/* The last handle was closed: a file that was not sent is removed. */
static void
settle(struct kv_dropbox *box, struct kv_drop *file)
{
	struct kv_upload *u = file->upload;

	if (file->parent == NULL) {
		kv_upload_abandon(u);
		return;
	}
	if (kv_upload_is_staging(file->name)) {
		kv_timer_set(&u->expiry, STAGING_MS);
		return;
	}
	if (u->state == KV_UPLOAD_OPEN && !u->was_judged)
		kv_dropbox_log_nothing(box, file, -EINVAL,
		    u->data.len == 0 ? "the file is empty" : "the file was written after its close");
	if (u->state == KV_UPLOAD_OPEN || !kv_upload_is_visible(u))
		kv_dropbox_detach(file);
}

/* After kv_dropbox_stop() nothing is left to settle: lost bytes have already been logged. */
static void
close_handle(struct kv_handle *handle)
{
	struct kv_dropbox_handle *h = (struct kv_dropbox_handle *)handle;
	struct kv_drop *file = h->file;

	LIST_REMOVE(h, link);
	free(h);
	if (--file->upload->n_handles == 0 && !file->dropbox->is_stopped)
		settle(file->dropbox, file);
}

/* When a new content is started, the previous one's receipt becomes invalid. */
static void
forget_replaced(const struct kv_drop *file, enum kv_upload_state before)
{
	if (before == KV_UPLOAD_DONE && file->upload->state != KV_UPLOAD_DONE && file->parent != NULL)
		kv_receipts_forget(file->dropbox->receipts, file->parent, file->name);
}

static int
empty(struct kv_dropbox_handle *h)
{
	struct kv_upload *u = h->file->upload;
	const enum kv_upload_state before = u->state;
	const int err = kv_upload_truncate(u, &h->writer, 0);

	if (err == 0)
		h->writer.content = u->content;
	forget_replaced(h->file, before);
	return err;
}

void
kv_dropbox_open(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi)
{
	struct kv_drop *file = kv_drop_of(node);
	struct kv_dropbox_handle *h = new_handle(req, file, fi);
	int err;

	if (h == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	kv_handle_open(&h->handle, node, close_handle, fi);
	fi->direct_io = 1;
	err = fi->flags & O_TRUNC ? empty(h) : 0;
	if (err != 0)
		fuse_reply_err(req, -err);
	if (err != 0 || fuse_reply_open(req, fi) != 0)
		kv_handle_close(&h->handle);
}

static void
reply_create(fuse_req_t req, struct kv_drop *file, struct fuse_file_info *fi)
{
	struct kv_dropbox_handle *h = new_handle(req, file, fi);
	struct fuse_entry_param entry;

	if (h == NULL) {
		kv_dropbox_detach(file);
		fuse_reply_err(req, ENOMEM);
		return;
	}
	h->writer.content = file->upload->content;
	kv_handle_open(&h->handle, &file->node, close_handle, fi);
	fi->direct_io = 1;
	kv_entry_fill(&file->node, &entry);
	kv_tree_looked_up(&file->node);
	if (fuse_reply_create(req, &entry, fi) != 0) {
		kv_handle_close(&h->handle);
		kv_tree_forget(&file->node, 1);
	}
}

void
kv_dropbox_create(
    struct kv_node *node, fuse_req_t req, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct kv_drop *folder = kv_drop_of(node), *file;
	struct kv_dropbox *box = folder->dropbox;
	struct kv_caller caller;
	const int err = kv_dropbox_make(box, folder, name, &file);

	if (err != 0) {
		kv_request_caller(req, &caller);
		kv_dropbox_log(box, name, &caller, err,
		    err == -ENOENT ? "its folder was removed" : refuse_name(box, name));
		fuse_reply_err(req, -err);
		return;
	}
	file->upload->mode = mode & 07777;
	file->upload->uid = fuse_req_ctx(req)->uid;
	file->upload->gid = fuse_req_ctx(req)->gid;
	reply_create(req, file, fi);
}

/* ---- read and write ---- */

void
kv_dropbox_read(struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi)
{
	const struct kv_upload *u = kv_drop_of(node)->upload;

	(void)fi;
	if (u->state != KV_UPLOAD_OPEN)
		fuse_reply_err(req, EACCES); /* a receipt: the content is in the vault */
	else
		kv_request_reply_slice(req, u->data.data, u->data.len, size, offset);
}

/* A write failed, so the file can never be complete. */
static void
log_broken(const struct kv_dropbox *box, const struct kv_drop *file, int err)
{
	const char *why = err == -EINVAL ? box->kind->wrong_start :
	    err == -EFBIG		 ? box->kind->too_large :
	    err == -ENOSPC		 ? "too much is being written at the same time" :
					   NULL;

	if (why != NULL)
		kv_dropbox_log_nothing(box, file, err, why);
	else
		kv_dropbox_log_file(box, file, err, NULL);
}

/* The first bytes of a file must be right, unless the file is staged. */
static int
check_start(const struct kv_drop *file, const char *data, size_t size)
{
	if (file->parent == NULL || kv_upload_is_staging(file->name) ||
	    file->dropbox->kind->may_begin((const unsigned char *)data, size, file->parent))
		return 0;
	return -EINVAL;
}

void
kv_dropbox_write(struct kv_node *node, fuse_req_t req, const char *data, size_t size, off_t offset,
    struct fuse_file_info *fi)
{
	struct kv_drop *file = kv_drop_of(node);
	struct kv_dropbox *box = file->dropbox;
	struct kv_dropbox_handle *h = (struct kv_dropbox_handle *)kv_handle_of(fi);
	struct kv_upload *u = file->upload;
	const enum kv_upload_state before = u->state;
	int err = offset >= 0 ? kv_upload_write(u, &h->writer, data, size, (size_t)offset) : -EINVAL;

	if (err == 0 && offset == 0 && (err = check_start(file, data, size)) != 0)
		kv_upload_break(u, err);
	forget_replaced(file, before);
	if (u->state == KV_UPLOAD_BROKEN && before != KV_UPLOAD_BROKEN) {
		box->branch->n_failed++;
		log_broken(box, file, err);
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
resize(struct kv_drop *file, off_t size, struct kv_dropbox_handle *h)
{
	struct kv_upload *u = file->upload;
	const enum kv_upload_state before = u->state;
	int err;

	if (size < 0 || (h == NULL && u->n_handles == 0 && (size_t)size != kv_upload_size(u)))
		return -EINVAL; /* no close would follow to send it */
	err = kv_upload_truncate(u, h != NULL ? &h->writer : NULL, (size_t)size);
	forget_replaced(file, before);
	return err;
}

/* Tools set mode, owner and times, and fail if they cannot. The receipt stores them. */
void
kv_dropbox_setattr(
    struct kv_node *node, fuse_req_t req, const struct stat *attr, int what, struct fuse_file_info *fi)
{
	struct kv_drop *file = kv_drop_of(node);
	struct kv_dropbox_handle *h = (struct kv_dropbox_handle *)kv_handle_of(fi);
	struct kv_upload *u = file->upload;
	const int err = what & FUSE_SET_ATTR_SIZE ? resize(file, attr->st_size, h) : 0;

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
	kv_receipts_note(file->dropbox->receipts, file);
	kv_entry_reply_attributes(node, req);
}

/* ---- the whole ---- */

int
kv_dropbox_under_way(const void *dropbox)
{
	return ((const struct kv_dropbox *)dropbox)->n_submits;
}

void
kv_dropbox_log_lost(void *dropbox)
{
	struct kv_dropbox *box = dropbox;
	const struct kv_drop *file;

	kv_submit_log_lost(box);
	LIST_FOREACH(file, &box->files, files) {
		if (file->upload->state != KV_UPLOAD_OPEN || file->upload->data.len == 0)
			continue;
		box->branch->n_failed++;
		kv_dropbox_log_nothing(box, file, -EIO, "the mount ended before it was closed");
	}
}

void
kv_dropbox_check(const void *dropbox)
{
	const struct kv_dropbox *box = dropbox;
	const struct kv_dropbox_handle *h;
	const struct kv_drop *file;
	unsigned int n_handles = 0;
	size_t staged = 0;
	int n_sending = 0;

	kv_confirms_check(box->confirms);
	LIST_FOREACH(file, &box->files, files) {
		const struct kv_upload *u = file->upload;

		kv_upload_check(u);
		staged += u->data.len;
		n_handles += u->n_handles;
		n_sending += u->state == KV_UPLOAD_SENDING;
		assert(file->parent == NULL || !kv_drop_is_removed(file->parent));
		/* bytes that can no longer be sent are not kept */
		assert(file->parent != NULL || u->n_handles > 0 || u->data.len == 0);
	}
	assert(staged == box->staged);
	assert(n_sending == box->n_submits);
	LIST_FOREACH(h, &box->handles, link) {
		assert(h->writer.content <= h->file->upload->content);
		n_handles--;
	}
	assert(n_handles == 0);
}

struct kv_dropbox *
kv_dropbox_new(struct kv_branch *branch, const struct kv_dropbox_kind *kind)
{
	struct kv_dropbox *box = calloc(1, sizeof(*box));

	if (box == NULL)
		return NULL;
	box->kind = kind;
	box->branch = branch;
	LIST_INIT(&box->files);
	LIST_INIT(&box->handles);
	LIST_INIT(&box->submits);
	/* without lists no receipt can be confirmed: those of other mounts stay for them */
	box->receipts =
	    kv_receipts_new(branch->settings->is_listless ? NULL : branch->volume->index.receipts);
	box->confirms = kv_confirms_new(branch->volume->throttle, kind->proof);
	box->stream = kv_recall_stream_new();
	if (box->receipts == NULL || box->confirms == NULL || box->stream == NULL) {
		kv_dropbox_free(box);
		return NULL;
	}
	return box;
}

void
kv_dropbox_stop(void *dropbox)
{
	struct kv_dropbox *box = dropbox;

	box->is_stopped = true;
	kv_submit_cancel_all(box);
}

void
kv_dropbox_free(void *dropbox)
{
	struct kv_dropbox *box = dropbox;

	if (box == NULL)
		return;
	free(box->stream);
	kv_confirms_free(box->confirms);
	kv_receipts_free(box->receipts);
	free(box);
}
