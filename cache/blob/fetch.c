/*
 * A fetch:
 *
 *	backup -> done
 *	 |  ^  `-> diagnosis (it failed) -> done
 *	 `--' the object changed meanwhile, at most MAX_AGAIN times
 *
 * For a sibling, a description takes the place of the backup, and diagnoses its failures itself.
 *
 * Invariant: exactly one of a backup, a description and a diagnosis is in progress.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "cache/blob/describe.h"
#include "cache/blob/diagnosis.h"
#include "cache/blob/fetch.h"
#include "cache/object.h"

#define MAX_AGAIN 3

struct kv_fetch {
	struct kv_throttle *throttle;
	struct kv_object *object;
	enum kv_priority priority;
	struct kv_question question; /* with the deadline of the first backup */
	struct kv_ticket *ticket;
	struct kv_describe *describe;
	struct kv_diagnosis *diagnosis;
	bool is_stale;
	int n_again;
	kv_fetch_done *done;
	void *arg;
};

static int send_request(struct kv_fetch *);
static void backup_answered(void *, struct kv_reply *);
static void described(void *, const struct kv_described *);
static void diagnosed(void *, const struct kv_diagnosed *);

static void
end(struct kv_fetch *f, struct kv_fetch_result result)
{
	result.is_stale = f->is_stale;
	f->done(f->arg, &result);
	free(f);
}

static int
send_backup(struct kv_fetch *f)
{
	const struct kv_task task = { .call = { .op = KV_OP_BACKUP,
					  .type = f->object->type,
					  .name = f->object->name,
					  .caller = f->question.caller },
		.priority = f->priority,
		.is_quiet = true,
		.mono_deadline = f->question.mono_deadline };

	return kv_throttle_send(f->throttle, &task, backup_answered, f, &f->ticket);
}

static int
send_request(struct kv_fetch *f)
{
	const int err = f->object->kind == KV_KIND_BLOB ?
	    send_backup(f) :
	    kv_describe_begin(f->throttle, f->object, &f->question, described, f, &f->describe);

	if (err == 0)
		f->is_stale = false;
	return err;
}

static bool
is_repeated(struct kv_fetch *f)
{
	return f->is_stale && f->n_again++ < MAX_AGAIN && !f->object->is_gone && send_request(f) == 0;
}

static void
backup_answered(void *arg, struct kv_reply *reply)
{
	struct kv_fetch *f = arg;
	struct kv_diagnosed found;

	f->question.mono_deadline = kv_throttle_deadline(f->ticket);
	f->ticket = NULL;
	if (is_repeated(f))
		return;
	if (reply->err == 0) {
		end(f, (struct kv_fetch_result){ .blob = reply->blob, .wall_date = reply->wall_date });
		return;
	}
	f->diagnosis = kv_diagnosis_begin(f->throttle, f->object, &f->question, reply, diagnosed, f, &found);
	if (f->diagnosis == NULL)
		diagnosed(f, &found);
}

static void
described(void *arg, const struct kv_described *d)
{
	struct kv_fetch *f = arg;

	f->describe = NULL;
	if (!is_repeated(f))
		end(f,
		    (struct kv_fetch_result){ .err = d->err,
			.is_lost = d->is_lost,
			.cause = d->cause,
			.blob = d->blob,
			.wall_date = d->wall_date });
}

static void
diagnosed(void *arg, const struct kv_diagnosed *found)
{
	end(arg,
	    (struct kv_fetch_result){ .err = found->err, .is_lost = found->is_lost, .cause = found->cause });
}

int
kv_fetch_begin(struct kv_throttle *throttle, struct kv_object *object, enum kv_priority priority,
    const struct kv_caller *caller, kv_fetch_done *done, void *arg, struct kv_fetch **fetch)
{
	struct kv_fetch *f = calloc(1, sizeof(*f));
	int err;

	*fetch = NULL;
	if (f == NULL)
		return -ENOMEM;
	f->throttle = throttle;
	f->object = object;
	f->priority = priority;
	f->question.caller = *caller;
	f->done = done;
	f->arg = arg;
	err = send_request(f);
	if (err != 0) {
		free(f);
		return err;
	}
	*fetch = f;
	return 0;
}

void
kv_fetch_raise(struct kv_fetch *f, enum kv_priority priority)
{
	if (priority <= f->priority)
		return;
	f->priority = priority;
	if (f->ticket != NULL)
		kv_throttle_raise(f->ticket, priority);
}

void
kv_fetch_invalidate(struct kv_fetch *f)
{
	f->is_stale = true;
}

void
kv_fetch_cancel(struct kv_fetch *f)
{
	if (f == NULL)
		return;
	kv_throttle_cancel(f->ticket);
	kv_describe_cancel(f->describe);
	kv_diagnosis_cancel(f->diagnosis);
	free(f);
}

void
kv_fetch_check(const struct kv_fetch *f)
{
	assert((f->ticket != NULL) + (f->describe != NULL) + (f->diagnosis != NULL) == 1);
	assert(f->n_again <= MAX_AGAIN + 1);
}
