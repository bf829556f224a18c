/*
 * Blobs in memory.
 *
 * An object has a struct kv_cached while something of it is kept or on its way:
 *
 *	(none) -> FETCHING -> KEPT (unread, then read) -> (none)
 *	             |  ^ changed meanwhile: once more
 *	             +--> EXPLAINING (404, 400, time-out: the version list says what it means) -> (none)
 *
 * KEPT ones are in one of two queues, oldest first. When room is needed those that were read go
 * first, in the order of their last use, then those that were not. A waiter that has its result
 * holds its own reference, and is called in the next turn: what becomes of the rest does not matter
 * to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cache/audit.h"
#include "cache/blobs.h"
#include "cache/finder.h"
#include "client/clock.h"
#include "client/loop.h"

#define UNREAD_MS    ((int64_t)15 * 60 * 1000)
#define SWEEP_MS     60000
#define MAX_VERSIONS 500 /* of an object that can be backed up (Microsoft, key-vault/general/backup) */
#define MAX_AGAIN    3	 /* fetches of an object that keeps changing */

struct kv_waiter {
	TAILQ_ENTRY(kv_waiter) link;
	struct kv_cached *cached; /* NULL once it has its result */
	int err;
	struct kv_blob *blob;
	struct kv_timer later;
	kv_blobs_done *done;
	void *arg;
};
TAILQ_HEAD(waiters, kv_waiter);

struct kv_cached {
	TAILQ_ENTRY(kv_cached) link;
	struct queue *queue; /* that it is in */
	struct kv_blobs *blobs;
	struct kv_object *object;
	struct kv_blob *blob; /* KEPT */
	int64_t mono_fetched;
	struct kv_ticket *ticket; /* FETCHING */
	struct kv_finder *finder; /* EXPLAINING failure */
	struct kv_reply failure;
	struct kv_caller caller; /* who asked first, for the log */
	bool is_stale;
	int n_again;
	struct waiters waiters;
};
TAILQ_HEAD(queue, kv_cached);

struct kv_blobs {
	struct kv_loop *loop;
	struct kv_throttle *throttle;
	size_t room, used;
	struct queue fetching, unread, read;
	struct kv_timer sweep;
	kv_blobs_lost *lost;
	void *lost_arg;
};

static int fetch(struct kv_cached *, enum kv_priority);

/* ---- what is kept ---- */

static void
move_to(struct kv_cached *c, struct queue *queue)
{
	if (c->queue != NULL)
		TAILQ_REMOVE(c->queue, c, link);
	c->queue = queue;
	if (queue != NULL)
		TAILQ_INSERT_TAIL(queue, c, link);
}

/* Nobody waits for it. */
static void
free_cached(struct kv_cached *c)
{
	move_to(c, NULL);
	kv_throttle_cancel(c->ticket);
	kv_finder_cancel(c->finder);
	if (c->blob != NULL)
		c->blobs->used -= c->blob->len;
	kv_blob_unref(c->blob);
	c->object->cached = NULL;
	kv_object_unref(c->object);
	free(c);
}

static void
make_room(struct kv_blobs *b)
{
	while (b->used > b->room)
		free_cached(!TAILQ_EMPTY(&b->read) ? TAILQ_FIRST(&b->read) : TAILQ_FIRST(&b->unread));
}

static void
sweep(void *arg)
{
	struct kv_blobs *b = arg;
	const int64_t mono_old = kv_clock_mono_ms() - UNREAD_MS;

	while (!TAILQ_EMPTY(&b->unread) && TAILQ_FIRST(&b->unread)->mono_fetched < mono_old)
		free_cached(TAILQ_FIRST(&b->unread));
	kv_timer_set(&b->sweep, SWEEP_MS);
}

struct kv_blob *
kv_blobs_peek(struct kv_object *object)
{
	return object->cached != NULL ? object->cached->blob : NULL;
}

void
kv_blobs_was_read(struct kv_blobs *b, struct kv_object *object)
{
	if (kv_blobs_peek(object) != NULL)
		move_to(object->cached, &b->read);
}

void
kv_blobs_forget(struct kv_object *object)
{
	struct kv_cached *c = object->cached;

	if (c == NULL)
		return;
	if (c->blob == NULL)
		c->is_stale = true;
	else
		free_cached(c);
}

/* ---- waiters ---- */

static void
answer(void *arg)
{
	struct kv_waiter *w = arg;

	w->done(w->arg, w->err, w->blob);
	kv_blob_unref(w->blob);
	free(w);
}

static void
give_result(struct kv_waiter *w, int err, struct kv_blob *blob)
{
	if (w->cached != NULL)
		TAILQ_REMOVE(&w->cached->waiters, w, link);
	w->cached = NULL;
	w->err = err;
	w->blob = err == 0 ? kv_blob_ref(blob) : NULL;
	kv_timer_set(&w->later, 0);
}

void
kv_blobs_cancel(struct kv_waiter *w)
{
	if (w == NULL)
		return;
	if (w->cached != NULL)
		TAILQ_REMOVE(&w->cached->waiters, w, link);
	kv_timer_stop(&w->later);
	kv_blob_unref(w->blob);
	free(w);
}

/* ---- fetching ---- */

static void
end_failed(struct kv_cached *c, int err)
{
	while (!TAILQ_EMPTY(&c->waiters))
		give_result(TAILQ_FIRST(&c->waiters), err, NULL);
	free_cached(c);
}

static void
end_fetched(struct kv_cached *c, struct kv_blob *blob)
{
	struct kv_blobs *b = c->blobs;

	c->blob = kv_blob_ref(blob);
	c->mono_fetched = kv_clock_mono_ms();
	c->object->size = (int64_t)blob->len;
	b->used += blob->len;
	move_to(c, &b->unread);
	while (!TAILQ_EMPTY(&c->waiters))
		give_result(TAILQ_FIRST(&c->waiters), 0, blob);
	if (c->is_stale) /* it changed once more: whoever asks from now on needs the next one */
		free_cached(c);
	make_room(b);
}

/* The version list has told what the failure means. */
static void
explained(void *arg, int err, const struct kv_versions *versions)
{
	struct kv_cached *c = arg;
	struct kv_blobs *b = c->blobs;
	struct kv_object *object = kv_object_ref(c->object);
	const struct kv_call call = {
		.op = KV_OP_BACKUP, .type = object->type, .name = object->name, .caller = c->caller
	};
	const char *why = NULL;
	const bool is_lost = c->failure.err == -ENOENT && err == -ENOENT;

	c->finder = NULL;
	if (c->failure.err == -ENOENT && !is_lost) {
		why = err == 0 ? "backup says that it is not there, its version list that it is" :
				 "backup says that it is not there, and its version list cannot be read";
		c->failure.err = -EBADMSG;
	} else if (c->failure.err != -ENOENT && err == 0 && versions->n > MAX_VERSIONS) {
		why =
		    "it has more than 500 versions, which the service cannot back up: delete it and write it anew";
		c->failure.err = -EFBIG;
	}
	kv_audit_failure(kv_throttle_vault(b->throttle), &call, &c->failure, why);
	end_failed(c, c->failure.err);
	if (is_lost && b->lost != NULL)
		b->lost(b->lost_arg, object);
	kv_object_unref(object);
}

static bool
needs_explaining(const struct kv_reply *reply)
{
	return reply->err == -ENOENT || reply->err == -ETIMEDOUT ||
	    (reply->err == -EINVAL && reply->status == 400);
}

static void
failed(struct kv_cached *c, const struct kv_reply *reply)
{
	struct kv_blobs *b = c->blobs;
	const struct kv_call call = {
		.op = KV_OP_BACKUP, .type = c->object->type, .name = c->object->name, .caller = c->caller
	};

	c->failure = *reply;
	c->failure.why = "";
	if (needs_explaining(reply) &&
	    kv_finder_versions(b->throttle, c->object->type, c->object->name, NULL, &c->caller, explained, c,
		&c->finder) == 0)
		return;
	kv_audit_failure(kv_throttle_vault(b->throttle), &call, reply, NULL);
	end_failed(c, reply->err == -ENOENT ? -EIO : reply->err);
}

static void
fetched(void *arg, struct kv_reply *reply)
{
	struct kv_cached *c = arg;

	c->ticket = NULL;
	if (c->is_stale && c->n_again++ < MAX_AGAIN && !c->object->is_gone && fetch(c, KV_READ) == 0)
		return;
	if (reply->err == 0)
		end_fetched(c, reply->blob);
	else
		failed(c, reply);
}

static int
fetch(struct kv_cached *c, enum kv_priority priority)
{
	const struct kv_call call = {
		.op = KV_OP_BACKUP, .type = c->object->type, .name = c->object->name, .caller = c->caller
	};
	const int err = kv_throttle_send(c->blobs->throttle, &call, priority, true, fetched, c, &c->ticket);

	if (err == 0)
		c->is_stale = false;
	return err;
}

static int
begin_fetch(
    struct kv_blobs *b, struct kv_object *object, enum kv_priority priority, const struct kv_caller *caller)
{
	struct kv_cached *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL)
		return -ENOMEM;
	c->blobs = b;
	c->object = kv_object_ref(object);
	c->caller = *caller;
	TAILQ_INIT(&c->waiters);
	object->cached = c;
	move_to(c, &b->fetching);
	err = fetch(c, priority);
	if (err != 0)
		free_cached(c);
	return err;
}

int
kv_blobs_get(struct kv_blobs *b, struct kv_object *object, enum kv_priority priority,
    const struct kv_caller *caller, kv_blobs_done *done, void *arg, struct kv_waiter **waiter)
{
	struct kv_waiter *w;
	int err = 0;

	*waiter = NULL;
	if (object->cached == NULL)
		err = begin_fetch(b, object, priority, caller);
	else if (object->cached->ticket != NULL)
		kv_throttle_raise(object->cached->ticket, priority);
	if (err != 0)
		return err;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	w->done = done;
	w->arg = arg;
	kv_timer_init(&w->later, b->loop, answer, w);
	if (object->cached->blob != NULL) {
		give_result(w, 0, object->cached->blob);
	} else {
		w->cached = object->cached;
		TAILQ_INSERT_TAIL(&w->cached->waiters, w, link);
	}
	*waiter = w;
	return 0;
}

void
kv_blobs_on_lost(struct kv_blobs *b, kv_blobs_lost *lost, void *arg)
{
	b->lost = lost;
	b->lost_arg = arg;
}

struct kv_blobs *
kv_blobs_new(struct kv_loop *loop, struct kv_throttle *throttle, size_t room)
{
	struct kv_blobs *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->loop = loop;
	b->throttle = throttle;
	b->room = room;
	TAILQ_INIT(&b->fetching);
	TAILQ_INIT(&b->unread);
	TAILQ_INIT(&b->read);
	kv_timer_init(&b->sweep, loop, sweep, b);
	kv_timer_set(&b->sweep, SWEEP_MS);
	return b;
}

static void
free_all(struct queue *queue)
{
	while (!TAILQ_EMPTY(queue)) {
		struct kv_cached *c = TAILQ_FIRST(queue);

		while (!TAILQ_EMPTY(&c->waiters))
			kv_blobs_cancel(TAILQ_FIRST(&c->waiters));
		free_cached(c);
	}
}

void
kv_blobs_free(struct kv_blobs *b)
{
	if (b == NULL)
		return;
	free_all(&b->fetching);
	free_all(&b->unread);
	free_all(&b->read);
	kv_timer_stop(&b->sweep);
	free(b);
}
