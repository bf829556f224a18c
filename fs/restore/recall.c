/*
 * A look at a name goes through these, again from the top after each wait:
 *
 *	SENDING             -> waits for the restore
 *	a receipt           -> fresh: shown; else the vault is asked: yes: shown; no: ENOENT, the receipt is gone
 *	any other           -> as it is
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
#include "fs/restore/confirm.h"
#include "fs/restore/recall.h"
#include "fs/restore/receipt.h"
#include "fs/restore/submit.h"
#include "fs/restore/upload.h"

#define FIRST_DEPTH 4
#define AHEAD_S	    2.5 /* of the pace, at most */

/* ---- ahead ---- */

struct kv_recall_stream {
	struct kv_process process; /* whose questions follow each other */
	char last[PATH_MAX];	   /* what it asked for last */
	char ahead[PATH_MAX];	   /* the last path that was asked for ahead, or "" */
	size_t n_hits, depth;
	size_t n_unread; /* asked ahead, and not come to yet */
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
 * process has asked for the receipt at path. has_waited: the answer was not here yet. A reader that comes to questions
 * that are still under way is served better by more of them; one that never does has enough.
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
		return; /* the GETATTR after a LOOKUP */
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

/* ---- a look ---- */

/* A LOOKUP of name in folder, or with name NULL a GETATTR of file. */
struct look {
	struct kv_request request;
	struct kv_dropbox *dropbox;
	struct kv_drop *folder, *file; /* kept open, that one which is not NULL */
	char *name;
	struct kv_process process;
	struct kv_receipt receipt; /* that is being confirmed */
	struct kv_confirm_wait *confirm;
	struct kv_submit_wait *submit;
};

static void look(struct look *);
static void confirm_answered(void *, int);
static void restore_answered(void *, int);

static void
release(struct kv_request *request)
{
	struct look *l = (struct look *)request;

	kv_confirms_cancel(l->confirm);
	kv_submit_cancel(l->submit);
	if (l->folder != NULL)
		kv_tree_closed(&l->folder->node);
	if (l->file != NULL)
		kv_tree_closed(&l->file->node);
	free(l->name);
}

static void
show(struct look *l, struct kv_drop *file)
{
	fuse_req_t req = kv_request_take(&l->request);

	if (l->name != NULL)
		kv_entry_reply(&file->node, req);
	else
		kv_entry_reply_attributes(&file->node, req);
	kv_request_free(&l->request);
}

static bool
is_same(const struct kv_receipt *a, const struct kv_receipt *b)
{
	return a->type == b->type && a->wall_updated == b->wall_updated &&
	    strcmp(a->version, b->version) == 0 && strcmp(a->name, b->name) == 0;
}

/* The receipt that file is, or what an earlier mount left for its name. */
static bool
find_receipt(const struct look *l, const struct kv_drop *file, struct kv_receipt *receipt)
{
	if (file == NULL)
		return kv_receipts_find_path(l->dropbox->receipts, l->folder, l->name, receipt);
	if (kv_drop_is_folder(file) || file->upload->state != KV_UPLOAD_DONE)
		return false;
	*receipt = file->upload->receipt;
	return receipt->name[0] != '\0';
}

static struct kv_drop *
node_of(const struct look *l)
{
	return l->file != NULL ? l->file : kv_dropbox_child(l->folder, l->name);
}

/* The vault has not got what l's receipt stands for. */
static void
forget(const struct look *l)
{
	struct kv_drop *file = node_of(l);
	struct kv_receipt receipt;

	if (!find_receipt(l, file, &receipt) || !is_same(&receipt, &l->receipt))
		return; /* something else is there meanwhile */
	if (file == NULL) {
		kv_receipts_forget(l->dropbox->receipts, l->folder, l->name);
	} else if (file->parent != NULL) {
		kv_receipts_forget(l->dropbox->receipts, file->parent, file->name);
		kv_dropbox_detach(file);
	}
}

/* The file that an earlier mount restored, as it would be here still. */
static int
make_receipt(const struct look *l, struct kv_drop **file)
{
	const struct kv_settings *o = l->dropbox->branch->mount->settings;
	int err = kv_dropbox_make(l->dropbox, l->folder, l->name, file);

	if (err != 0)
		return err;
	kv_upload_become_receipt((*file)->upload, &l->receipt);
	(*file)->upload->uid = o->uid;
	(*file)->upload->gid = o->gid;
	return 0;
}

static void
confirmed(struct look *l)
{
	struct kv_drop *file = node_of(l);
	int err = 0;

	if (file == NULL && kv_drop_is_removed(l->folder))
		err = -ENOENT; /* the folder is gone meanwhile */
	else if (file == NULL)
		err = make_receipt(l, &file);
	if (err != 0)
		kv_request_finish(&l->request, err);
	else
		show(l, file);
}

static void
confirm_answered(void *arg, int err)
{
	struct look *l = arg;

	l->confirm = NULL;
	if (err == -ENOENT)
		forget(l);
	if (err != 0) {
		kv_request_finish(&l->request, err);
		return;
	}
	kv_audit_confirmed(l->dropbox->branch->volume->vault, l->receipt.type, l->receipt.name,
	    l->receipt.version, &l->request.caller);
	confirmed(l);
}

static void
restore_answered(void *arg, int err)
{
	struct look *l = arg;

	(void)err; /* what became of it is looked at anew */
	l->submit = NULL;
	look(l);
}

static void
run_stream(const struct look *l, const struct kv_drop *file, bool has_waited)
{
	char path[PATH_MAX];

	if (kv_receipts_path(
		file != NULL ? file->parent : l->folder, file != NULL ? file->name : l->name, path))
		run_ahead(l->dropbox, &l->process, &l->request.caller, path, has_waited);
}

static void
confirm(struct look *l, const struct kv_drop *file)
{
	struct kv_confirms *confirms = l->dropbox->confirms;
	bool was_under_way;
	int err;

	if (kv_confirms_is_fresh(confirms, &l->receipt, &l->process)) {
		run_stream(l, file, false);
		confirmed(l);
		return;
	}
	err = kv_confirms_ask(confirms, &l->receipt, &l->process, &l->request.caller, confirm_answered, l,
	    &l->confirm, &was_under_way);
	if (err == 0)
		run_stream(l, file, true);
	else
		confirm_answered(l, err);
}

static void
look(struct look *l)
{
	struct kv_drop *file = node_of(l);
	int err = 0;

	if (file != NULL && !kv_drop_is_folder(file) && file->upload->state == KV_UPLOAD_SENDING &&
	    !kv_upload_is_staging(file->name)) {
		err = kv_submit_wait(file, restore_answered, l, &l->submit);
		if (err != 0)
			kv_request_finish(&l->request, err);
	} else if (find_receipt(l, file, &l->receipt)) {
		confirm(l, file);
	} else if (file != NULL && (l->name != NULL || kv_upload_is_visible(file->upload))) {
		show(l, file);
	} else {
		kv_request_finish(&l->request, -ENOENT);
	}
}

/* ---- the interface ---- */

/* Whether a look at file, or for NULL at name in folder, may have to wait. */
static bool
may_wait(
    const struct kv_dropbox *box, const struct kv_drop *folder, const char *name, const struct kv_drop *file)
{
	struct kv_receipt receipt;

	if (file == NULL)
		return kv_receipts_find_path(box->receipts, folder, name, &receipt);
	if (kv_drop_is_folder(file))
		return false;
	if (file->upload->state == KV_UPLOAD_SENDING)
		return !kv_upload_is_staging(file->name);
	return file->upload->state == KV_UPLOAD_DONE && file->upload->receipt.name[0] != '\0';
}

static void
begin(struct kv_dropbox *box, fuse_req_t req, struct kv_drop *folder, const char *name, struct kv_drop *file)
{
	struct look *l = kv_request_new(box->branch->mount, req, sizeof(*l), release);

	if (l == NULL)
		return;
	if (name != NULL && (l->name = strdup(name)) == NULL) {
		kv_request_finish(&l->request, -ENOMEM);
		return;
	}
	l->dropbox = box;
	l->folder = folder;
	l->file = file;
	if (folder != NULL)
		kv_tree_opened(&folder->node);
	if (file != NULL)
		kv_tree_opened(&file->node);
	l->process = kv_process_of(&l->request.caller);
	look(l);
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
