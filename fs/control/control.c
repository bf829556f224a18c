/*
 * The files of .kvfs/: opened, read, released. What is in them is fs/control/report's.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/list/listing.h"
#include "client/base/buf.h"
#include "fs/control/control.h"
#include "fs/control/report.h"
#include "fs/mount/request.h"

#define MOST_BYTES ((size_t)64 << 20)

/* An open file. */
struct kv_control_handle {
	struct kv_buf text;
	LIST_ENTRY(kv_control_handle) link;
};

/* An open that waits for a listing. */
struct opening {
	struct kv_mount *mount;
	struct kv_request *request;
	struct kv_snapshot_wait *wait;
	struct kv_snapshot *snapshot; /* that it waits for */
	enum kv_control control;
	struct fuse_file_info fi;
};

const char *
kv_control_name(enum kv_control control)
{
	static const char *const names[KV_CONTROLS] = { "status", "metrics", "skipped", "manifest", "log" };

	return names[control];
}

static void
free_handle(struct kv_control_handle *h)
{
	kv_buf_release(&h->text);
	free(h);
}

static void
close_handle(struct kv_control_handle *h)
{
	LIST_REMOVE(h, link);
	free_handle(h);
}

static void
reply(struct kv_mount *m, fuse_req_t req, enum kv_control control, struct fuse_file_info *fi)
{
	struct kv_control_handle *h = malloc(sizeof(*h));
	int err;

	if (h == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	kv_buf_init(&h->text, MOST_BYTES);
	err = kv_report(m, control, &h->text);
	if (err != 0) {
		free_handle(h);
		fuse_reply_err(req, -err);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)h;
	fi->direct_io = 1;
	LIST_INSERT_HEAD(&m->controls, h, link);
	if (fuse_reply_open(req, fi) != 0)
		close_handle(h);
}

/* ---- the manifest waits ---- */

static void
free_opening(struct opening *o)
{
	kv_snapshot_cancel(o->wait);
	kv_snapshot_unref(o->snapshot);
	free(o);
}

static void
cancel_opening(void *arg)
{
	free_opening(arg);
}

static int wait_for_listings(struct opening *);

static void
proceed(struct opening *o, int err)
{
	fuse_req_t req;

	if (err == 0)
		err = wait_for_listings(o);
	if (err == -EINPROGRESS)
		return;
	req = kv_request_end(o->request);
	if (err != 0)
		fuse_reply_err(req, -err);
	else
		reply(o->mount, req, o->control, &o->fi);
	free_opening(o);
}

static void
listing_ended(void *arg, int err, const struct kv_reply *vault_reply)
{
	struct opening *o = arg;

	(void)vault_reply;
	o->wait = NULL;
	proceed(o, err);
}

/* 0: all are complete. -EINPROGRESS: listing_ended() goes on. */
static int
wait_for_listings(struct opening *o)
{
	for (int t = 0; t < KV_TYPES; t++) {
		int err;

		if (o->mount->volume->listings[t] == NULL)
			continue;
		kv_snapshot_unref(o->snapshot);
		err = kv_listing_open(o->mount->volume->listings[t], &o->snapshot);
		if (err != 0)
			return err;
		if (kv_snapshot_is_complete(o->snapshot))
			continue;
		err = kv_snapshot_wait_for(o->snapshot, SIZE_MAX, listing_ended, o, &o->wait);
		return err != 0 ? err : -EINPROGRESS;
	}
	return 0;
}

static void
open_manifest(struct kv_mount *m, fuse_req_t req, enum kv_control control, const struct fuse_file_info *fi)
{
	struct kv_request *request = kv_request_new(m, req);
	struct opening *o;

	if (request == NULL)
		return;
	o = calloc(1, sizeof(*o));
	if (o == NULL) {
		kv_request_fail(request, -ENOMEM);
		return;
	}
	*o = (struct opening){ .mount = m, .request = request, .control = control, .fi = *fi };
	kv_request_wait(request, cancel_opening, o);
	proceed(o, 0);
}

/* ---- the interface ---- */

void
kv_control_open(struct kv_mount *m, fuse_req_t req, enum kv_control control, struct fuse_file_info *fi)
{
	if (control == KV_CONTROL_MANIFEST)
		open_manifest(m, req, control, fi);
	else
		reply(m, req, control, fi);
}

void
kv_control_read(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi)
{
	const struct kv_control_handle *h = (const struct kv_control_handle *)(uintptr_t)fi->fh;
	const size_t left = (size_t)offset < h->text.len ? h->text.len - (size_t)offset : 0;

	if (left == 0)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, (const char *)h->text.data + offset, size < left ? size : left);
}

void
kv_control_release(fuse_req_t req, struct fuse_file_info *fi)
{
	close_handle((struct kv_control_handle *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

void
kv_control_release_all(struct kv_mount *m)
{
	while (!LIST_EMPTY(&m->controls))
		close_handle(LIST_FIRST(&m->controls));
}
