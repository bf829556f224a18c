/*
 * Read-ahead by listing: a reader is one process in one folder.
 *
 * Invariants:
 *	a reader in use has fewer than MAX_PASSED objects passed over, and a window from FIRST to MOST
 *	ahead has n objects in the order of the list, with a reference each; n is at most MOST, and 0 with takes_all
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cache/blob/archivers.h"
#include "cache/blob/blobs.h"
#include "cache/blob/orders.h"
#include "cache/blob/prefetch.h"
#include "cache/list/listing.h"
#include "cache/pace/throttle.h"
#include "client/base/loop.h"

#define READERS	   8
#define FIRST	   4
#define MOST	   64
#define MAX_PASSED 4
#define MAX_SCAN   2000 /* objects examined in one batch: with cache=disk each costs a system call */
#define BATCH_MS   20

/* An object that was fetched ahead and is not read. */
struct ahead {
	struct kv_object *object; /* a reference */
	size_t position;
	bool is_touched; /* by a stat, or passed over: it counts no more */
};

struct reader {
	pid_t pid; /* 0: unused */
	enum kv_type type;
	bool takes_all;
	uint64_t serial, used; /* of the snapshot that it lists; of its last use */
	size_t next;	       /* position of the first object not examined yet */
	size_t window, n_passed;
	const struct kv_object *last; /* touched last, only to be compared */
	struct ahead ahead[MOST];
	size_t n;
};

struct kv_archivers {
	struct kv_blobs *blobs;
	struct kv_throttle *throttle;
	struct kv_listing *listings[KV_TYPES];
	struct kv_timer batch;
	uint64_t uses;
	int n_readers;
	struct reader readers[READERS];
};

static void
end_reader(struct kv_archivers *a, struct reader *r)
{
	for (size_t i = 0; i < r->n; i++)
		kv_object_unref(r->ahead[i].object);
	a->n_readers -= r->pid != 0;
	*r = (struct reader){ .pid = 0 };
}

/* ---- fetching ---- */

static void
plan_batch(struct kv_archivers *a)
{
	if (!kv_timer_is_set(&a->batch))
		kv_timer_set(&a->batch, BATCH_MS);
}

static size_t
n_fetching(const struct kv_archivers *a)
{
	struct kv_blobs_state state;

	kv_blobs_state(a->blobs, &state);
	return state.n_fetching;
}

/* How many requests may be sent for r now. */
static size_t
most_now(const struct kv_archivers *a, const struct reader *r)
{
	const double most = KV_PREFETCH_S * kv_throttle_rate(a->throttle, KV_OP_BACKUP, r->type);
	const size_t n = n_fetching(a);

	if (!r->takes_all)
		return r->window - r->n;
	return most > (double)n ? (size_t)most - n : 0;
}

/* Fetches more for r, as far as the list has come in. False: there is no room for more. */
static bool
fetch_more(struct kv_archivers *a, struct reader *r, struct kv_object *const *objects, size_t n)
{
	size_t most = most_now(a, r);

	if (n > r->next + MAX_SCAN)
		n = r->next + MAX_SCAN;
	for (; most > 0 && r->next < n; r->next++) {
		struct kv_object *object = objects[r->next];

		if (object->is_gone || object->is_managed || kv_blobs_has(a->blobs, object))
			continue;
		if (kv_blobs_prefetch(a->blobs, object) != 0)
			return false;
		if (!r->takes_all)
			r->ahead[r->n++] =
			    (struct ahead){ .object = kv_object_ref(object), .position = r->next };
		most--;
	}
	return true;
}

static void
top_up(struct kv_archivers *a, struct reader *r)
{
	size_t n;
	uint64_t serial;
	struct kv_object *const *objects = kv_listing_view(a->listings[r->type], &n, &serial, NULL);

	/* The list that it read is no longer in use, or nobody will read what is fetched now. */
	if (serial != r->serial || (r->takes_all && kill(r->pid, 0) != 0 && errno == ESRCH)) {
		end_reader(a, r);
		return;
	}
	/* Without room, answers that are shorter than expected make some, or the process when it reads. */
	if ((fetch_more(a, r, objects, n) || n_fetching(a) > 0) && r->takes_all && r->next < n)
		plan_batch(a);
}

static void
send_batch(void *arg)
{
	struct kv_archivers *a = arg;

	for (int i = 0; i < READERS; i++)
		if (a->readers[i].pid != 0)
			top_up(a, &a->readers[i]);
}

/* ---- what the process does ---- */

static void
drop(struct reader *r, size_t i)
{
	kv_object_unref(r->ahead[i].object);
	memmove(&r->ahead[i], &r->ahead[i + 1], (--r->n - i) * sizeof(r->ahead[0]));
}

/* What lies before position in the list and was not touched has been passed over. */
static void
count_passed(struct reader *r, size_t position)
{
	for (size_t i = 0; i < r->n && r->ahead[i].position < position; i++) {
		r->n_passed += !r->ahead[i].is_touched;
		r->ahead[i].is_touched = true;
	}
}

static void
touch(struct kv_archivers *a, struct reader *r, const struct kv_object *object, bool is_read)
{
	size_t n, position = object->position[KV_LISTED];
	struct kv_object *const *objects = kv_listing_view(a->listings[r->type], &n, NULL, NULL);

	if (position < n && objects[position] == object)
		count_passed(r, position);
	for (size_t i = 0; i < r->n; i++)
		if (r->ahead[i].object == object) {
			r->ahead[i].is_touched = true;
			if (is_read)
				drop(r, i);
			break;
		}
	if (r->n_passed >= MAX_PASSED) {
		end_reader(a, r);
		return;
	}
	if (object != r->last) /* not once more for its open */
		r->window = r->window * 2 < MOST ? r->window * 2 : MOST;
	r->last = object;
	r->used = ++a->uses;
	plan_batch(a);
}

void
kv_archivers_accessed(struct kv_archivers *a, const struct kv_object *object, pid_t pid, bool is_read)
{
	if (a->n_readers == 0)
		return;
	for (int i = 0; i < READERS; i++)
		if (a->readers[i].pid == pid && a->readers[i].type == object->type)
			touch(a, &a->readers[i], object, is_read);
}

void
kv_archivers_began(struct kv_archivers *a, enum kv_type type, pid_t pid, bool takes_all)
{
	struct reader *r = &a->readers[0];
	size_t n;

	if (pid == 0) /* of another PID namespace */
		return;
	for (int i = 0; i < READERS; i++) {
		struct reader *other = &a->readers[i];

		if (other->pid == pid && other->type == type)
			end_reader(a, other);
		if (other->used < r->used)
			r = other;
	}
	end_reader(a, r);
	*r = (struct reader){
		.pid = pid, .type = type, .takes_all = takes_all, .window = FIRST, .used = ++a->uses
	};
	(void)kv_listing_view(a->listings[type], &n, &r->serial, NULL);
	a->n_readers++;
	plan_batch(a);
}

void
kv_archivers_grew(struct kv_archivers *a, enum kv_type type)
{
	for (int i = 0; a->n_readers > 0 && i < READERS; i++)
		if (a->readers[i].pid != 0 && a->readers[i].type == type)
			plan_batch(a);
}

/* ---- checking, creating, freeing ---- */

void
kv_archivers_check(const struct kv_archivers *a)
{
	int n = 0;

	for (int i = 0; i < READERS; i++) {
		const struct reader *r = &a->readers[i];

		n += r->pid != 0;
		assert(r->pid != 0 || (r->n == 0 && r->used == 0));
		assert(r->pid == 0 || (r->window >= FIRST && r->window <= MOST && r->n_passed < MAX_PASSED));
		assert(r->n <= (r->takes_all ? 0 : MOST));
		for (size_t k = 1; k < r->n; k++)
			assert(r->ahead[k - 1].position < r->ahead[k].position);
	}
	assert(n == a->n_readers);
}

struct kv_archivers *
kv_archivers_new(struct kv_loop *loop, struct kv_blobs *blobs, struct kv_throttle *throttle,
    struct kv_listing *const listings[KV_TYPES])
{
	struct kv_archivers *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->blobs = blobs;
	a->throttle = throttle;
	memcpy(a->listings, listings, sizeof(a->listings));
	kv_timer_init(&a->batch, loop, send_batch, a);
	return a;
}

void
kv_archivers_free(struct kv_archivers *a)
{
	if (a == NULL)
		return;
	kv_timer_stop(&a->batch);
	for (int i = 0; i < READERS; i++)
		end_reader(a, &a->readers[i]);
	free(a);
}
