/*
 * Listings.
 *
 * All objects of the type are in one table by upper-cased name; an object's seen says which
 * snapshot had it last. So the same object goes from snapshot to snapshot, and whoever holds it
 * (a node, a blob) is told when its list item changes.
 *
 * Invariants: at most one snapshot is coming in. current is complete. An object that is gone is in
 * no table. An object of the table that is not managed is in the array of current, or of coming, or both.
 *
 * After a listing broke off whose names were handed out:
 *
 *	banned: everything fails -> 10 s are over: whoever asks waits for a complete listing -> lifted
 *
 * Waiting for the complete one, not only for a name in it: a program that swallowed the failure would be
 * given the rest of its names otherwise, one by one, while nobody knows yet whether the list is whole.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/snapshot.h"
#include "cache/index/object_rows.h"
#include "cache/list/listing.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/loop.h"

#define MODULE	  "listing"
#define BAN_MS	  10000 /* after names of a listing that failed were handed out */
#define AGAIN_MS  2000	/* between a failed refresh and the next */
#define MAX_EMPTY 10000 /* pages without a new object in a row: a server that goes round in circles */

struct kv_listing {
	struct kv_loop *loop;
	struct kv_throttle *throttle;
	struct kv_object_rows *rows;
	enum kv_type type;
	int64_t ttl_ms, valid_ms; /* wanted; of current */
	kv_listing_changed *changed;
	void *arg;
	kv_listing_progress *progress;
	void *progress_arg;
	void *table; /* tsearch(3) of struct kv_object by key, a reference each */
	size_t n_table;
	struct kv_snapshot *current, *coming;
	uint64_t serial;
	bool is_banned;
	uint64_t banned_serial; /* of the listing that broke off */
	int last_err;		/* of the last listing that failed, at mono_failed */
	int64_t mono_ban_end, mono_failed;
};

static int fetch_page(struct kv_snapshot *);

/* ---- the table ---- */

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct kv_object *)a)->key, ((const struct kv_object *)b)->key);
}

static struct kv_object *
find_key(const struct kv_listing *l, const char *name)
{
	char key[KV_NAME_MAX + 1];
	const struct kv_object probe = { .key = key };
	void *const *found;

	kv_object_key(name, key);
	found = tfind(&probe, (void *const *)&l->table, compare_keys);
	return found != NULL ? *found : NULL;
}

static struct kv_object *
insert_new(struct kv_listing *l, const char *name)
{
	struct kv_object *object = kv_object_new(l->type, name);

	if (object == NULL)
		return NULL;
	if (tsearch(object, &l->table, compare_keys) == NULL) {
		kv_object_unref(object);
		return NULL;
	}
	l->n_table++;
	kv_object_rows_recall(l->rows, object);
	return object;
}

static void
make_unknown(struct kv_listing *l, struct kv_object *object)
{
	object->size = -1;
	l->changed(l->arg, object);
	object->has_digest = false;
	kv_object_rows_note(l->rows, object);
}

void
kv_listing_remove(struct kv_listing *l, struct kv_object *object)
{
	if (object->is_gone)
		return;
	tdelete(object, &l->table, compare_keys);
	l->n_table--;
	object->is_gone = true;
	make_unknown(l, object);
	kv_object_unref(object);
}

/* ---- what is served ---- */

static int64_t
age_ms(const struct kv_listing *l)
{
	return kv_clock_mono_ms() - l->current->mono_started;
}

/* A complete listing is in that was begun after the one that broke off. */
static bool
has_recovered(const struct kv_listing *l)
{
	return l->current != NULL && l->current->serial > l->banned_serial;
}

static bool
is_failing(const struct kv_listing *l)
{
	return l->is_banned && kv_clock_mono_ms() < l->mono_ban_end;
}

static bool
is_serving(const struct kv_listing *l)
{
	return l->current != NULL && age_ms(l) < 2 * l->valid_ms && (!l->is_banned || has_recovered(l));
}

/* What took long to list is fresh for longer. */
static int64_t
fresh_ms(const struct kv_listing *l, int64_t took_ms)
{
	return 10 * took_ms > l->ttl_ms ? 10 * took_ms : l->ttl_ms;
}

/* ---- the end of a snapshot ---- */

static void
tell_progress(const struct kv_snapshot *g)
{
	const struct kv_listing *l = g->listing;

	if (l->progress != NULL)
		l->progress(l->progress_arg, l->type, g->state);
}

/* For those who wait for a name: g had it, or it was added while g came in. */
static bool
has_come(const struct kv_snapshot *g, const char *key)
{
	const struct kv_object *object = find_key(g->listing, key);

	return object != NULL && !g->listing->is_banned &&
	    (object->seen == g->serial || object->mono_added >= g->mono_started);
}

static void
fail(struct kv_snapshot *g, int err, const struct kv_reply *reply)
{
	struct kv_listing *l = g->listing;

	kv_snapshot_end(g, err);
	l->coming = NULL;
	l->mono_failed = g->mono_ended;
	l->last_err = err;
	if (g->was_handed_out) {
		l->is_banned = true;
		l->banned_serial = g->serial;
		l->mono_ban_end = g->mono_ended + BAN_MS;
	}
	if (!is_serving(l))
		tell_progress(g);
	kv_snapshot_tell(g, has_come, reply);
	kv_snapshot_unref(g);
}

struct sweep {
	struct kv_snapshot *snapshot;
	struct kv_object **gone;
	size_t n;
	int err;
};

static void
sweep_one(const void *node, VISIT visit, void *arg)
{
	struct kv_object *object = *(struct kv_object *const *)node;
	struct sweep *s = arg;

	if ((visit != postorder && visit != leaf) || object->seen == s->snapshot->serial)
		return;
	if (object->mono_added >= s->snapshot->mono_started) {
		if (!object->is_managed && kv_snapshot_append(s->snapshot, object) != 0)
			s->err = -ENOMEM;
	} else {
		s->gone[s->n++] = object;
	}
}

/* What this snapshot did not have is gone, but for what was added while it came in. */
static int
sweep(struct kv_snapshot *g)
{
	struct kv_listing *l = g->listing;
	struct sweep s = { .snapshot = g };

	s.gone = calloc(l->n_table + 1, sizeof(struct kv_object *));
	if (s.gone == NULL)
		return -ENOMEM;
	twalk_r(l->table, sweep_one, &s);
	for (size_t i = 0; i < s.n; i++)
		kv_listing_remove(l, s.gone[i]);
	free(s.gone);
	return s.err;
}

bool
kv_listing_has_key(void *listing, const char *key)
{
	return find_key(listing, key) != NULL;
}

static void
complete(struct kv_snapshot *g)
{
	struct kv_listing *l = g->listing;
	const int err = sweep(g);

	if (err != 0) {
		fail(g, err, NULL);
		return;
	}
	kv_snapshot_end(g, 0);
	l->coming = NULL;
	l->valid_ms = fresh_ms(l, g->mono_ended - g->mono_started);
	kv_snapshot_unref(l->current);
	l->current = g;
	if (kv_log_is_debug(MODULE))
		kv_log_event(KV_LOG_DEBUG, MODULE, "type=%s objects=%zu hidden=%zu pages=%d ms=%lld",
		    kv_type_name(l->type), g->n, g->n_hidden, g->n_pages,
		    (long long)(g->mono_ended - g->mono_started));
	kv_object_rows_prune(l->rows, l->type, l->n_table, kv_listing_has_key, l);
	tell_progress(g);
	kv_snapshot_tell(g, has_come, NULL);
}

/* ---- pages ---- */

static int
take_item(struct kv_snapshot *g, const struct kv_item *item, int64_t wall_date)
{
	struct kv_listing *l = g->listing;
	struct kv_object *object = find_key(l, item->name);
	bool is_same, was_trusted;

	if (object == NULL)
		object = insert_new(l, item->name);
	if (object == NULL)
		return -ENOMEM;
	if (object->seen == g->serial) /* twice in one listing: an object that moved while we read */
		return 0;
	object->seen = g->serial;
	/* updated has whole seconds: an item of the second in which it was read may hide a later change */
	is_same = object->has_fingerprint && strcmp(object->name, item->name) == 0 &&
	    memcmp(object->fingerprint, item->fingerprint, KV_FINGERPRINT_LEN) == 0;
	if (!object->has_fingerprint && strcmp(object->name, item->name) == 0 &&
	    object->wall_updated == item->wall_updated && object->mono_added != 0)
		is_same = true; /* found or restored by ourselves, now listed */
	memcpy(object->name, item->name, strlen(object->name)); /* as long, in whatever case */
	memcpy(object->fingerprint, item->fingerprint, KV_FINGERPRINT_LEN);
	was_trusted = object->has_fingerprint;
	object->has_fingerprint =
	    wall_date == 0 || item->wall_updated == 0 || item->wall_updated + 2 < wall_date;
	object->is_managed = item->is_managed;
	object->is_enabled = item->is_enabled;
	object->wall_expires = item->wall_expires;
	object->mono_added = 0;
	if (!is_same || item->wall_updated > object->wall_updated)
		object->wall_updated = item->wall_updated;
	if (!is_same)
		make_unknown(l, object);
	else if (object->has_fingerprint != was_trusted)
		kv_object_rows_note(l->rows, object);
	if (item->is_managed) {
		g->n_hidden++;
		return 0;
	}
	return kv_snapshot_append(g, object);
}

static int
take_page(struct kv_snapshot *g, const struct kv_reply *reply)
{
	struct kv_object_rows *rows = g->listing->rows;
	const size_t before = g->n + g->n_hidden;
	int err = 0;

	kv_object_rows_begin(rows);
	for (size_t i = 0; err == 0 && i < reply->page->n; i++)
		err = take_item(g, &reply->page->items[i], reply->wall_date);
	kv_object_rows_settle(rows);
	g->n_pages++;
	g->n_empty = g->n + g->n_hidden == before ? g->n_empty + 1 : 0;
	return err;
}

/* Whether the next page is this one again, or too many before this one had nothing new. */
static bool
goes_round(const struct kv_snapshot *g, const char *next_link)
{
	return next_link != NULL &&
	    (g->n_empty >= MAX_EMPTY || (g->next_link != NULL && strcmp(g->next_link, next_link) == 0));
}

static void
page_done(void *arg, struct kv_reply *reply)
{
	struct kv_snapshot *g = arg;
	struct kv_listing *l = g->listing;
	int err = reply->err;

	g->ticket = NULL;
	if (err ==
	    -ENOENT) /* the list itself is always there; and readdir(3) takes ENOENT for the end of an empty folder */
		err = -EBADMSG;
	if (err != 0) {
		fail(g, err, reply);
		return;
	}
	if (goes_round(g, reply->page->next_link)) {
		kv_log_event(KV_LOG_NOTICE, MODULE, "op=list object=%s errno=EBADMSG why=%s",
		    kv_type_name(l->type), "the list goes round in circles");
		fail(g, -EBADMSG, NULL);
		return;
	}
	/* the next page is asked for first: it is on its way while this one is taken in */
	free(g->next_link);
	g->next_link = reply->page->next_link;
	reply->page->next_link = NULL;
	err = g->next_link != NULL ? fetch_page(g) : 0;
	if (err == 0)
		err = take_page(g, reply);
	if (err != 0) {
		kv_throttle_cancel(g->ticket);
		g->ticket = NULL;
		fail(g, err, NULL);
		return;
	}
	if (g->next_link == NULL) {
		complete(g);
		return;
	}
	kv_snapshot_tell(g, has_come, NULL);
	tell_progress(g);
}

static int
fetch_page(struct kv_snapshot *g)
{
	struct kv_listing *l = g->listing;
	const struct kv_call call = {
		.op = KV_OP_LIST, .type = l->type, .next_link = g->next_link, .caller.command = "listing"
	};

	return kv_throttle_send(
	    l->throttle, &call, g->waits != NULL ? KV_METADATA : KV_REFRESH, false, page_done, g, &g->ticket);
}

static int
start(struct kv_listing *l)
{
	struct kv_snapshot *g;
	int err;

	if (l->coming != NULL)
		return 0;
	g = kv_snapshot_new(l, ++l->serial);
	if (g == NULL)
		return -ENOMEM;
	err = fetch_page(g);
	if (err != 0) {
		kv_snapshot_unref(g);
		return err;
	}
	l->coming = g;
	return 0;
}

/* ---- use ---- */

/* The listing is being used: renew it in time. 0, or why nothing of this type can be said now. */
static int
use(struct kv_listing *l)
{
	const int64_t mono_now = kv_clock_mono_ms();
	bool is_old;
	int err = 0;

	if (!is_failing(l) && has_recovered(l))
		l->is_banned = false;
	is_old =
	    l->current == NULL || (l->is_banned && !has_recovered(l)) || age_ms(l) >= l->valid_ms / 5 * 4;
	if (is_old && (mono_now - l->mono_failed >= AGAIN_MS || !(l->is_banned || is_serving(l))))
		err = start(l);
	if (is_failing(l) || (l->is_banned && l->coming == NULL))
		return l->last_err;
	return is_serving(l) ? 0 : err;
}

int
kv_listing_failure(const struct kv_listing *l)
{
	if (is_failing(l) || (!is_serving(l) && kv_clock_mono_ms() - l->mono_failed < BAN_MS))
		return l->last_err;
	return 0;
}

bool
kv_listing_is_serving(struct kv_listing *l)
{
	return is_serving(l);
}

int
kv_listing_first(struct kv_listing *l, kv_snapshot_done *done, void *arg, struct kv_snapshot_wait **wait)
{
	const int err = start(l);

	*wait = NULL;
	return err != 0 ? err : kv_snapshot_wait_for_page(l->coming, done, arg, wait);
}

int
kv_listing_open(struct kv_listing *l, struct kv_snapshot **snapshot)
{
	int err = use(l);

	*snapshot = NULL;
	if (err != 0)
		return err;
	*snapshot = kv_snapshot_ref(is_serving(l) ? l->current : l->coming);
	return 0;
}

struct kv_object *const *
kv_listing_view(struct kv_listing *l, size_t *n, uint64_t *serial, bool *is_complete)
{
	const struct kv_snapshot *g = is_serving(l) ? l->current : l->coming;

	*n = g != NULL ? g->n : 0;
	if (serial != NULL)
		*serial = g != NULL ? g->serial : 0;
	if (is_complete != NULL)
		*is_complete = g != NULL && g->state == KV_COMPLETE;
	return g != NULL ? g->objects : NULL;
}

void
kv_listing_on_progress(struct kv_listing *l, kv_listing_progress *progress, void *arg)
{
	l->progress = progress;
	l->progress_arg = arg;
}

int
kv_listing_find(struct kv_listing *l, const char *name, struct kv_object **object)
{
	struct kv_object *found;
	int err = use(l);

	*object = NULL;
	if (err != 0)
		return err;
	found = !l->is_banned ? find_key(l, name) : NULL;
	if (found != NULL && !is_serving(l) && found->seen != l->coming->serial &&
	    found->mono_added < l->coming->mono_started)
		found = NULL;
	if (found == NULL)
		return -EAGAIN;
	if (found->is_managed || strcmp(found->name, name) != 0)
		return -ENOENT;
	*object = found;
	return 0;
}

int
kv_listing_wait_for(
    struct kv_listing *l, const char *name, kv_snapshot_done *done, void *arg, struct kv_snapshot_wait **wait)
{
	const int err = start(l);

	*wait = NULL;
	return err != 0 ? err : kv_snapshot_wait_for_name(l->coming, name, done, arg, wait);
}

/* Into what is read now and what is coming in; where it is in neither. */
static int
show(struct kv_listing *l, struct kv_object *object)
{
	int err = l->current != NULL ? kv_snapshot_append(l->current, object) : 0;

	if (err == 0 && l->coming != NULL && object->seen == l->coming->serial)
		err = kv_snapshot_append(l->coming, object);
	return err;
}

int
kv_listing_add(struct kv_listing *l, const struct kv_item *item, struct kv_object **out)
{
	struct kv_object *object = find_key(l, item->name);
	int err = 0;

	*out = NULL;
	if (object == NULL) {
		object = insert_new(l, item->name);
		if (object == NULL)
			return -ENOMEM;
		object->size = -1; /* what is remembered is of the object that was listed */
		object->has_digest = false;
		err = show(l, object);
		if (err != 0) {
			kv_listing_remove(l, object);
			return err;
		}
	} else {
		if (object->is_managed && !item->is_managed)
			err = show(l, object);
		if (err != 0)
			return err;
		memcpy(object->name, item->name, strlen(object->name)); /* as long, in whatever case */
		make_unknown(l, object);
	}
	object->mono_added = kv_clock_mono_ms();
	object->has_fingerprint = false;
	object->wall_updated = item->wall_updated;
	object->wall_expires = item->wall_expires;
	object->is_enabled = item->is_enabled;
	object->is_managed = item->is_managed;
	*out = object;
	return 0;
}

/* The time must be another too, for those who go by it. */
void
kv_listing_touch(struct kv_listing *l, struct kv_object *object, int64_t wall_updated)
{
	object->wall_updated = wall_updated > object->wall_updated ? wall_updated : kv_clock_wall_s();
	make_unknown(l, object);
}

bool
kv_listing_knew(const struct kv_listing *l, const char *name)
{
	const struct kv_object *object = find_key(l, name);

	return !is_serving(l) || object != NULL;
}

int64_t
kv_listing_valid_ms(const struct kv_listing *l)
{
	int64_t left_ms = 0, took_ms;

	if (l->is_banned)
		return 0;
	if (is_serving(l)) {
		left_ms = l->valid_ms - age_ms(l);
	} else if (l->coming != NULL) {
		took_ms = kv_clock_mono_ms() - l->coming->mono_started;
		left_ms = fresh_ms(l, took_ms) - took_ms;
	}
	return left_ms > 0 ? left_ms : 0;
}

int64_t
kv_listing_age_ms(const struct kv_listing *l)
{
	return l->current != NULL ? age_ms(l) : -1;
}

struct visit {
	kv_listing_visit *visit;
	void *arg;
};

static void
visit_one(const void *node, VISIT visit, void *arg)
{
	const struct visit *v = arg;

	if (visit == postorder || visit == leaf)
		v->visit(v->arg, *(struct kv_object *const *)node);
}

void
kv_listing_each(const struct kv_listing *l, kv_listing_visit *visit, void *arg)
{
	struct visit v = { .visit = visit, .arg = arg };

	twalk_r(l->table, visit_one, &v);
}

size_t
kv_listing_count(const struct kv_listing *l)
{
	return l->current != NULL ? l->current->n : 0;
}

size_t
kv_listing_count_hidden(const struct kv_listing *l)
{
	return l->current != NULL ? l->current->n_hidden : 0;
}

struct kv_throttle *
kv_listing_throttle(const struct kv_listing *l)
{
	return l->throttle;
}

enum kv_type
kv_listing_type(const struct kv_listing *l)
{
	return l->type;
}

struct kv_listing *
kv_listing_new(struct kv_loop *loop, struct kv_throttle *throttle, struct kv_object_rows *rows,
    enum kv_type type, int64_t ttl_ms, kv_listing_changed *changed, void *arg)
{
	struct kv_listing *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->loop = loop;
	l->throttle = throttle;
	l->rows = rows;
	l->type = type;
	l->ttl_ms = ttl_ms;
	l->changed = changed;
	l->arg = arg;
	l->mono_failed = INT64_MIN / 2;
	return l;
}

static void
free_entry(void *object)
{
	kv_object_unref(object);
}

void
kv_listing_free(struct kv_listing *l)
{
	if (l == NULL)
		return;
	kv_snapshot_unref(l->coming);
	kv_snapshot_unref(l->current);
	tdestroy(l->table, free_entry);
	free(l);
}
