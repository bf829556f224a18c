/*
 * Each entry is in one queue, oldest first:
 *
 *	(none) -> unread -> read -> (none)
 *	            |  ^------ |
 *	            v          v
 *	         spilled    spilled_read          both return to read when they are requested
 *
 * When room is needed, read ones are evicted first, in the order of their last use; then the newest unread
 * one. Evicted blobs are spilled if possible, else dropped; read ones are spilled only while half of the
 * file is free.
 *
 * Invariants:
 *	an object's stored is the entry of this object
 *	unread and read ones have their blob in memory, the others a slot in the spill file
 *	what it uses of the budget is the bytes of the blobs in memory, plus KV_STORE_EACH per entry; what is unread is
 *	those of unread
 *	n_blocks is the blocks of the spill file that the entries have
 */
#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "cache/blob/disk.h"
#include "cache/blob/spill.h"
#include "cache/blob/store.h"
#include "client/base/clock.h"
#include "client/base/loop.h"
#include "client/vault/backup.h"

#define UNREAD_MS ((int64_t)15 * 60 * 1000)
#define SWEEP_MS  60000

struct kv_stored {
	TAILQ_ENTRY(kv_stored) link;
	struct queue *queue; /* the one that contains it */
	struct kv_object *object;
	struct kv_blob *blob; /* NULL when spilled */
	struct kv_slot slot;  /* when spilled */
	int64_t mono_put, mono_used;
	bool is_ahead; /* a prefetch that no caller has requested yet */
	bool is_read;  /* at least once */
};
TAILQ_HEAD(queue, kv_stored);

struct kv_store {
	struct kv_budget_user user;
	struct kv_budget *own;	/* the budget that is not shared; or NULL */
	struct kv_spill *spill; /* the budget's, or NULL */
	size_t n_blocks;	/* of it that are in use */
	struct kv_disk *disk;	/* or NULL */
	struct queue unread, read, spilled, spilled_read;
	struct kv_timer sweep;
	struct kv_store_state state;
};

/* ---- entries ---- */

static void
move_to(struct kv_store *s, struct kv_stored *e, struct queue *queue)
{
	if (e->queue != NULL)
		TAILQ_REMOVE(e->queue, e, link);
	if (e->queue == &s->unread)
		kv_budget_note_unread(&s->user, e->blob->len, false);
	e->queue = queue;
	if (queue == &s->unread)
		kv_budget_note_unread(&s->user, e->blob->len, true);
	if (queue == &s->read)
		e->mono_used = kv_clock_mono_ms();
	if (queue != NULL)
		TAILQ_INSERT_TAIL(queue, e, link);
}

static void
drop_blob(struct kv_store *s, struct kv_stored *e)
{
	if (e->blob != NULL)
		kv_budget_give_back(&s->user, e->blob->len);
	kv_blob_unref(e->blob);
	e->blob = NULL;
}

static void
drop_slot(struct kv_store *s, struct kv_stored *e)
{
	s->n_blocks -= e->slot.n;
	if (e->slot.n > 0)
		kv_spill_drop(s->spill, &e->slot);
}

static void
free_entry(struct kv_store *s, struct kv_stored *e)
{
	move_to(s, e, NULL);
	drop_blob(s, e);
	drop_slot(s, e);
	e->object->stored = NULL;
	kv_object_unref(e->object);
	kv_budget_give_back(&s->user, KV_STORE_EACH);
	free(e);
}

/* Puts blob into memory and e into queue. */
static void
keep(struct kv_store *s, struct kv_stored *e, struct kv_blob *blob, struct queue *queue)
{
	e->blob = kv_blob_ref(blob);
	kv_budget_take(&s->user, blob->len);
	move_to(s, e, queue);
}

static struct kv_stored *
new_entry(struct kv_store *s, struct kv_object *object, struct kv_blob *blob, struct queue *queue)
{
	struct kv_stored *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	kv_budget_take(&s->user, KV_STORE_EACH);
	e->object = kv_object_ref(object);
	e->mono_put = kv_clock_mono_ms();
	object->stored = e;
	keep(s, e, blob, queue);
	return e;
}

/* ---- room ---- */

/* A blob may be read again (rsync -c reads everything twice), but only unread ones may fill the file. */
static bool
may_spill(const struct kv_store *s, const struct kv_stored *e)
{
	return s->spill != NULL && !kv_disk_keeps(s->disk, e->object) &&
	    (!e->is_read || kv_spill_left(s->spill) > kv_spill_used(s->spill));
}

static void
spill_or_drop(struct kv_store *s, struct kv_stored *e)
{
	if (!may_spill(s, e) || kv_spill_put(s->spill, e->blob, &e->slot) != 0) {
		free_entry(s, e);
		return;
	}
	s->n_blocks += e->slot.n;
	move_to(s, e, e->is_read ? &s->spilled_read : &s->spilled);
	drop_blob(s, e);
}

/* ---- for the budget ---- */

static int64_t
oldest_read(void *arg)
{
	const struct kv_store *s = arg;

	return TAILQ_EMPTY(&s->read) ? -1 : TAILQ_FIRST(&s->read)->mono_used;
}

static bool
evict_read(void *arg)
{
	struct kv_store *s = arg;

	spill_or_drop(s, TAILQ_FIRST(&s->read));
	return true;
}

static bool
evict_unread(void *arg)
{
	struct kv_store *s = arg;

	spill_or_drop(s, TAILQ_LAST(&s->unread, queue));
	return true;
}

static bool
drop_spilled(void *arg)
{
	struct kv_store *s = arg;

	if (TAILQ_EMPTY(&s->spilled_read))
		return false;
	free_entry(s, TAILQ_FIRST(&s->spilled_read));
	return true;
}

static const struct kv_budget_ops budget_ops = { oldest_read, evict_read, evict_unread, drop_spilled };

void
kv_store_trim(struct kv_store *s)
{
	kv_budget_trim(s->user.budget);
}

struct kv_budget_user *
kv_store_user(struct kv_store *s)
{
	return &s->user;
}

static void
free_older(struct kv_store *s, struct queue *queue, int64_t mono_old)
{
	while (!TAILQ_EMPTY(queue) && TAILQ_FIRST(queue)->mono_put < mono_old)
		free_entry(s, TAILQ_FIRST(queue));
}

static void
sweep(void *arg)
{
	struct kv_store *s = arg;
	const int64_t mono_old = kv_clock_mono_ms() - UNREAD_MS;

	free_older(s, &s->unread, mono_old);
	free_older(s, &s->spilled, mono_old);
	free_older(s, &s->spilled_read, mono_old);
	kv_timer_set(&s->sweep, SWEEP_MS);
}

/* ---- the interface ---- */

void
kv_store_put(struct kv_store *s, struct kv_object *object, struct kv_blob *blob, bool is_ahead)
{
	struct kv_stored *e = new_entry(s, object, blob, &s->unread);

	if (e != NULL)
		e->is_ahead = is_ahead;
	if (kv_disk_keeps(s->disk, object))
		kv_disk_put(s->disk, object, blob);
}

/* Moves e back from the spill file into memory, or frees it. */
static void
unspill(struct kv_store *s, struct kv_stored *e)
{
	struct kv_blob *blob;

	if (kv_spill_get(s->spill, &e->slot, (size_t)e->object->size, e->object->digest, &blob) != 0) {
		free_entry(s, e);
		return;
	}
	drop_slot(s, e);
	keep(s, e, blob, &s->read);
	kv_blob_unref(blob);
}

/* A blob that an earlier kvfs stored may not pass the checks of this one: then it is fetched again. */
static struct kv_blob *
read_disk(struct kv_store *s, const struct kv_object *object)
{
	struct kv_blob *blob = kv_disk_get(s->disk, object);

	if (blob != NULL && kv_backup_check(blob, object->type, NULL) != 0) {
		kv_disk_drop(s->disk, object);
		kv_blob_unref(blob);
		blob = NULL;
	}
	return blob;
}

static void
take_from_disk(struct kv_store *s, struct kv_object *object)
{
	struct kv_blob *blob = read_disk(s, object);

	if (blob != NULL && new_entry(s, object, blob, &s->read) != NULL) {
		s->state.n_from_disk++;
		object->was_read = true;
	}
	kv_blob_unref(blob);
}

struct kv_blob *
kv_store_get(struct kv_store *s, struct kv_object *object)
{
	if (object->stored == NULL && kv_disk_keeps(s->disk, object))
		take_from_disk(s, object);
	else if (object->stored != NULL && object->stored->blob == NULL)
		unspill(s, object->stored);
	return object->stored != NULL ? object->stored->blob : NULL;
}

bool
kv_store_has(const struct kv_store *s, const struct kv_object *object)
{
	return object->stored != NULL || (kv_disk_keeps(s->disk, object) && kv_disk_has(s->disk, object));
}

void
kv_store_mark_asked(struct kv_store *s, struct kv_object *object)
{
	struct kv_stored *e = object->stored;

	if (e == NULL || !e->is_ahead)
		return;
	e->is_ahead = false;
	s->state.n_ahead_used++;
}

void
kv_store_mark_read(struct kv_store *s, struct kv_object *object)
{
	struct kv_stored *e = object->stored;

	if (e == NULL || e->blob == NULL)
		return;
	kv_store_mark_asked(s, object);
	s->state.n_read++;
	e->is_read = true;
	move_to(s, e, &s->read);
}

void
kv_store_drop(struct kv_store *s, struct kv_object *object)
{
	if (kv_disk_keeps(s->disk, object))
		kv_disk_drop(s->disk, object);
	if (object->stored != NULL)
		free_entry(s, object->stored);
}

void
kv_store_keep_newest(struct kv_store *s, enum kv_type type, struct kv_object *const *objects, size_t n)
{
	if (s->disk == NULL)
		return;
	kv_disk_keep_newest(s->disk, type, objects, n);
	for (size_t i = 0; i < n; i++) {
		const struct kv_stored *e = objects[i]->stored;

		if (e != NULL && e->blob != NULL && kv_disk_keeps(s->disk, objects[i]))
			kv_disk_put(s->disk, objects[i], e->blob);
	}
}

void
kv_store_state(const struct kv_store *s, struct kv_store_state *state)
{
	*state = s->state;
	state->memory = s->user.used;
	state->spilled = s->n_blocks * KV_SPILL_BLOCK;
}

/* ---- checking, creating, freeing ---- */

struct sums {
	size_t used, blocks;
};

static size_t
check_queue(const struct queue *queue, bool is_spilled, struct sums *sums)
{
	const struct kv_stored *e;
	size_t len = 0;

	TAILQ_FOREACH(e, queue, link) {
		assert(e->queue == queue && e->object->stored == e);
		assert((e->blob == NULL) == is_spilled && (e->slot.n > 0) == is_spilled);
		len += e->blob != NULL ? e->blob->len : 0;
		sums->blocks += e->slot.n;
		sums->used += KV_STORE_EACH;
	}
	sums->used += len;
	return len;
}

void
kv_store_check(const struct kv_store *s)
{
	struct sums sums = { .used = 0 };

	assert(check_queue(&s->unread, false, &sums) == s->user.unread);
	(void)check_queue(&s->read, false, &sums);
	(void)check_queue(&s->spilled, true, &sums);
	(void)check_queue(&s->spilled_read, true, &sums);
	assert(sums.used == s->user.used);
	assert(sums.blocks == s->n_blocks && (s->spill != NULL || s->n_blocks == 0));
	kv_budget_check(s->user.budget);
}

struct kv_store *
kv_store_new(struct kv_loop *loop, const struct kv_store_options *options)
{
	const struct kv_budget_options budget = { options->room, options->spill, options->folder };
	struct kv_store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->disk = options->disk;
	TAILQ_INIT(&s->unread);
	TAILQ_INIT(&s->read);
	TAILQ_INIT(&s->spilled);
	TAILQ_INIT(&s->spilled_read);
	kv_timer_init(&s->sweep, loop, sweep, s);
	if (options->budget == NULL && (s->own = kv_budget_new(loop, &budget)) == NULL) {
		free(s);
		return NULL;
	}
	kv_budget_join(s->own != NULL ? s->own : options->budget, &s->user, &budget_ops, s);
	s->spill = options->spill > 0 ? kv_budget_spill(s->user.budget) : NULL;
	kv_timer_set(&s->sweep, SWEEP_MS);
	return s;
}

static void
free_all(struct kv_store *s, struct queue *queue)
{
	while (!TAILQ_EMPTY(queue))
		free_entry(s, TAILQ_FIRST(queue));
}

void
kv_store_free(struct kv_store *s)
{
	if (s == NULL)
		return;
	free_all(s, &s->unread);
	free_all(s, &s->read);
	free_all(s, &s->spilled);
	free_all(s, &s->spilled_read);
	kv_timer_stop(&s->sweep);
	kv_budget_leave(&s->user);
	kv_budget_free(s->own);
	free(s);
}
