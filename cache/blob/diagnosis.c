/*
 * A diagnosis keeps the failure, reads the version list and logs one line.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/blob/diagnosis.h"
#include "cache/list/versions.h"
#include "cache/object.h"
#include "client/base/clock.h"
#include "client/base/refusal_rows.h"
#include "client/vault/audit.h"

#define MAX_VERSIONS 500 /* of an object that can be backed up (Microsoft, key-vault/general/backup) */
#define LEAST_MS     800 /* for the version list, if the deadline is near or over */

struct kv_diagnosis {
	struct kv_throttle *throttle;
	const struct kv_object *object;
	struct kv_question question;
	struct kv_reply failure;
	struct kv_versions_call *versions;
	kv_diagnosis_done *done;
	void *arg;
};

static void
log_failure(struct kv_throttle *throttle, const struct kv_object *object, const struct kv_caller *caller,
    const struct kv_reply *reply)
{
	const struct kv_call call = {
		.op = KV_OP_BACKUP, .type = object->type, .name = object->name, .caller = *caller
	};

	kv_audit_failure(kv_throttle_vault(throttle), &call, reply, NULL);
}

static struct kv_diagnosed
result(const struct kv_reply *failure, bool is_lost)
{
	const bool is_refusal = failure->status >= 300 && !failure->is_of_token;

	return (struct kv_diagnosed){ .err = failure->err,
		.is_lost = is_lost,
		.cause = failure->cause != NULL || !is_refusal ?
		    failure->cause :
		    kv_refusal_find(failure->status, &failure->fault) };
}

static void
set_cause(struct kv_reply *failure, const struct kv_refusal_row *cause)
{
	failure->cause = cause;
	failure->err = -cause->err;
}

static void
versions_answered(void *arg, int err, const struct kv_versions *versions)
{
	struct kv_diagnosis *d = arg;
	struct kv_reply *failure = &d->failure;
	const bool is_lost = failure->err == -ENOENT && err == -ENOENT;
	struct kv_diagnosed found;

	if (failure->err == -ENOENT && !is_lost) {
		set_cause(failure, err == 0 ? &kv_refusal_wrong_404 : &kv_refusal_lone_404);
	} else if (failure->err != -ENOENT && err == 0 && versions->n > MAX_VERSIONS) {
		set_cause(failure, &kv_refusal_too_many_versions);
		failure->n_versions = versions->n;
	}
	log_failure(d->throttle, d->object, &d->question.caller, failure);
	found = result(failure, is_lost);
	d->done(d->arg, &found);
	free(d);
}

static bool
is_ambiguous(const struct kv_reply *reply)
{
	return reply->err == -ENOENT || reply->err == -ETIMEDOUT ||
	    (reply->err == -EINVAL && reply->status == 400);
}

struct kv_diagnosis *
kv_diagnosis_begin(struct kv_throttle *throttle, const struct kv_object *object,
    const struct kv_question *question, const struct kv_reply *reply, kv_diagnosis_done *done, void *arg,
    struct kv_diagnosed *found)
{
	const int64_t mono_least = kv_clock_mono_ms() + LEAST_MS;
	const bool can_list = kv_vault_can_list(kv_throttle_vault(throttle));
	struct kv_diagnosis *d = can_list && is_ambiguous(reply) ? calloc(1, sizeof(*d)) : NULL;

	if (d != NULL) {
		d->throttle = throttle;
		d->object = object;
		d->done = done;
		d->arg = arg;
		d->failure = *reply;
		d->failure.why = "";
		d->question = *question;
		if (d->question.mono_deadline < mono_least)
			d->question.mono_deadline = mono_least;
		if (kv_versions_read(throttle, object->type, object->name, &d->question, versions_answered, d,
			&d->versions) == 0)
			return d;
		free(d);
	}
	log_failure(throttle, object, &question->caller, reply);
	*found = result(reply, reply->err == -ENOENT && !can_list);
	if (found->err == -ENOENT && can_list)
		found->err = -EIO;
	return NULL;
}

void
kv_diagnosis_cancel(struct kv_diagnosis *d)
{
	if (d == NULL)
		return;
	kv_versions_cancel(d->versions);
	free(d);
}
