/*
 * One restore.
 *
 *	start -> OPEN, refused: EINVAL, nothing is sent
 *	   |
 *	   +-- the same bytes were restored before: is that version in the vault? -> yes: DONE
 *	   |                                                                      |
 *	   +-----------> send <-------------------------- any other answer -------+
 *	                  |  ^
 *	                  |  +-- 400 or 403, and the type was a guess: send it as a key
 *	                  |  +-- 409 or 500: what is in conflict?
 *	                  |             in use, deleted -> EEXIST
 *	                  |             neither         -> pause and send again; finally EBUSY
 *	                  +-> 200 -> DONE: receipt, listed
 *
 * The object's name is inside the blob, where only the service can read it, so it is known from the answer. Until
 * then, the file's name without ".blob" is used in the log.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/vault/bundle.h"
#include "client/vault/audit.h"
#include "cache/list/absent.h"
#include "cache/list/listing.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/refusal_rows.h"
#include "fs/restore/classify.h"
#include "fs/restore/confirm.h"
#include "fs/restore/conflict.h"
#include "fs/restore/receipt.h"
#include "fs/restore/submit.h"
#include "fs/restore/upload.h"

#define MODULE "restore"

/* Pauses before sending again while a deletion or purge takes effect, which can take tens of seconds. */
static const int again_ms[] = { 2000, 4000, 8000, 15000, 15000 };
#define AGAIN ((int)(sizeof(again_ms) / sizeof(again_ms[0])))

struct kv_submit_wait {
	LIST_ENTRY(kv_submit_wait) link;
	kv_submit_done *done;
	void *arg;
};

struct kv_submit {
	struct kv_dropbox *dropbox;
	LIST_ENTRY(kv_submit) all;
	struct kv_drop *file, *folder; /* held open */
	char *name;
	struct kv_question question; /* its deadline is the whole restore's */
	struct kv_process process;   /* the caller's */
	struct kv_blob *blob;
	enum kv_type type;
	bool is_guess; /* try certificate first, then key */
	int n_again;
	int64_t mono_sent;
	struct kv_reply refusal;	  /* the 409 or 500 whose reason is being looked up */
	char in_the_way[KV_NAME_MAX + 1]; /* name of the conflicting object, or "" */
	struct kv_receipt receipt; /* first of an earlier restore of the same bytes, then of this one */
	struct kv_confirm_wait *confirm;
	struct kv_ticket *ticket;
	struct kv_conflict *conflict;
	struct kv_timer again;
	LIST_HEAD(, kv_submit_wait) waits;
};

static void confirm_answered(void *, int);
static void restore_answered(void *, struct kv_reply *);
static void conflict_answered(void *, enum kv_conflict_kind, int64_t);

/* ---- the log ---- */

/* A guess at the object's name: the file's name without ".blob". */
static void
guess_name(const char *file_name, char *name)
{
	size_t n = strlen(file_name);

	if (n > 5 && strcmp(file_name + n - 5, ".blob") == 0)
		n -= 5;
	snprintf(name, KV_NAME_MAX + 1, "%.*s", (int)(n > KV_NAME_MAX ? KV_NAME_MAX : n), file_name);
}

static void
log_failure(struct kv_submit *s, const struct kv_reply *reply)
{
	char guess[KV_NAME_MAX + 1];
	const struct kv_call call = { .op = KV_OP_RESTORE,
		.type = s->type,
		.caller = s->question.caller,
		.name = s->in_the_way[0] != '\0' ? s->in_the_way : guess };

	guess_name(s->name, guess);
	kv_audit_failure(s->dropbox->branch->volume->vault, &call, reply, NULL);
}

/* ---- the end ---- */

static void
free_submit(struct kv_submit *s)
{
	struct kv_dropbox *box = s->dropbox;
	struct kv_submit_wait *w;

	kv_confirms_cancel(s->confirm);
	kv_throttle_cancel(s->ticket);
	kv_conflict_cancel(s->conflict);
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

static void
end(struct kv_submit *s, int err)
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
	/* a failed restore leaves no name; a staged file is removed by its writer */
	if (err != 0 && u->n_handles == 0 && s->file->parent != NULL && !kv_upload_is_staging(s->file->name))
		kv_dropbox_detach(s->file);
	while ((w = LIST_FIRST(&s->waits)) != NULL) {
		LIST_REMOVE(w, link);
		w->done(w->arg, err);
		free(w);
	}
	free_submit(s);
}

static void
succeed(struct kv_submit *s, const struct kv_item *item)
{
	struct kv_dropbox *box = s->dropbox;
	struct kv_branch *branch = box->branch;
	char guess[KV_NAME_MAX + 1], text[512];
	struct kv_object *object;

	guess_name(s->name, guess);
	if (strcmp(guess, item->name) != 0) {
		snprintf(text, sizeof(text), "the blob contains %s/%s, which was restored",
		    kv_type_name(s->type), item->name);
		kv_dropbox_log(box, s->name, &s->question.caller, 0, text);
	}
	branch->n_restored++;
	s->receipt = (struct kv_receipt){ .type = s->type, .wall_updated = item->wall_updated };
	memcpy(s->receipt.digest, s->blob->digest, KV_DIGEST_LEN);
	memcpy(s->receipt.name, item->name, sizeof(s->receipt.name));
	memcpy(s->receipt.version, item->version, sizeof(s->receipt.version));
	kv_receipts_keep(box->receipts, &s->receipt);
	kv_confirms_note(box->confirms, &s->receipt, s->mono_sent, &s->process);
	kv_absent_forget(branch->volume->absent, s->type, item->name);
	if (kv_listing_add(branch->volume->listings[s->type], item, &object) != 0)
		kv_log_event(KV_LOG_WARNING, MODULE, "object=%s/%s errno=ENOMEM why=%s",
		    kv_type_name(s->type), item->name, "restored; it will be shown by the next listing");
	end(s, 0);
}

/* ---- the request ---- */

static void
send_blob(void *arg)
{
	struct kv_submit *s = arg;
	char guess[KV_NAME_MAX + 1];
	const struct kv_task task = { .call = { .op = KV_OP_RESTORE,
					  .type = s->type,
					  .name = guess,
					  .blob = s->blob,
					  .caller = s->question.caller },
		.priority = KV_RESTORE,
		.is_quiet = true,
		.mono_deadline = s->question.mono_deadline };
	int err;

	guess_name(s->name, guess);
	s->mono_sent = kv_clock_mono_ms();
	err = kv_throttle_send(s->dropbox->branch->volume->throttle, &task, restore_answered, s, &s->ticket);
	if (err != 0) {
		kv_dropbox_log(s->dropbox, s->name, &s->question.caller, err, NULL);
		end(s, err);
	}
}

/* Take the name of the conflicting object from the vault's answer; otherwise guess it. */
static void
name_conflict(struct kv_submit *s)
{
	struct kv_item item;

	if (s->in_the_way[0] != '\0')
		return;
	if (kv_bundle_find_id(&s->refusal.fault, s->type, &item) == 0)
		memcpy(s->in_the_way, item.name, sizeof(s->in_the_way));
	else
		guess_name(s->name, s->in_the_way);
}

static void
pause_and_send(struct kv_submit *s)
{
	const int64_t mono_now = kv_clock_mono_ms();

	if (s->refusal.status != 409) {
		log_failure(s, &s->refusal);
		end(s, s->refusal.err);
	} else if (s->n_again == AGAIN || mono_now + again_ms[s->n_again] >= s->question.mono_deadline) {
		s->refusal.err = -EBUSY;
		s->refusal.cause = &kv_refusal_name_vanishing;
		log_failure(s, &s->refusal);
		end(s, -EBUSY);
	} else {
		kv_timer_set(&s->again, again_ms[s->n_again++]);
	}
}

static void
find_conflict(struct kv_submit *s)
{
	if (strncmp(s->refusal.fault.inner, "ObjectIsBeing", 13) == 0) {
		pause_and_send(s);
		return;
	}
	name_conflict(s);
	if (!kv_type_is_name(s->in_the_way) ||
	    kv_conflict_ask(s->dropbox->branch->volume->throttle, s->type, s->in_the_way, &s->question,
		conflict_answered, s, &s->conflict) != 0) {
		log_failure(s, &s->refusal);
		end(s, s->refusal.err);
	}
}

static void
restore_answered(void *arg, struct kv_reply *reply)
{
	struct kv_submit *s = arg;

	s->question.mono_deadline = kv_throttle_deadline(s->ticket);
	s->ticket = NULL;
	if (reply->err == 0) {
		succeed(s, reply->item);
	} else if (s->is_guess && (reply->status == 400 || reply->status == 403)) {
		s->is_guess = false;
		s->type = KV_KEYS;
		send_blob(s);
	} else if (reply->status == 409 || reply->status == 500) {
		s->refusal = *reply;
		s->refusal.why = "";
		find_conflict(s);
	} else {
		if (reply->status == 0 && reply->was_sent)
			reply->cause = &kv_refusal_lost_restore;
		log_failure(s, reply);
		end(s, reply->err);
	}
}

/*
 * After an attempt without an answer, the conflicting object may be the one that this restore created, or one
 * that somebody else has created since. An object cannot be compared with a blob, so we cannot distinguish
 * them: EEXIST.
 */
static void
conflict_answered(void *arg, enum kv_conflict_kind kind, int64_t wall_purge)
{
	struct kv_submit *s = arg;
	const time_t purge = (time_t)wall_purge;
	char until[80] = "";
	struct tm date;

	s->conflict = NULL;
	if (kind == KV_CONFLICT_NEITHER || (kind == KV_CONFLICT_UNKNOWN && s->refusal.status != 409)) {
		pause_and_send(s);
		return;
	}
	if (purge > 0 && gmtime_r(&purge, &date) != NULL)
		strftime(until, sizeof(until), "its scheduled purge is on %Y-%m-%d", &date);
	if (kind == KV_CONFLICT_DELETED) {
		s->refusal.cause = &kv_refusal_name_deleted;
		s->refusal.why = until;
	} else if (kind == KV_CONFLICT_IN_USE) {
		s->refusal.cause = &kv_refusal_name_in_use;
		s->refusal.why = s->refusal.attempts > 1 ?
		    "an earlier attempt, which was not answered, may have restored it" :
		    "";
	}
	s->refusal.err = -EEXIST;
	log_failure(s, &s->refusal);
	s->refusal.why = "";
	end(s, -EEXIST);
}

/* ---- the same bytes again ---- */

static bool
find_receipt(struct kv_submit *s)
{
	struct kv_receipts *receipts = s->dropbox->receipts;

	return kv_receipts_find(receipts, s->blob->digest, s->type, &s->receipt) ||
	    (s->is_guess && kv_receipts_find(receipts, s->blob->digest, KV_KEYS, &s->receipt));
}

/*
 * If this mount or an earlier one restored the same bytes, ask the vault whether it still has them; send the
 * restore unless the vault confirms. Never ends s before the caller has returned.
 */
static void
confirm_or_send(struct kv_submit *s)
{
	struct kv_confirms *confirms = s->dropbox->confirms;

	kv_timer_init(&s->again, s->dropbox->branch->mount->loop, send_blob, s);
	if (!find_receipt(s)) {
		kv_timer_set(&s->again, 0);
		return;
	}
	s->question.mono_deadline = kv_clock_mono_ms() + s->dropbox->branch->mount->settings->timeout_ms;
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
		send_blob(s);
		return;
	}
	kv_audit_confirmed(s->dropbox->branch->volume->vault, s->receipt.type, s->receipt.name,
	    s->receipt.version, &s->question.caller);
	end(s, 0);
}

/* ---- the beginning ---- */

static int
make(struct kv_dropbox *box, struct kv_drop *file, struct kv_drop *folder, const char *name,
    const struct kv_caller *caller, struct kv_verdict *verdict, struct kv_submit **submit)
{
	struct kv_submit *s = calloc(1, sizeof(*s));

	*submit = s;
	if (s == NULL || (s->name = strdup(name)) == NULL ||
	    kv_upload_send(file->upload, &verdict->decoded, &s->blob) != 0) {
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
	s->type = verdict->type;
	s->is_guess = verdict->is_guess;
	LIST_INIT(&s->waits);
	LIST_INSERT_HEAD(&box->submits, s, all);
	box->n_submits++;
	return 0;
}

/* Classify the file, if it has all its bytes. */
static int
judge(const struct kv_dropbox *box, const struct kv_drop *file, const struct kv_drop *folder,
    struct kv_verdict *verdict, struct kv_buf *why)
{
	const struct kv_upload *u = file->upload;
	const int err = kv_classify(box->branch->volume, &u->data, folder, verdict, why);

	if (u->data.len > 0 && u->data.len >= u->rewritten)
		return err;
	kv_buf_clear(why);
	kv_buf_say(why, "%s", u->data.len == 0 ? "the file is empty" : "only part of the file was rewritten");
	return -EINVAL;
}

int
kv_submit_start(
    struct kv_drop *file, struct kv_drop *folder, const char *name, const struct kv_caller *caller)
{
	struct kv_dropbox *box = file->dropbox;
	struct kv_verdict verdict;
	struct kv_submit *s;
	struct kv_buf why;
	int err;

	kv_buf_init(&why, 512);
	err = judge(box, file, folder, &verdict, &why);
	if (err == 0 && box->branch->mount->settings->is_dry_run) {
		kv_dropbox_log(box, name, caller, 0, "dry_run: would be restored");
		file->upload->receipt = (struct kv_receipt){ .type = verdict.type };
		kv_upload_end(file->upload, 0);
	} else if (err == 0) {
		err = make(box, file, folder, name, caller, &verdict, &s);
		if (err == 0)
			confirm_or_send(s);
	}
	if (err != 0) {
		kv_dropbox_log(box, name, caller, err, why.len > 0 ? kv_buf_str(&why) : NULL);
		box->branch->n_failed++;
	}
	kv_verdict_release(&verdict);
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

	LIST_FOREACH(s, &box->submits, all) {
		box->branch->n_failed++;
		kv_dropbox_log(box, s->name, &s->question.caller, -EIO,
		    s->ticket != NULL ?
			"the mount ended before the answer came: the object may have been restored; check before you try again" :
			"the mount ended before it was sent: nothing was restored");
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
