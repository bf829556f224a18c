/*
 * A query for a name. After each wait it starts again from the top:
 *
 *	SENDING      -> wait for its end
 *	a receipt    -> if recently confirmed, show it; otherwise ask the vault. Confirmed: show it; else ENOENT
 *	otherwise    -> as it is
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/vault/audit.h"
#include "cache/pace/throttle.h"
#include "fs/mount/entry.h"
#include "fs/mount/request.h"
#include "fs/dropbox/confirm.h"
#include "fs/dropbox/recall.h"
#include "fs/dropbox/receipt.h"
#include "fs/dropbox/submit.h"
#include "fs/dropbox/upload.h"

#define FIRST_DEPTH 4
#define AHEAD_S	    2.5 /* limit of the read-ahead: what the rate allows in this time */

/* ---- read-ahead ---- */

struct kv_recall_stream {
	struct kv_process process; /* the process that queries one receipt after another */
	char last[PATH_MAX];	   /* path of its last query */
	char ahead[PATH_MAX];	   /* the last path that was confirmed ahead, or "" */
	size_t n_hits, depth;
	size_t n_unread; /* confirmed ahead and not queried yet */
};

struct kv_recall_stream *
kv_recall_stream_new(void)
{
	return calloc(1, sizeof(struct kv_recall_stream));
}

struct ahead {
	struct kv_dropbox *dropbox;
	const struct kv_caller *caller;
};

static void
ask_ahead(void *arg, const char *path, const struct kv_receipt *receipt)
{
	const struct ahead *a = arg;
	struct kv_recall_stream *s = a->dropbox->stream;

	kv_confirms_ask_ahead(a->dropbox->confirms, receipt, &s->process, a->caller);
	snprintf(s->ahead, sizeof(s->ahead), "%s", path);
	s->n_unread++;
}

static size_t
most_ahead(const struct kv_dropbox *box)
{
	const double n =
	    AHEAD_S * kv_throttle_rate(box->branch->volume->throttle, KV_OP_VERSIONS, KV_SECRETS);

	return n < FIRST_DEPTH ? FIRST_DEPTH : (size_t)n;
}

/*
 * process has queried the receipt at path. has_waited: the confirmation had not arrived, so the read-ahead
 * was too short and is doubled.
 */
static void
run_ahead(struct kv_dropbox *box, const struct kv_process *process, const struct kv_caller *caller,
    const char *path, bool has_waited)
{
	struct kv_recall_stream *s = box->stream;
	const bool goes_on = process->id != 0 && process->id == s->process.id &&
	    process->mono_begun == s->process.mono_begun && strcmp(path, s->last) > 0;
	const size_t most = most_ahead(box);
	struct ahead a = { .dropbox = box, .caller = caller };

	if (strcmp(path, s->last) == 0 && process->id == s->process.id)
		return; /* the GETATTR after a LOOKUP of the same file */
	s->n_hits = goes_on ? s->n_hits + 1 : 0;
	if (!goes_on)
		s->depth = FIRST_DEPTH;
	else if (has_waited && s->depth < most)
		s->depth = s->depth * 2 < most ? s->depth * 2 : most;
	s->process = *process;
	snprintf(s->last, sizeof(s->last), "%s", path);
	if (!goes_on || strcmp(s->ahead, path) < 0) {
		snprintf(s->ahead, sizeof(s->ahead), "%s", path);
		s->n_unread = 0;
	} else if (s->n_unread > 0) {
		s->n_unread--;
	}
	if (s->n_hits > 0 && s->n_unread <= s->depth / 2)
		kv_receipt_rows_next(box->branch->volume->index.receipts, s->ahead,
		    (int)(s->depth - s->n_unread), ask_ahead, &a);
}

/* ---- one query ---- */

/* A LOOKUP of name in folder, or a GETATTR of file (then name is NULL). */
struct query {
	struct kv_request request;
	struct kv_dropbox *dropbox;
	struct kv_drop *folder, *file; /* one is NULL, the other is held open */
	char *name;
	struct kv_process process;
	struct kv_receipt receipt; /* being confirmed */
	struct kv_confirm_wait *confirm;
	struct kv_submit_wait *submit;
};

static void run_query(struct query *);
static void confirm_answered(void *, int);
static void submit_ended(void *, int);

static void
release(struct kv_request *request)
{
	struct query *q = (struct query *)request;

	kv_confirms_cancel(q->confirm);
	kv_submit_cancel(q->submit);
	if (q->folder != NULL)
		kv_tree_closed(&q->folder->node);
	if (q->file != NULL)
		kv_tree_closed(&q->file->node);
	free(q->name);
}

static void
show(struct query *q, struct kv_drop *file)
{
	fuse_req_t req = kv_request_take(&q->request);

	if (q->name != NULL)
		kv_entry_reply(&file->node, req);
	else
		kv_entry_reply_attributes(&file->node, req);
	kv_request_free(&q->request);
}

static bool
is_same(const struct kv_receipt *a, const struct kv_receipt *b)
{
	return a->type == b->type && a->wall_updated == b->wall_updated &&
	    strcmp(a->version, b->version) == 0 && strcmp(a->name, b->name) == 0;
}

/*
 * The receipt of file or, if file is NULL, the one that an earlier mount left for this name. A removed file, which only
 * a handle can still reach, promises nothing about the vault.
 */
static bool
find_receipt(const struct query *q, const struct kv_drop *file, struct kv_receipt *receipt)
{
	if (file == NULL)
		return kv_receipts_find_path(q->dropbox->receipts, q->folder, q->name, receipt);
	if (kv_drop_is_folder(file) || kv_drop_is_removed(file) || file->upload->state != KV_UPLOAD_DONE)
		return false;
	*receipt = file->upload->receipt;
	return receipt->name[0] != '\0';
}

static struct kv_drop *
node_of(const struct query *q)
{
	return q->file != NULL ? q->file : kv_dropbox_child(q->folder, q->name);
}

/* The vault no longer has the object: discard the receipt. */
static void
forget(const struct query *q)
{
	struct kv_drop *file = node_of(q);
	struct kv_receipt receipt;

	if (!find_receipt(q, file, &receipt) || !is_same(&receipt, &q->receipt))
		return; /* replaced in the meantime */
	if (file == NULL) {
		kv_receipts_forget(q->dropbox->receipts, q->folder, q->name);
	} else {
		kv_receipts_forget(q->dropbox->receipts, file->parent, file->name);
		kv_dropbox_detach(file);
	}
}

/* Create the file for a receipt of an earlier mount. */
static int
make_receipt(const struct query *q, struct kv_drop **file)
{
	const struct kv_settings *o = q->dropbox->branch->settings;
	int err = kv_dropbox_make(q->dropbox, q->folder, q->name, file);

	if (err != 0)
		return err;
	kv_upload_become_receipt((*file)->upload, &q->receipt);
	(*file)->upload->uid = o->uid;
	(*file)->upload->gid = o->gid;
	return 0;
}

static void
confirmed(struct query *q)
{
	struct kv_drop *file = node_of(q);
	int err = 0;

	if (file == NULL) /* -ENOENT: the folder was removed in the meantime */
		err = make_receipt(q, &file);
	if (err != 0)
		kv_request_finish(&q->request, err);
	else
		show(q, file);
}

static void
confirm_answered(void *arg, int err)
{
	struct query *q = arg;

	q->confirm = NULL;
	if (err == -ENOENT)
		forget(q);
	if (err != 0) {
		kv_request_finish(&q->request, err);
		return;
	}
	kv_audit_confirmed(q->dropbox->branch->volume->vault, q->receipt.type, q->receipt.name,
	    q->receipt.version, &q->request.caller);
	confirmed(q);
}

static void
submit_ended(void *arg, int err)
{
	struct query *q = arg;

	(void)err; /* the query starts again from the top */
	q->submit = NULL;
	run_query(q);
}

static void
run_stream(const struct query *q, const struct kv_drop *file, bool has_waited)
{
	char path[PATH_MAX];

	if (kv_receipts_path(
		file != NULL ? file->parent : q->folder, file != NULL ? file->name : q->name, path))
		run_ahead(q->dropbox, &q->process, &q->request.caller, path, has_waited);
}

static void
confirm(struct query *q, const struct kv_drop *file)
{
	struct kv_confirms *confirms = q->dropbox->confirms;
	bool was_under_way;
	int err;

	if (kv_confirms_is_fresh(confirms, &q->receipt, &q->process)) {
		run_stream(q, file, false);
		confirmed(q);
		return;
	}
	err = kv_confirms_ask(confirms, &q->receipt, &q->process,
	    &(struct kv_question){ .caller = q->request.caller }, confirm_answered, q, &q->confirm,
	    &was_under_way);
	if (err == 0)
		run_stream(q, file, true);
	else
		confirm_answered(q, err);
}

static void
run_query(struct query *q)
{
	struct kv_drop *file = node_of(q);
	int err = 0;

	if (file != NULL && !kv_drop_is_folder(file) && file->upload->state == KV_UPLOAD_SENDING &&
	    !kv_upload_is_staging(file->name)) {
		err = kv_submit_wait(file, submit_ended, q, &q->submit);
		if (err != 0)
			kv_request_finish(&q->request, err);
	} else if (find_receipt(q, file, &q->receipt)) {
		confirm(q, file);
	} else if (file != NULL && (q->name != NULL || kv_upload_is_visible(file->upload))) {
		show(q, file);
	} else {
		kv_request_finish(&q->request, -ENOENT);
	}
}

/* ---- the interface ---- */

/* Whether a query of file, or of name in folder if file is NULL, may have to wait. */
static bool
may_wait(
    const struct kv_dropbox *box, const struct kv_drop *folder, const char *name, const struct kv_drop *file)
{
	struct kv_receipt receipt;

	if (file == NULL)
		return kv_receipts_find_path(box->receipts, folder, name, &receipt);
	if (kv_drop_is_folder(file) || kv_drop_is_removed(file))
		return false;
	if (file->upload->state == KV_UPLOAD_SENDING)
		return !kv_upload_is_staging(file->name);
	return file->upload->state == KV_UPLOAD_DONE && file->upload->receipt.name[0] != '\0';
}

static void
begin(struct kv_dropbox *box, fuse_req_t req, struct kv_drop *folder, const char *name, struct kv_drop *file)
{
	struct query *q = kv_request_new(box->branch->mount, req, sizeof(*q), release);

	if (q == NULL)
		return;
	if (name != NULL && (q->name = strdup(name)) == NULL) {
		kv_request_finish(&q->request, -ENOMEM);
		return;
	}
	q->dropbox = box;
	q->folder = folder;
	q->file = file;
	if (folder != NULL)
		kv_tree_opened(&folder->node);
	if (file != NULL)
		kv_tree_opened(&file->node);
	q->process = kv_process_of(&q->request.caller);
	run_query(q);
}

void
kv_recall_lookup(struct kv_node *node, fuse_req_t req, const char *name)
{
	struct kv_drop *folder = kv_drop_of(node);
	struct kv_drop *file = kv_dropbox_child(folder, name);

	if (may_wait(folder->dropbox, folder, name, file))
		begin(folder->dropbox, req, folder, name, NULL);
	else if (file != NULL)
		kv_entry_reply(&file->node, req);
	else
		fuse_reply_err(req, ENOENT);
}

void
kv_recall_getattr(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi)
{
	struct kv_drop *file = kv_drop_of(node);

	if (fi == NULL && may_wait(file->dropbox, NULL, NULL, file))
		begin(file->dropbox, req, NULL, NULL, file);
	else
		kv_entry_reply_attributes(node, req);
}
