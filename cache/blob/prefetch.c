/*
 * Read-ahead across files.
 *
 * An object's place[order] is its position in that order's array; it counts only where the array has
 * the object at that position, so places of an older listing do no harm. The array of LISTED is the
 * listing's own, that of the others is made when it is first needed, of a complete listing. When a new
 * listing serves, the streams go on from the object that they were at.
 *
 * An access that follows no stream is kept for a moment: the next one may follow it. More than one
 * order may fit; then each gets a stream, and those that were wrong end.
 */
#include <stdlib.h>
#include <string.h>

#include "cache/blob/blobs.h"
#include "cache/list/listing.h"
#include "cache/blob/prefetch.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"

#define STREAMS	   8
#define RECENT	   8
#define FIRST	   4
#define PACE_S	   2.5
#define MAX_MISSES 4
#define MAX_GAP	   2	/* objects left out between two accesses that still follow each other */
#define MAX_LOOK   2000 /* objects looked at in one turn: with cache=disk each is a system call */
#define PAIR_MS	   10000
#define ORDERS	   KV_ORDERS

enum order { LISTED, BY_NAME, BY_NUMBER };

struct stream {
	struct kv_object *last; /* that was asked for; a reference. NULL: the stream is free */
	enum order order;
	enum kv_need need;
	size_t at, end; /* positions of last, and of the first object that was not looked at */
	size_t ahead;	/* fetched behind at, and not asked for yet */
	size_t window;
	int misses;
	uint64_t used; /* serial of its last hit */
};

struct access {
	struct kv_object *object; /* a reference, or NULL */
	int64_t mono;
};

/* What is read of one type, in its orders. */
struct shelf {
	struct kv_listing *listing;
	uint64_t serial;		   /* of the snapshot that the positions are of */
	size_t n_placed;		   /* in LISTED */
	struct kv_object **sorted[ORDERS]; /* a reference each; NULL until needed, and for LISTED */
	size_t n_sorted;
	struct stream streams[STREAMS];
	struct access recent[RECENT];
	size_t next_recent;
};

struct kv_prefetch {
	struct kv_blobs *blobs;
	struct kv_throttle *throttle;
	long most;
	uint64_t serial;
	struct shelf shelves[KV_TYPES];
};

/* ---- orders ---- */

static struct kv_object *const *
array_of(const struct shelf *shelf, enum order order, size_t *n)
{
	if (order == LISTED)
		return kv_listing_view(shelf->listing, n, NULL, NULL);
	*n = shelf->sorted[order] != NULL ? shelf->n_sorted : 0;
	return shelf->sorted[order];
}

static bool
place_of(const struct shelf *shelf, enum order order, const struct kv_object *object, size_t *place)
{
	size_t n;
	struct kv_object *const *array = array_of(shelf, order, &n);

	*place = object->place[order];
	return *place < n && array[*place] == object;
}

/* As strcmp() of the files' names, which end in ".blob". */
static int
compare_names(const void *a, const void *b)
{
	const unsigned char *x = (const unsigned char *)(*(struct kv_object *const *)a)->name;
	const unsigned char *y = (const unsigned char *)(*(struct kv_object *const *)b)->name;

	while (*x != '\0' && *x == *y) {
		x++;
		y++;
	}
	return (*x != '\0' ? *x : '.') - (*y != '\0' ? *y : '.');
}

static int
compare_numbers(const void *a, const void *b)
{
	const uint64_t x = (*(struct kv_object *const *)a)->ino, y = (*(struct kv_object *const *)b)->ino;

	return x < y ? -1 : x > y;
}

static void
free_sorted(struct shelf *shelf)
{
	for (int o = 0; o < ORDERS; o++) {
		for (size_t i = 0; shelf->sorted[o] != NULL && i < shelf->n_sorted; i++)
			kv_object_unref(shelf->sorted[o][i]);
		free(shelf->sorted[o]);
		shelf->sorted[o] = NULL;
	}
	shelf->n_sorted = 0;
}

/* Of a listing that is complete; without memory there is one order less. */
static void
sort(struct shelf *shelf)
{
	bool is_complete;
	size_t n;
	struct kv_object *const *objects = kv_listing_view(shelf->listing, &n, NULL, &is_complete);

	if (!is_complete || shelf->n_sorted > 0 || n == 0)
		return;
	shelf->n_sorted = n;
	for (int o = BY_NAME; o < ORDERS; o++) {
		struct kv_object **array = reallocarray(NULL, n, sizeof(struct kv_object *));

		if (array == NULL)
			continue;
		shelf->sorted[o] = array;
		memcpy(array, objects, n * sizeof(*array));
		qsort(array, n, sizeof(*array), o == BY_NAME ? compare_names : compare_numbers);
		for (size_t i = 0; i < n; i++)
			kv_object_ref(array[i])->place[o] = (uint32_t)i;
	}
}

/* ---- streams ---- */

static void
end_stream(struct stream *s)
{
	kv_object_unref(s->last);
	s->last = NULL;
}

/* Follow the listing: what is new in it gets its place; in another one all do. */
static void
catch_up(struct shelf *shelf)
{
	uint64_t serial;
	size_t n;
	struct kv_object *const *objects = kv_listing_view(shelf->listing, &n, &serial, NULL);
	const bool is_new = serial != shelf->serial;

	if (is_new) {
		free_sorted(shelf);
		shelf->serial = serial;
		shelf->n_placed = 0;
	}
	for (; shelf->n_placed < n; shelf->n_placed++)
		objects[shelf->n_placed]->place[LISTED] = (uint32_t)shelf->n_placed;
	for (int i = 0; is_new && i < STREAMS; i++) {
		struct stream *s = &shelf->streams[i];

		if (s->last == NULL)
			continue;
		if (s->order != LISTED)
			sort(shelf);
		if (!place_of(shelf, s->order, s->last, &s->at))
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

/* Whether at most MAX_GAP objects that are needed lie in [from, to). */
static bool
is_small_gap(
    const struct kv_prefetch *p, struct kv_object *const *array, size_t from, size_t to, enum kv_need need)
{
	int n = 0;

	if (to > from + MAX_LOOK)
		return false;
	for (; from < to && n <= MAX_GAP; from++)
		n += is_needed(p, array[from], need);
	return n <= MAX_GAP;
}

static size_t
most_ahead(const struct kv_prefetch *p, enum kv_type type)
{
	const double by_pace = PACE_S * kv_throttle_rate(p->throttle, KV_OP_BACKUP, type);

	if (p->most >= 0)
		return (size_t)p->most;
	return by_pace > FIRST ? (size_t)by_pace : FIRST;
}

static void
top_up(struct kv_prefetch *p, struct shelf *shelf, struct stream *s)
{
	size_t n;
	struct kv_object *const *array = array_of(shelf, s->order, &n);

	if (n > s->end + MAX_LOOK)
		n = s->end + MAX_LOOK;
	for (; s->ahead < s->window && s->end < n; s->end++) {
		struct kv_object *object = array[s->end];

		if (!is_needed(p, object, s->need))
			continue;
		if (kv_blobs_prefetch(p->blobs, object) != 0)
			return; /* no room: with the next hit */
		object->is_ahead = true;
		s->ahead++;
	}
}

/* How far object is ahead in s, or false. */
static bool
follows(const struct kv_prefetch *p, const struct shelf *shelf, const struct stream *s,
    const struct kv_object *object, size_t *place)
{
	size_t n;
	struct kv_object *const *array = array_of(shelf, s->order, &n);

	if (!place_of(shelf, s->order, object, place) || *place <= s->at)
		return false;
	return *place < s->end || is_small_gap(p, array, s->end, *place, s->need);
}

static void
hit(struct kv_prefetch *p, struct shelf *shelf, struct stream *s, struct kv_object *object, size_t place)
{
	const size_t most = most_ahead(p, object->type);
	size_t n;
	struct kv_object *const *array = array_of(shelf, s->order, &n);

	for (size_t i = s->at + 1; i <= place && i < s->end; i++) {
		if (array[i]->is_ahead && s->ahead > 0)
			s->ahead--;
		array[i]->is_ahead = false;
	}
	if (s->end <= place) {
		s->end = place + 1;
		s->ahead = 0;
	}
	s->at = place;
	kv_object_ref(object);
	kv_object_unref(s->last);
	s->last = object;
	s->misses = 0;
	s->used = ++p->serial;
	s->window = s->window * 2 < most ? s->window * 2 : most;
	top_up(p, shelf, s);
}

/* ---- beginnings ---- */

static struct stream *
free_stream(struct shelf *shelf)
{
	struct stream *oldest = &shelf->streams[0];

	for (int i = 0; i < STREAMS; i++) {
		if (shelf->streams[i].last == NULL)
			return &shelf->streams[i];
		if (shelf->streams[i].used < oldest->used)
			oldest = &shelf->streams[i];
	}
	end_stream(oldest);
	return oldest;
}

static void
begin_stream(struct kv_prefetch *p, struct shelf *shelf, enum order order, enum kv_need need,
    struct kv_object *object, size_t place)
{
	const size_t most = most_ahead(p, object->type);
	struct stream *s = free_stream(shelf);

	*s = (struct stream){ .last = kv_object_ref(object),
		.order = order,
		.need = need,
		.at = place,
		.end = place + 1,
		.window = FIRST < most ? FIRST : most,
		.used = ++p->serial };
	top_up(p, shelf, s);
}

/* In each order in which object comes soon behind a recent access. */
static bool
begin_in(
    struct kv_prefetch *p, struct shelf *shelf, enum order order, enum kv_need need, struct kv_object *object)
{
	const int64_t mono_now = kv_clock_mono_ms();
	size_t before, place, n;
	struct kv_object *const *array = array_of(shelf, order, &n);

	if (!place_of(shelf, order, object, &place))
		return false;
	for (int i = 0; i < RECENT; i++) {
		const struct access *a = &shelf->recent[i];

		if (a->object == NULL || mono_now - a->mono > PAIR_MS ||
		    !place_of(shelf, order, a->object, &before) || before >= place ||
		    !is_small_gap(p, array, before + 1, place, need))
			continue;
		begin_stream(p, shelf, order, need, object, place);
		return true;
	}
	return false;
}

static void
remember(struct shelf *shelf, struct kv_object *object)
{
	struct access *a = &shelf->recent[shelf->next_recent++ % RECENT];

	kv_object_unref(a->object);
	*a = (struct access){ .object = kv_object_ref(object), .mono = kv_clock_mono_ms() };
}

static bool
has_recent(const struct shelf *shelf)
{
	for (int i = 0; i < RECENT; i++)
		if (shelf->recent[i].object != NULL && kv_clock_mono_ms() - shelf->recent[i].mono <= PAIR_MS)
			return true;
	return false;
}

static void
missed(struct kv_prefetch *p, struct shelf *shelf, enum kv_need need, struct kv_object *object)
{
	for (int i = 0; i < STREAMS; i++)
		if (shelf->streams[i].last != NULL && ++shelf->streams[i].misses >= MAX_MISSES)
			end_stream(&shelf->streams[i]);
	if (!begin_in(p, shelf, LISTED, need, object) && has_recent(shelf)) {
		sort(shelf);
		for (int o = BY_NAME; o < ORDERS; o++)
			(void)begin_in(p, shelf, (enum order)o, need, object);
	}
	remember(shelf, object);
}

/* ---- the interface ---- */

void
kv_prefetch_accessed(struct kv_prefetch *p, struct kv_object *object, enum kv_need need, bool waits)
{
	struct shelf *shelf = &p->shelves[object->type];
	bool is_hit = false;
	size_t place;

	if (p->most == 0 || shelf->listing == NULL)
		return;
	catch_up(shelf);
	for (int i = 0; i < STREAMS; i++) {
		struct stream *s = &shelf->streams[i];

		if (s->last == NULL || !follows(p, shelf, s, object, &place))
			continue;
		hit(p, shelf, s, object, place);
		is_hit = true;
	}
	if (!is_hit && waits)
		missed(p, shelf, need, object);
}

void
kv_prefetch_grew(struct kv_prefetch *p, enum kv_type type)
{
	struct shelf *shelf = &p->shelves[type];

	if (p->most == 0 || shelf->listing == NULL)
		return;
	catch_up(shelf);
	for (int i = 0; i < STREAMS; i++)
		if (shelf->streams[i].last != NULL)
			top_up(p, shelf, &shelf->streams[i]);
}

void
kv_prefetch_state(const struct kv_prefetch *p, size_t *n_streams, size_t *window)
{
	*n_streams = *window = 0;
	for (int t = 0; t < KV_TYPES; t++)
		for (int i = 0; i < STREAMS; i++) {
			const struct stream *s = &p->shelves[t].streams[i];

			if (s->last == NULL)
				continue;
			++*n_streams;
			*window = s->window > *window ? s->window : *window;
		}
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
		p->shelves[t].listing = listings[t];
	return p;
}

void
kv_prefetch_free(struct kv_prefetch *p)
{
	if (p == NULL)
		return;
	for (int t = 0; t < KV_TYPES; t++) {
		struct shelf *shelf = &p->shelves[t];

		free_sorted(shelf);
		for (int i = 0; i < STREAMS; i++)
			end_stream(&shelf->streams[i]);
		for (int i = 0; i < RECENT; i++)
			kv_object_unref(shelf->recent[i].object);
	}
	free(p);
}
