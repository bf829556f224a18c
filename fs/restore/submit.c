/*
 * One restore.
 *
 *	start -> OPEN, refused: EINVAL, nothing sent
 *	   |
 *	   +-- these bytes were restored before: ask whether that version is there -> yes: DONE
 *	   |                                                                       |
 *	   +-----------> send <-------------------------- anything but a yes ------+
 *	                  |  ^
 *	                  |  +-- 400, 403 and the type was a guess: as a key
 *	                  |  +-- 409 (or 500): what is in the way?
 *	                  |             in use, deleted      -> EEXIST
 *	                  |             neither: a pause, again, in the end EBUSY
 *	                  +-> 200 -> DONE: receipt, listed
 *
 * The vault names the object in its answer, because the name is inside the blob where we cannot read
 * it. Before there is an answer, the file's name without ".blob" is the best guess.
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
#include "fs/restore/classify.h"
#include "fs/restore/confirm.h"
#include "fs/restore/conflict.h"
#include "fs/restore/receipt.h"
#include "fs/restore/submit.h"
#include "fs/restore/upload.h"

#define MODULE "restore"

/* Pauses while a delete or purge takes effect; the service needs up to some tens of seconds. */
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
	struct kv_drop *file, *folder; /* kept open while this lives */
	char *name;
	struct kv_caller caller;
	struct kv_process process; /* the caller's */
	struct kv_blob *blob;
	enum kv_type type;
	bool is_guess; /* the type is one of two: certificate first, then key */
	int n_again;
	int64_t mono_sent;
	struct kv_reply refusal;	  /* the 409 or 500 that is being looked into */
	char in_the_way[KV_NAME_MAX + 1]; /* the object's name, where that is known */
	struct kv_receipt receipt;	  /* of the same bytes, from before; then of this restore */
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

/* The object's name, if the file is called after it. */
static void
guess_name(const char *file_name, char *name)
{
	size_t n = strlen(file_name);

	if (n > 5 && strcmp(file_name + n - 5, ".blob") == 0)
		n -= 5;
	snprintf(name, KV_NAME_MAX + 1, "%.*s", (int)(n > KV_NAME_MAX ? KV_NAME_MAX : n), file_name);
}

static void
say_failure(struct kv_submit *s, const struct kv_reply *reply, const char *why)
{
	char guess[KV_NAME_MAX + 1];
	const struct kv_call call = { .op = KV_OP_RESTORE,
		.type = s->type,
		.caller = s->caller,
		.name = s->in_the_way[0] != '\0' ? s->in_the_way : guess };

	guess_name(s->name, guess);
	kv_audit_failure(s->dropbox->branch->volume->vault, &call, reply, why);
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
	/* a failed restore leaves no receipt; a staged name is the writer's to remove */
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
		snprintf(text, sizeof(text), "the blob holds %s/%s, and that was restored",
		    kv_type_name(s->type), item->name);
		kv_dropbox_say(box, s->name, &s->caller, 0, text);
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
		    kv_type_name(s->type), item->name, "restored, shown with the next listing");
	end(s, 0);
}

/* ---- the request ---- */

static void
send_blob(void *arg)
{
	struct kv_submit *s = arg;
	char guess[KV_NAME_MAX + 1];
	const struct kv_call call = {
		.op = KV_OP_RESTORE, .type = s->type, .name = guess, .blob = s->blob, .caller = s->caller
	};
	int err;

	guess_name(s->name, guess);
	s->mono_sent = kv_clock_mono_ms();
	err = kv_throttle_send(
	    s->dropbox->branch->volume->throttle, &call, KV_RESTORE, true, restore_answered, s, &s->ticket);
	if (err != 0) {
		kv_dropbox_say(s->dropbox, s->name, &s->caller, err, NULL);
		end(s, err);
	}
}

/* The name that the vault gave to what is in the way, else the best guess. */
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
		say_failure(s, &s->refusal, NULL);
		end(s, s->refusal.err);
	} else if (s->n_again == AGAIN || mono_now + again_ms[s->n_again] >= s->refusal.mono_deadline) {
		s->refusal.err = -EBUSY;
		say_failure(s, &s->refusal, "the name is still being deleted or purged: try again later");
		end(s, -EBUSY);
	} else {
		kv_timer_set(&s->again, again_ms[s->n_again++]);
	}
}

static void
look_at_conflict(struct kv_submit *s)
{
	if (strncmp(s->refusal.fault.inner, "ObjectIsBeing", 13) == 0) {
		pause_and_send(s);
		return;
	}
	name_conflict(s);
	if (!kv_type_is_name(s->in_the_way) ||
	    kv_conflict_ask(s->dropbox->branch->volume->throttle, s->type, s->in_the_way, &s->caller,
		conflict_answered, s, &s->conflict) != 0) {
		say_failure(s, &s->refusal, NULL);
		end(s, s->refusal.err);
	}
}

static void
restore_answered(void *arg, struct kv_reply *reply)
{
	struct kv_submit *s = arg;

	s->ticket = NULL;
	if (s->caller.mono_deadline == 0)
		s->caller.mono_deadline = reply->mono_deadline;
	if (reply->err == 0) {
		succeed(s, reply->item);
	} else if (s->is_guess && (reply->status == 400 || reply->status == 403)) {
		s->is_guess = false;
		s->type = KV_KEYS;
		send_blob(s);
	} else if (reply->status == 409 || reply->status == 500) {
		s->refusal = *reply;
		s->refusal.why = "";
		look_at_conflict(s);
	} else {
		say_failure(s, reply,
		    reply->status == 0 && reply->was_sent ?
			"the answer was lost: the object may have been restored; look before you try again" :
			NULL);
		end(s, reply->err);
	}
}

/*
 * After an attempt without an answer the object may well be ours. It may as well be somebody else's, who made it
 * meanwhile: what the vault holds cannot be compared with the blob, so nobody is told that it is done.
 */
static void
conflict_answered(void *arg, enum kv_conflict_kind kind, int64_t wall_purge)
{
	struct kv_submit *s = arg;
	const time_t purge = (time_t)wall_purge;
	char until[80] = "", why[200];
	struct tm date;

	s->conflict = NULL;
	if (kind == KV_CONFLICT_NEITHER || (kind == KV_CONFLICT_UNKNOWN && s->refusal.status != 409)) {
		pause_and_send(s);
		return;
	}
	if (purge > 0 && gmtime_r(&purge, &date) != NULL)
		strftime(until, sizeof(until), " (the service purges it itself on %Y-%m-%d)", &date);
	if (kind == KV_CONFLICT_DELETED)
		snprintf(why, sizeof(why),
		    "a deleted object of this name is in the way: recover or purge it%s", until);
	else
		snprintf(why, sizeof(why), "an object of this name is in the vault%s",
		    s->refusal.attempts > 1 ?
			"; an attempt of ours that was not answered may have restored it" :
			"");
	s->refusal.err = -EEXIST;
	say_failure(s, &s->refusal, kind == KV_CONFLICT_UNKNOWN ? NULL : why);
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
 * Restored already, in this mount or an earlier one? Only the vault can say whether it is there still; anything
 * but its yes sends the restore, and the vault decides. Never ends s before the caller has returned.
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
	s->caller.mono_deadline = kv_clock_mono_ms() + s->dropbox->branch->mount->settings->timeout_ms;
	if (kv_confirms_ask(
		confirms, &s->receipt, NULL, &s->caller, confirm_answered, s, &s->confirm, NULL) != 0)
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
	    s->receipt.version, &s->caller);
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
	s->caller = *caller;
	s->process = kv_process_of(caller);
	s->type = verdict->type;
	s->is_guess = verdict->is_guess;
	LIST_INIT(&s->waits);
	LIST_INSERT_HEAD(&box->submits, s, all);
	box->n_submits++;
	return 0;
}

/* What the bytes are to be restored as, if they are all there. */
static int
judge(const struct kv_dropbox *box, const struct kv_drop *file, const struct kv_drop *folder,
    struct kv_verdict *verdict, struct kv_buf *why)
{
	const struct kv_upload *u = file->upload;
	const int err = kv_classify(box->branch->volume, &u->data, folder, verdict, why);

	if (u->data.len > 0 && u->data.len >= u->rewritten)
		return err;
	kv_buf_clear(why);
	kv_buf_say(
	    why, "%s", u->data.len == 0 ? "the file is empty" : "only a part of the file was written anew");
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
		kv_dropbox_say(box, name, caller, 0, "dry_run: would be restored");
		file->upload->receipt = (struct kv_receipt){ .type = verdict.type };
		kv_upload_end(file->upload, 0);
	} else if (err == 0) {
		err = make(box, file, folder, name, caller, &verdict, &s);
		if (err == 0)
			confirm_or_send(s);
	}
	if (err != 0) {
		kv_dropbox_say(box, name, caller, err, why.len > 0 ? kv_buf_str(&why) : NULL);
		box->branch->n_failed++;
	}
	kv_verdict_release(&verdict);
	kv_buf_release(&why);
	return err;
}

/* ---- who waits ---- */

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
kv_submit_say_lost(struct kv_dropbox *box)
{
	const struct kv_submit *s;

	LIST_FOREACH(s, &box->submits, all) {
		box->branch->n_failed++;
		kv_dropbox_say(box, s->name, &s->caller, -EIO,
		    s->ticket != NULL ?
			"the mount ended before the answer came: the object may have been restored; look before you try again" :
			"the mount ended before it was sent: nothing was restored");
	}
}

void
kv_submit_stop_all(struct kv_dropbox *box)
{
	while (!LIST_EMPTY(&box->submits)) {
		struct kv_submit *s = LIST_FIRST(&box->submits);

		s->file->upload->submit = NULL;
		kv_upload_end(s->file->upload, -EIO);
		free_submit(s);
	}
}
