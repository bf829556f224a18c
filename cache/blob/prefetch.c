/*
 * Read-ahead across files.
 *
 * An access that belongs to no stream is remembered for a moment: the next one may follow it. If it does in
 * more than one order, each of these gets a stream, and the wrong ones end.
 *
 * Invariants:
 *	a stream in use has fewer than MAX_MISSES misses, and at < end
 *	its prefetched objects lie between at and end, and have its bit in ahead_of
 *	while the positions are current: at is the position of last, and end is within the array
 */
#include <assert.h>
#include <stdlib.h>

#include "cache/blob/blobs.h"
#include "cache/blob/orders.h"
#include "cache/list/listing.h"
#include "cache/blob/prefetch.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"

#define STREAMS	   8
#define RECENT	   8
#define FIRST	   4
#define MAX_MISSES 4
#define MAX_GAP	   2	/* objects skipped between two accesses that still follow each other */
#define MAX_SCAN   2000 /* objects examined in one turn: with cache=disk each costs a system call */
#define PAIR_MS	   10000

struct stream {
	struct kv_object *last; /* the last object accessed; a reference. NULL: the stream is free */
	enum kv_order order;
	enum kv_need need;
	size_t at, end; /* positions of last, and of the first object not examined yet */
	size_t ahead;	/* prefetched after at, and not accessed yet */
	size_t window;
	int misses;
	uint64_t used; /* serial of its last hit */
};

struct access {
	struct kv_object *object; /* a reference, or NULL */
	int64_t mono;
};

/* The accesses to the objects of one type. */
struct readers {
	struct kv_orders orders; /* its listing is NULL for a type that is not mounted */
	struct stream streams[STREAMS];
	struct access recent[RECENT];
	size_t next_recent;
};

struct kv_prefetch {
	struct kv_blobs *blobs;
	struct kv_throttle *throttle;
	long most;
	uint64_t serial;
	struct readers types[KV_TYPES];
};

/* ---- streams ---- */

static void
end_stream(struct stream *s)
{
	kv_object_unref(s->last);
	s->last = NULL;
}

/* Follows the listing. In a new snapshot each stream continues at its last object. */
static void
catch_up(struct readers *r)
{
	const bool is_new = kv_orders_follow(&r->orders);

	for (int i = 0; is_new && i < STREAMS; i++) {
		struct stream *s = &r->streams[i];

		if (s->last == NULL)
			continue;
		if (s->order != KV_LISTED)
			kv_orders_sort(&r->orders);
		if (!kv_orders_position(&r->orders, s->order, s->last, &s->at))
			end_stream(s);
		s->end = s->at + 1;
		s->ahead = 0;
	}
}

static bool
is_needed(const struct kv_prefetch *p, const struct kv_object *object, enum kv_need need)
{
	return !object->is_gone && !object->is_managed && (need == KV_NEED_CONTENT || object->size < 0) &&
	    !kv_blobs_has(p->blobs, object);
}

/* Whether at most MAX_GAP needed objects lie in [from, to). */
static bool
is_small_gap(
    const struct kv_prefetch *p, struct kv_object *const *array, size_t from, size_t to, enum kv_need need)
{
	int n = 0;

	if (to > from + MAX_SCAN)
		return false;
	for (; from < to && n <= MAX_GAP; from++)
		n += is_needed(p, array[from], need);
	return n <= MAX_GAP;
}

static size_t
most_ahead(const struct kv_prefetch *p, enum kv_type type)
{
	const double by_pace = KV_PREFETCH_S * kv_throttle_rate(p->throttle, KV_OP_BACKUP, type);

	if (p->most >= 0)
		return (size_t)p->most;
	return by_pace > FIRST ? (size_t)by_pace : FIRST;
}

/* The bit of s in an object's ahead_of. */
static uint8_t
bit_of(const struct readers *r, const struct stream *s)
{
	_Static_assert(STREAMS <= 8, "a bit for each");
	return (uint8_t)(1U << (s - r->streams));
}

static void
top_up(struct kv_prefetch *p, struct readers *r, struct stream *s)
{
	size_t n;
	struct kv_object *const *array = kv_orders_array(&r->orders, s->order, &n);

	if (n > s->end + MAX_SCAN)
		n = s->end + MAX_SCAN;
	for (; s->ahead < s->window && s->end < n; s->end++) {
		struct kv_object *object = array[s->end];

		if (!is_needed(p, object, s->need))
			continue;
		if (kv_blobs_prefetch(p->blobs, object) != 0)
			return; /* no room: retried after the next hit */
		object->ahead_of |= bit_of(r, s);
		s->ahead++;
	}
}

/* Whether an access to object continues s; *position is then its position. */
static bool
follows(const struct kv_prefetch *p, const struct readers *r, const struct stream *s,
    const struct kv_object *object, size_t *position)
{
	size_t n;
	struct kv_object *const *array = kv_orders_array(&r->orders, s->order, &n);

	if (!kv_orders_position(&r->orders, s->order, object, position) || *position <= s->at)
		return false;
	return *position < s->end || is_small_gap(p, array, s->end, *position, s->need);
}

static void
hit(struct kv_prefetch *p, struct readers *r, struct stream *s, struct kv_object *object, size_t position)
{
	const size_t most = most_ahead(p, object->type);
	const uint8_t bit = bit_of(r, s);
	size_t n;
	struct kv_object *const *array = kv_orders_array(&r->orders, s->order, &n);

	for (size_t i = s->at + 1; i <= position && i < s->end; i++) {
		if ((array[i]->ahead_of & bit) != 0 && s->ahead > 0)
			s->ahead--;
		array[i]->ahead_of &= (uint8_t)~bit;
	}
	if (s->end <= position) {
		s->end = position + 1;
		s->ahead = 0;
	}
	s->at = position;
	kv_object_ref(object);
	kv_object_unref(s->last);
	s->last = object;
	s->misses = 0;
	s->used = ++p->serial;
	s->window = s->window * 2 < most ? s->window * 2 : most;
	top_up(p, r, s);
}

/* ---- new streams ---- */

static struct stream *
free_stream(struct readers *r)
{
	struct stream *oldest = &r->streams[0];

	for (int i = 0; i < STREAMS; i++) {
		if (r->streams[i].last == NULL)
			return &r->streams[i];
		if (r->streams[i].used < oldest->used)
			oldest = &r->streams[i];
	}
	end_stream(oldest);
	return oldest;
}

static void
begin_stream(struct kv_prefetch *p, struct readers *r, enum kv_order order, enum kv_need need,
    struct kv_object *object, size_t position)
{
	const size_t most = most_ahead(p, object->type);
	struct stream *s = free_stream(r);

	*s = (struct stream){ .last = kv_object_ref(object),
		.order = order,
		.need = need,
		.at = position,
		.end = position + 1,
		.window = FIRST < most ? FIRST : most,
		.used = ++p->serial };
	top_up(p, r, s);
}

/* Begins a stream in order if object follows a recent access closely in it. */
static bool
begin_in(struct kv_prefetch *p, struct readers *r, enum kv_order order, enum kv_need need,
    struct kv_object *object)
{
	const int64_t mono_now = kv_clock_mono_ms();
	size_t before, position, n;
	struct kv_object *const *array = kv_orders_array(&r->orders, order, &n);

	if (!kv_orders_position(&r->orders, order, object, &position))
		return false;
	for (int i = 0; i < RECENT; i++) {
		const struct access *a = &r->recent[i];

		if (a->object == NULL || mono_now - a->mono > PAIR_MS ||
		    !kv_orders_position(&r->orders, order, a->object, &before) || before >= position ||
		    !is_small_gap(p, array, before + 1, position, need))
			continue;
		begin_stream(p, r, order, need, object, position);
		return true;
	}
	return false;
}

static void
keep_access(struct readers *r, struct kv_object *object)
{
	struct access *a = &r->recent[r->next_recent++ % RECENT];

	kv_object_unref(a->object);
	*a = (struct access){ .object = kv_object_ref(object), .mono = kv_clock_mono_ms() };
}

static bool
has_recent(const struct readers *r)
{
	for (int i = 0; i < RECENT; i++)
		if (r->recent[i].object != NULL && kv_clock_mono_ms() - r->recent[i].mono <= PAIR_MS)
			return true;
	return false;
}

static void
missed(struct kv_prefetch *p, struct readers *r, enum kv_need need, struct kv_object *object)
{
	for (int i = 0; i < STREAMS; i++)
		if (r->streams[i].last != NULL && ++r->streams[i].misses >= MAX_MISSES)
			end_stream(&r->streams[i]);
	if (!begin_in(p, r, KV_LISTED, need, object) && has_recent(r)) {
		kv_orders_sort(&r->orders);
		for (int o = KV_BY_NAME; o < KV_ORDERS; o++)
			(void)begin_in(p, r, (enum kv_order)o, need, object);
	}
	keep_access(r, object);
}

/* ---- the interface ---- */

void
kv_prefetch_accessed(struct kv_prefetch *p, struct kv_object *object, enum kv_need need, bool waits)
{
	struct readers *r = &p->types[object->type];
	bool is_hit = false;
	size_t position;

	if (p->most == 0 || r->orders.listing == NULL)
		return;
	catch_up(r);
	for (int i = 0; i < STREAMS; i++) {
		struct stream *s = &r->streams[i];

		if (s->last == NULL || !follows(p, r, s, object, &position))
			continue;
		hit(p, r, s, object, position);
		is_hit = true;
	}
	if (!is_hit && waits)
		missed(p, r, need, object);
}

void
kv_prefetch_grew(struct kv_prefetch *p, enum kv_type type)
{
	struct readers *r = &p->types[type];

	if (p->most == 0 || r->orders.listing == NULL)
		return;
	catch_up(r);
	for (int i = 0; i < STREAMS; i++)
		if (r->streams[i].last != NULL)
			top_up(p, r, &r->streams[i]);
}

void
kv_prefetch_state(const struct kv_prefetch *p, size_t *n_streams, size_t *window)
{
	*n_streams = *window = 0;
	for (int t = 0; t < KV_TYPES; t++)
		for (int i = 0; i < STREAMS; i++) {
			const struct stream *s = &p->types[t].streams[i];

			if (s->last == NULL)
				continue;
			++*n_streams;
			*window = s->window > *window ? s->window : *window;
		}
}

static void
check_stream(const struct readers *r, const struct stream *s, bool is_current)
{
	struct kv_object *const *array;
	size_t n, position, n_marked = 0;

	assert(s->misses < MAX_MISSES);
	assert(s->at < s->end && s->ahead <= s->end - s->at - 1);
	if (!is_current)
		return;
	array = kv_orders_array(&r->orders, s->order, &n);
	assert(s->end <= n);
	for (size_t i = s->at + 1; i < s->end; i++)
		n_marked += (array[i]->ahead_of & bit_of(r, s)) != 0;
	assert(s->ahead <= n_marked);
	assert(kv_orders_position(&r->orders, s->order, s->last, &position) && position == s->at);
}

static void
check_readers(const struct readers *r)
{
	const bool is_current = kv_orders_is_current(&r->orders);

	kv_orders_check(&r->orders);
	for (int i = 0; i < STREAMS; i++)
		if (r->streams[i].last != NULL)
			check_stream(r, &r->streams[i], is_current);
}

void
kv_prefetch_check(const struct kv_prefetch *p)
{
	for (int t = 0; t < KV_TYPES; t++)
		if (p->types[t].orders.listing != NULL)
			check_readers(&p->types[t]);
}

struct kv_prefetch *
kv_prefetch_new(struct kv_blobs *blobs, struct kv_throttle *throttle,
    struct kv_listing *const listings[KV_TYPES], long most)
{
	struct kv_prefetch *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->blobs = blobs;
	p->throttle = throttle;
	p->most = most;
	for (int t = 0; t < KV_TYPES; t++)
		kv_orders_init(&p->types[t].orders, listings[t]);
	return p;
}

void
kv_prefetch_free(struct kv_prefetch *p)
{
	if (p == NULL)
		return;
	for (int t = 0; t < KV_TYPES; t++) {
		struct readers *r = &p->types[t];

		kv_orders_release(&r->orders);
		for (int i = 0; i < STREAMS; i++)
			end_stream(&r->streams[i]);
		for (int i = 0; i < RECENT; i++)
			kv_object_unref(r->recent[i].object);
	}
	free(p);
}
