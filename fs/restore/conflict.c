#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cache/list/versions.h"
#include "fs/restore/conflict.h"

struct kv_conflict {
	struct kv_throttle *throttle;
	enum kv_type type;
	char name[KV_NAME_MAX + 1];
	struct kv_question question;
	struct kv_versions_call *versions;
	struct kv_ticket *ticket;
	kv_conflict_done *done;
	void *arg;
};

static void versions_answered(void *, int, const struct kv_versions *);
static void deleted_answered(void *, struct kv_reply *);

void
kv_conflict_cancel(struct kv_conflict *c)
{
	if (c == NULL)
		return;
	kv_versions_cancel(c->versions);
	kv_throttle_cancel(c->ticket);
	free(c);
}

static void
end(struct kv_conflict *c, enum kv_conflict_kind kind, int64_t wall_purge)
{
	c->done(c->arg, kind, wall_purge);
	free(c);
}

int
kv_conflict_ask(struct kv_throttle *throttle, enum kv_type type, const char *name,
    const struct kv_question *question, kv_conflict_done *done, void *arg, struct kv_conflict **conflict)
{
	struct kv_conflict *c = calloc(1, sizeof(*c));
	int err;

	*conflict = NULL;
	if (c == NULL)
		return -ENOMEM;
	*c = (struct kv_conflict){
		.throttle = throttle, .type = type, .question = *question, .done = done, .arg = arg
	};
	snprintf(c->name, sizeof(c->name), "%s", name);
	err = kv_versions_read(throttle, type, c->name, question, versions_answered, c, &c->versions);
	if (err != 0) {
		free(c);
		return err;
	}
	*conflict = c;
	return 0;
}

static void
versions_answered(void *arg, int err, const struct kv_versions *versions)
{
	struct kv_conflict *c = arg;
	const struct kv_task task = { .call = { .op = KV_OP_DELETED,
					  .type = c->type,
					  .name = c->name,
					  .caller = c->question.caller },
		.priority = KV_RESTORE,
		.is_quiet = true,
		.mono_deadline = c->question.mono_deadline };

	(void)versions;
	c->versions = NULL;
	if (err == -ENOENT && kv_throttle_send(c->throttle, &task, deleted_answered, c, &c->ticket) == 0)
		return;
	end(c, err == 0 ? KV_CONFLICT_IN_USE : KV_CONFLICT_UNKNOWN, 0);
}

static void
deleted_answered(void *arg, struct kv_reply *reply)
{
	struct kv_conflict *c = arg;

	c->ticket = NULL;
	/*
	 * A 404 means that there is no deleted object. After any other failure it does no harm to wait and
	 * try again.
	 */
	end(c, reply->err == 0 ? KV_CONFLICT_DELETED : KV_CONFLICT_NEITHER, reply->wall_purge);
}
