#include "fs/deleted/deleted_folder.h"

#include <errno.h>
#include <stdlib.h>

#include "client/base/clock.h"
#include "client/base/log.h"
#include "fs/deleted/deleted_file.h"
#include "fs/deleted/deletions.h"
#include "fs/deleted/recover.h"
#include "fs/mount/entry.h"
#include "fs/mount/request.h"

#define VALID_S	  3600
#define RECENT_MS 5000 /* how long an answer is believed: ls -l looks up each name that it has read */

struct deleted_folder {
	struct kv_node node;
	enum kv_type type;
};

/* An open folder: what the list contained. */
struct handle {
	struct kv_handle handle;
	int64_t mono_sent;
	struct kv_deleted *list;
	size_t n;
};

/* A LOOKUP or an OPENDIR that waits for the vault. */
struct asking {
	struct kv_request request;
	struct kv_node *node; /* held open */
	int64_t mono_sent;
	struct kv_deleted_call *call;
	struct handle *handle; /* OPENDIR */
	struct fuse_file_info fi;
};

static void found_one(void *, int, struct kv_deleted **, size_t);
static void list_answered(void *, int, struct kv_deleted **, size_t);

static enum kv_type
type_of(const struct kv_node *node)
{
	return ((const struct deleted_folder *)node)->type;
}

static void
release_asking(struct kv_request *request)
{
	struct asking *a = (struct asking *)request;

	kv_deleted_cancel(a->call);
	free(a->handle);
	kv_tree_closed(a->node);
}

/* NULL: req was answered. */
static struct asking *
new_asking(struct kv_node *node, fuse_req_t req)
{
	struct asking *a = kv_request_new(node->branch->mount, req, sizeof(*a), release_asking);

	if (a == NULL)
		return NULL;
	a->node = node;
	a->mono_sent = kv_clock_mono_ms();
	kv_tree_opened(node);
	return a;
}

/* ---- LOOKUP ---- */

static bool
is_recent(const struct kv_deleted_file *f)
{
	return f != NULL && f->mono_seen != 0 && kv_clock_mono_ms() - f->mono_seen < RECENT_MS;
}

static void
lookup(struct kv_node *node, fuse_req_t req, const char *name)
{
	struct kv_deleted_file *f = kv_deleted_file_find(kv_deletions_of(node), type_of(node), name);
	struct kv_question question = { .mono_deadline = 0 };
	struct asking *a;
	int err;

	if (!kv_type_is_name(name)) {
		fuse_reply_err(req, ENOENT);
	} else if (is_recent(f)) {
		kv_entry_reply(&f->node, req);
	} else if ((a = new_asking(node, req)) != NULL) {
		question.caller = a->request.caller;
		err = kv_deleted_get(
		    node->branch->volume->throttle, type_of(node), name, &question, found_one, a, &a->call);
		if (err != 0)
			kv_request_finish(&a->request, err);
	}
}

static void
found_one(void *arg, int err, struct kv_deleted **deleted, size_t n)
{
	struct asking *a = arg;
	struct kv_deleted_file *f = NULL;
	fuse_req_t req = kv_request_take(&a->request);

	a->call = NULL;
	if (err == 0 && n == 1)
		f = kv_deleted_file_of(kv_deletions_of(a->node), type_of(a->node), *deleted, a->mono_sent);
	if (f != NULL)
		kv_entry_reply(&f->node, req);
	else
		fuse_reply_err(req, err != 0 ? -err : ENOMEM);
	kv_request_free(&a->request);
}

/* ---- listing ---- */

static void
close_handle(struct kv_handle *handle)
{
	struct handle *h = (struct handle *)handle;

	free(h->list);
	free(h);
}

static void
open_folder(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi)
{
	struct asking *a = new_asking(node, req);
	struct kv_question question = { .mono_deadline = 0 };
	int err;

	if (a == NULL)
		return;
	a->fi = *fi;
	a->handle = calloc(1, sizeof(*a->handle));
	question.caller = a->request.caller;
	err = a->handle == NULL ? -ENOMEM :
				  kv_deleted_list(node->branch->volume->throttle, type_of(node), &question,
				      list_answered, a, &a->call);
	if (err != 0)
		kv_request_finish(&a->request, err);
}

static void
list_answered(void *arg, int err, struct kv_deleted **deleted, size_t n)
{
	struct asking *a = arg;
	struct handle *h = a->handle;
	fuse_req_t req = kv_request_take(&a->request);

	a->call = NULL;
	if (err != 0) {
		fuse_reply_err(req, -err);
	} else {
		h->mono_sent = a->mono_sent;
		h->list = *deleted;
		h->n = n;
		*deleted = NULL;
		a->handle = NULL;
		kv_handle_reply_open(&h->handle, a->node, close_handle, req, &a->fi);
	}
	kv_request_free(&a->request);
}

static void
read_folder(
    struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi, bool plus)
{
	const struct handle *h = (const struct handle *)kv_handle_of(fi);
	struct kv_deletions *ds = kv_deletions_of(node);
	struct kv_entries entries;
	struct kv_deleted_file *f;
	bool fits;
	int err = 0;

	if (kv_entries_init(&entries, node, req, size, offset, plus) != 0) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	fits = kv_entries_add_dots(&entries, node);
	while (fits && err == 0 && (size_t)(entries.offset - KV_ENTRIES_FIRST) < h->n) {
		const struct kv_deleted *d = &h->list[entries.offset - KV_ENTRIES_FIRST];

		f = kv_deleted_file_of(ds, type_of(node), d, h->mono_sent);
		err = f != NULL ? 0 : -ENOMEM;
		if (err == 0)
			fits = kv_entries_add(&entries, d->item.name, &f->node);
	}
	kv_entries_reply(&entries, req, err);
}

/* ---- the other operations ---- */

static void
release(struct kv_node *node)
{
	free(node);
}

static void
describe(const struct kv_node *node, struct kv_buf *path)
{
	kv_buf_say(path, "deleted/%s", kv_type_name(type_of(node)));
}

static void
attributes(struct kv_node *node, struct kv_attributes *a)
{
	a->stat.st_mode = S_IFDIR | (0777 & ~node->branch->settings->umask);
	a->stat.st_nlink = 2;
	a->stat.st_mtim.tv_sec = node->wall_changed;
	a->entry_valid_s = a->attr_valid_s = VALID_S;
}

/* Purging a deleted object could not be undone. */
static void
refuse_unlink(struct kv_node *node, fuse_req_t req, const char *name)
{
	struct kv_caller caller;

	kv_request_caller(req, &caller);
	kv_log_event(KV_LOG_NOTICE, "deleted",
	    "vault=%s op=unlink object=deleted/%s/%s errno=EPERM uid=%u pid=%d cmd=%s why=%s",
	    kv_vault_name(node->branch->volume->vault), kv_type_name(type_of(node)), name, caller.uid,
	    caller.pid, caller.command, "kvfs purges nothing, because that cannot be undone");
	fuse_reply_err(req, EPERM);
}

static const struct kv_node_ops ops = {
	.release = release,
	.describe = describe,
	.attributes = attributes,
	.lookup = lookup,
	.opendir = open_folder,
	.readdir = read_folder,
	.unlink = refuse_unlink,
	.move_out = kv_recover,
};

struct kv_node *
kv_deleted_folder_new(struct kv_branch *branch, enum kv_type type, uint64_t ino)
{
	struct deleted_folder *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->type = type;
	f->node.is_kept = true;
	kv_tree_add(&branch->mount->tree, &f->node, &ops, branch, ino);
	return &f->node;
}

int
kv_deleted_folder_type(const struct kv_node *node, enum kv_type *type)
{
	*type = type_of(node);
	return node->ops == &ops ? 0 : -EINVAL;
}
