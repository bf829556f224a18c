/*
 * Listings: successive snapshots of the service's list, and which of them serves.
 *
 * Invariants:
 *	current is complete; loading is loading, and has parts that read it
 *	bookmarks do not change while loading uses them
 *	an object of a snapshot is in the catalog, or is gone
 *	current's serial is that of freshness; no snapshot or object has a higher serial than the listing
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/index/object_rows.h"
#include "cache/list/bookmarks.h"
#include "cache/list/freshness.h"
#include "cache/list/listing.h"
#include "cache/list/parts.h"
#include "cache/list/snapshot.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/vault/vault.h"

#define MODULE "listing"

struct kv_listing {
	struct kv_throttle *throttle;
	struct kv_object_rows *rows;
	struct kv_catalog *catalog;
	enum kv_type type;
	struct kv_freshness freshness;
	kv_listing_progress *progress;
	void *progress_arg;
	struct kv_snapshot *current, *loading;
	uint64_t serial;
	int64_t lag_ms;
	int most_parts;
	struct kv_bookmarks bookmarks;
};

bool
kv_listing_is_serving(const struct kv_listing *l)
{
	return kv_freshness_is_serving(&l->freshness);
}

/* ---- the end of a snapshot ---- */

static void
report_progress(const struct kv_snapshot *g)
{
	const struct kv_listing *l = g->listing;

	if (l->progress != NULL)
		l->progress(l->progress_arg, l->type, g->state);
}

/* Whether a wait for a name is over: g contains the name, or it was added while g was loading. */
static bool
has_come(const struct kv_snapshot *g, const char *key)
{
	const struct kv_object *object = kv_catalog_find(g->listing->catalog, key);

	return object != NULL && !g->listing->freshness.is_banned &&
	    (object->seen == g->serial || object->mono_added >= g->mono_started);
}

static void
fail(struct kv_snapshot *g, int err, const struct kv_reply *reply)
{
	struct kv_listing *l = g->listing;

	kv_parts_mark(g->parts, &l->bookmarks);
	kv_snapshot_end(g, err);
	l->loading = NULL;
	kv_freshness_failed(&l->freshness, g->serial, err, g->was_handed_out);
	if (!kv_listing_is_serving(l))
		report_progress(g);
	kv_snapshot_notify(g, has_come, reply);
	kv_snapshot_unref(g);
}

/* A snapshot also shows what was added while it was loading. */
static int
show_added(void *arg, struct kv_object *object)
{
	return object->is_managed ? 0 : kv_snapshot_append(arg, object);
}

static void
complete(struct kv_snapshot *g)
{
	struct kv_listing *l = g->listing;
	const int err = kv_catalog_sweep(l->catalog, g->serial, g->mono_started - l->lag_ms, show_added, g);
	const int n_parts = kv_parts_begun(g->parts);
	const int64_t took_ms = kv_parts_took_ms(g->parts);

	if (err != 0) {
		fail(g, err, NULL);
		return;
	}
	kv_parts_mark(g->parts, &l->bookmarks);
	kv_snapshot_end(g, 0);
	l->loading = NULL;
	kv_freshness_complete(&l->freshness, g->serial, g->mono_started, took_ms);
	kv_snapshot_unref(l->current);
	l->current = g;
	if (kv_log_is_debug(MODULE))
		kv_log_event(KV_LOG_DEBUG, MODULE, "type=%s objects=%zu hidden=%zu pages=%d parts=%d ms=%lld",
		    kv_type_name(l->type), g->objects.n, g->n_hidden, g->n_pages, n_parts,
		    (long long)(g->mono_ended - g->mono_started));
	kv_object_rows_prune(l->rows, l->type, kv_catalog_count(l->catalog), kv_catalog_has_key, l->catalog);
	report_progress(g);
	kv_snapshot_notify(g, has_come, NULL);
}

/* ---- pages ---- */

static int
take_item(struct kv_snapshot *g, const struct kv_item *item, int64_t wall_date, struct kv_object_array *shown,
    bool *has_new)
{
	struct kv_object *object;
	const int err = kv_catalog_list(g->listing->catalog, item, g->serial, wall_date, &object);

	if (err != 0 || object == NULL)
		return err;
	*has_new = true;
	if (item->is_managed) {
		g->n_hidden++;
		return 0;
	}
	return kv_object_array_append(shown, object);
}

static int
take_page(void *arg, const struct kv_reply *reply, struct kv_object_array *shown, bool *has_new)
{
	struct kv_snapshot *g = arg;
	struct kv_object_rows *rows = g->listing->rows;
	int err = 0;

	*has_new = false;
	kv_object_rows_begin(rows);
	for (size_t i = 0; err == 0 && i < reply->page->n; i++)
		err = take_item(g, &reply->page->items[i], reply->wall_date, shown, has_new);
	kv_object_rows_settle(rows);
	g->n_pages++;
	return err;
}

static int
show_object(void *arg, struct kv_object *object)
{
	return kv_snapshot_append(arg, object);
}

static bool
is_wanted(const void *arg)
{
	return kv_snapshot_is_wanted(arg);
}

static void
pages_grew(void *arg)
{
	struct kv_snapshot *g = arg;

	kv_snapshot_notify(g, has_come, NULL);
	report_progress(g);
}

static void
pages_ended(void *arg, int err, const struct kv_reply *reply)
{
	if (err == 0)
		complete(arg);
	else
		fail(arg, err, reply);
}

static int
start(struct kv_listing *l)
{
	const struct kv_parts_options options = {
		.throttle = l->throttle, .type = l->type, .most = l->most_parts, .bookmarks = &l->bookmarks
	};
	struct kv_parts_user user = { take_page, show_object, is_wanted, pages_grew, pages_ended, NULL };
	struct kv_snapshot *g;
	int err;

	if (!kv_vault_can_list(kv_throttle_vault(l->throttle)))
		return -EACCES;
	if (l->loading != NULL)
		return 0;
	g = kv_snapshot_new(l, ++l->serial);
	if (g == NULL)
		return -ENOMEM;
	user.arg = g;
	err = kv_parts_new(&options, &user, &g->parts);
	if (err != 0) {
		kv_snapshot_unref(g);
		return err;
	}
	l->loading = g;
	return 0;
}

/* ---- use ---- */

/*
 * Renews the listing in time. 0 and the snapshot that serves, or the -errno with which all requests about this type
 * fail now. Whether current still serves is asked only once: in the next millisecond it may be too old.
 */
static int
use(struct kv_listing *l, struct kv_snapshot **serving)
{
	int err = kv_freshness_use(&l->freshness) ? start(l) : 0;
	const int refusal = kv_freshness_refusal(&l->freshness, l->loading != NULL);

	if (refusal != 0)
		return refusal;
	if (kv_listing_is_serving(l)) {
		*serving = l->current;
		return 0;
	}
	if (err == 0)
		err = start(l);
	*serving = l->loading;
	return err;
}

void
kv_listing_set_lag(struct kv_listing *l, int64_t lag_ms)
{
	l->lag_ms = lag_ms;
}

void
kv_listing_use_parts(struct kv_listing *l, int most, struct kv_bookmark_rows *rows)
{
	l->most_parts = most > 1 ? most : 1;
	if (most > 1)
		kv_bookmarks_open(&l->bookmarks, l->type, rows);
}

int
kv_listing_failure(const struct kv_listing *l)
{
	return kv_freshness_failure(&l->freshness);
}

int
kv_listing_begin(struct kv_listing *l, kv_snapshot_done *done, void *arg, struct kv_snapshot_wait **wait)
{
	int err;

	if (l->loading != NULL && kv_snapshot_is_useless(l->loading)) {
		kv_snapshot_unref(l->loading);
		l->loading = NULL;
	}
	err = start(l);
	*wait = NULL;
	return err != 0 ? err : kv_snapshot_wait_for_page(l->loading, done, arg, wait);
}

int
kv_listing_open(struct kv_listing *l, struct kv_snapshot **snapshot)
{
	struct kv_snapshot *serving;
	const int err = use(l, &serving);

	*snapshot = err == 0 ? kv_snapshot_ref(serving) : NULL;
	return err;
}

struct kv_object *const *
kv_listing_view(struct kv_listing *l, size_t *n, uint64_t *serial, bool *is_complete)
{
	const struct kv_snapshot *g = kv_listing_is_serving(l) ? l->current : l->loading;

	*n = g != NULL ? g->objects.n : 0;
	if (serial != NULL)
		*serial = g != NULL ? g->serial : 0;
	if (is_complete != NULL)
		*is_complete = g != NULL && g->state == KV_COMPLETE;
	return g != NULL ? g->objects.at : NULL;
}

struct kv_object *const *
kv_listing_known(const struct kv_listing *l, size_t *n, bool *is_complete)
{
	const struct kv_snapshot *g = l->current != NULL ? l->current : l->loading;

	*n = g != NULL ? g->objects.n : 0;
	*is_complete = l->current != NULL &&
	    (kv_listing_is_serving(l) || (l->loading == NULL && !l->freshness.is_banned));
	return g != NULL ? g->objects.at : NULL;
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
	struct kv_snapshot *serving;
	const int err = use(l, &serving);

	*object = NULL;
	if (err != 0)
		return err;
	found = !l->freshness.is_banned ? kv_catalog_find(l->catalog, name) : NULL;
	if (found != NULL && serving != l->current && found->seen != serving->serial &&
	    found->mono_added < serving->mono_started)
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
	return err != 0 ? err : kv_snapshot_wait_for_name(l->loading, name, done, arg, wait);
}

/*
 * Appends an object that no snapshot shows to current; and to loading if that has listed it already, as
 * hidden.
 */
static int
show(struct kv_listing *l, struct kv_object *object)
{
	int err = l->current != NULL ? kv_snapshot_append(l->current, object) : 0;

	if (err == 0 && l->loading != NULL && object->seen == l->loading->serial) {
		err = kv_snapshot_append(l->loading, object);
		object->is_shown = err == 0;
	}
	return err;
}

int
kv_listing_add(struct kv_listing *l, const struct kv_item *item, struct kv_object **object)
{
	struct kv_object *before = kv_catalog_find(l->catalog, item->name);
	int err = 0;

	*object = NULL;
	if (before != NULL && before->is_managed && !item->is_managed)
		err = show(l, before);
	if (err == 0)
		err = kv_catalog_add(l->catalog, item, object);
	if (err == 0 && before == NULL && !item->is_managed) {
		err = show(l, *object);
		if (err != 0) {
			kv_catalog_remove(l->catalog, *object);
			*object = NULL;
		}
	}
	return err;
}

int
kv_listing_mention(struct kv_listing *l, const char *name, struct kv_object **object)
{
	struct kv_item item = { .wall_updated = kv_clock_wall_s(), .is_enabled = true };
	struct kv_object *known = kv_catalog_find(l->catalog, name);

	*object = known;
	if (known != NULL && kv_clock_mono_ms() - known->mono_added < l->freshness.ttl_ms)
		return 0;
	snprintf(item.name, sizeof(item.name), "%s", name);
	return kv_listing_add(l, &item, object);
}

void
kv_listing_remove(struct kv_listing *l, struct kv_object *object)
{
	kv_catalog_remove(l->catalog, object);
}

/* The mtime must change too: backup tools compare it. */
void
kv_listing_touch(struct kv_listing *l, struct kv_object *object, int64_t wall_updated)
{
	object->wall_updated = wall_updated > object->wall_updated ? wall_updated : kv_clock_wall_s();
	kv_catalog_invalidate(l->catalog, object);
}

int64_t
kv_listing_valid_ms(const struct kv_listing *l)
{
	return kv_freshness_left_ms(&l->freshness, l->loading != NULL ? l->loading->mono_started : -1);
}

int64_t
kv_listing_age_ms(const struct kv_listing *l)
{
	return kv_freshness_age_ms(&l->freshness);
}

size_t
kv_listing_count(const struct kv_listing *l)
{
	return l->current != NULL ? l->current->objects.n : 0;
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

struct kv_catalog *
kv_listing_catalog(const struct kv_listing *l)
{
	return l->catalog;
}

static void
check_object(void *arg, struct kv_object *object)
{
	const struct kv_listing *l = arg;

	assert(object->seen <= l->serial);
}

static void
check_snapshot(const struct kv_listing *l, const struct kv_snapshot *g)
{
	kv_snapshot_check(g);
	assert(g->listing == l && g->refs > 0 && g->serial <= l->serial);
	for (size_t i = 0; i < g->objects.n; i++) {
		assert(g->objects.at[i]->type == l->type);
		assert(
		    g->objects.at[i]->is_gone || g->objects.at[i]->refs > 1); /* the catalog holds one too */
	}
}

void
kv_listing_check(const struct kv_listing *l)
{
	const struct kv_snapshot *const snapshots[] = { l->current, l->loading };

	kv_catalog_check(l->catalog);
	kv_catalog_each(l->catalog, check_object, (void *)(uintptr_t)l);
	kv_freshness_check(&l->freshness);
	assert((l->current != NULL ? l->current->serial : 0) == l->freshness.serial);
	assert(l->current == NULL || l->current->state == KV_COMPLETE);
	assert(l->loading == NULL || (l->loading->state == KV_LOADING && l->loading->parts != NULL));
	kv_bookmarks_check(&l->bookmarks);
	for (int i = 0; i < 2; i++)
		if (snapshots[i] != NULL)
			check_snapshot(l, snapshots[i]);
}

struct kv_listing *
kv_listing_new(struct kv_throttle *throttle, struct kv_object_rows *rows, enum kv_type type, int64_t ttl_ms,
    kv_catalog_changed *changed, void *arg)
{
	struct kv_listing *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->throttle = throttle;
	l->rows = rows;
	l->type = type;
	l->most_parts = 1;
	kv_freshness_init(&l->freshness, ttl_ms);
	l->catalog = kv_catalog_new(type, rows, changed, arg);
	if (l->catalog == NULL) {
		free(l);
		return NULL;
	}
	return l;
}

void
kv_listing_free(struct kv_listing *l)
{
	if (l == NULL)
		return;
	kv_snapshot_unref(l->loading);
	kv_snapshot_unref(l->current);
	kv_catalog_free(l->catalog);
	kv_bookmarks_clear(&l->bookmarks);
	free(l);
}
