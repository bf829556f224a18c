/*
 * One restore.
 *
 *	commit -> check -> SENDING -> answer -> DONE: receipt, listed
 *	            |  |      ^          |
 *	            |  +-- these bytes were restored: is that version there? -> DONE, else send
 *	            |         |          +-- 400, 403 and the type was a guess: as a key
 *	            |         |          +-- 409 (or 500): what is in the way?
 *	            |         |                 versions answer: in use         -> EEXIST
 *	            |         |                 deleted answers: recover, purge -> EEXIST
 *	            |         +---- pause ----- neither: a purge takes effect   -> in the end EBUSY
 *	            +-> EINVAL, nothing sent
 *
 * The vault names the object in its answer, because the name is inside the blob where we cannot read
 * it. Before there is an answer, the file's name without ".blob" is the best guess.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "cache/audit.h"
#include "cache/finder.h"
#include "cache/listing.h"
#include "cache/throttle.h"
#include "client/clock.h"
#include "client/log.h"
#include "fs/restore/upload.h"
#include "fs/restore/classify.h"
#include "fs/restore/receipt.h"
#include "fs/restore/submit.h"

#define MODULE	   "restore"
#define STAGING_MS ((int64_t)10 * 60 * 1000)

/* Pauses while a delete or purge takes effect; the service needs up to some tens of seconds. */
static const int again_ms[] = { 2000, 4000, 8000, 15000, 15000 };
#define AGAIN ((int)(sizeof(again_ms) / sizeof(again_ms[0])))

struct kv_restore_wait {
	struct kv_restore_wait *next;
	struct kv_restore *restore;
	kv_restore_done *done;
	void *arg;
};

struct kv_restore {
	struct kv_restores *restores;
	LIST_ENTRY(kv_restore) all;
	struct kv_node *node, *folder; /* kept open while this lives */
	char *name;
	struct kv_caller caller;
	struct kv_blob *blob;
	enum kv_type type;
	bool is_guess; /* the type is one of two: certificate first, then key */
	bool knew;     /* the object was listed before the first attempt */
	int n_again;
	struct kv_reply conflict;	/* the 409 or 500 that is being looked into */
	struct kv_item in_the_way;	/* its object */
	struct kv_receipt receipt;	/* of the same bytes, from before */
	struct kv_receipt_check *check; /* whether that is in the vault still */
	struct kv_ticket *ticket;
	struct kv_finder *finder;
	struct kv_timer again;
	struct kv_restore_wait *waits;
};

struct kv_restores {
	struct kv_mount *mount;
	size_t staged; /* bytes of all files being written */
	LIST_HEAD(, kv_restore) all;
	int n;
};

static int send_blob(struct kv_restore *);
static void look_at_conflict(struct kv_restore *);

/* ---- the log ---- */

static void
say(const struct kv_restores *rs, const char *name, const struct kv_caller *caller, int err, const char *why)
{
	struct kv_buf line;

	kv_buf_init(&line, 4096);
	kv_log_field(&line, "vault", kv_vault_name(rs->mount->vault));
	kv_log_field(&line, "op", "restore");
	kv_log_field(&line, "file", name);
	if (err != 0)
		kv_log_field(&line, "errno", kv_err_name(err));
	kv_audit_caller(&line, caller);
	kv_log_field(&line, "why", why);
	kv_log_write(KV_LOG_NOTICE, MODULE, "%s", kv_buf_str(&line));
	kv_buf_release(&line);
}

/* The object's name as the file's name says it. */
static void
guess_name(const char *file, char *name)
{
	size_t n = strlen(file);

	if (n > 5 && strcmp(file + n - 5, ".blob") == 0)
		n -= 5;
	snprintf(name, KV_NAME_MAX + 1, "%.*s", (int)(n > KV_NAME_MAX ? KV_NAME_MAX : n), file);
}

static void
say_failure(struct kv_restore *r, const struct kv_reply *reply, const char *why)
{
	char guess[KV_NAME_MAX + 1];
	const struct kv_call call = { .op = KV_OP_RESTORE,
		.type = r->type,
		.caller = r->caller,
		.name = r->in_the_way.name[0] != '\0' ? r->in_the_way.name : guess };

	guess_name(r->name, guess);
	kv_audit_failure(r->restores->mount->vault, &call, reply, why);
}

/* ---- the end ---- */

static void
free_restore(struct kv_restore *r)
{
	struct kv_restores *rs = r->restores;

	kv_receipts_cancel(r->check);
	kv_throttle_cancel(r->ticket);
	kv_finder_cancel(r->finder);
	kv_timer_stop(&r->again);
	while (r->waits != NULL)
		kv_restore_cancel(r->waits);
	LIST_REMOVE(r, all);
	rs->n--;
	kv_blob_unref(r->blob);
	kv_buf_free_string(r->name);
	r->node->drop->restore = NULL;
	kv_tree_closed(r->folder);
	kv_tree_closed(r->node);
	free(r);
}

static void
end(struct kv_restore *r, int err)
{
	struct kv_drop *drop = r->node->drop;
	struct kv_mount *m = r->restores->mount;

	drop->state = err == 0 ? KV_DROP_DONE : KV_DROP_FAILED;
	drop->err = err;
	if (err != 0)
		m->n_failed++;
	else
		kv_receipts_note(m->receipts, r->node);
	if (err != 0 && r->node->parent != NULL && !kv_drop_is_staging(r->node->name))
		kv_tree_remove(r->node); /* a failed restore leaves no receipt */
	while (r->waits != NULL) {
		struct kv_restore_wait *w = r->waits;

		r->waits = w->next;
		w->done(w->arg, err);
		free(w);
	}
	free_restore(r);
}

static void
succeed(struct kv_restore *r, const struct kv_item *item)
{
	struct kv_mount *m = r->restores->mount;
	char guess[KV_NAME_MAX + 1], text[512];
	struct kv_object *object;

	guess_name(r->name, guess);
	if (strcmp(guess, item->name) != 0) {
		snprintf(text, sizeof(text), "the blob holds %s/%s, and that was restored",
		    kv_type_name(r->type), item->name);
		say(r->restores, r->name, &r->caller, 0, text);
	}
	m->n_restored++;
	r->receipt = (struct kv_receipt){ .type = r->type, .wall_updated = item->wall_updated };
	memcpy(r->receipt.digest, r->blob->digest, KV_DIGEST_LEN);
	memcpy(r->receipt.name, item->name, sizeof(r->receipt.name));
	memcpy(r->receipt.version, item->version, sizeof(r->receipt.version));
	kv_receipts_keep(m->receipts, &r->receipt);
	r->node->drop->receipt = r->receipt;
	kv_unlisted_forget(m->unlisted, r->type, item->name);
	if (kv_listing_add(m->listings[r->type], item, &object) != 0)
		kv_log_write(KV_LOG_WARNING, MODULE,
		    "object=%s/%s errno=ENOMEM why=\"restored, shown with the next listing\"",
		    kv_type_name(r->type), item->name);
	end(r, 0);
}

/* ---- what is in the way ---- */

static void
send_again(void *arg)
{
	struct kv_restore *r = arg;
	int err = send_blob(r);

	if (err != 0)
		end(r, err);
}

static void
wait_and_send(struct kv_restore *r)
{
	if (r->conflict.status != 409) {
		say_failure(r, &r->conflict, NULL);
		end(r, r->conflict.err);
	} else if (r->n_again == AGAIN) {
		r->conflict.err = -EBUSY;
		say_failure(r, &r->conflict, "the name is still being deleted or purged: try again later");
		end(r, -EBUSY);
	} else {
		kv_timer_set(&r->again, again_ms[r->n_again++]);
	}
}

static void
deleted_known(void *arg, struct kv_reply *reply)
{
	struct kv_restore *r = arg;
	char until[80] = "", why[160];
	struct tm date;
	time_t purge;

	r->ticket = NULL;
	if (reply->err != 0) { /* 404: there is none; anything else tells nothing */
		wait_and_send(r);
		return;
	}
	purge = (time_t)reply->wall_purge;
	if (purge > 0 && gmtime_r(&purge, &date) != NULL)
		strftime(until, sizeof(until), " (the service purges it itself on %Y-%m-%d)", &date);
	snprintf(
	    why, sizeof(why), "a deleted object of this name is in the way: recover or purge it%s", until);
	r->conflict.err = -EEXIST;
	say_failure(r, &r->conflict, why);
	end(r, -EEXIST);
}

static void
look_at_deleted(struct kv_restore *r)
{
	const struct kv_call call = {
		.op = KV_OP_DELETED, .type = r->type, .name = r->in_the_way.name, .caller = r->caller
	};

	if (kv_throttle_send(
		r->restores->mount->throttle, &call, KV_RESTORE, true, deleted_known, r, &r->ticket) != 0)
		wait_and_send(r);
}

/* An earlier attempt without an answer may have been ours: only if nobody had the name, and that version is there now. */
static bool
is_our_own(const struct kv_restore *r, const struct kv_versions *versions)
{
	char guess[KV_NAME_MAX + 1];

	guess_name(r->name, guess);
	if (strcasecmp(guess, r->in_the_way.name) != 0 && /* knew is not of this one: what is listed now is */
	    kv_listing_knew(r->restores->mount->listings[r->type], r->in_the_way.name))
		return false;
	return r->conflict.attempts > 1 && !r->knew && r->in_the_way.version[0] != '\0' &&
	    versions->has_version;
}

static void
versions_known(void *arg, int err, const struct kv_versions *versions)
{
	struct kv_restore *r = arg;
	struct kv_item item;

	r->finder = NULL;
	if (err == -ENOENT) {
		look_at_deleted(r);
		return;
	}
	if (err == 0 && is_our_own(r, versions)) {
		item = versions->newest;
		item.wall_updated = versions->wall_updated;
		succeed(r, &item);
		return;
	}
	if (err != 0 && r->conflict.status != 409) {
		wait_and_send(r);
		return;
	}
	r->conflict.err = -EEXIST;
	say_failure(r, &r->conflict,
	    err != 0 ?
		NULL :
		r->conflict.attempts > 1 ?
		"an object of this name is in the vault; an attempt of ours that was not answered may have restored it" :
		"an object of this name is in the vault");
	end(r, -EEXIST);
}

static void
look_at_conflict(struct kv_restore *r)
{
	if (strncmp(r->conflict.fault.inner, "ObjectIsBeing", 13) == 0) {
		wait_and_send(r);
		return;
	}
	if (r->in_the_way.name[0] == '\0' &&
	    kv_json_fault_id(&r->conflict.fault, r->type, &r->in_the_way) != 0)
		guess_name(r->name, r->in_the_way.name);
	if (!kv_json_is_name(r->in_the_way.name) ||
	    kv_finder_versions(r->restores->mount->throttle, r->type, r->in_the_way.name,
		r->in_the_way.version, &r->caller, versions_known, r, &r->finder) != 0) {
		say_failure(r, &r->conflict, NULL);
		end(r, r->conflict.err);
	}
}

/* ---- the request ---- */

/* Before the first attempt as this type. */
static void
look_who_is_listed(struct kv_restore *r)
{
	char guess[KV_NAME_MAX + 1];

	guess_name(r->name, guess);
	r->knew = kv_listing_knew(r->restores->mount->listings[r->type], guess);
}

static void
answered(void *arg, struct kv_reply *reply)
{
	struct kv_restore *r = arg;
	int err;

	r->ticket = NULL;
	if (reply->err == 0) {
		succeed(r, reply->item);
	} else if (r->is_guess && (reply->status == 400 || reply->status == 403)) {
		r->is_guess = false;
		r->type = KV_KEYS;
		look_who_is_listed(r);
		err = send_blob(r);
		if (err != 0)
			end(r, err);
	} else if (reply->status == 409 || reply->status == 500) {
		r->conflict = *reply;
		r->conflict.why = "";
		look_at_conflict(r);
	} else if (reply->status == 0 && reply->was_sent) {
		say_failure(r, reply,
		    "the answer was lost: the object may have been restored; look before you try again");
		end(r, reply->err);
	} else {
		say_failure(r, reply, NULL);
		end(r, reply->err);
	}
}

static int
send_blob(struct kv_restore *r)
{
	char guess[KV_NAME_MAX + 1];
	const struct kv_call call = {
		.op = KV_OP_RESTORE, .type = r->type, .name = guess, .blob = r->blob, .caller = r->caller
	};

	guess_name(r->name, guess);
	return kv_throttle_send(
	    r->restores->mount->throttle, &call, KV_RESTORE, true, answered, r, &r->ticket);
}

/* ---- the same bytes again ---- */

static void
receipt_checked(void *arg, int err)
{
	struct kv_restore *r = arg;

	r->check = NULL;
	if (err == 0) {
		r->node->drop->receipt = r->receipt;
		end(r, 0);
		return;
	}
	err = send_blob(r);
	if (err != 0)
		end(r, err);
}

/* Restored already, in this mount or an earlier one, and there still: nothing is sent. */
static int
check_or_send(struct kv_restore *r)
{
	struct kv_receipts *receipts = r->restores->mount->receipts;

	if ((kv_receipts_find(receipts, r->blob->digest, r->type, &r->receipt) ||
		(r->is_guess && kv_receipts_find(receipts, r->blob->digest, KV_KEYS, &r->receipt))) &&
	    kv_receipts_check(receipts, &r->receipt, &r->caller, receipt_checked, r, &r->check) == 0)
		return 0;
	return send_blob(r);
}

/* ---- the commit ---- */

static int
start(struct kv_restores *rs, struct kv_node *node, struct kv_node *folder, const char *name,
    const struct kv_caller *caller, struct kv_verdict *verdict)
{
	struct kv_restore *r = calloc(1, sizeof(*r));
	int err;

	if (r == NULL)
		return -ENOMEM;
	r->restores = rs;
	LIST_INSERT_HEAD(&rs->all, r, all);
	rs->n++;
	r->node = node;
	r->folder = folder;
	kv_tree_opened(node);
	kv_tree_opened(folder);
	kv_timer_init(&r->again, rs->mount->loop, send_again, r);
	r->caller = *caller;
	r->type = verdict->type;
	r->is_guess = verdict->is_guess;
	r->name = strdup(name);
	err = r->name != NULL ? kv_blob_new(&verdict->raw, &r->blob) : -ENOMEM;
	if (err == 0) {
		look_who_is_listed(r);
		err = check_or_send(r);
	}
	if (err != 0)
		free_restore(r);
	else
		node->drop->restore = r;
	return err;
}

static int
add_wait(struct kv_restore *r, kv_restore_done *done, void *arg, struct kv_restore_wait **wait)
{
	struct kv_restore_wait *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	*w = (struct kv_restore_wait){ .next = r->waits, .restore = r, .done = done, .arg = arg };
	r->waits = w;
	*wait = w;
	return -EINPROGRESS;
}

static void
set_sent(struct kv_drop *drop, enum kv_drop_state state)
{
	drop->size = drop->data.len;
	*drop->staged -= drop->data.len;
	kv_buf_release(&drop->data);
	drop->state = state;
	drop->err = 0;
}

static int
check_and_start(struct kv_restores *rs, struct kv_node *node, struct kv_node *folder, const char *name,
    const struct kv_caller *caller, struct kv_buf *why)
{
	struct kv_drop *drop = node->drop;
	struct kv_verdict verdict;
	int err = kv_judge(rs->mount, &drop->data, folder, &verdict, why);

	if (err != 0)
		goto out;
	drop->receipt = (struct kv_receipt){ .type = verdict.type };
	if (rs->mount->o->is_dry_run) {
		say(rs, name, caller, 0, "dry_run: would be restored");
		set_sent(drop, KV_DROP_DONE);
	} else {
		err = start(rs, node, folder, name, caller, &verdict);
		if (err == 0)
			set_sent(drop, KV_DROP_SENDING);
	}
out:
	kv_judge_release(&verdict);
	return err;
}

int
kv_restore_commit(struct kv_restores *rs, struct kv_node *node, struct kv_node *folder, const char *name,
    const struct kv_caller *caller, kv_restore_done *done, void *arg, struct kv_restore_wait **wait)
{
	struct kv_drop *drop = node->drop;
	struct kv_buf why;
	int err = 0;

	*wait = NULL;
	if (drop->state == KV_DROP_WRITING && drop->data.len == 0)
		return -EINVAL; /* not logged: a shell closes what it has not written yet */
	if (drop->state == KV_DROP_WRITING) {
		kv_buf_init(&why, 512);
		err = check_and_start(rs, node, folder, name, caller, &why);
		if (err != 0) {
			say(rs, name, caller, err, why.len > 0 ? kv_buf_str(&why) : NULL);
			rs->mount->n_failed++;
		}
		kv_buf_release(&why);
	}
	if (err != 0)
		return err;
	if (drop->state == KV_DROP_SENDING)
		return add_wait(drop->restore, done, arg, wait);
	return drop->state == KV_DROP_FAILED ? drop->err : 0;
}

void
kv_restore_cancel(struct kv_restore_wait *wait)
{
	if (wait == NULL)
		return;
	for (struct kv_restore_wait **at = &wait->restore->waits; *at != NULL; at = &(*at)->next)
		if (*at == wait) {
			*at = wait->next;
			free(wait);
			return;
		}
}

/* ---- files ---- */

static void
expired(void *arg)
{
	struct kv_node *node = arg;
	struct kv_buf line;

	if (node->parent == NULL || !kv_drop_is_staging(node->name))
		return; /* removed, or renamed and restored */
	if (node->drop->state == KV_DROP_SENDING) {
		kv_timer_set(&node->drop->expiry, STAGING_MS);
		return;
	}
	kv_buf_init(&line, 1024);
	kv_log_field(&line, "op", "restore");
	kv_log_field(&line, "file", node->name);
	kv_audit_caller(&line, &node->drop->writer);
	kv_log_field(&line, "why", "dropped: it was never renamed to its real name");
	kv_log_write(KV_LOG_NOTICE, MODULE, "%s", kv_buf_str(&line));
	kv_buf_release(&line);
	kv_tree_remove(node);
}

int
kv_restore_make(struct kv_restores *rs, struct kv_node *folder, const char *name, struct kv_node **node)
{
	int err;

	*node = NULL;
	if (name[0] == '.' && !kv_drop_is_staging(name))
		return -EINVAL;
	err = kv_tree_make(folder, KV_NODE_DROP_FILE, name, node);
	if (err != 0)
		return err;
	(*node)->drop = kv_drop_new(rs->mount->loop, &rs->staged, expired, *node);
	if ((*node)->drop == NULL) {
		kv_tree_remove(*node);
		*node = NULL;
		return -ENOMEM;
	}
	return 0;
}

void
kv_restore_closed(struct kv_restores *rs, struct kv_node *node)
{
	struct kv_drop *drop = node->drop;

	if (node->parent == NULL || drop->state != KV_DROP_WRITING)
		return;
	if (kv_drop_is_staging(node->name)) {
		kv_timer_set(&drop->expiry, STAGING_MS);
		return;
	}
	if (drop->data.len == 0)
		say(rs, node->name, &drop->writer, -EINVAL, "the file is empty: nothing was restored");
	kv_tree_remove(node);
}

struct kv_restores *
kv_restores_new(struct kv_mount *mount)
{
	struct kv_restores *rs = calloc(1, sizeof(*rs));

	if (rs != NULL)
		rs->mount = mount;
	return rs;
}

void
kv_restores_stop(struct kv_restores *rs)
{
	while (rs != NULL && !LIST_EMPTY(&rs->all))
		free_restore(LIST_FIRST(&rs->all));
}

void
kv_restores_free(struct kv_restores *rs)
{
	if (rs == NULL)
		return;
	kv_restores_stop(rs);
	free(rs);
}

int
kv_restores_under_way(const struct kv_restores *rs)
{
	return rs->n;
}
