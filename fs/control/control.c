/*
 * The files of .kvfs/: open and read. Each file is a row of the table below; fs/control/report, manifest, metrics and
 * facts write the content.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/list/listing.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "fs/control/control.h"
#include "fs/control/facts.h"
#include "fs/control/manifest.h"
#include "fs/control/metrics.h"
#include "fs/control/report.h"
#include "fs/control/vault_log.h"
#include "fs/mount/folder.h"
#include "fs/mount/request.h"
#include "fs/mount/text.h"

#define VALID_S	   3600
#define MOST_BYTES ((size_t)64 << 20)

/* Append the file's current content. -ENOMEM, -EFBIG. */
typedef int write_file(const struct kv_scope *, struct kv_buf *);

static int
write_log(const struct kv_scope *scope, struct kv_buf *text)
{
	kv_vault_log(scope, false, text);
	return 0;
}

/* Which listings an open waits for. */
enum listings {
	NO_LISTINGS,
	COMPLETE_LISTINGS,
	NEW_LISTINGS,	 /* which began after the open did */
	NEW_LIST_OF_KEYS /* likewise, and no other */
};

static const struct row {
	const char *name;
	write_file *write; /* NULL: fs/control/facts */
	enum listings listings;
} rows[] = {
	{ "status", kv_report, NO_LISTINGS },
	{ "metrics", kv_metrics, NO_LISTINGS },
	{ "skipped", kv_manifest_skipped, NO_LISTINGS },
	{ "manifest", kv_manifest, COMPLETE_LISTINGS },
	{ "manifest-now", kv_manifest, NEW_LISTINGS },
	{ "log", write_log, NO_LISTINGS },
	{ "vault.json", NULL, NEW_LIST_OF_KEYS },
};

struct file {
	struct kv_node node;
	const struct row *row;
};

/* An open that waits for a listing, or for facts. */
struct opening {
	struct kv_request request;
	struct kv_node *node; /* held open */
	int64_t mono_began;
	struct kv_snapshot_wait *wait;
	struct kv_snapshot *snapshot; /* the listing that it waits for */
	struct kv_facts *facts;
	struct fuse_file_info fi;
};

static void listing_answered(void *, int, const struct kv_reply *);
static void facts_answered(void *, int, struct kv_buf *);

/* ---- open ---- */

/* The row writes the content. */
static void
reply(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi)
{
	const struct kv_scope scope = { node->tree->mount, node->branch };
	struct kv_buf text;
	int err;

	kv_buf_init(&text, MOST_BYTES);
	err = ((const struct file *)node)->row->write(&scope, &text);
	if (err == 0) {
		kv_text_reply_open(node, req, fi, &text);
		return;
	}
	kv_buf_release(&text);
	fuse_reply_err(req, -err);
}

static void
release_opening(struct kv_request *request)
{
	struct opening *o = (struct opening *)request;

	kv_snapshot_cancel(o->wait);
	kv_facts_cancel(o->facts);
	kv_snapshot_unref(o->snapshot);
	kv_tree_closed(o->node);
}

/* -EINPROGRESS: wait for a listing that began after the open, or for one that must end before such a one can begin. */
static int
wait_for_new(struct opening *o, struct kv_listing *listing)
{
	const int64_t age_ms = kv_listing_age_ms(listing);
	int err;

	if (age_ms >= 0 && kv_clock_mono_ms() - age_ms >= o->mono_began)
		return 0;
	err = kv_listing_wait_for(
	    listing, "", listing_answered, o, &o->wait); /* to its end: no name is empty */
	return err != 0 ? err : -EINPROGRESS;
}

/* Returns 0 if the listings of a vault are as the row needs them. -EINPROGRESS: listing_answered() continues. */
static int
wait_for_vault(struct opening *o, const struct kv_branch *branch)
{
	struct kv_listing *const *listings = branch->volume->listings;
	const enum listings wanted = ((const struct file *)o->node)->row->listings;

	if (branch->away != 0)
		return branch->away;
	for (int t = 0; t < KV_TYPES; t++) {
		int err;

		if (listings[t] == NULL || (wanted == NEW_LIST_OF_KEYS && t != KV_KEYS))
			continue;
		if (wanted != COMPLETE_LISTINGS && (err = wait_for_new(o, listings[t])) != 0)
			return err;
		kv_snapshot_unref(o->snapshot);
		err = kv_listing_open(listings[t], &o->snapshot);
		if (err != 0)
			return err;
		if (kv_snapshot_is_complete(o->snapshot))
			continue;
		err = kv_snapshot_wait_for(o->snapshot, SIZE_MAX, listing_answered, o, &o->wait);
		return err != 0 ? err : -EINPROGRESS;
	}
	return 0;
}

/* Each time all are asked: while one was waited for, the listing of another may have become too old to serve. */
static void
reply_or_wait(struct opening *o)
{
	const struct kv_scope scope = { o->node->tree->mount, o->node->branch };
	const bool has_facts = ((const struct file *)o->node)->row->write == NULL;
	int err = 0;

	KV_SCOPE_EACH(b, &scope)
		if (err == 0)
			err = wait_for_vault(o, b);
	if (err == 0 && has_facts)
		err = kv_facts_begin(o->node->branch, &o->request.caller, facts_answered, o, &o->facts);
	if (err == -EINPROGRESS || (err == 0 && has_facts))
		return;
	if (err != 0) {
		kv_request_finish(&o->request, err);
		return;
	}
	reply(o->node, kv_request_take(&o->request), &o->fi);
	kv_request_free(&o->request);
}

static void
facts_answered(void *arg, int err, struct kv_buf *text)
{
	struct opening *o = arg;

	o->facts = NULL;
	if (err != 0) {
		kv_request_finish(&o->request, err);
		return;
	}
	kv_text_reply_open(o->node, kv_request_take(&o->request), &o->fi, text);
	kv_request_free(&o->request);
}

static void
listing_answered(void *arg, int err, const struct kv_reply *vault_reply)
{
	struct opening *o = arg;

	(void)vault_reply;
	o->wait = NULL;
	if (err != 0)
		kv_request_finish(&o->request, err);
	else
		reply_or_wait(o);
}

static void
open_file(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi)
{
	struct opening *o;

	if (((const struct file *)node)->row->listings == NO_LISTINGS) {
		reply(node, req, fi);
		return;
	}
	o = kv_request_new(node->tree->mount, req, sizeof(*o), release_opening);
	if (o == NULL)
		return;
	o->node = node;
	o->mono_began = kv_clock_mono_ms();
	o->fi = *fi;
	kv_tree_opened(node);
	reply_or_wait(o);
}

/* ---- the other operations ---- */

static void
release_file(struct kv_node *node)
{
	free(node);
}

static void
describe(const struct kv_node *node, struct kv_buf *path)
{
	kv_buf_say(path, "%s/%s", KV_CONTROL_FOLDER, ((const struct file *)node)->row->name);
}

static void
attributes(struct kv_node *node, struct kv_attributes *a)
{
	(void)node;
	a->stat.st_mode = S_IFREG | 0400;
	a->stat.st_mtim.tv_sec = kv_clock_wall_s();
	a->entry_valid_s = VALID_S;
}

static const struct kv_node_ops ops = {
	.release = release_file,
	.describe = describe,
	.attributes = attributes,
	.open = open_file,
	.read = kv_text_read,
};

/* ---- the part ---- */

static int
add_file(struct kv_tree *tree, struct kv_branch *branch, struct kv_folder *folder, const struct row *row,
    uint64_t ino)
{
	struct file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	f->row = row;
	f->node.is_kept = true;
	kv_tree_add(tree, &f->node, &ops, branch, ino);
	return kv_folder_add(folder, row->name, &f->node, true);
}

/* branch NULL: the files are about all vaults of the mount. Facts are about one. */
static int
add_folder(struct kv_tree *tree, struct kv_branch *branch, struct kv_folder *root, uint64_t first_ino)
{
	struct kv_folder *folder = kv_folder_new(tree, branch, first_ino, 0500);
	int err =
	    folder != NULL ? kv_folder_add(root, KV_CONTROL_FOLDER, kv_folder_node(folder), false) : -ENOMEM;

	for (size_t i = 0; err == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (branch != NULL || rows[i].write != NULL)
			err = add_file(tree, branch, folder, &rows[i], first_ino + 1 + i);
	return err;
}

static int
attach(struct kv_branch *branch, struct kv_folder *root, uint64_t first_ino, void **state)
{
	(void)state; /* there is none */
	return add_folder(&branch->mount->tree, branch, root, first_ino);
}

int
kv_control_add_sums(struct kv_mount *m, struct kv_folder *root, uint64_t first_ino)
{
	return add_folder(&m->tree, NULL, root, first_ino);
}

const struct kv_tree_part kv_control_part = { .attach = attach };
