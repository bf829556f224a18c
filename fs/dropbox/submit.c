/*
 * What all kinds of drop boxes do with a file that is being sent: they find out whether the vault already has it, keep
 * a receipt of it, list the object, and answer those who wait.
 */
#include "fs/dropbox/submit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/absent.h"
#include "cache/list/listing.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/vault/audit.h"
#include "fs/dropbox/confirm.h"
#include "fs/dropbox/receipt.h"
#include "fs/dropbox/upload.h"

struct kv_submit_wait {
	LIST_ENTRY(kv_submit_wait) link;
	kv_submit_done *done;
	void *arg;
};

static void send_again(void *);
static void confirm_answered(void *, int);

/* ---- the end ---- */

static void
free_submit(struct kv_submit *s)
{
	struct kv_dropbox *box = s->dropbox;
	struct kv_submit_wait *w;

	box->kind->release(s);
	kv_confirms_cancel(s->confirm);
	kv_throttle_cancel(s->ticket);
	kv_timer_stop(&s->again);
	while ((w = LIST_FIRST(&s->waits)) != NULL)
		kv_submit_cancel(w);
	LIST_REMOVE(s, all);
	box->n_submits--;
	kv_blob_unref(s->blob);
	kv_buf_free_string(s->name);
	kv_tree_closed(&s->folder->node);
	kv_tree_closed(&s->file->node);
	free(s);
}

void
kv_submit_end(struct kv_submit *s, int err)
{
	struct kv_dropbox *box = s->dropbox;
	struct kv_upload *u = s->file->upload;
	struct kv_submit_wait *w;

	u->submit = NULL;
	kv_upload_end(u, err);
	if (err != 0) {
		box->branch->n_failed++;
	} else {
		u->receipt = s->receipt;
		kv_receipts_note(box->receipts, s->file);
	}
	/* what was refused leaves no name; a staged file is removed by its writer */
	if (err != 0 && u->n_handles == 0 && s->file->parent != NULL && !kv_upload_is_staging(s->file->name))
		kv_dropbox_detach(s->file);
	while ((w = LIST_FIRST(&s->waits)) != NULL) {
		LIST_REMOVE(w, link);
		w->done(w->arg, err);
		free(w);
	}
	free_submit(s);
}

void
kv_submit_succeed(struct kv_submit *s, enum kv_type type, const struct kv_item *item)
{
	struct kv_dropbox *box = s->dropbox;
	struct kv_branch *branch = box->branch;
	struct kv_object *object;

	s->receipt = (struct kv_receipt){ .type = type, .wall_updated = item->wall_updated };
	memcpy(s->receipt.digest, s->digest, KV_DIGEST_LEN);
	memcpy(s->receipt.name, item->name, sizeof(s->receipt.name));
	memcpy(s->receipt.version, item->version, sizeof(s->receipt.version));
	kv_receipts_keep(box->receipts, &s->receipt);
	kv_confirms_note(box->confirms, &s->receipt, s->mono_sent, &s->process);
	kv_absent_forget(branch->volume->absent, type, item->name);
	if (kv_listing_add(branch->volume->listings[type], item, &object) != 0)
		kv_log_event(KV_LOG_WARNING, box->kind->name, "object=%s/%s errno=ENOMEM why=%s",
		    kv_type_name(type), item->name, "sent; it will be shown by the next listing");
	kv_submit_end(s, 0);
}

/* ---- the same bytes again ---- */

static void
send_again(void *arg)
{
	struct kv_submit *s = arg;

	s->dropbox->kind->send(s);
}

void
kv_submit_begin(struct kv_submit *s, bool has_receipt)
{
	struct kv_confirms *confirms = s->dropbox->confirms;

	kv_timer_init(&s->again, s->dropbox->branch->mount->loop, send_again, s);
	if (!has_receipt) {
		kv_timer_set(&s->again, 0);
		return;
	}
	s->question.mono_deadline = kv_clock_mono_ms() + s->dropbox->branch->settings->timeout_ms;
	if (kv_confirms_ask(
		confirms, &s->receipt, NULL, &s->question, confirm_answered, s, &s->confirm, NULL) != 0)
		kv_timer_set(&s->again, 0);
}

static void
confirm_answered(void *arg, int err)
{
	struct kv_submit *s = arg;

	s->confirm = NULL;
	if (err != 0) {
		s->dropbox->kind->send(s);
		return;
	}
	kv_audit_confirmed(s->dropbox->branch->volume->vault, s->receipt.type, s->receipt.name,
	    s->receipt.version, &s->question.caller);
	kv_submit_end(s, 0);
}

/* ---- the beginning ---- */

int
kv_submit_new(size_t size, struct kv_drop *file, struct kv_drop *folder, const char *name,
    const struct kv_caller *caller, struct kv_buf *decoded, struct kv_submit **submit)
{
	struct kv_dropbox *box = file->dropbox;
	struct kv_submit *s = calloc(1, size);

	*submit = s;
	if (s == NULL || (s->name = strdup(name)) == NULL ||
	    kv_upload_send(file->upload, decoded, &s->blob) != 0) {
		if (s != NULL)
			kv_buf_free_string(s->name);
		free(s);
		return -ENOMEM;
	}
	file->upload->submit = s;
	s->dropbox = box;
	s->file = file;
	s->folder = folder;
	kv_tree_opened(&file->node);
	kv_tree_opened(&folder->node);
	s->question.caller = *caller;
	s->process = kv_process_of(caller);
	memcpy(s->digest, s->blob->digest, KV_DIGEST_LEN);
	LIST_INIT(&s->waits);
	LIST_INSERT_HEAD(&box->submits, s, all);
	box->n_submits++;
	return 0;
}

void
kv_submit_pretend(struct kv_drop *file, const char *name, enum kv_type type, const struct kv_caller *caller,
    const char *why)
{
	kv_dropbox_log(file->dropbox, name, caller, 0, why);
	file->upload->receipt = (struct kv_receipt){ .type = type };
	kv_upload_end(file->upload, 0);
}

int
kv_submit_start(
    struct kv_drop *file, struct kv_drop *folder, const char *name, const struct kv_caller *caller)
{
	struct kv_dropbox *box = file->dropbox;
	const struct kv_upload *u = file->upload;
	struct kv_buf why;
	int err = -EINVAL;

	kv_buf_init(&why, 512);
	if (u->data.len == 0)
		kv_buf_say(&why, "the file is empty");
	else if (u->data.len < u->rewritten)
		kv_buf_say(&why, "only part of the file was rewritten");
	else
		err = box->kind->start(file, folder, name, caller, &why);
	if (err != 0) {
		kv_dropbox_log(box, name, caller, err, why.len > 0 ? kv_buf_str(&why) : NULL);
		box->branch->n_failed++;
	}
	kv_buf_release(&why);
	return err;
}

/* ---- waiting for the result ---- */

int
kv_submit_wait(struct kv_drop *file, kv_submit_done *done, void *arg, struct kv_submit_wait **wait)
{
	struct kv_submit_wait *w = calloc(1, sizeof(*w));

	*wait = w;
	if (w == NULL)
		return -ENOMEM;
	w->done = done;
	w->arg = arg;
	LIST_INSERT_HEAD(&file->upload->submit->waits, w, link);
	return 0;
}

void
kv_submit_cancel(struct kv_submit_wait *wait)
{
	if (wait == NULL)
		return;
	LIST_REMOVE(wait, link);
	free(wait);
}

void
kv_submit_log_lost(struct kv_dropbox *box)
{
	const struct kv_submit *s;
	char lost[160], unsent[96];

	snprintf(lost, sizeof(lost),
	    "the mount ended before the answer came: the object may have been %s; check before you try again",
	    box->kind->done);
	/* not sent yet, or refused because of what may pass */
	snprintf(unsent, sizeof(unsent), "the mount ended first: nothing was %s", box->kind->done);
	LIST_FOREACH(s, &box->submits, all) {
		box->branch->n_failed++;
		kv_dropbox_log(box, s->name, &s->question.caller, -EIO,
		    s->ticket != NULL || s->is_in_doubt ? lost : unsent);
	}
}

void
kv_submit_cancel_all(struct kv_dropbox *box)
{
	while (!LIST_EMPTY(&box->submits)) {
		struct kv_submit *s = LIST_FIRST(&box->submits);

		s->file->upload->submit = NULL;
		kv_upload_end(s->file->upload, -EIO);
		free_submit(s);
	}
}
