/*
 * What a close is told: what became of the bytes that its own handle wrote. They were restored, they were refused,
 * or they can be restored no more, because their name is gone or another writer replaced them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/restore/close.h"
#include "fs/restore/confirm.h"
#include "fs/restore/receipt.h"
#include "fs/restore/submit.h"
#include "fs/restore/upload.h"

/* A FLUSH or RENAME that waits for the vault's answer. */
struct commit {
	struct kv_request *request;
	struct kv_dropbox *dropbox;
	struct kv_submit_wait *wait;	 /* for the restore */
	struct kv_confirm_wait *confirm; /* or for the vault to confirm an earlier one */
	struct kv_node *node, *folder;	 /* kept open; folder: where it moves, NULL where it stays */
	char *name;
};

static void
free_commit(struct commit *c)
{
	kv_submit_cancel(c->wait);
	kv_confirms_cancel(c->confirm);
	kv_tree_closed(c->node);
	if (c->folder != NULL)
		kv_tree_closed(c->folder);
	free(c->name);
	free(c);
}

static void
cancel_commit(void *arg)
{
	free_commit(arg);
}

/* Its new place, if both ends are still there: the bytes were sent, whatever became of the names. */
static int
move(const struct commit *c)
{
	if (c->node->parent == NULL || (c->folder->parent == NULL && c->folder != c->folder->tree->drop))
		return 0;
	return kv_tree_move(c->node, c->folder, c->name);
}

static void
restored(void *arg, int err)
{
	struct commit *c = arg;

	c->wait = NULL;
	if (err == 0 && c->folder != NULL)
		err = move(c);
	if (err == 0)
		kv_receipts_note(c->dropbox->receipts, c->node);
	kv_request_fail(c->request, err);
	free_commit(c);
}

static void
confirm_answered(void *arg, int err)
{
	struct commit *c = arg;

	c->confirm = NULL;
	if (err == -ENOENT) {
		kv_dropbox_say(c->dropbox, c->node->name, &c->request->caller, -ESTALE,
		    "an earlier close restored it, and it is in the vault no more: write it again");
		err = -ESTALE;
	}
	restored(c, err);
}

/* Whether what an earlier close of the same bytes was told may be told again. */
static bool
is_still_true(struct commit *c)
{
	const struct kv_receipt *receipt = &c->node->upload->receipt;
	const struct kv_process process = kv_request_process(&c->request->caller);

	return receipt->name[0] == '\0' || kv_confirms_is_fresh(c->dropbox->confirms, receipt, &process);
}

/* 0: it is done, and so is an err; -EINPROGRESS: restored() will be called. */
static int
submit(struct kv_dropbox *box, struct commit *c)
{
	struct kv_upload *u = c->node->upload;
	struct kv_node *folder = c->folder != NULL ? c->folder : c->node->parent;
	int err = 0;

	if (u->state == KV_UPLOAD_OPEN)
		err = kv_submit_start(
		    box, c->node, folder, c->name != NULL ? c->name : c->node->name, &c->request->caller);
	if (err != 0 && err != -ENOMEM && c->folder != NULL && u->state == KV_UPLOAD_OPEN)
		kv_upload_end(u, err); /* a staged file is whole: nothing that follows could mend it */
	if (err != 0)
		return err;
	if (u->state == KV_UPLOAD_SENDING)
		err = kv_submit_wait(c->node, restored, c, &c->wait);
	else if (u->state == KV_UPLOAD_DONE && !is_still_true(c))
		err = kv_confirms_ask(box->confirms, &u->receipt, NULL, &c->request->caller, confirm_answered,
		    c, &c->confirm, NULL);
	else
		return u->err;
	return err == 0 ? -EINPROGRESS : err;
}

void
kv_close_commit(
    struct kv_dropbox *box, fuse_req_t req, struct kv_node *node, struct kv_node *folder, const char *name)
{
	struct kv_request *request = kv_request_new(box->mount, req);
	struct commit *c;
	int err;

	if (request == NULL)
		return;
	c = calloc(1, sizeof(*c));
	if (c == NULL || (name != NULL && (c->name = strdup(name)) == NULL)) {
		free(c);
		kv_request_fail(request, -ENOMEM);
		return;
	}
	c->request = request;
	c->dropbox = box;
	c->node = node;
	c->folder = folder;
	kv_tree_opened(node);
	if (folder != NULL)
		kv_tree_opened(folder);
	err = submit(box, c);
	if (err == -EINPROGRESS) {
		request->is_sent = c->wait != NULL;
		kv_request_wait(request, cancel_commit, c);
		return;
	}
	restored(c, err);
}

/* What a close is told at once: 0, or -errno; 1: its bytes are to be restored, or are being, or were. */
static int
judge_close(struct kv_dropbox *box, struct kv_node *node, struct kv_dropbox_handle *h)
{
	struct kv_upload *u = node->upload;

	if (!h->is_writer)
		return 0;
	if (h->writer.err != 0)
		return h->writer.err;
	if (kv_upload_is_replaced(u, &h->writer)) {
		kv_dropbox_say_of(box, node, -ESTALE,
		    "another program wrote the same file before this one had closed it: nothing of this one was restored");
		h->writer.err = -ESTALE;
		return -ESTALE;
	}
	if (u->state == KV_UPLOAD_SENDING || (u->state == KV_UPLOAD_DONE && h->writer.content != 0))
		return 1;
	if (u->state != KV_UPLOAD_OPEN)
		return u->err;
	if (h->writer.content == 0 || (node->parent != NULL && kv_upload_is_staging(node->name)))
		return 0; /* it wrote nothing; or the rename will restore it */
	if (node->parent == NULL && u->data.len == 0)
		return 0;
	if (node->parent == NULL) {
		kv_dropbox_say(box, node->name, &u->writer, -ESTALE,
		    "its name was removed or replaced before it was closed: nothing was restored");
		box->mount->n_failed++;
		h->writer.err = -ESTALE;
		return -ESTALE;
	}
	if (u->data.len == 0)
		return -EINVAL; /* not logged: a shell closes what it has not written yet */
	if (box->mount->is_ending) {
		kv_dropbox_say_of(box, node, -EIO, "the mount is ending: nothing was restored");
		u->was_judged = true;
		return -EIO;
	}
	return 1;
}

void
kv_close_flush(struct kv_dropbox *box, fuse_req_t req, struct kv_node *node, struct fuse_file_info *fi)
{
	const int result = judge_close(box, node, kv_dropbox_handle(fi));

	if (result <= 0) {
		fuse_reply_err(req, -result);
		return;
	}
	node->upload->was_judged = true;
	kv_close_commit(box, req, node, NULL, NULL);
}

/* What counts is the close; but what has failed already is said. */
void
kv_close_fsync(fuse_req_t req, const struct kv_node *node)
{
	fuse_reply_err(req, -node->upload->err);
}
