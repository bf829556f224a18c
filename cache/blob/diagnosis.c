/*
 * A diagnosis keeps the failure, reads the version list and logs one line.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/blob/diagnosis.h"
#include "cache/list/versions.h"
#include "cache/object.h"
#include "client/base/clock.h"
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
    const struct kv_reply *reply, const char *why)
{
	const struct kv_call call = {
		.op = KV_OP_BACKUP, .type = object->type, .name = object->name, .caller = *caller
	};

	kv_audit_failure(kv_throttle_vault(throttle), &call, reply, why);
}

static void
versions_answered(void *arg, int err, const struct kv_versions *versions)
{
	struct kv_diagnosis *d = arg;
	struct kv_reply *failure = &d->failure;
	const bool is_lost = failure->err == -ENOENT && err == -ENOENT;
	const char *why = NULL;

	if (failure->err == -ENOENT && !is_lost) {
		why = err == 0 ?
		    "the backup request was answered with 404, but its version list exists" :
		    "the backup request was answered with 404, and its version list cannot be read";
		failure->err = -EBADMSG;
	} else if (failure->err != -ENOENT && err == 0 && versions->n > MAX_VERSIONS) {
		why =
		    "it has more than 500 versions, which the service cannot back up: delete it and create it again";
		failure->err = -EFBIG;
	}
	log_failure(d->throttle, d->object, &d->question.caller, failure, why);
	d->done(d->arg, failure->err, is_lost);
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
    int *err)
{
	const int64_t mono_least = kv_clock_mono_ms() + LEAST_MS;
	struct kv_diagnosis *d = is_ambiguous(reply) ? calloc(1, sizeof(*d)) : NULL;

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
	log_failure(throttle, object, &question->caller, reply, NULL);
	*err = reply->err == -ENOENT ? -EIO : reply->err;
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
