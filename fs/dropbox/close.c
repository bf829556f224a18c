/*
 * A close returns the fate of the bytes that its own handle wrote: they were sent, were refused, or can
 * no longer be sent because their name was removed or another writer replaced them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/pace/throttle.h"
#include "fs/mount/request.h"
#include "fs/dropbox/close.h"
#include "fs/dropbox/confirm.h"
#include "fs/dropbox/receipt.h"
#include "fs/dropbox/submit.h"
#include "fs/dropbox/upload.h"

/* A FLUSH or RENAME that waits for the vault's answer. */
struct commit {
	struct kv_request request;
	struct kv_submit_wait *wait;	 /* for its submit … */
	struct kv_confirm_wait *confirm; /* … or for the vault to confirm an earlier one */
	struct kv_drop *file, *folder;	 /* held open; folder: the destination of the RENAME, or NULL */
	char *name;
};

static void sent(void *, int);
static void confirm_answered(void *, int);

static void
release(struct kv_request *request)
{
	struct commit *c = (struct commit *)request;

	kv_submit_cancel(c->wait);
	kv_confirms_cancel(c->confirm);
	if (c->file != NULL)
		kv_tree_closed(&c->file->node);
	if (c->folder != NULL)
		kv_tree_closed(&c->folder->node);
	free(c->name);
}

/* Rename the file if it still has a name; its bytes were sent in any case. In a removed folder it loses its name. */
static int
move(const struct commit *c)
{
	if (c->file->parent == NULL)
		return 0;
	if (kv_drop_is_removed(c->folder)) {
		kv_dropbox_detach(c->file);
		return 0;
	}
	return kv_drop_move(c->file, c->folder, c->name);
}

static void
sent(void *arg, int err)
{
	struct commit *c = arg;

	c->wait = NULL;
	if (err == 0 && c->folder != NULL)
		err = move(c);
	if (err == 0)
		kv_receipts_note(c->file->dropbox->receipts, c->file);
	kv_request_finish(&c->request, err);
}

static void
confirm_answered(void *arg, int err)
{
	struct commit *c = arg;

	c->confirm = NULL;
	if (err == -ENOENT) {
		kv_dropbox_log(c->file->dropbox, c->file->name, &c->request.caller, -ESTALE,
		    "an earlier close sent it, but it is no longer in the vault: write it again");
		err = -ESTALE;
	}
	sent(c, err);
}

/*
 * Whether the result of an earlier close of the same bytes is still valid. Where the vault cannot be asked, it is: it was
 * the vault's answer to these bytes.
 */
static bool
is_still_true(struct commit *c)
{
	const struct kv_receipt *receipt = &c->file->upload->receipt;
	const struct kv_confirms *confirms = c->file->dropbox->confirms;
	const struct kv_process process = kv_process_of(&c->request.caller);

	return receipt->name[0] == '\0' || !kv_confirms_can_ask(confirms, receipt) ||
	    kv_confirms_is_fresh(confirms, receipt, &process);
}

/* -EINPROGRESS: sent() or confirm_answered() will be called. Any other value is the result. */
static int
submit(struct commit *c)
{
	struct kv_upload *u = c->file->upload;
	struct kv_drop *folder = c->folder != NULL ? c->folder : c->file->parent;
	int err = 0;

	if (u->state == KV_UPLOAD_OPEN)
		err = kv_submit_start(
		    c->file, folder, c->name != NULL ? c->name : c->file->name, &c->request.caller);
	if (err != 0 && err != -ENOMEM && c->folder != NULL && u->state == KV_UPLOAD_OPEN)
		kv_upload_end(u, err); /* a staged file is complete: no later write can make it valid */
	if (err != 0)
		return err;
	if (u->state == KV_UPLOAD_SENDING)
		err = kv_submit_wait(c->file, sent, c, &c->wait);
	else if (u->state == KV_UPLOAD_DONE && !is_still_true(c))
		err = kv_confirms_ask(c->file->dropbox->confirms, &u->receipt, NULL,
		    &(struct kv_question){ .caller = c->request.caller }, confirm_answered, c, &c->confirm,
		    NULL);
	else
		return u->err;
	return err == 0 ? -EINPROGRESS : err;
}

void
kv_close_commit(struct kv_drop *file, fuse_req_t req, struct kv_drop *folder, const char *name)
{
	struct commit *c = kv_request_new(file->node.branch->mount, req, sizeof(*c), release);
	int err;

	if (c == NULL)
		return;
	if (name != NULL && (c->name = strdup(name)) == NULL) {
		kv_request_finish(&c->request, -ENOMEM);
		return;
	}
	c->file = file;
	kv_tree_opened(&file->node);
	c->folder = folder;
	if (folder != NULL)
		kv_tree_opened(&folder->node);
	err = submit(c);
	if (err == -EINPROGRESS)
		c->request.is_sent = c->wait != NULL;
	else
		sent(c, err);
}

/*
 * Returns 0 or -errno: the result of the close. 1: its bytes must be sent, are being sent, or were sent.
 */
static int
judge_close(struct kv_drop *file, struct kv_dropbox_handle *h)
{
	struct kv_dropbox *box = file->dropbox;
	struct kv_upload *u = file->upload;

	if (!h->is_writer)
		return 0;
	if (h->writer.err != 0)
		return h->writer.err;
	if (kv_upload_is_replaced(u, &h->writer)) {
		kv_dropbox_log_file(box, file, -ESTALE,
		    "another program wrote the same file before this one closed it: this program's bytes were not sent");
		h->writer.err = -ESTALE;
		return -ESTALE;
	}
	if (u->state == KV_UPLOAD_SENDING || (u->state == KV_UPLOAD_DONE && h->writer.content != 0))
		return 1;
	if (u->state != KV_UPLOAD_OPEN)
		return u->err;
	if (h->writer.content == 0 || (file->parent != NULL && kv_upload_is_staging(file->name)))
		return 0; /* it wrote nothing, or a RENAME will send the file */
	if (file->parent == NULL && u->data.len == 0)
		return 0;
	if (file->parent == NULL) {
		kv_dropbox_log_nothing(
		    box, file, -ESTALE, "its name was removed or replaced before the close");
		box->branch->n_failed++;
		h->writer.err = -ESTALE;
		return -ESTALE;
	}
	if (u->data.len == 0)
		return -EINVAL; /* not logged: a shell closes a copied descriptor before it writes */
	if (box->branch->mount->is_ending) {
		kv_dropbox_log_nothing(box, file, -EIO, "the mount is ending");
		u->was_judged = true;
		return -EIO;
	}
	return 1;
}

void
kv_close_flush(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi)
{
	struct kv_drop *file = kv_drop_of(node);
	const int result = judge_close(file, (struct kv_dropbox_handle *)kv_handle_of(fi));

	if (result <= 0) {
		fuse_reply_err(req, -result);
		return;
	}
	file->upload->was_judged = true;
	kv_close_commit(file, req, NULL, NULL);
}

void
kv_close_fsync(struct kv_node *node, fuse_req_t req)
{
	fuse_reply_err(req, -kv_drop_of(node)->upload->err);
}
