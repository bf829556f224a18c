/*
 * A recovery:
 *
 *	recover -> look -> (deleted ->) pause -> look, or recover
 *	             `-> done
 *
 * It is done when a look, a request that was sent after the recovery, finds the object. For a key or certificate that
 * is a GET. A GET of a secret would return its value, so its version list is read; and that of the others if the
 * principal may not get them.
 *
 * The recovery is sent again if the vault refused it with 409, because something else is being done to the object; and
 * if its answer was lost and the object is still deleted. If it is neither deleted nor there, looking goes on for a
 * while. What a look finds must be what was deleted (fs/deleted/found).
 */
#include "fs/deleted/recover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cache/list/absent.h"
#include "cache/list/listing.h"
#include "cache/list/versions.h"
#include "cache/object.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/refusal_rows.h"
#include "client/vault/audit.h"
#include "fs/deleted/deleted_file.h"
#include "fs/deleted/deleted_folder.h"
#include "fs/deleted/deletions.h"
#include "fs/deleted/found.h"
#include "fs/mount/folder.h"
#include "fs/mount/request.h"

#define FIRST_PAUSE_MS 500
#define MOST_PAUSE_MS  4000
#define LOST_MS \
	60000 /* how long to look for an object whose recovery has no answer; a vault takes some 10 s */

struct recovery {
	struct kv_request request;
	struct kv_node *node; /* the folder in deleted/, held open */
	enum kv_type type;
	char name[KV_NAME_MAX + 1];
	struct kv_question question;
	struct kv_item was; /* the deleted object; times 0 and version "" if unknown */
	struct kv_item
	    newest;	     /* the found one, while its versions are searched for that of the deleted one */
	bool is_accepted;    /* the vault answered 2xx */
	bool is_lost;	     /* an answer was lost: the vault may have accepted it */
	bool is_conflict;    /* the last answer was 409 */
	bool is_asked;	     /* ticket is that of the recovery */
	bool is_to_send;     /* after the pause; else look */
	bool reads_versions; /* to look */
	bool is_told;	     /* a line of the log has the end, or it is a success */
	int64_t mono_last_sign; /* the vault answered about it, or might have */
	int pause_ms;
	struct kv_timer pause;
	struct kv_ticket *ticket;
	struct kv_versions_call *versions;
};

static void recovery_answered(void *, struct kv_reply *);
static int look(struct recovery *);
static void got(void *, struct kv_reply *);
static void versions_answered(void *, int, const struct kv_versions *);
static void deleted_answered(void *, struct kv_reply *);
static void go_on(void *);

static struct kv_volume *
volume_of(const struct recovery *r)
{
	return r->node->branch->volume;
}

/* ---- the end ---- */

static void
finish(struct recovery *r, int err)
{
	r->is_told = r->is_told || err == 0;
	kv_request_finish(&r->request, err);
}

static void
log_end(struct recovery *r, int err, const char *why)
{
	const struct kv_caller *caller = &r->request.caller;

	r->is_told = true;
	kv_log_event(KV_LOG_NOTICE, "deleted",
	    "vault=%s op=recover object=%s/%s errno=%s uid=%u pid=%d cmd=%s why=%s",
	    kv_vault_name(volume_of(r)->vault), kv_type_name(r->type), r->name,
	    err != 0 ? kv_err_name(err) : "", caller->uid, caller->pid, caller->command, why);
}

/* Whatever ends the request, a signal, the unmount or a failure, does not end what the vault does. */
static void
log_what_goes_on(struct recovery *r)
{
	if (r->is_accepted)
		log_end(r, r->request.err,
		    "the vault has accepted the recovery, which goes on: look again later");
	else if (r->is_lost || (r->is_asked && kv_throttle_is_sent(r->ticket)))
		log_end(r, r->request.err,
		    "the recovery was sent and may be carried out: look again later, here and in deleted/");
}

static void
release(struct kv_request *request)
{
	struct recovery *r = (struct recovery *)request;

	if (!r->is_told)
		log_what_goes_on(r);
	kv_timer_stop(&r->pause);
	kv_throttle_cancel(r->ticket);
	kv_versions_cancel(r->versions);
	kv_tree_closed(r->node);
}

/* No sign of the object, until the time is over. */
static void
give_up(struct recovery *r)
{
	log_end(r, -EBUSY,
	    r->is_accepted ?
		"the vault has accepted the recovery, but does not show the object yet: look again later" :
		r->is_lost ?
		"the answer to the recovery was lost, and the vault does not show the object: look again later, here and in deleted/" :
		r->is_conflict ? "something else is being done to the object: try again later" :
				 "the vault has not answered the recovery: try again later");
	finish(r, -EBUSY);
}

static bool
is_late(const struct recovery *r, int err)
{
	return err == -ETIMEDOUT || (err != 0 && kv_clock_mono_ms() >= r->question.mono_deadline);
}

static void
fail(struct recovery *r, enum kv_op op, struct kv_reply *reply)
{
	const struct kv_call call = {
		.op = op, .type = r->type, .name = r->name, .caller = r->request.caller
	};

	if (reply->status == 0 && !reply->is_of_token && is_late(r, reply->err)) {
		give_up(r);
		return;
	}
	kv_audit_failure(volume_of(r)->vault, &call, reply, NULL);
	finish(r, reply->err);
}

/* A Managed HSM has roles only, with actions of its own. */
static const char *
permission_to_look(const struct recovery *r)
{
	static const char *const of_vault[KV_TYPES] = {
		[KV_KEYS] = "the permission list, or a role with keys/read",
		[KV_SECRETS] = "the permission list, or a role with secrets/readMetadata/action",
		[KV_CERTIFICATES] = "the permission list, or a role with certificates/read",
	};

	return r->node->branch->settings->is_hsm ? "a role with keys/read/action" : of_vault[r->type];
}

/* The principal may recover, but not look; that was logged. */
static void
cannot_look(struct recovery *r)
{
	struct kv_buf why;

	kv_buf_init(&why, 512);
	kv_buf_say(&why, "%s, but it could not be confirmed (see the line before): that needs %s",
	    r->is_accepted ? "the vault has accepted the recovery" : "the recovery was sent",
	    permission_to_look(r));
	log_end(r, -EACCES, kv_buf_str(&why));
	kv_buf_release(&why);
	finish(r, -EACCES);
}

static void
refuse_other(struct recovery *r, enum kv_found found)
{
	log_end(r, -EEXIST, kv_found_explain(found));
	finish(r, -EEXIST);
}

/* The object is in the vault: it is shown at once, and no longer as deleted. */
static void
succeed(struct recovery *r, const struct kv_item *item)
{
	struct kv_volume *v = volume_of(r);
	struct kv_deleted_file *file = kv_deleted_file_find(kv_deletions_of(r->node), r->type, r->name);
	struct kv_object *object;

	if (file != NULL)
		file->mono_seen = 0;
	kv_absent_forget(v->absent, r->type, r->name);
	if (kv_listing_add(v->listings[r->type], item, &object) != 0)
		log_end(r, -ENOMEM, "recovered; the next listing will show it");
	else
		object->mono_recovered = kv_clock_mono_ms();
	finish(r, 0);
}

/* ---- recover ---- */

static int
ask(struct recovery *r, enum kv_op op, kv_vault_done *answered)
{
	const struct kv_task task = {
		.call = { .op = op, .type = r->type, .name = r->name, .caller = r->request.caller },
		.priority = op == KV_OP_RECOVER ? KV_RESTORE : KV_METADATA,
		.mono_deadline = r->question.mono_deadline,
		.is_quiet = true
	};
	int err;

	err = kv_throttle_send(volume_of(r)->throttle, &task, answered, r, &r->ticket);
	r->is_asked = err == 0 && op == KV_OP_RECOVER;
	return err;
}

static void
wait_a_little(struct recovery *r)
{
	kv_timer_set(&r->pause, r->pause_ms);
	r->pause_ms = r->pause_ms * 2 < MOST_PAUSE_MS ? r->pause_ms * 2 : MOST_PAUSE_MS;
}

static void
look_or_finish(struct recovery *r)
{
	const int err = look(r);

	if (err == -EACCES)
		cannot_look(r);
	else if (err != 0)
		finish(r, err);
}

static void
fail_recovery(struct recovery *r, struct kv_reply *reply)
{
	if (reply->status >= 200 && reply->status < 300 && reply->err == -EBADMSG)
		reply->cause = &kv_refusal_strange_recovery;
	fail(r, KV_OP_RECOVER, reply);
}

static void
recovery_answered(void *arg, struct kv_reply *reply)
{
	struct recovery *r = arg;
	const bool is_lost = reply->err != 0 && reply->was_sent && reply->status == 0;

	r->question.mono_deadline = kv_throttle_deadline(r->ticket);
	r->ticket = NULL;
	r->is_asked = r->is_to_send = false;
	r->is_accepted = reply->err == 0;
	r->is_conflict = reply->err == -EBUSY && reply->status == 409;
	if (is_lost || (reply->err == -ENOENT && reply->attempts > 1))
		r->is_lost = true; /* an earlier attempt may have been served */
	if (is_lost || r->is_accepted || r->is_conflict)
		r->mono_last_sign = kv_clock_mono_ms();
	if (r->is_accepted && reply->item != NULL)
		kv_found_note_recovered(&r->was, reply->item);
	if (is_lost && is_late(r, reply->err))
		give_up(r);
	else if (r->is_accepted || r->is_conflict || is_lost || (reply->err == -ENOENT && r->is_lost))
		look_or_finish(r);
	else if (reply->err == -ENOENT)
		finish(r, -ENOENT);
	else
		fail_recovery(r, reply);
}

/* ---- look ---- */

static int
look(struct recovery *r)
{
	r->newest.name[0] = '\0';
	if (!r->reads_versions)
		return ask(r, KV_OP_GET, got);
	return kv_versions_read(
	    volume_of(r)->throttle, r->type, r->name, &r->question, versions_answered, r, &r->versions);
}

/* The object was not found. */
static void
wait_for_it(struct recovery *r)
{
	const bool is_over =
	    r->is_lost && !r->is_accepted && kv_clock_mono_ms() - r->mono_last_sign >= LOST_MS;

	if (!is_over && kv_clock_mono_ms() + r->pause_ms < r->question.mono_deadline)
		wait_a_little(r);
	else
		give_up(r);
}

static void
not_yet(struct recovery *r)
{
	int err = 0;

	r->is_to_send = r->is_conflict;
	if (r->is_lost && !r->is_accepted)
		err = ask(r, KV_OP_DELETED, deleted_answered);
	else
		wait_for_it(r);
	if (err != 0)
		finish(r, err);
}

static void
got(void *arg, struct kv_reply *reply)
{
	struct recovery *r = arg;

	r->ticket = NULL;
	if (reply->err == 0 && kv_found_item(&r->was, reply->item) == KV_FOUND_IT) {
		succeed(r, reply->item);
	} else if (reply->err == -ENOENT) {
		not_yet(r);
	} else if (reply->err == 0 || (reply->err == -EACCES && reply->status == 403)) {
		r->reads_versions = true; /* to see the older ones, or because GET is refused */
		look_or_finish(r);
	} else {
		fail(r, KV_OP_GET, reply);
	}
}

/* All versions were read; after that, if need be, those up to that of the deleted object. */
static void
judge(struct recovery *r, const struct kv_versions *versions)
{
	const bool is_second = r->newest.name[0] != '\0';
	const enum kv_found found =
	    is_second ? kv_found_version(&r->was, versions) : kv_found_versions(&r->was, versions);
	int err;

	if (!is_second) {
		r->newest = versions->newest;
		r->newest.wall_updated = versions->wall_updated;
	}
	if (found == KV_FOUND_IT) {
		succeed(r, &r->newest);
	} else if (found == KV_FOUND_UNCLEAR) {
		err = kv_versions_confirm(volume_of(r)->throttle, r->type, r->name, r->was.version,
		    KV_METADATA, &r->question, versions_answered, r, &r->versions);
		if (err != 0)
			finish(r, err);
	} else {
		refuse_other(r, found);
	}
}

static void
versions_answered(void *arg, int err, const struct kv_versions *versions)
{
	struct recovery *r = arg;

	r->versions = NULL;
	if (err == -ENOENT) {
		not_yet(r);
	} else if (err == -EACCES) {
		cannot_look(r);
	} else if (is_late(r, err)) {
		give_up(r);
	} else if (err != 0) {
		finish(r, err);
	} else {
		judge(r, versions);
	}
}

/* ---- after a lost answer ---- */

/* A principal that may not see deleted objects sends the recovery again too: it does nothing to one that is there. */
static void
deleted_answered(void *arg, struct kv_reply *reply)
{
	struct recovery *r = arg;

	r->ticket = NULL;
	r->is_to_send = reply->err == 0 || (reply->err == -EACCES && reply->status == 403);
	if (reply->err == 0)
		r->mono_last_sign = kv_clock_mono_ms();
	if (r->is_to_send || reply->err == -ENOENT || (reply->err == -EBUSY && reply->status == 409))
		wait_for_it(r);
	else
		fail(r, KV_OP_DELETED, reply);
}

/* After a pause. */
static void
go_on(void *arg)
{
	struct recovery *r = arg;
	int err;

	if (!r->is_to_send) {
		look_or_finish(r);
		return;
	}
	err = ask(r, KV_OP_RECOVER, recovery_answered);
	if (err != 0)
		finish(r, err);
}

/* ---- the operation ---- */

static bool
is_own_name(const char *name, const char *to_name)
{
	const size_t len = strlen(name);

	return strncmp(name, to_name, len) == 0 &&
	    (to_name[len] == '\0' || strcmp(to_name + len, kv_object_suffix(KV_KIND_BLOB)) == 0);
}

static int
check(const struct kv_node *node, const char *name, const struct kv_node *to, const char *to_name,
    unsigned int flags, enum kv_type *type)
{
	const struct kv_branch *branch = node->branch;
	const int err = kv_deleted_folder_type(node, type);

	if (err != 0 || !kv_type_is_name(name))
		return err != 0 ? err : -ENOENT;
	if ((flags & ~(unsigned int)RENAME_NOREPLACE) != 0 || !is_own_name(name, to_name) ||
	    to != kv_folder_find(branch->root, kv_type_name(*type)))
		return -EINVAL;
	/* a read-only mount is the kernel's affair, but a vault's own section can have ro, too */
	return branch->settings->is_read_only || branch->settings->is_dry_run ? -EROFS : 0;
}

static void
log_refusal(const struct kv_node *node, fuse_req_t req, enum kv_type type, const char *name, int err)
{
	struct kv_caller caller;

	kv_request_caller(req, &caller);
	kv_log_event(KV_LOG_NOTICE, "deleted",
	    "vault=%s op=recover object=%s/%s errno=%s uid=%u pid=%d cmd=%s why=%s",
	    kv_vault_name(node->branch->volume->vault), kv_type_name(type), name, kv_err_name(err),
	    caller.uid, caller.pid, caller.command,
	    "to recover it, move it to the folder of its type, under its own name");
}

void
kv_recover(struct kv_node *node, fuse_req_t req, const char *name, struct kv_node *to, const char *to_name,
    unsigned int flags)
{
	enum kv_type type;
	const struct kv_deleted_file *file;
	struct recovery *r;
	int err = check(node, name, to, to_name, flags, &type);

	if (err != 0) {
		if (err == -EINVAL)
			log_refusal(node, req, type, name, err);
		fuse_reply_err(req, -err);
		return;
	}
	r = kv_request_new(node->branch->mount, req, sizeof(*r), release);
	if (r == NULL)
		return;
	kv_tree_opened(node);
	r->node = node;
	r->type = type;
	r->reads_versions = type == KV_SECRETS;
	r->pause_ms = FIRST_PAUSE_MS;
	r->question.caller = r->request.caller;
	r->question.mono_deadline = kv_clock_mono_ms() + node->branch->settings->timeout_ms;
	snprintf(r->name, sizeof(r->name), "%s", name);
	file = kv_deleted_file_find(kv_deletions_of(node), type, name);
	if (file != NULL)
		r->was = file->deleted.item;
	kv_timer_init(&r->pause, node->branch->mount->loop, go_on, r);
	err = ask(r, KV_OP_RECOVER, recovery_answered);
	if (err != 0)
		finish(r, err);
}
