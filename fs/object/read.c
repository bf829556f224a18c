/*
 * Reading blobs.
 *
 * The promise is that no tool makes a wrong copy without an error. A tool reads as many bytes as the size it
 * was given. So if a blob's length differs from the size that the kernel was last given, the open fails with
 * ESTALE and the size becomes unknown; the next stat returns the right size (fs/object/told).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cache/blob/archivers.h"
#include "cache/blob/blobs.h"
#include "cache/blob/prefetch.h"
#include "client/base/clock.h"
#include "client/vault/audit.h"
#include "client/vault/blob.h"
#include "fs/mount/entry.h"
#include "fs/mount/request.h"
#include "fs/object/file.h"
#include "fs/object/objects.h"
#include "fs/object/read.h"

/* An open file. If blob is NULL, the first read downloads it. If err is set, every read fails. */
struct handle {
	struct kv_handle handle;
	struct kv_blob *blob;
	int err;
};

/* A request that waits for a blob. */
struct fetch {
	struct kv_request request;
	struct kv_file *file; /* held open */
	struct kv_waiter *waiter;
	struct handle *new;  /* an open's handle, until it is answered */
	struct handle *open; /* a read's */
	struct fuse_file_info fi;
	size_t size; /* a read's */
	off_t offset;
};

static void size_answered(void *, int, struct kv_blob *);
static void open_answered(void *, int, struct kv_blob *);
static void read_answered(void *, int, struct kv_blob *);

static struct kv_object *
object_of(const struct kv_file *f)
{
	return f->told->object;
}

static struct kv_volume *
volume_of(const struct kv_file *f)
{
	return f->node.branch->volume;
}

/*
 * Process pid has called stat on f, or opened it; waits: it is not cached. Siblings are in none of the orders
 * in which files are prefetched.
 */
static void
note_access(const struct kv_file *f, pid_t pid, enum kv_need need, bool waits)
{
	if (object_of(f)->kind != KV_KIND_BLOB)
		return;
	kv_prefetch_accessed(volume_of(f)->prefetch, object_of(f), need, waits);
	kv_archivers_accessed(volume_of(f)->archivers, object_of(f), pid, need == KV_NEED_CONTENT);
}

/* ---- waiting for a blob ---- */

static void
release_fetch(struct kv_request *request)
{
	struct fetch *fetch = (struct fetch *)request;

	kv_blobs_cancel(fetch->waiter);
	free(fetch->new);
	if (fetch->file != NULL)
		kv_tree_closed(&fetch->file->node);
}

/*
 * Request f's blob for req; answered is called with the fetch. NULL: req was answered with an error. The
 * caller may still fill in the fetch, because answered is never called before this returns.
 */
static struct fetch *
begin_fetch(struct kv_file *f, fuse_req_t req, enum kv_need need, kv_blobs_done *answered)
{
	struct kv_volume *v = volume_of(f);
	struct fetch *fetch = kv_request_new(f->node.branch->mount, req, sizeof(*fetch), release_fetch);
	int err;

	if (fetch == NULL)
		return NULL;
	fetch->file = f;
	kv_tree_opened(&f->node);
	err = kv_blobs_get(
	    v->blobs, object_of(f), need, &fetch->request.caller, answered, fetch, &fetch->waiter);
	if (err != 0) {
		kv_request_finish(&fetch->request, err);
		return NULL;
	}
	note_access(f, fetch->request.caller.pid, need, true);
	return fetch;
}

/* ---- stat ---- */

void
kv_read_getattr(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi)
{
	struct kv_file *f = kv_file_of_node(node);
	const struct kv_settings *settings = node->branch->settings;
	struct kv_stat_only *stat_only = &kv_objects_of(node)->stat_only;
	struct kv_caller caller;

	(void)fi;
	if (f->is_stale && f->blob == NULL) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (f->is_stale || object_of(f)->size >= 0 || settings->is_dry_run ||
	    settings->size == KV_SIZE_OPEN) {
		if (object_of(f)->size >= 0)
			note_access(f, fuse_req_ctx(req)->pid, KV_NEED_SIZE, false);
		kv_entry_reply_attributes(node, req);
		return;
	}
	kv_request_caller(req, &caller);
	if (kv_stat_only_has(stat_only, &caller)) {
		kv_entry_reply_attributes(node, req);
	} else {
		kv_stat_only_fetched(stat_only, &caller);
		(void)begin_fetch(f, req, KV_NEED_SIZE, size_answered);
	}
}

/*
 * If a blob cannot be downloaded, its open must fail, not its stat. After a failed stat zip omits the file
 * and exits with 0, rclone skips the whole folder, and bsdtar all that follows. After a failed open they copy
 * the rest and exit non-zero. The size must not be 0: bsdtar does not open an empty file.
 */
static void
reply_unreadable(struct kv_file *f, fuse_req_t req)
{
	struct kv_attributes a;

	kv_entry_attributes(&f->node, &a);
	a.stat.st_size = 1;
	kv_told_note(f->told, 1, 0);
	fuse_reply_attr(req, &a.stat, 0);
}

static bool
is_about_reading(int err)
{
	return err != -ENOENT && err != -ESTALE && err != -EINTR && err != -ENOMEM;
}

static void
size_answered(void *arg, int err, struct kv_blob *blob)
{
	struct fetch *fetch = arg;
	struct kv_file *f = fetch->file;
	fuse_req_t req = kv_request_take(&fetch->request);

	(void)blob;
	fetch->waiter = NULL;
	if (err == 0 && f->is_stale)
		err = -ESTALE; /* the kernel looks the name up again */
	if (err != 0 && is_about_reading(err) && !fetch->request.mount->is_ending)
		reply_unreadable(f, req);
	else if (err != 0)
		fuse_reply_err(req, -err);
	else
		kv_entry_reply_attributes(&f->node, req);
	kv_request_free(&fetch->request);
}

/* ---- open ---- */

static void
close_handle(struct kv_handle *handle)
{
	struct handle *h = (struct handle *)handle;

	kv_blob_unref(h->blob);
	free(h);
}

static void
reply_open(struct handle *h, struct kv_file *f, fuse_req_t req, struct fuse_file_info *fi)
{
	fi->keep_cache = 1; /* all pages of a node belong to one blob */
	fi->noflush = 1;
	kv_handle_reply_open(&h->handle, &f->node, close_handle, req, fi);
}

/* Give h the blob that f is bound to. */
static void
give(struct handle *h, struct kv_file *f, const struct kv_caller *caller)
{
	struct kv_volume *v = volume_of(f);

	h->blob = kv_blob_ref(f->blob);
	note_access(f, caller->pid, KV_NEED_CONTENT, false);
	kv_blobs_mark_read(v->blobs, object_of(f));
	kv_stat_only_read(&kv_objects_of(&f->node)->stat_only, caller);
	f->node.branch->n_read++;
	kv_audit_read(v->vault, object_of(f)->type, object_of(f)->name, caller, h->blob->len);
}

/* Bind f to blob and answer req. h is used or freed. */
static void
finish_open(struct handle *h, struct kv_file *f, fuse_req_t req, struct fuse_file_info *fi,
    struct kv_blob *blob, const struct kv_caller *caller)
{
	const int err = kv_file_bind(f, blob, caller);

	if (err != 0) {
		free(h);
		fuse_reply_err(req, -err);
		return;
	}
	give(h, f, caller);
	reply_open(h, f, req, fi);
}

/*
 * A sibling shows what the list does not, so its content is fetched again for an open after the listing's time to live,
 * even if the object's list item is the same.
 */
static void
drop_old_sibling(struct kv_file *f)
{
	struct kv_object *object = object_of(f);

	if (object->kind != KV_KIND_BLOB && f->blob == NULL && object->stored != NULL &&
	    kv_clock_mono_ms() - object->mono_fetched > f->node.branch->settings->list_ttl_ms)
		kv_blobs_forget(volume_of(f)->blobs, object);
}

/* Returns 0, or -errno if f must not be opened. */
static int
check_open(struct kv_file *f, fuse_req_t req, struct fuse_file_info *fi)
{
	const struct kv_blob *kept;

	drop_old_sibling(f);
	kept = kv_blobs_peek(volume_of(f)->blobs, object_of(f));
	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC) != 0)
		return -EACCES;
	if (f->node.branch->settings->is_dry_run)
		return -EROFS;
	if (kv_told_is_second_try(f->told, fuse_req_ctx(req)->pid))
		return -ESTALE;
	if (f->blob == NULL && f->is_bound &&
	    (kept == NULL || memcmp(kept->digest, f->digest, KV_DIGEST_LEN) != 0))
		kv_file_make_stale(f); /* its blob is no longer cached: a new blob needs a new node */
	return f->is_stale ? -ESTALE : 0;
}

/*
 * Whether the first read downloads the blob instead of this open. borg opens unchanged files with O_NOATIME
 * and does not read them; the kernel's own opens lack O_LARGEFILE. Not while the size is unknown (size=open):
 * the kernel sends no read for a file of size 0.
 */
static bool
is_lazy(const struct kv_file *f, const struct fuse_file_info *fi)
{
	const int large_file = f->node.branch->mount->large_file;

	return object_of(f)->size >= 0 &&
	    ((fi->flags & O_NOATIME) != 0 || (fi->flags & large_file) != large_file);
}

void
kv_read_open(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi)
{
	struct kv_file *f = kv_file_of_node(node);
	const int err = check_open(f, req, fi);
	struct kv_blob *blob = f->blob != NULL ? f->blob : kv_blobs_peek(volume_of(f)->blobs, object_of(f));
	struct handle *h = err == 0 ? calloc(1, sizeof(*h)) : NULL;
	struct kv_caller caller;
	struct fetch *fetch;

	if (h == NULL) {
		fuse_reply_err(req, err != 0 ? -err : ENOMEM);
	} else if (is_lazy(f, fi)) {
		reply_open(h, f, req, fi);
	} else if (blob != NULL) {
		kv_request_caller(req, &caller);
		finish_open(h, f, req, fi, blob, &caller);
	} else if ((fetch = begin_fetch(f, req, KV_NEED_CONTENT, open_answered)) != NULL) {
		fetch->new = h;
		fetch->fi = *fi;
	} else {
		free(h);
	}
}

static void
open_answered(void *arg, int err, struct kv_blob *blob)
{
	struct fetch *fetch = arg;
	struct kv_file *f = fetch->file;
	struct handle *h = fetch->new;
	fuse_req_t req = kv_request_take(&fetch->request);

	fetch->waiter = NULL;
	if (err != 0) {
		f->node.branch->n_failed++;
		fuse_reply_err(req, -err);
	} else {
		fetch->new = NULL;
		finish_open(h, f, req, &fetch->fi, blob, &fetch->request.caller);
	}
	kv_request_free(&fetch->request);
}

/* ---- read ---- */

/* Bind f to blob for a handle that was opened without one. From now on h reads blob, or always fails. */
static void
bind_late(struct handle *h, struct kv_file *f, struct kv_blob *blob, const struct kv_caller *caller)
{
	if (h->blob != NULL || h->err != 0)
		return;
	h->err = kv_file_bind(f, blob, caller);
	f->told->refused_tid = 0; /* this was not an open, so no retry follows */
	if (h->err == 0)
		give(h, f, caller);
}

static void
reply_read(const struct handle *h, fuse_req_t req, size_t size, off_t offset)
{
	if (h->err != 0)
		fuse_reply_err(req, -h->err);
	else
		kv_request_reply_slice(req, h->blob->data, h->blob->len, size, offset);
}

void
kv_read_read(struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct kv_file *f = kv_file_of_node(node);
	struct handle *h = (struct handle *)kv_handle_of(fi);
	struct kv_blob *kept;
	struct kv_caller caller;
	struct fetch *fetch;

	if (h->err == 0 && h->blob == NULL) {
		kept = f->blob != NULL ? f->blob : kv_blobs_peek(volume_of(f)->blobs, object_of(f));
		if (kept != NULL) {
			kv_request_caller(req, &caller);
			bind_late(h, f, kept, &caller);
		}
	}
	if (h->err != 0 || h->blob != NULL) {
		reply_read(h, req, size, offset);
	} else if ((fetch = begin_fetch(f, req, KV_NEED_CONTENT, read_answered)) != NULL) {
		fetch->open = h;
		fetch->size = size;
		fetch->offset = offset;
	}
}

static void
read_answered(void *arg, int err, struct kv_blob *blob)
{
	struct fetch *fetch = arg;
	struct handle *h = fetch->open;
	fuse_req_t req = kv_request_take(&fetch->request);

	fetch->waiter = NULL;
	if (err == 0)
		bind_late(h, fetch->file, blob, &fetch->request.caller);
	else if (h->err == 0 && h->blob == NULL)
		h->err = err; /* the kernel retries a failed read: same error, no new request */
	reply_read(h, req, fetch->size, fetch->offset);
	kv_request_free(&fetch->request);
}
