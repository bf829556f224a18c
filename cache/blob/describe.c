/*
 * The requests for a description, side by side:
 *
 *	get ------.
 *	versions --+-> all have ended -> done
 *	policy ---'
 *
 * get-version follows versions where a name has another meaning in get's path. If get finds nothing, the version list
 * decides whether the object is lost, as for a backup (cache/blob/diagnosis).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cache/blob/describe.h"
#include "cache/blob/description.h"
#include "cache/object.h"
#include "client/base/buf.h"
#include "client/base/refusal_rows.h"
#include "client/vault/audit.h"
#include "client/vault/blob.h"
#include "client/vault/explain.h"

#define MOST_BYTES ((size_t)16 << 20)
#define MOST_PAGES 10000

struct part {
	struct kv_ticket *ticket; /* NULL: not under way */
	int err;
};

struct kv_describe {
	struct kv_throttle *throttle;
	const struct kv_object *sibling;
	struct kv_question *question;
	struct kv_description *text;
	struct part get, versions, policy;
	bool has_versions; /* they were requested */
	int n_pages;
	struct kv_described result;
	kv_describe_done *done;
	void *arg;
};

static int request_get(struct kv_describe *);
static void got(void *, struct kv_reply *);
static int request_versions(struct kv_describe *, const char *next_link);
static void versions_answered(void *, struct kv_reply *);
static int request_policy(struct kv_describe *);
static void policy_answered(void *, struct kv_reply *);
static void end_if_complete(struct kv_describe *);

static const struct kv_object *
object_of(const struct kv_describe *d)
{
	return d->sibling->of;
}

/* A name that is a path of its own below /certificates/. */
static bool
is_word(const struct kv_object *object)
{
	return object->type == KV_CERTIFICATES &&
	    (strcasecmp(object->name, "contacts") == 0 || strcasecmp(object->name, KV_ISSUERS) == 0);
}

static void
free_describe(struct kv_describe *d)
{
	kv_throttle_cancel(d->get.ticket);
	kv_throttle_cancel(d->versions.ticket);
	kv_throttle_cancel(d->policy.ticket);
	kv_description_free(d->text);
	kv_blob_unref(d->result.blob);
	free(d);
}

void
kv_describe_cancel(struct kv_describe *d)
{
	if (d != NULL)
		free_describe(d);
}

static int
send(struct kv_describe *d, struct part *part, enum kv_op op, const char *version, const char *next_link,
    kv_vault_done *answered)
{
	const struct kv_task task = { .call = { .op = op,
					  .type = object_of(d)->type,
					  .name = object_of(d)->name,
					  .version = version,
					  .next_link = next_link,
					  .caller = d->question->caller },
		.priority = KV_METADATA,
		.is_quiet = true,
		.mono_deadline = d->question->mono_deadline };

	return kv_throttle_send(d->throttle, &task, answered, d, &part->ticket);
}

/* ---- answers ---- */

static void
log_failure(struct kv_describe *d, enum kv_op op, const struct kv_reply *reply, const char *why)
{
	const struct kv_call call = { .op = op,
		.type = object_of(d)->type,
		.name = object_of(d)->name,
		.caller = d->question->caller };

	kv_audit_failure(kv_throttle_vault(d->throttle), &call, reply, why);
}

/* The first failure counts, and is logged. */
static void
note_failure(struct kv_describe *d, enum kv_op op, struct kv_reply *reply)
{
	const bool is_refusal = reply->status >= 300 && !reply->is_of_token;

	if (d->result.err != 0)
		return;
	d->result.err = reply->err;
	d->result.cause = reply->cause != NULL || !is_refusal ? reply->cause :
								kv_refusal_find(reply->status, &reply->fault);
	log_failure(d, op, reply, NULL);
}

/* Every answer passes here first. */
static void
note_answer(struct kv_describe *d, struct part *part, const struct kv_reply *reply)
{
	d->question->mono_deadline = kv_throttle_deadline(part->ticket);
	part->ticket = NULL;
	part->err = reply->err;
	if (d->result.wall_date == 0)
		d->result.wall_date = reply->wall_date;
}

static void
got(void *arg, struct kv_reply *reply)
{
	struct kv_describe *d = arg;
	struct kv_buf why;

	note_answer(d, &d->get, reply);
	kv_buf_init(&why, 512);
	if (d->get.err == 0)
		d->get.err = kv_description_object(d->text, reply->json, &why);
	if (d->get.err == -ENOENT && is_word(object_of(d))) {
		reply->err = d->get.err = -EBADMSG; /* the answer is about something else of that name */
		note_failure(d, KV_OP_GET_VERSION, reply);
	} else if (d->get.err == -EOPNOTSUPP) {
		d->get.err = d->result.err = -ENOENT; /* there is no such file, which is no failure */
	} else if (d->get.err != 0 && d->get.err != -ENOENT) {
		reply->err = d->get.err;
		note_failure(d, KV_OP_GET, reply);
	} else if (d->get.err == -ENOENT && !d->has_versions &&
	    kv_vault_can_list(kv_throttle_vault(d->throttle))) {
		d->result.err = request_versions(d, NULL);
	}
	kv_buf_release(&why);
	end_if_complete(d);
}

/* The last page has come. */
static int
versions_complete(struct kv_describe *d)
{
	if (kv_description_n_versions(d->text) == 0)
		return -ENOENT; /* some servers answer an unknown name with an empty list */
	return is_word(object_of(d)) && d->get.err == 0 ? request_get(d) : 0;
}

static void
versions_answered(void *arg, struct kv_reply *reply)
{
	struct kv_describe *d = arg;
	int err;

	note_answer(d, &d->versions, reply);
	err = d->versions.err;
	if (err == 0)
		err = kv_description_versions(d->text, reply->page);
	if (err == 0 && reply->page->next_link != NULL)
		err = ++d->n_pages < MOST_PAGES ? request_versions(d, reply->page->next_link) : -EBADMSG;
	else if (err == 0)
		err = versions_complete(d);
	d->versions.err = err;
	if (err != 0 && err != -ENOENT) {
		reply->err = err;
		note_failure(d, KV_OP_VERSIONS, reply);
	}
	end_if_complete(d);
}

static void
policy_answered(void *arg, struct kv_reply *reply)
{
	struct kv_describe *d = arg;
	int err, refusal;

	note_answer(d, &d->policy, reply);
	err = d->policy.err;
	if (err == 0)
		err = kv_description_policy(d->text, reply->json);
	else if ((refusal = kv_explain_refusal(reply)) != 0)
		err = refusal > 0 ? kv_description_no_policy(d->text, reply->status, &reply->fault) : refusal;
	d->policy.err = err;
	if (err != 0) {
		reply->err = err;
		note_failure(d, KV_OP_ROTATION_POLICY, reply);
	}
	end_if_complete(d);
}

/* ---- the end ---- */

static int
make_blob(struct kv_describe *d)
{
	struct kv_buf out;
	int err;

	kv_buf_init(&out, MOST_BYTES);
	err = kv_description_put(d->text, &out);
	if (err == 0)
		err = kv_blob_new(&out, &d->result.blob);
	kv_buf_release(&out);
	return err;
}

/*
 * The object, or a part of it, was not found. A name that is a path of its own proves nothing: the server may have read
 * it as that path.
 */
static void
judge_missing(struct kv_describe *d)
{
	struct kv_reply reply = { .err = -EBADMSG, .status = 404, .retry_after_ms = -1 };
	const bool can_list = kv_vault_can_list(kv_throttle_vault(d->throttle));

	if ((d->versions.err == -ENOENT && !is_word(object_of(d))) || !can_list) {
		d->result.err = -ENOENT;
		d->result.is_lost = true;
		return;
	}
	reply.cause = &kv_refusal_wrong_404;
	note_failure(d, KV_OP_GET, &reply);
}

static void
end_if_complete(struct kv_describe *d)
{
	if (d->get.ticket != NULL || d->versions.ticket != NULL || d->policy.ticket != NULL)
		return;
	if (d->result.err == 0 && (d->get.err == -ENOENT || d->versions.err == -ENOENT))
		judge_missing(d);
	if (d->result.err == 0)
		d->result.err = make_blob(d);
	d->done(d->arg, &d->result);
	free_describe(d);
}

/* ---- requests ---- */

static int
request_get(struct kv_describe *d)
{
	return is_word(object_of(d)) ?
	    send(d, &d->get, KV_OP_GET_VERSION, kv_description_newest(d->text), NULL, got) :
	    send(d, &d->get, KV_OP_GET, NULL, NULL, got);
}

static int
request_versions(struct kv_describe *d, const char *next_link)
{
	d->has_versions = true;
	return send(d, &d->versions, KV_OP_VERSIONS, NULL, next_link, versions_answered);
}

static int
request_policy(struct kv_describe *d)
{
	return send(d, &d->policy, KV_OP_ROTATION_POLICY, NULL, NULL, policy_answered);
}

static int
request_all(struct kv_describe *d)
{
	const enum kv_type type = object_of(d)->type;
	const bool is_json = d->sibling->kind == KV_KIND_JSON;
	int err = 0;

	if (type != KV_SECRETS && !is_word(object_of(d)))
		err = request_get(d);
	if (err == 0 && (is_json || is_word(object_of(d))))
		err = request_versions(d, NULL);
	if (err == 0 && is_json && type == KV_KEYS)
		err = request_policy(d);
	return err;
}

int
kv_describe_begin(struct kv_throttle *throttle, const struct kv_object *sibling, struct kv_question *question,
    kv_describe_done *done, void *arg, struct kv_describe **describe)
{
	struct kv_describe *d = calloc(1, sizeof(*d));
	int err;

	*describe = NULL;
	if (d == NULL)
		return -ENOMEM;
	*d = (struct kv_describe){
		.throttle = throttle, .sibling = sibling, .question = question, .done = done, .arg = arg
	};
	d->text = kv_description_new(sibling->type, sibling->kind);
	err = d->text != NULL ? request_all(d) : -ENOMEM;
	if (err != 0) {
		free_describe(d);
		return err;
	}
	*describe = d;
	return 0;
}
