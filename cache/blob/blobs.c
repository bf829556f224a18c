/*
 * Blobs in memory, and in the spill file.
 *
 * An object has a struct kv_cached while something of it is kept or on its way:
 *
 *	(none) -> FETCHING -> KEPT (unread, then read) -> (none)
 *	           |  |  ^      `-> SPILLED (unread) --^
 *	           |  |  ` changed meanwhile: once more
 *	           |  `-> EXPLAINING (404, 400, time-out: the version list says what it means) -> (none)
 *	           `----> REFUSED (fetched ahead or for the size, and it failed) -> (none)
 *
 * KEPT and SPILLED ones are in a queue, oldest first. When room is needed those that were read go
 * first, in the order of their last use; then the newest unread one is spilled, or dropped. Those that
 * were read are spilled too while they leave half of the file to the unread. A waiter
 * that has its result holds its own reference, and is called in the next turn: what becomes of the
 * rest does not matter to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "client/vault/audit.h"
#include "cache/blob/blobs.h"
#include "cache/blob/disk.h"
#include "cache/list/versions.h"
#include "cache/index/object_rows.h"
#include "cache/blob/sizes.h"
#include "cache/blob/spill.h"
#include "client/vault/backup.h"
#include "client/base/clock.h"
#include "client/base/loop.h"

#define UNREAD_MS    ((int64_t)15 * 60 * 1000)
#define REFUSED_MS   10000
#define SWEEP_MS     60000
#define MAX_VERSIONS 500 /* of an object that can be backed up (Microsoft, key-vault/general/backup) */
#define MAX_AGAIN    3	 /* fetches of an object that keeps changing */
#define IN_FLIGHT    ((size_t)64 << 20) /* bytes of answers that nobody waits for, at most */
#define EXPLAIN_MS   800		/* that a failure's meaning may take when the time is used up */

enum state { FETCHING, EXPLAINING, KEPT, SPILLED, REFUSED };

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
	enum state state;
	struct kv_blob *blob;		   /* KEPT */
	struct kv_slot slot;		   /* SPILLED */
	int64_t mono_ended;		   /* of the fetch */
	struct kv_ticket *ticket;	   /* FETCHING */
	struct kv_versions_call *versions; /* EXPLAINING failure */
	struct kv_reply *failure;	   /* EXPLAINING: large, and there are many of us */
	int err;			   /* REFUSED */
	pid_t given_to;			   /* REFUSED: who wanted the content and got the failure, or 0 */
	struct kv_caller caller;	   /* who asked first, for the log */
	bool is_ahead;			   /* and nobody has asked since */
	bool is_for_content;		   /* somebody waits for it, not only for its size */
	bool is_read;			   /* by somebody, once */
	bool is_stale;
	int n_again;
	size_t expected; /* FETCHING, EXPLAINING: bytes of the blob */
	struct waiters waiters;
};
TAILQ_HEAD(queue, kv_cached);

struct kv_blobs {
	struct kv_loop *loop;
	struct kv_throttle *throttle;
	size_t room, used;
	size_t unread;		/* of used */
	struct kv_spill *spill; /* or NULL */
	struct kv_object_rows *rows;
	struct kv_disk *disk;
	struct kv_sizes sizes;
	size_t n_fetching, expected; /* expected: the sum of theirs */
	struct queue fetching, unread_ones, read_ones, spilled, spilled_read, refused;
	struct kv_timer sweep, trim;
	kv_blobs_lost *lost;
	void *lost_arg;
	struct kv_blobs_state state;
};

static int fetch(struct kv_cached *, enum kv_priority);

/* ---- what is kept ---- */

static void
move_to(struct kv_cached *c, struct queue *queue)
{
	struct kv_blobs *b = c->blobs;

	if (c->queue != NULL)
		TAILQ_REMOVE(c->queue, c, link);
	if (c->queue == &b->unread_ones)
		b->unread -= c->blob->len;
	if (c->queue == &b->fetching) {
		b->n_fetching--;
		b->expected -= c->expected;
	}
	c->queue = queue;
	if (queue == &b->unread_ones)
		b->unread += c->blob->len;
	if (queue == &b->fetching) {
		b->n_fetching++;
		b->expected += c->expected;
	}
	if (queue != NULL)
		TAILQ_INSERT_TAIL(queue, c, link);
}

static void
drop_blob(struct kv_cached *c)
{
	if (c->blob != NULL)
		c->blobs->used -= c->blob->len;
	kv_blob_unref(c->blob);
	c->blob = NULL;
}

/* Nobody waits for it. */
static void
free_cached(struct kv_cached *c)
{
	move_to(c, NULL);
	kv_throttle_cancel(c->ticket);
	kv_versions_cancel(c->versions);
	drop_blob(c);
	if (c->state == SPILLED)
		kv_spill_drop(c->blobs->spill, &c->slot);
	c->object->cached = NULL;
	kv_object_unref(c->object);
	c->blobs->used -= KV_BLOBS_EACH;
	free(c->failure);
	free(c);
}

static struct kv_cached *
new_cached(struct kv_blobs *b, struct kv_object *object, const struct kv_caller *caller)
{
	struct kv_cached *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	b->used += KV_BLOBS_EACH;
	c->blobs = b;
	c->object = kv_object_ref(object);
	c->caller = *caller;
	TAILQ_INIT(&c->waiters);
	object->cached = c;
	return c;
}

/* What was read may be read again (rsync -c reads everything twice), but only the unread may fill the file. */
static bool
may_spill(const struct kv_cached *c)
{
	const struct kv_blobs *b = c->blobs;

	return b->spill != NULL && !kv_disk_wants(b->disk, c->object) &&
	    (!c->is_read || kv_spill_left(b->spill) > kv_spill_used(b->spill));
}

static void
spill_or_drop(struct kv_cached *c)
{
	struct kv_blobs *b = c->blobs;

	if (!may_spill(c) || kv_spill_put(b->spill, c->blob, &c->slot) != 0) {
		free_cached(c);
		return;
	}
	move_to(c, c->is_read ? &b->spilled_read : &b->spilled);
	drop_blob(c);
	c->state = SPILLED;
}

static void
make_room(void *arg)
{
	struct kv_blobs *b = arg;

	while (b->used > b->room)
		if (!TAILQ_EMPTY(&b->read_ones))
			spill_or_drop(TAILQ_FIRST(&b->read_ones));
		else if (!TAILQ_EMPTY(&b->unread_ones))
			spill_or_drop(TAILQ_LAST(&b->unread_ones, queue));
		else
			return; /* the rest is of those that are under way or spilled */
}

static void
keep(struct kv_cached *c, struct kv_blob *blob, struct queue *queue)
{
	c->blob = kv_blob_ref(blob);
	c->state = KEPT;
	c->blobs->used += blob->len;
	move_to(c, queue);
	kv_timer_set(&c->blobs->trim, 0);
}

/* Of another fetch's time: the queues are in the order of mono_ended. */
static void
free_older(struct queue *queue, int64_t mono_old)
{
	while (!TAILQ_EMPTY(queue) && TAILQ_FIRST(queue)->mono_ended < mono_old)
		free_cached(TAILQ_FIRST(queue));
}

static void
sweep(void *arg)
{
	struct kv_blobs *b = arg;
	const int64_t mono_now = kv_clock_mono_ms();

	free_older(&b->unread_ones, mono_now - UNREAD_MS);
	free_older(&b->spilled, mono_now - UNREAD_MS);
	free_older(&b->spilled_read, mono_now - UNREAD_MS);
	free_older(&b->refused, mono_now - REFUSED_MS);
	kv_timer_set(&b->sweep, SWEEP_MS);
}

/* Back from the spill file. It stays in the order in which it will go. */
static void
unspill(struct kv_cached *c)
{
	struct kv_spill *spill = c->blobs->spill;
	struct kv_blob *blob;

	if (kv_spill_get(spill, &c->slot, (size_t)c->object->size, c->object->digest, &blob) != 0) {
		free_cached(c);
		return;
	}
	kv_spill_drop(spill, &c->slot);
	keep(c, blob, &c->blobs->read_ones);
	kv_blob_unref(blob);
}

/* What an earlier kvfs kept may be what this one would have refused: it is fetched anew. */
static struct kv_blob *
get_from_disk(struct kv_blobs *b, const struct kv_object *object)
{
	struct kv_blob *blob = kv_disk_get(b->disk, object);

	if (blob != NULL && kv_backup_check(blob, object->type, NULL) != 0) {
		kv_disk_drop(b->disk, object);
		kv_blob_unref(blob);
		blob = NULL;
	}
	return blob;
}

static void
take_from_disk(struct kv_blobs *b, struct kv_object *object)
{
	static const struct kv_caller nobody;
	struct kv_blob *blob = get_from_disk(b, object);
	struct kv_cached *c = blob != NULL ? new_cached(b, object, &nobody) : NULL;

	if (c != NULL) {
		keep(c, blob, &b->read_ones);
		b->state.n_from_disk++;
	}
	kv_blob_unref(blob);
}

struct kv_blob *
kv_blobs_peek(struct kv_blobs *b, struct kv_object *object)
{
	if (object->cached != NULL && object->cached->state == SPILLED)
		unspill(object->cached);
	else if (object->cached == NULL && kv_disk_wants(b->disk, object))
		take_from_disk(b, object);
	return object->cached != NULL ? object->cached->blob : NULL;
}

bool
kv_blobs_has(const struct kv_blobs *b, const struct kv_object *object)
{
	return object->cached != NULL || (kv_disk_wants(b->disk, object) && kv_disk_has(b->disk, object));
}

static void
was_asked_for(struct kv_cached *c)
{
	if (c->is_ahead)
		c->blobs->state.n_ahead_used++;
	c->is_ahead = false;
}

void
kv_blobs_was_read(struct kv_blobs *b, struct kv_object *object)
{
	if (object->cached == NULL || object->cached->blob == NULL)
		return;
	was_asked_for(object->cached);
	b->state.n_hits++;
	object->cached->is_read = true;
	move_to(object->cached, &b->read_ones);
}

void
kv_blobs_forget(struct kv_blobs *b, struct kv_object *object)
{
	struct kv_cached *c = object->cached;

	if (kv_disk_wants(b->disk, object))
		kv_disk_drop(b->disk, object);
	if (c == NULL)
		return;
	if (c->state == FETCHING || c->state == EXPLAINING)
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
	struct kv_blobs *b = c->blobs;

	c->object->refused = err;
	while (!TAILQ_EMPTY(&c->waiters))
		give_result(TAILQ_FIRST(&c->waiters), err, NULL);
	if (c->is_for_content || c->is_stale || err == -ENOENT) {
		free_cached(c);
		return;
	}
	c->state = REFUSED;
	c->err = err;
	c->mono_ended = kv_clock_mono_ms();
	move_to(c, &b->refused);
}

/* What is known of the object from now on. A blob that was overtaken by a change says nothing that lasts. */
static void
learn(struct kv_cached *c, const struct kv_blob *blob, int64_t wall_date)
{
	struct kv_object *object = c->object;
	struct kv_blobs *b = c->blobs;

	object->size = (int64_t)blob->len;
	object->refused = 0;
	b->state.n_fetched++;
	b->state.n_bytes += blob->len;
	kv_sizes_note(&b->sizes, object->type, blob->len);
	if (c->is_stale)
		return;
	object->has_digest = true;
	memcpy(object->digest, blob->digest, KV_DIGEST_LEN);
	object->wall_fetched = wall_date != 0 ? wall_date : kv_clock_wall_s();
	kv_object_rows_note(b->rows, object);
	if (kv_disk_wants(b->disk, object))
		kv_disk_put(b->disk, object, blob);
}

static void
end_fetched(struct kv_cached *c, struct kv_blob *blob, int64_t wall_date)
{
	struct kv_blobs *b = c->blobs;
	const bool is_awaited = !TAILQ_EMPTY(&c->waiters); /* it is about to be read, in this turn */

	learn(c, blob, wall_date);
	while (!TAILQ_EMPTY(&c->waiters))
		give_result(TAILQ_FIRST(&c->waiters), 0, blob);
	c->mono_ended = kv_clock_mono_ms();
	if (c->is_stale) { /* it changed once more: whoever asks from now on needs the next one */
		free_cached(c);
		return;
	}
	keep(c, blob, &b->unread_ones);
	if (!is_awaited)
		make_room(b); /* at once: the next large one may be coming in */
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
	const bool is_lost = c->failure->err == -ENOENT && err == -ENOENT;

	c->versions = NULL;
	if (c->failure->err == -ENOENT && !is_lost) {
		why = err == 0 ? "backup says that it is not there, its version list that it is" :
				 "backup says that it is not there, and its version list cannot be read";
		c->failure->err = -EBADMSG;
	} else if (c->failure->err != -ENOENT && err == 0 && versions->n > MAX_VERSIONS) {
		why =
		    "it has more than 500 versions, which the service cannot back up: delete it and write it anew";
		c->failure->err = -EFBIG;
	}
	kv_audit_failure(kv_throttle_vault(b->throttle), &call, c->failure, why);
	end_failed(c, c->failure->err);
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

static int
keep_failure(struct kv_cached *c, const struct kv_reply *reply)
{
	c->failure = malloc(sizeof(*c->failure));
	if (c->failure == NULL)
		return -ENOMEM;
	*c->failure = *reply;
	c->failure->why = "";
	return 0;
}

static void
failed(struct kv_cached *c, const struct kv_reply *reply)
{
	struct kv_blobs *b = c->blobs;
	const struct kv_call call = {
		.op = KV_OP_BACKUP, .type = c->object->type, .name = c->object->name, .caller = c->caller
	};
	const int64_t mono_soon = kv_clock_mono_ms() + EXPLAIN_MS;

	c->state = EXPLAINING;
	c->caller.mono_deadline = reply->mono_deadline > mono_soon ? reply->mono_deadline : mono_soon;
	if (needs_explaining(reply) && keep_failure(c, reply) == 0 &&
	    kv_versions_read(
		b->throttle, c->object->type, c->object->name, &c->caller, explained, c, &c->versions) == 0)
		return;
	kv_audit_failure(kv_throttle_vault(b->throttle), &call, reply, NULL);
	end_failed(c, reply->err == -ENOENT ? -EIO : reply->err);
}

static void
fetched(void *arg, struct kv_reply *reply)
{
	struct kv_cached *c = arg;

	c->ticket = NULL;
	c->caller.mono_deadline = reply->mono_deadline;
	if (c->is_stale && c->n_again++ < MAX_AGAIN && !c->object->is_gone &&
	    fetch(c, c->is_ahead ? KV_AHEAD : KV_READ) == 0)
		return;
	if (reply->err == 0)
		end_fetched(c, reply->blob, reply->wall_date);
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

	if (err == 0) {
		c->is_stale = false;
		c->state = FETCHING;
	}
	return err;
}

static int
begin_fetch(
    struct kv_blobs *b, struct kv_object *object, enum kv_priority priority, const struct kv_caller *caller)
{
	struct kv_cached *c = new_cached(b, object, caller);
	int err;

	if (c == NULL)
		return -ENOMEM;
	c->is_ahead = priority == KV_AHEAD;
	c->expected = kv_sizes_expected(&b->sizes, object);
	move_to(c, &b->fetching);
	err = fetch(c, priority);
	if (err != 0)
		free_cached(c);
	return err;
}

/* A failure is one program's: bsdtar opens a file up to four times, and each would be a request. */
static bool
is_over(const struct kv_cached *c, enum kv_need need, const struct kv_caller *caller)
{
	return c->state == REFUSED &&
	    (c->mono_ended + REFUSED_MS < kv_clock_mono_ms() ||
		(need == KV_NEED_CONTENT && c->given_to != 0 && c->given_to != caller->pid));
}

/* The state of object's is FETCHING, EXPLAINING, KEPT or REFUSED from now on. */
static int
find_or_fetch(struct kv_blobs *b, struct kv_object *object, enum kv_need need, const struct kv_caller *caller)
{
	int err = 0;

	(void)kv_blobs_peek(b, object);
	if (object->cached != NULL && is_over(object->cached, need, caller))
		free_cached(object->cached);
	if (object->cached == NULL) {
		b->state.n_misses++;
		err = begin_fetch(b, object, KV_READ, caller);
	} else if (object->cached->ticket != NULL) {
		kv_throttle_raise(object->cached->ticket, KV_READ);
	}
	if (err != 0)
		return err;
	was_asked_for(object->cached);
	if (need == KV_NEED_CONTENT)
		object->cached->is_for_content = true;
	return 0;
}

int
kv_blobs_get(struct kv_blobs *b, struct kv_object *object, enum kv_need need, const struct kv_caller *caller,
    kv_blobs_done *done, void *arg, struct kv_waiter **waiter)
{
	struct kv_waiter *w;
	struct kv_cached *c;
	int err = find_or_fetch(b, object, need, caller);

	*waiter = NULL;
	if (err != 0)
		return err;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	w->done = done;
	w->arg = arg;
	kv_timer_init(&w->later, b->loop, answer, w);
	c = object->cached;
	if (c->state == KEPT) {
		give_result(w, 0, c->blob);
	} else if (c->state == REFUSED) {
		give_result(w, c->err, NULL);
		if (need == KV_NEED_CONTENT)
			c->given_to = caller->pid;
	} else {
		w->cached = c;
		TAILQ_INSERT_TAIL(&c->waiters, w, link);
	}
	*waiter = w;
	return 0;
}

/*
 * What an answer takes while it comes in: the text, a third longer than the blob, in a buffer that is a third
 * longer on average, because it grows.
 */
static size_t
answer_len(size_t blob_len)
{
	return blob_len / 9 * 16;
}

int
kv_blobs_ahead(struct kv_blobs *b, struct kv_object *object)
{
	static const struct kv_caller read_ahead = { .command = "read-ahead" };
	const size_t expected = kv_sizes_expected(&b->sizes, object);
	size_t left = b->spill != NULL ? kv_spill_left(b->spill) : 0;
	int err;

	if (object->cached != NULL)
		return -EALREADY;
	if (answer_len(b->expected + expected) > IN_FLIGHT)
		return -ENOSPC;
	while (left < expected && !TAILQ_EMPTY(&b->spilled_read)) {
		free_cached(TAILQ_FIRST(&b->spilled_read));
		left = kv_spill_left(b->spill);
	}
	if (b->unread + b->expected + expected > b->room + left)
		return -ENOSPC;
	err = begin_fetch(b, object, KV_AHEAD, &read_ahead);
	if (err == 0)
		b->state.n_ahead++;
	return err;
}

void
kv_blobs_keep_newest(struct kv_blobs *b, enum kv_type type, struct kv_object *const *objects, size_t n)
{
	if (b->disk == NULL)
		return;
	kv_disk_keep_newest(b->disk, type, objects, n);
	for (size_t i = 0; i < n; i++) {
		const struct kv_cached *c = objects[i]->cached;

		if (c != NULL && c->blob != NULL && kv_disk_wants(b->disk, objects[i]))
			kv_disk_put(b->disk, objects[i], c->blob);
	}
}

void
kv_blobs_state(const struct kv_blobs *b, struct kv_blobs_state *state)
{
	*state = b->state;
	state->n_fetching = b->n_fetching;
	state->memory = b->used;
	state->spilled = b->spill != NULL ? kv_spill_used(b->spill) : 0;
}

void
kv_blobs_on_lost(struct kv_blobs *b, kv_blobs_lost *lost, void *arg)
{
	b->lost = lost;
	b->lost_arg = arg;
}

struct kv_blobs *
kv_blobs_new(struct kv_loop *loop, struct kv_throttle *throttle, const struct kv_blobs_options *options)
{
	struct kv_blobs *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->loop = loop;
	b->throttle = throttle;
	b->room = options->room - options->room / 16; /* what malloc leaves between them */
	b->rows = options->rows;
	b->disk = options->disk;
	TAILQ_INIT(&b->fetching);
	TAILQ_INIT(&b->unread_ones);
	TAILQ_INIT(&b->read_ones);
	TAILQ_INIT(&b->spilled);
	TAILQ_INIT(&b->spilled_read);
	TAILQ_INIT(&b->refused);
	kv_timer_init(&b->sweep, loop, sweep, b);
	kv_timer_init(&b->trim, loop, make_room, b);
	if (options->spill > 0 && (b->spill = kv_spill_new(options->folder, options->spill)) == NULL) {
		free(b);
		return NULL;
	}
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
	free_all(&b->unread_ones);
	free_all(&b->read_ones);
	free_all(&b->spilled);
	free_all(&b->spilled_read);
	free_all(&b->refused);
	kv_timer_stop(&b->sweep);
	kv_timer_stop(&b->trim);
	kv_spill_free(b->spill);
	free(b);
}
