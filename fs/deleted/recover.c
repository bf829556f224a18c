/*
 * A recovery:
 *
 *	recover -> look <-> pause -> done
 *	   ^                  |
 *	   `------------------'  the vault refused it with 409: something else is being done to the object
 *
 * It is done when a look, a request that was sent after the recovery, finds the object. For a key or certificate that
 * is a GET. A GET of a secret would return its value, so its version list is read; and that of the others if the
 * principal may not get them. If the answer to the recovery was lost, looking decides too.
 */
#include "fs/deleted/recover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cache/list/absent.h"
#include "cache/list/listing.h"
#include "cache/list/versions.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/vault/audit.h"
#include "fs/deleted/deleted_file.h"
#include "fs/deleted/deleted_folder.h"
#include "fs/deleted/deletions.h"
#include "fs/mount/folder.h"
#include "fs/mount/request.h"

#define FIRST_PAUSE_MS 500
#define MOST_PAUSE_MS  4000

struct recovery {
	struct kv_request request;
	struct kv_node *node; /* the folder in deleted/, held open */
	enum kv_type type;
	char name[KV_NAME_MAX + 1];
	struct kv_question question;
	bool is_accepted;    /* by the vault, or its answer was lost */
	bool reads_versions; /* to look */
	int pause_ms;
	struct kv_timer pause;
	struct kv_ticket *ticket;
	struct kv_versions_call *versions;
};

static int request_recovery(struct recovery *);
static void recovery_answered(void *, struct kv_reply *);
static int look(struct recovery *);
static void got(void *, struct kv_reply *);
static void versions_answered(void *, int, const struct kv_versions *);
static void go_on(void *);

static struct kv_volume *
volume_of(const struct recovery *r)
{
	return r->node->branch->volume;
}

static void
release(struct kv_request *request)
{
	struct recovery *r = (struct recovery *)request;

	kv_timer_stop(&r->pause);
	kv_throttle_cancel(r->ticket);
	kv_versions_cancel(r->versions);
	kv_tree_closed(r->node);
}

/* ---- the end ---- */

static void
finish(struct recovery *r, int err)
{
	kv_request_finish(&r->request, err);
}

static void
log_end(const struct recovery *r, int err, const char *why)
{
	const struct kv_caller *caller = &r->request.caller;

	kv_log_event(KV_LOG_NOTICE, "deleted",
	    "vault=%s op=recover object=%s/%s errno=%s uid=%u pid=%d cmd=%s why=%s",
	    kv_vault_name(volume_of(r)->vault), kv_type_name(r->type), r->name,
	    err != 0 ? kv_err_name(err) : "", caller->uid, caller->pid, caller->command, why);
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
	finish(r, 0);
}

/* ---- recover ---- */

static int
request_recovery(struct recovery *r)
{
	const struct kv_task task = { .call = { .op = KV_OP_RECOVER,
					  .type = r->type,
					  .name = r->name,
					  .caller = r->request.caller },
		.priority = KV_RESTORE,
		.mono_deadline = r->question.mono_deadline,
		.is_quiet = true };

	return kv_throttle_send(volume_of(r)->throttle, &task, recovery_answered, r, &r->ticket);
}

static void
wait_a_little(struct recovery *r)
{
	kv_timer_set(&r->pause, r->pause_ms);
	r->pause_ms = r->pause_ms * 2 < MOST_PAUSE_MS ? r->pause_ms * 2 : MOST_PAUSE_MS;
}

static void
recovery_answered(void *arg, struct kv_reply *reply)
{
	struct recovery *r = arg;
	const bool is_lost = reply->err != 0 && reply->was_sent && reply->status == 0;
	const struct kv_call call = {
		.op = KV_OP_RECOVER, .type = r->type, .name = r->name, .caller = r->request.caller
	};
	int err = reply->err;

	r->question.mono_deadline = kv_throttle_deadline(r->ticket);
	r->ticket = NULL;
	r->is_accepted = err == 0 || is_lost;
	if (err == -ENOENT && reply->attempts > 1)
		r->is_accepted = true; /* maybe by an earlier attempt */
	if (r->is_accepted || (err == -EBUSY && reply->status == 409)) {
		err = look(r);
		if (err != 0)
			finish(r, err);
		return;
	}
	if (err != -ENOENT)
		kv_audit_failure(volume_of(r)->vault, &call, reply, NULL);
	finish(r, err);
}

/* ---- look ---- */

static int
look(struct recovery *r)
{
	const struct kv_task task = {
		.call = { .op = KV_OP_GET, .type = r->type, .name = r->name, .caller = r->request.caller },
		.priority = KV_METADATA,
		.mono_deadline = r->question.mono_deadline,
		.is_quiet = true
	};

	if (r->reads_versions)
		return kv_versions_read(volume_of(r)->throttle, r->type, r->name, &r->question,
		    versions_answered, r, &r->versions);
	return kv_throttle_send(volume_of(r)->throttle, &task, got, r, &r->ticket);
}

/* The object was not found. */
static void
not_yet(struct recovery *r)
{
	if (kv_clock_mono_ms() + r->pause_ms < r->question.mono_deadline) {
		wait_a_little(r);
		return;
	}
	log_end(r, -EBUSY,
	    r->is_accepted ?
		"the vault has accepted the recovery, but does not show the object yet: look again later" :
		"something else is being done to the object: try again later");
	finish(r, -EBUSY);
}

static void
got(void *arg, struct kv_reply *reply)
{
	struct recovery *r = arg;
	const struct kv_call call = {
		.op = KV_OP_GET, .type = r->type, .name = r->name, .caller = r->request.caller
	};

	r->ticket = NULL;
	r->reads_versions = reply->err == -EACCES && reply->status == 403;
	if (reply->err == 0) {
		succeed(r, reply->item);
	} else if (reply->err == -ENOENT) {
		not_yet(r);
	} else if (!r->reads_versions || look(r) != 0) {
		kv_audit_failure(volume_of(r)->vault, &call, reply, NULL);
		finish(r, reply->err);
	}
}

static void
versions_answered(void *arg, int err, const struct kv_versions *versions)
{
	struct recovery *r = arg;
	struct kv_item item;

	r->versions = NULL;
	if (err == -ENOENT) {
		not_yet(r);
	} else if (err != 0) {
		finish(r, err);
	} else {
		item = versions->newest;
		item.wall_updated = versions->wall_updated;
		succeed(r, &item);
	}
}

/* After a pause. */
static void
go_on(void *arg)
{
	struct recovery *r = arg;
	const int err = r->is_accepted ? look(r) : request_recovery(r);

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
	return branch->settings->is_dry_run ? -EROFS : 0;
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
	kv_timer_init(&r->pause, node->branch->mount->loop, go_on, r);
	err = request_recovery(r);
	if (err != 0)
		finish(r, err);
}
