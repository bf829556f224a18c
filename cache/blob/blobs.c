/*
 * Pending blobs and their waiters. An object has a struct kv_pending while its blob is being fetched, and
 * for a while after the fetch has failed:
 *
 *	(none) -> FETCHING -> (none), the blob is in the store
 *	              `-----> REFUSED (it failed, and was a prefetch or for a size) -> (none)
 *
 * A waiter that has its result holds its own reference to the blob and is called in the next turn of the
 * loop, so later changes do not affect it.
 *
 * Invariants:
 *	an object's pending points back to the object, which then has nothing in the store
 *	FETCHING has a fetch, REFUSED an errno
 *	only FETCHING ones have waiters, and count in n_fetching and expected
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cache/blob/blobs.h"
#include "cache/blob/fetch.h"
#include "cache/blob/sizes.h"
#include "cache/index/object_rows.h"
#include "client/base/clock.h"
#include "client/base/loop.h"

#define REFUSED_MS 10000
#define SWEEP_MS   60000
#define IN_FLIGHT  ((size_t)64 << 20) /* limits prefetches: bytes of all answers in flight, of all vaults */

enum state { FETCHING, REFUSED };

struct kv_waiter {
	TAILQ_ENTRY(kv_waiter) link;
	struct kv_pending *pending; /* NULL once it has its result */
	int err;
	struct kv_blob *blob;
	struct kv_timer later;
	kv_blobs_done *done;
	void *arg;
};
TAILQ_HEAD(waiters, kv_waiter);

struct kv_pending {
	TAILQ_ENTRY(kv_pending) link; /* in fetching or refused */
	struct kv_blobs *blobs;
	struct kv_object *object;
	enum state state;
	struct kv_fetch *fetch; /* FETCHING */
	int err;		/* REFUSED */
	pid_t given_to;		/* REFUSED: the process that needed the content and got the failure, or 0 */
	int64_t mono_refused;
	bool is_ahead;	     /* a prefetch that no caller has requested yet */
	bool is_for_content; /* a caller needs the content, not only the size */
	size_t expected;     /* expected bytes of the blob */
	struct waiters waiters;
};
TAILQ_HEAD(pendings, kv_pending);

struct kv_blobs {
	struct kv_loop *loop;
	struct kv_throttle *throttle;
	struct kv_store *store;
	struct kv_object_rows *rows;
	struct kv_sizes sizes;
	size_t n_fetching; /* what they are expected to have is noted in the store's budget */
	struct pendings fetching, refused;
	struct kv_timer sweep;
	kv_blobs_lost *lost;
	void *lost_arg;
	struct kv_blobs_state state;
};

/* ---- pending blobs ---- */

/* Removes p from the queue of its state. */
static void
leave(struct kv_pending *p)
{
	struct kv_blobs *b = p->blobs;

	if (p->state == REFUSED) {
		TAILQ_REMOVE(&b->refused, p, link);
		return;
	}
	TAILQ_REMOVE(&b->fetching, p, link);
	b->n_fetching--;
	kv_budget_note_expected(kv_store_user(b->store), p->expected, false);
}

/* p must have no waiters. */
static void
free_pending(struct kv_pending *p)
{
	leave(p);
	kv_fetch_cancel(p->fetch);
	p->object->pending = NULL;
	kv_object_unref(p->object);
	free(p);
}

static struct kv_pending *
new_pending(struct kv_blobs *b, struct kv_object *object)
{
	struct kv_pending *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->blobs = b;
	p->object = kv_object_ref(object);
	p->expected = kv_sizes_expected(&b->sizes, object);
	TAILQ_INIT(&p->waiters);
	TAILQ_INSERT_TAIL(&b->fetching, p, link);
	b->n_fetching++;
	kv_budget_note_expected(kv_store_user(b->store), p->expected, true);
	object->pending = p;
	return p;
}

static void
sweep(void *arg)
{
	struct kv_blobs *b = arg;
	const int64_t mono_old = kv_clock_mono_ms() - REFUSED_MS;

	while (!TAILQ_EMPTY(&b->refused) && TAILQ_FIRST(&b->refused)->mono_refused < mono_old)
		free_pending(TAILQ_FIRST(&b->refused));
	kv_timer_set(&b->sweep, SWEEP_MS);
}

/* ---- stored blobs ---- */

struct kv_blob *
kv_blobs_peek(struct kv_blobs *b, struct kv_object *object)
{
	return object->pending == NULL ? kv_store_get(b->store, object) : NULL;
}

bool
kv_blobs_has(const struct kv_blobs *b, const struct kv_object *object)
{
	return object->pending != NULL || kv_store_has(b->store, object);
}

void
kv_blobs_mark_read(struct kv_blobs *b, struct kv_object *object)
{
	kv_store_mark_read(b->store, object);
}

void
kv_blobs_forget(struct kv_blobs *b, struct kv_object *object)
{
	struct kv_pending *p = object->pending;

	kv_store_drop(b->store, object);
	if (p != NULL && p->state == REFUSED)
		free_pending(p);
	else if (p != NULL)
		kv_fetch_invalidate(p->fetch);
}

void
kv_blobs_keep_newest(struct kv_blobs *b, enum kv_type type, struct kv_object *const *objects, size_t n)
{
	kv_store_keep_newest(b->store, type, objects, n);
}

/* A caller requests object now: if it was prefetched, that was useful. */
static void
mark_asked(struct kv_blobs *b, struct kv_object *object)
{
	struct kv_pending *p = object->pending;

	kv_store_mark_asked(b->store, object);
	if (p == NULL || !p->is_ahead)
		return;
	p->is_ahead = false;
	b->state.n_ahead_used++;
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
	if (w->pending != NULL)
		TAILQ_REMOVE(&w->pending->waiters, w, link);
	w->pending = NULL;
	w->err = err;
	w->blob = err == 0 ? kv_blob_ref(blob) : NULL;
	kv_timer_set(&w->later, 0);
}

void
kv_blobs_cancel(struct kv_waiter *w)
{
	if (w == NULL)
		return;
	if (w->pending != NULL)
		TAILQ_REMOVE(&w->pending->waiters, w, link);
	kv_timer_stop(&w->later);
	kv_blob_unref(w->blob);
	free(w);
}

/* ---- fetching ---- */

static void
end_failed(struct kv_pending *p, const struct kv_fetch_result *result)
{
	struct kv_blobs *b = p->blobs;
	struct kv_object *object = kv_object_ref(p->object);

	object->refused = result->err;
	object->cause = result->cause;
	while (!TAILQ_EMPTY(&p->waiters))
		give_result(TAILQ_FIRST(&p->waiters), result->err, NULL);
	if (p->is_for_content || result->is_stale || result->err == -ENOENT) {
		free_pending(p);
	} else {
		leave(p);
		p->state = REFUSED;
		p->err = result->err;
		p->mono_refused = kv_clock_mono_ms();
		TAILQ_INSERT_TAIL(&b->refused, p, link);
	}
	if (result->is_lost && b->lost != NULL)
		b->lost(b->lost_arg, object->of != NULL ? object->of : object);
	kv_object_unref(object);
}

/* Records the result in object. A stale blob counts only for its size: the object may have changed since. */
static void
learn(struct kv_blobs *b, struct kv_object *object, const struct kv_fetch_result *result)
{
	const struct kv_blob *blob = result->blob;

	object->size = (int64_t)blob->len;
	object->refused = 0;
	object->was_read = true;
	if (object->kind == KV_KIND_BLOB) {
		b->state.n_fetched++;
		b->state.n_bytes += blob->len;
		kv_sizes_note(&b->sizes, object->type, blob->len);
	}
	if (result->is_stale)
		return;
	object->mono_fetched = kv_clock_mono_ms();
	object->has_digest = true;
	memcpy(object->digest, blob->digest, KV_DIGEST_LEN);
	object->wall_fetched = result->wall_date != 0 ? result->wall_date : kv_clock_wall_s();
	kv_object_rows_note(b->rows, object);
}

static void
fetched(void *arg, const struct kv_fetch_result *result)
{
	struct kv_pending *p = arg;
	struct kv_blobs *b = p->blobs;
	struct kv_object *object;
	const bool is_awaited = !TAILQ_EMPTY(&p->waiters); /* it will be read in this turn */
	const bool is_ahead = p->is_ahead;

	p->fetch = NULL;
	if (result->err != 0) {
		end_failed(p, result);
		return;
	}
	object = kv_object_ref(p->object);
	learn(b, object, result);
	while (!TAILQ_EMPTY(&p->waiters))
		give_result(TAILQ_FIRST(&p->waiters), 0, result->blob);
	free_pending(p);
	if (!result->is_stale) /* else it changed again: the next caller needs a new fetch */
		kv_store_put(b->store, object, result->blob, is_ahead);
	if (!is_awaited)
		kv_store_trim(b->store); /* at once: the next large blob may be arriving */
	kv_object_unref(object);
}

static int
begin_fetch(
    struct kv_blobs *b, struct kv_object *object, enum kv_priority priority, const struct kv_caller *caller)
{
	struct kv_pending *p = new_pending(b, object);
	int err;

	if (p == NULL)
		return -ENOMEM;
	p->is_ahead = priority == KV_AHEAD;
	err = kv_fetch_begin(b->throttle, object, priority, caller, fetched, p, &p->fetch);
	if (err != 0)
		free_pending(p);
	return err;
}

/*
 * A kept failure is for one process: bsdtar opens a file up to four times, and each open would be a
 * request.
 */
static bool
is_over(const struct kv_pending *p, enum kv_need need, const struct kv_caller *caller)
{
	return p->state == REFUSED &&
	    (p->mono_refused + REFUSED_MS < kv_clock_mono_ms() ||
		(need == KV_NEED_CONTENT && p->given_to != 0 && p->given_to != caller->pid));
}

/* Sets *blob to object's cached blob (borrowed); if there is none, object has a pending afterwards. */
static int
find_or_fetch(struct kv_blobs *b, struct kv_object *object, enum kv_need need, const struct kv_caller *caller,
    struct kv_blob **blob)
{
	int err = 0;

	*blob = kv_blobs_peek(b, object);
	if (object->pending != NULL && is_over(object->pending, need, caller))
		free_pending(object->pending);
	if (*blob == NULL && object->pending == NULL) {
		b->state.n_misses++;
		err = begin_fetch(b, object, KV_READ, caller);
	} else if (*blob == NULL && object->pending->state == FETCHING) {
		kv_fetch_raise(object->pending->fetch, KV_READ);
	}
	if (err != 0)
		return err;
	mark_asked(b, object);
	if (object->pending != NULL && need == KV_NEED_CONTENT)
		object->pending->is_for_content = true;
	return 0;
}

int
kv_blobs_get(struct kv_blobs *b, struct kv_object *object, enum kv_need need, const struct kv_caller *caller,
    kv_blobs_done *done, void *arg, struct kv_waiter **waiter)
{
	struct kv_blob *blob;
	struct kv_waiter *w;
	struct kv_pending *p;
	int err = find_or_fetch(b, object, need, caller, &blob);

	*waiter = NULL;
	if (err != 0)
		return err;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	w->done = done;
	w->arg = arg;
	kv_timer_init(&w->later, b->loop, answer, w);
	p = object->pending;
	if (p == NULL) {
		give_result(w, 0, blob);
	} else if (p->state == REFUSED) {
		give_result(w, p->err, NULL);
		if (need == KV_NEED_CONTENT)
			p->given_to = caller->pid;
	} else {
		w->pending = p;
		TAILQ_INSERT_TAIL(&p->waiters, w, link);
	}
	*waiter = w;
	return 0;
}

/*
 * Memory for an answer while it is received: the text is a third longer than the blob, and its buffer is on
 * average a third longer than the text, because it grows in steps.
 */
static size_t
answer_len(size_t blob_len)
{
	return blob_len / 9 * 16;
}

int
kv_blobs_prefetch(struct kv_blobs *b, struct kv_object *object)
{
	static const struct kv_caller read_ahead = { .command = "read-ahead" };
	const size_t expected = kv_sizes_expected(&b->sizes, object);
	struct kv_budget *budget = kv_store_user(b->store)->budget;
	int err;

	if (object->pending != NULL || object->stored != NULL)
		return -EALREADY;
	if (answer_len(kv_budget_expected(budget) + expected) > IN_FLIGHT ||
	    !kv_budget_has_room(budget, expected))
		return -ENOSPC;
	err = begin_fetch(b, object, KV_AHEAD, &read_ahead);
	if (err == 0)
		b->state.n_ahead++;
	return err;
}

void
kv_blobs_state(const struct kv_blobs *b, struct kv_blobs_state *state)
{
	struct kv_store_state store;

	kv_store_state(b->store, &store);
	*state = b->state;
	state->n_fetching = b->n_fetching;
	state->memory = store.memory;
	state->spilled = store.spilled;
	state->n_hits = store.n_read;
	state->n_ahead_used += store.n_ahead_used;
	state->n_from_disk = store.n_from_disk;
}

/* ---- checking, creating, freeing ---- */

static void
check_pending(const struct kv_blobs *b, const struct kv_pending *p, enum state state)
{
	const struct kv_waiter *w;

	assert(p->state == state && p->blobs == b);
	assert(p->object->pending == p && p->object->stored == NULL);
	assert((state == FETCHING) == (p->fetch != NULL));
	assert((state == REFUSED) == (p->err < 0));
	assert(state == FETCHING || TAILQ_EMPTY(&p->waiters));
	TAILQ_FOREACH(w, &p->waiters, link)
		assert(w->pending == p && w->blob == NULL);
	if (p->fetch != NULL)
		kv_fetch_check(p->fetch);
}

void
kv_blobs_check(const struct kv_blobs *b)
{
	const struct kv_pending *p;
	size_t n = 0, expected = 0;

	kv_store_check(b->store);
	TAILQ_FOREACH(p, &b->fetching, link) {
		check_pending(b, p, FETCHING);
		n++;
		expected += p->expected;
	}
	assert(n == b->n_fetching && expected == kv_store_user(b->store)->expected);
	TAILQ_FOREACH(p, &b->refused, link)
		check_pending(b, p, REFUSED);
}

struct kv_blobs *
kv_blobs_new(struct kv_loop *loop, struct kv_throttle *throttle, const struct kv_blobs_options *options)
{
	struct kv_blobs *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->loop = loop;
	b->throttle = throttle;
	b->rows = options->rows;
	b->lost = options->lost;
	b->lost_arg = options->arg;
	TAILQ_INIT(&b->fetching);
	TAILQ_INIT(&b->refused);
	kv_timer_init(&b->sweep, loop, sweep, b);
	b->store = kv_store_new(loop, &options->store);
	if (b->store == NULL) {
		free(b);
		return NULL;
	}
	kv_timer_set(&b->sweep, SWEEP_MS);
	return b;
}

static void
free_all(struct pendings *fetches)
{
	while (!TAILQ_EMPTY(fetches)) {
		struct kv_pending *p = TAILQ_FIRST(fetches);

		while (!TAILQ_EMPTY(&p->waiters))
			kv_blobs_cancel(TAILQ_FIRST(&p->waiters));
		free_pending(p);
	}
}

void
kv_blobs_free(struct kv_blobs *b)
{
	if (b == NULL)
		return;
	free_all(&b->fetching);
	free_all(&b->refused);
	kv_timer_stop(&b->sweep);
	kv_store_free(b->store);
	free(b);
}
