/*
 * Reading blobs.
 *
 * The promise is that no tool makes a wrong copy without an error. A tool that was told a size takes
 * that many bytes and no more, so a blob whose length is another one than the kernel was last told is
 * given to nobody: the open fails with ESTALE, the size becomes unknown, and the next look is right.
 * The kernel tries an open that fails with ESTALE once more by itself, after a new look-up; that
 * second try is refused too, because the program behind it still has the old size.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "client/vault/audit.h"
#include "cache/blob/blobs.h"
#include "cache/list/listing.h"
#include "cache/blob/prefetch.h"
#include "client/base/clock.h"
#include "fs/restore/upload.h"
#include "fs/object/file.h"
#include "fs/mount/request.h"

#define TOLD_MS	 60000 /* after a change: how long a program may go by the old size */
#define RETRY_MS 2000  /* the kernel's second try comes at once */

/* An open file. Without a blob: it is fetched by the first read. With err: every read fails. */
struct kv_file_handle {
	struct kv_mount *mount;
	struct kv_node *node;
	struct kv_blob *blob;
	int err;
	LIST_ENTRY(kv_file_handle) link;
};

/* A request that waits for a blob. */
struct pending {
	struct kv_mount *mount;
	struct kv_node *node; /* kept open */
	struct kv_request *request;
	struct kv_waiter *waiter;
	struct kv_file_handle *handle; /* of an open or a read */
	struct fuse_file_info fi;
	size_t size; /* of a read */
	off_t offset;
};

/* ---- attributes ---- */

/* The kernel is given these attributes, in the place of what it had. */
static void
remember_told(const struct kv_mount *m, const struct kv_node *node)
{
	struct kv_object *object = node->object;
	const int64_t mono_now = kv_clock_mono_ms();

	if (object->size >= 0) {
		object->told = object->size;
		object->mono_told_end = INT64_MAX;
		object->mono_told_kept = mono_now + (int64_t)(kv_file_attr_valid_s(m, node) * 1000);
	} else if (object->mono_told_kept > mono_now) {
		object->mono_told_kept = mono_now;
	}
}

void
kv_file_attributes(const struct kv_mount *m, struct kv_node *node, struct stat *attr)
{
	*attr = (struct stat){ .st_ino = node->ino, .st_nlink = 1, .st_uid = m->o->uid, .st_gid = m->o->gid };
	switch (node->kind) {
	case KV_NODE_ROOT:
	case KV_NODE_TYPE:
	case KV_NODE_DROP_FOLDER:
		/* writable to look at, so that a copy of a folder can be written to; what creates a name is refused */
		attr->st_mode = S_IFDIR | (0777 & ~m->o->umask);
		attr->st_nlink = 2;
		attr->st_mtim.tv_sec = node->wall_changed;
		break;
	case KV_NODE_BLOB:
		/* a copy gets this mode too, and its owner must be able to write over it the next time */
		attr->st_mode = S_IFREG | (0666 & ~m->o->umask);
		attr->st_mtim.tv_sec = node->object->wall_updated;
		if (node->is_stale && node->blob != NULL)
			attr->st_size = (off_t)node->blob->len;
		else
			attr->st_size = node->object->size > 0 ? node->object->size : 0;
		break;
	case KV_NODE_CONTROL_FOLDER:
		attr->st_mode = S_IFDIR | 0500;
		attr->st_nlink = 2;
		attr->st_mtim.tv_sec = node->wall_changed;
		break;
	case KV_NODE_CONTROL: /* size 0 and direct I/O, as in procfs */
		attr->st_mode = S_IFREG | 0400;
		attr->st_mtim.tv_sec = kv_clock_wall_s();
		break;
	case KV_NODE_DROP_FILE:
		attr->st_mode = S_IFREG | node->upload->mode;
		attr->st_uid = node->upload->uid;
		attr->st_gid = node->upload->gid;
		attr->st_size = (off_t)kv_upload_size(node->upload);
		attr->st_mtim.tv_sec = node->upload->wall_mtime_ns / 1000000000;
		attr->st_mtim.tv_nsec = node->upload->wall_mtime_ns % 1000000000;
		break;
	}
	attr->st_atim = attr->st_ctim = attr->st_mtim;
	attr->st_blksize = 4096;
	attr->st_blocks = (attr->st_size + 511) / 512;
	if (node->kind == KV_NODE_BLOB && !node->is_stale)
		remember_told(m, node);
}

double
kv_file_entry_valid_s(const struct kv_mount *m, const struct kv_node *node)
{
	switch (node->kind) {
	case KV_NODE_ROOT:
	case KV_NODE_TYPE:
	case KV_NODE_CONTROL_FOLDER:
	case KV_NODE_CONTROL:
		return 3600;
	case KV_NODE_BLOB:
		return node->is_stale ? 0 :
					(double)kv_listing_valid_ms(m->volume->listings[node->type]) / 1000;
	case KV_NODE_DROP_FOLDER:
	case KV_NODE_DROP_FILE:
		break;
	}
	return node == m->tree.drop ? 3600 : 0;
}

double
kv_file_attr_valid_s(const struct kv_mount *m, const struct kv_node *node)
{
	if (node->kind == KV_NODE_CONTROL || (node->kind == KV_NODE_BLOB && node->object->size < 0))
		return 0;
	return kv_file_entry_valid_s(m, node);
}

void
kv_file_reply_attributes(struct kv_mount *m, fuse_req_t req, struct kv_node *node)
{
	struct stat attr;

	kv_file_attributes(m, node, &attr);
	fuse_reply_attr(req, &attr, kv_file_attr_valid_s(m, node));
}

/* ---- a content for a node ---- */

/* The name stands for another node from now on; whoever comes by this one is sent to the name again. */
static void
take_back(struct kv_mount *m, struct kv_node *node)
{
	kv_tree_make_stale(node);
	if (m->session != NULL)
		fuse_lowlevel_notify_inval_inode(m->session, kv_tree_number(node), -1, 0);
}

static void
say_changed(struct kv_mount *m, const struct kv_object *object, const struct kv_caller *caller)
{
	const struct kv_call call = {
		.op = KV_OP_BACKUP, .type = object->type, .name = object->name, .caller = *caller
	};
	const struct kv_reply reply = { .err = -ESTALE };

	kv_audit_failure(m->volume->vault, &call, &reply,
	    "it is of another length than when it was looked at; nothing of it was given, the next look is right");
	m->n_failed++;
}

/*
 * Whether the program may know the size that was told last. One that began after the kernel had to ask
 * again does not: so a nightly cat is not refused for what yesterday's saw.
 */
static bool
knows_told(const struct kv_object *object, const struct kv_caller *caller)
{
	return kv_request_process(caller).mono_begun <= object->mono_told_kept;
}

/*
 * The node stands for this blob from now on. -ESTALE: it must not, because it stands for another one,
 * or because the kernel was told another length.
 */
static int
bind_blob(struct kv_mount *m, struct kv_node *node, struct kv_blob *blob, const struct kv_caller *caller)
{
	struct kv_object *object = node->object;

	if (node->is_stale)
		return -ESTALE;
	if (node->is_bound && memcmp(node->digest, blob->digest, KV_DIGEST_LEN) != 0) {
		kv_tree_make_stale(node);
		return -ESTALE;
	}
	if (object->told >= 0 && object->told != (int64_t)blob->len &&
	    kv_clock_mono_ms() < object->mono_told_end && knows_told(object, caller)) {
		say_changed(m, object, caller);
		object->told = -1;
		object->refused_tid = caller->pid;
		object->mono_refused = kv_clock_mono_ms();
		take_back(m, node);
		return -ESTALE;
	}
	object->told = (int64_t)blob->len;
	object->mono_told_end = INT64_MAX;
	node->is_bound = true;
	memcpy(node->digest, blob->digest, KV_DIGEST_LEN);
	if (node->blob == NULL)
		node->blob = kv_blob_ref(blob);
	return 0;
}

/* The blob is this handle's. */
static void
give(struct kv_file_handle *h, struct kv_blob *blob, const struct kv_caller *caller)
{
	struct kv_mount *m = h->mount;

	h->blob = kv_blob_ref(blob);
	kv_prefetch_accessed(m->volume->prefetch, h->node->object, KV_NEED_CONTENT, false);
	kv_blobs_was_read(m->volume->blobs, h->node->object);
	kv_stat_only_read(&m->lookers, caller);
	m->n_reads++;
	kv_audit_read(m->volume->vault, h->node->type, h->node->object->name, caller, blob->len);
}

/* ---- waiting for a blob ---- */

static void
free_pending(struct pending *p)
{
	kv_blobs_cancel(p->waiter);
	kv_tree_closed(p->node);
	free(p);
}

static void
cancel_pending(void *arg)
{
	struct pending *p = arg;

	if (p->handle != NULL && p->handle->node == NULL)
		free(p->handle); /* of an open that will not be */
	free_pending(p);
}

/* Ask for node's blob on behalf of req; done is called with the pending that is returned. NULL: req was answered. */
static struct pending *
wait_for_blob(
    struct kv_mount *m, fuse_req_t req, struct kv_node *node, enum kv_need need, kv_blobs_done *done)
{
	struct kv_request *request = kv_request_new(m, req);
	struct pending *p;
	int err;

	if (request == NULL)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL) {
		kv_request_fail(request, -ENOMEM);
		return NULL;
	}
	p->mount = m;
	p->node = node;
	p->request = request;
	kv_tree_opened(node);
	err = kv_blobs_get(m->volume->blobs, node->object, need, &request->caller, done, p, &p->waiter);
	if (err == 0)
		kv_prefetch_accessed(m->volume->prefetch, node->object, need, true);
	if (err != 0) {
		free_pending(p);
		kv_request_fail(request, err);
		return NULL;
	}
	kv_request_wait(request, cancel_pending, p);
	return p;
}

/* ---- getattr ---- */

/*
 * A blob that cannot be had: the open must say so, not the stat. Behind a stat that fails zip leaves the
 * file out with status 0, rclone its whole folder, bsdtar what comes after; behind an open that fails
 * all copy the rest and end non-zero. The size must not be 0: an empty file is not opened (bsdtar).
 */
static void
reply_unreadable(struct kv_mount *m, fuse_req_t req, struct kv_node *node)
{
	struct stat attr;

	kv_file_attributes(m, node, &attr);
	attr.st_size = node->object->told = 1;
	node->object->mono_told_end = INT64_MAX;
	node->object->mono_told_kept = kv_clock_mono_ms();
	fuse_reply_attr(req, &attr, 0);
}

static bool
is_about_reading(int err)
{
	return err != -ENOENT && err != -ESTALE && err != -EINTR && err != -ENOMEM;
}

static void
size_known(void *arg, int err, struct kv_blob *blob)
{
	struct pending *p = arg;
	struct kv_mount *m = p->mount;
	fuse_req_t req = kv_request_end(p->request);

	(void)blob;
	p->waiter = NULL;
	if (err == 0 && p->node->is_stale)
		err = -ESTALE; /* the kernel looks the name up again */
	if (err != 0 && is_about_reading(err) && !m->is_ending)
		reply_unreadable(m, req, p->node);
	else if (err != 0)
		fuse_reply_err(req, -err);
	else
		kv_file_reply_attributes(m, req, p->node);
	free_pending(p);
}

void
kv_file_getattr(struct kv_mount *m, fuse_req_t req, struct kv_node *node)
{
	struct kv_caller caller;

	if (node->is_stale && node->blob == NULL) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (node->is_stale || node->object->size >= 0 || m->o->is_dry_run || m->o->size == KV_SIZE_OPEN) {
		if (node->object->size >= 0)
			kv_prefetch_accessed(m->volume->prefetch, node->object, KV_NEED_SIZE, false);
		kv_file_reply_attributes(m, req, node);
		return;
	}
	kv_request_caller(req, &caller);
	if (kv_stat_only_has(&m->lookers, &caller)) {
		kv_file_reply_attributes(m, req, node);
	} else {
		kv_stat_only_fetched(&m->lookers, &caller);
		(void)wait_for_blob(m, req, node, KV_NEED_SIZE, size_known);
	}
}

/* ---- open ---- */

static void
close_handle(struct kv_file_handle *h)
{
	LIST_REMOVE(h, link);
	kv_blob_unref(h->blob);
	kv_tree_closed(h->node);
	free(h);
}

static void
reply_open(fuse_req_t req, struct kv_file_handle *h, struct fuse_file_info *fi)
{
	fi->fh = (uint64_t)(uintptr_t)h;
	fi->keep_cache = 1; /* the pages of a node are of one blob */
	fi->noflush = 1;
	LIST_INSERT_HEAD(&h->mount->files, h, link);
	if (fuse_reply_open(req, fi) != 0) /* it was interrupted: there will be no release */
		close_handle(h);
}

/* h has no blob yet: bind blob and answer. */
static void
finish_open(struct kv_mount *m, fuse_req_t req, struct kv_node *node, struct kv_file_handle *h,
    struct fuse_file_info *fi, struct kv_blob *blob, const struct kv_caller *caller)
{
	int err = bind_blob(m, node, blob, caller);

	if (err != 0) {
		free(h);
		fuse_reply_err(req, -err);
		return;
	}
	h->node = node;
	kv_tree_opened(node);
	give(h, node->blob, caller);
	reply_open(req, h, fi);
}

static void
blob_for_open(void *arg, int err, struct kv_blob *blob)
{
	struct pending *p = arg;
	const struct kv_caller caller = p->request->caller;
	fuse_req_t req = kv_request_end(p->request);

	p->waiter = NULL;
	if (err != 0) {
		p->mount->n_failed++;
		free(p->handle);
		fuse_reply_err(req, -err);
	} else {
		finish_open(p->mount, req, p->node, p->handle, &p->fi, blob, &caller);
	}
	free_pending(p);
}

/* The kernel's second try of an open that was refused for its length. */
static bool
is_second_try(struct kv_object *object, pid_t tid)
{
	if (object->refused_tid != tid)
		return false;
	object->refused_tid = 0;
	return kv_clock_mono_ms() < object->mono_refused + RETRY_MS;
}

/* 0, or why node cannot be opened as it is. */
static int
check_open(struct kv_mount *m, fuse_req_t req, struct kv_node *node, struct fuse_file_info *fi)
{
	struct kv_blob *kept = kv_blobs_peek(m->volume->blobs, node->object);

	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC) != 0)
		return -EACCES;
	if (m->o->is_dry_run)
		return -EROFS;
	if (is_second_try(node->object, fuse_req_ctx(req)->pid))
		return -ESTALE;
	if (node->blob == NULL && node->is_bound &&
	    (kept == NULL || memcmp(kept->digest, node->digest, KV_DIGEST_LEN) != 0))
		kv_tree_make_stale(node); /* its blob is no longer kept: another one, another node */
	return node->is_stale ? -ESTALE : 0;
}

void
kv_file_open(struct kv_mount *m, fuse_req_t req, struct kv_node *node, struct fuse_file_info *fi)
{
	/*
	 * borg looks at unchanged files so, and the kernel itself opens without O_LARGEFILE. Not while the
	 * size is unknown (size=open): the kernel sends no read for a file that it takes for empty.
	 */
	const bool is_lazy = node->object->size >= 0 &&
	    ((fi->flags & O_NOATIME) != 0 || (fi->flags & m->large_file) != m->large_file);
	int err = check_open(m, req, node, fi);
	struct kv_blob *blob =
	    node->blob != NULL ? node->blob : kv_blobs_peek(m->volume->blobs, node->object);
	struct kv_file_handle *h = err == 0 ? calloc(1, sizeof(*h)) : NULL;
	struct kv_caller caller;
	struct pending *p;

	if (h == NULL) {
		fuse_reply_err(req, err != 0 ? -err : ENOMEM);
		return;
	}
	h->mount = m;
	if (is_lazy) {
		h->node = node;
		kv_tree_opened(node);
		reply_open(req, h, fi);
	} else if (blob != NULL) {
		kv_request_caller(req, &caller);
		finish_open(m, req, node, h, fi, blob, &caller);
	} else if ((p = wait_for_blob(m, req, node, KV_NEED_CONTENT, blob_for_open)) != NULL) {
		p->handle = h;
		p->fi = *fi;
	} else {
		free(h);
	}
}

/* ---- read and release ---- */

static void
reply_slice(fuse_req_t req, const struct kv_blob *blob, size_t size, off_t offset)
{
	const size_t at = (size_t)offset;

	if (at >= blob->len)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(
		    req, (const char *)blob->data + at, size < blob->len - at ? size : blob->len - at);
}

/* Bind blob to a handle that was opened without one. From now on it reads that, or fails for good. */
static void
bind_late(struct kv_file_handle *h, struct kv_blob *blob, const struct kv_caller *caller)
{
	if (h->blob != NULL || h->err != 0)
		return;
	h->err = bind_blob(h->mount, h->node, blob, caller);
	h->node->object->refused_tid = 0; /* nothing is opened: there is no second try */
	if (h->err == 0)
		give(h, h->node->blob, caller);
}

static void
blob_for_read(void *arg, int err, struct kv_blob *blob)
{
	struct pending *p = arg;
	struct kv_file_handle *h = p->handle;

	p->waiter = NULL;
	if (err == 0)
		bind_late(h, blob, &p->request->caller);
	else if (h->err == 0 && h->blob == NULL)
		h->err = err; /* the kernel asks again for a read that failed: the same answer, no request */
	if (h->err != 0) {
		kv_request_fail(p->request, h->err);
	} else {
		fuse_req_t req = kv_request_end(p->request);

		reply_slice(req, h->blob, p->size, p->offset);
	}
	free_pending(p);
}

void
kv_file_read(struct kv_mount *m, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct kv_file_handle *h = (struct kv_file_handle *)(uintptr_t)fi->fh;
	struct kv_blob *kept;
	struct kv_caller caller;
	struct pending *p;

	if (h->err == 0 && h->blob == NULL) {
		kept =
		    h->node->blob != NULL ? h->node->blob : kv_blobs_peek(m->volume->blobs, h->node->object);
		if (kept != NULL) {
			kv_request_caller(req, &caller);
			bind_late(h, kept, &caller);
		}
	}
	if (h->err != 0) {
		fuse_reply_err(req, -h->err);
	} else if (h->blob != NULL) {
		reply_slice(req, h->blob, size, offset);
	} else if ((p = wait_for_blob(m, req, h->node, KV_NEED_CONTENT, blob_for_read)) != NULL) {
		p->handle = h;
		p->size = size;
		p->offset = offset;
	}
}

void
kv_file_release(struct kv_mount *m, fuse_req_t req, struct fuse_file_info *fi)
{
	(void)m;
	close_handle((struct kv_file_handle *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

void
kv_file_release_all(struct kv_mount *m)
{
	while (!LIST_EMPTY(&m->files))
		close_handle(LIST_FIRST(&m->files));
}

void
kv_file_changed(void *arg, struct kv_object *object)
{
	struct kv_mount *m = arg;
	struct kv_node *node = object->node;

	if (object->told >= 0 && object->mono_told_end == INT64_MAX)
		object->mono_told_end = kv_clock_mono_ms() + TOLD_MS;
	if (node == NULL || (object->told < 0 && !node->is_bound && !object->is_gone))
		return;
	take_back(m, node);
}

void
kv_file_take_back_all(struct kv_mount *m, enum kv_type type)
{
	struct kv_node *node;

	LIST_FOREACH(node, &m->tree.all, all) {
		if (node->kind == KV_NODE_BLOB && node->type == type && node->n_lookup > 0 && !node->is_stale)
			take_back(m, node);
	}
}
