/*
 * Restoring one file.
 *
 *	start -> not a blob: EINVAL, nothing is sent
 *	   |
 *	   +-----------> send <-----+
 *	                  |  ^      |
 *	                  |  +-- 400 or 403, and the type was a guess: send it as a key
 *	                  |  +-- 409 or 500: what is in conflict?
 *	                  |             in use, deleted -> EEXIST
 *	                  |             neither         -> pause and send again; finally EBUSY
 *	                  +-> 200 -> restored
 *	                  +-> no answer, or another's: EIO, EBADMSG, without a receipt; it may have been restored
 *
 * The object's name is inside the blob, where only the service can read it, so it is known from the answer. Until
 * then, the file's name without ".blob" is used in the log.
 */
#include "fs/restore/send.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "client/base/refusal_rows.h"
#include "client/vault/audit.h"
#include "client/vault/bundle.h"
#include "fs/dropbox/receipt.h"
#include "fs/dropbox/submit.h"
#include "fs/restore/classify.h"
#include "fs/restore/conflict.h"

/* Pauses before sending again while a deletion or purge takes effect, which can take tens of seconds. */
static const int again_ms[] = { 2000, 4000, 8000, 15000, 15000 };
#define AGAIN ((int)(sizeof(again_ms) / sizeof(again_ms[0])))

struct sending {
	struct kv_submit submit;
	enum kv_type type;
	bool is_guess; /* try certificate first, then key */
	int n_again;
	struct kv_reply refusal;	  /* the 409 or 500 whose reason is being looked up */
	char in_the_way[KV_NAME_MAX + 1]; /* name of the conflicting object, or "" */
	struct kv_conflict *conflict;
};

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
log_failure(struct sending *s, const struct kv_reply *reply)
{
	char guess[KV_NAME_MAX + 1];
	const struct kv_call call = { .op = KV_OP_RESTORE,
		.type = s->type,
		.caller = s->submit.question.caller,
		.name = s->in_the_way[0] != '\0' ? s->in_the_way : guess };

	guess_name(s->submit.name, guess);
	kv_audit_failure(s->submit.dropbox->branch->volume->vault, &call, reply, NULL);
}

static void
succeed(struct sending *s, const struct kv_item *item)
{
	struct kv_dropbox *box = s->submit.dropbox;
	char guess[KV_NAME_MAX + 1], text[512];

	guess_name(s->submit.name, guess);
	if (strcmp(guess, item->name) != 0) {
		snprintf(text, sizeof(text), "the blob contains %s/%s, which was restored",
		    kv_type_name(s->type), item->name);
		kv_dropbox_log(box, s->submit.name, &s->submit.question.caller, 0, text);
	}
	box->branch->n_restored++;
	kv_submit_succeed(&s->submit, s->type, item);
}

/* ---- the request ---- */

void
kv_send_begin(struct kv_submit *submit)
{
	struct sending *s = (struct sending *)submit;
	char guess[KV_NAME_MAX + 1];
	const struct kv_task task = { .call = { .op = KV_OP_RESTORE,
					  .type = s->type,
					  .name = guess,
					  .blob = s->submit.blob,
					  .caller = s->submit.question.caller },
		.priority = KV_RESTORE,
		.is_quiet = true,
		.mono_deadline = s->submit.question.mono_deadline };
	int err;

	guess_name(s->submit.name, guess);
	s->submit.mono_sent = kv_clock_mono_ms();
	err = kv_throttle_send(
	    s->submit.dropbox->branch->volume->throttle, &task, restore_answered, s, &s->submit.ticket);
	if (err != 0) {
		kv_dropbox_log(s->submit.dropbox, s->submit.name, &s->submit.question.caller, err, NULL);
		kv_submit_end(&s->submit, err);
	}
}

/* Take the name of the conflicting object from the vault's answer; otherwise guess it. */
static void
name_conflict(struct sending *s)
{
	struct kv_item item;

	if (s->in_the_way[0] != '\0')
		return;
	if (kv_bundle_find_id(&s->refusal.fault, s->type, &item) == 0)
		memcpy(s->in_the_way, item.name, sizeof(s->in_the_way));
	else
		guess_name(s->submit.name, s->in_the_way);
}

static void
pause_and_send(struct sending *s)
{
	const int64_t mono_now = kv_clock_mono_ms();

	if (s->refusal.status != 409) {
		log_failure(s, &s->refusal);
		kv_submit_end(&s->submit, s->refusal.err);
	} else if (s->n_again == AGAIN ||
	    mono_now + again_ms[s->n_again] >= s->submit.question.mono_deadline) {
		s->refusal.err = -EBUSY;
		s->refusal.cause = &kv_refusal_name_vanishing;
		log_failure(s, &s->refusal);
		kv_submit_end(&s->submit, -EBUSY);
	} else {
		kv_timer_set(&s->submit.again, again_ms[s->n_again++]);
	}
}

static void
find_conflict(struct sending *s)
{
	if (strncmp(s->refusal.fault.inner, "ObjectIsBeing", 13) == 0) {
		pause_and_send(s);
		return;
	}
	name_conflict(s);
	if (!kv_type_is_name(s->in_the_way) ||
	    kv_conflict_ask(s->submit.dropbox->branch->volume->throttle, s->type, s->in_the_way,
		&s->submit.question, conflict_answered, s, &s->conflict) != 0) {
		log_failure(s, &s->refusal);
		kv_submit_end(&s->submit, s->refusal.err);
	}
}

static void
restore_answered(void *arg, struct kv_reply *reply)
{
	struct sending *s = arg;

	s->submit.question.mono_deadline = kv_throttle_deadline(s->submit.ticket);
	s->submit.ticket = NULL;
	if (reply->err == 0) {
		succeed(s, reply->item);
	} else if (s->is_guess && (reply->status == 400 || reply->status == 403)) {
		s->is_guess = false;
		s->type = KV_KEYS;
		kv_send_begin(&s->submit);
	} else if (reply->status == 409 || reply->status == 500) {
		s->refusal = *reply;
		s->refusal.why = "";
		s->submit.is_in_doubt = reply->status != 409 || reply->attempts > 1;
		find_conflict(s);
	} else {
		if (reply->status == 0 && reply->was_sent)
			reply->cause = &kv_refusal_lost_restore;
		else if (reply->status >= 200 && reply->status < 300 && reply->err == -EBADMSG)
			reply->cause = &kv_refusal_strange_restore;
		log_failure(s, reply);
		kv_submit_end(&s->submit, reply->err);
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
	struct sending *s = arg;
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
	kv_submit_end(&s->submit, -EEXIST);
}

/* ---- the interface ---- */

static bool
find_receipt(struct sending *s)
{
	struct kv_receipts *receipts = s->submit.dropbox->receipts;

	return kv_receipts_find(receipts, s->submit.digest, s->type, &s->submit.receipt) ||
	    (s->is_guess && kv_receipts_find(receipts, s->submit.digest, KV_KEYS, &s->submit.receipt));
}

static int
start(struct kv_drop *file, struct kv_drop *folder, const char *name, const struct kv_caller *caller,
    struct kv_content *verdict)
{
	struct sending *s;
	struct kv_submit *submit;
	const int err = kv_submit_new(sizeof(*s), file, folder, name, caller, &verdict->decoded, &submit);

	if (err != 0)
		return err;
	s = (struct sending *)submit;
	s->type = verdict->type;
	s->is_guess = verdict->is_guess;
	kv_submit_begin(submit, find_receipt(s));
	return 0;
}

int
kv_send_start(struct kv_drop *file, struct kv_drop *folder, const char *name, const struct kv_caller *caller,
    struct kv_buf *why)
{
	const struct kv_branch *branch = file->dropbox->branch;
	struct kv_content verdict;
	int err = kv_classify(branch->volume, &file->upload->data, folder, &verdict, why);

	if (err == 0 && branch->settings->is_dry_run)
		kv_submit_pretend(file, name, verdict.type, caller, "dry_run: would be restored");
	else if (err == 0)
		err = start(file, folder, name, caller, &verdict);
	kv_content_release(&verdict);
	return err;
}

void
kv_send_release(struct kv_submit *submit)
{
	kv_conflict_cancel(((struct sending *)submit)->conflict);
}
