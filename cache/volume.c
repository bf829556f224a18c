/*
 * Creates a vault's modules from the bottom up, connects them, and frees them from the top down.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cache/blob/archivers.h"
#include "cache/blob/blobs.h"
#include "cache/blob/disk.h"
#include "cache/blob/prefetch.h"
#include "cache/index/db.h"
#include "cache/index/object_rows.h"
#include "cache/index/rate_rows.h"
#include "cache/list/listing.h"
#include "cache/list/absent.h"
#include "cache/list/revalidate.h"
#include "cache/pace/throttle.h"
#include "cache/volume.h"
#include "client/base/buf.h"
#include "client/base/log.h"
#include "client/vault/vault.h"

#define MODULE	"volume"
#define KEEP_MS 60000 /* how often the learned rates are saved */

/* A write in one region of a Managed HSM reaches the lists of the other within six minutes. */
#define HSM_LAG_MS 360000

/* ---- state kept between mounts ---- */

/* A failure is not fatal: without the cache, every run fetches every blob. */
static void
open_cache(struct kv_volume *v)
{
	const struct kv_volume_options *o = &v->options;
	char name[300];
	struct kv_buf why;
	int err;

	if (o->cache == KV_CACHE_NONE)
		return;
	snprintf(name, sizeof(name), "%s", kv_vault_name(v->vault));
	for (char *c = name; *c != '\0'; c++)
		if (*c == ':' || *c == '/' || *c == '[' || *c == ']')
			*c = '_'; /* from a port or an IPv6 address */
	kv_buf_init(&why, 512);
	err = kv_index_open(&v->index, v->loop, o->cache_dir, name, &why);
	if (err == 0)
		err = kv_disk_new(o->cache_dir, name, o->cache == KV_CACHE_DISK, &v->disk, &why);
	if (err != 0) {
		kv_buf_say(&why,
		    ": nothing is kept there, so every run fetches every blob "
		    "(-o cache_dir= names another folder)");
		kv_log_event(KV_LOG_WARNING, MODULE, "folder=%s why=%s", o->cache_dir, kv_buf_str(&why));
	}
	kv_buf_release(&why);
}

static void
keep_rates(void *arg)
{
	struct kv_volume *v = arg;
	struct kv_throttle_state state;
	struct kv_learned learned;

	for (int class = 0; v->options.rate == 0 && class < kv_throttle_classes(v->throttle); class ++) {
		kv_throttle_state(v->throttle, class, &state);
		kv_throttle_learned(v->throttle, class, &learned);
		kv_rate_rows_keep(
		    v->index.rates, state.name, learned.rate, learned.limit, learned.age_ms / 1000);
	}
	kv_timer_set(&v->keep, KEEP_MS);
}

static void
recall_rates(struct kv_volume *v)
{
	struct kv_throttle_state state;
	struct kv_learned learned;
	int64_t age_s;

	for (int class = 0; class < kv_throttle_classes(v->throttle); class ++) {
		kv_throttle_state(v->throttle, class, &state);
		if (!kv_rate_rows_find(v->index.rates, state.name, &learned.rate, &learned.limit, &age_s))
			continue;
		learned.age_ms = age_s * 1000;
		kv_throttle_resume(v->throttle, class, &learned);
	}
	kv_timer_set(&v->keep, KEEP_MS);
}

/* ---- events between modules ---- */

static void
object_changed(void *arg, struct kv_object *object)
{
	struct kv_volume *v = arg;

	kv_blobs_forget(v->blobs, object);
	v->events.changed(v->events.arg, object);
}

static void
object_lost(void *arg, struct kv_object *object)
{
	struct kv_volume *v = arg;

	kv_listing_remove(v->listings[object->type], object);
}

static void
listing_complete(struct kv_volume *v, enum kv_type type)
{
	struct kv_object *const *objects;
	size_t n;

	kv_revalidate_type(v->revalidate, type);
	if (v->disk == NULL)
		return;
	if (v->options.cache == KV_CACHE_DISK) {
		kv_disk_prune(v->disk, type, kv_catalog_has_key, kv_listing_catalog(v->listings[type]));
	} else {
		objects = kv_listing_view(v->listings[type], &n, NULL, NULL);
		kv_blobs_keep_newest(v->blobs, type, objects, n);
	}
}

static void
listing_progress(void *arg, enum kv_type type, enum kv_snapshot_state state)
{
	struct kv_volume *v = arg;

	if (state == KV_FAILED) {
		v->events.listing_failed(v->events.arg, type);
		return;
	}
	kv_prefetch_grew(v->prefetch, type);
	kv_archivers_grew(v->archivers, type);
	if (state == KV_COMPLETE)
		listing_complete(v, type);
}

/* ---- creating, checking, freeing ---- */

static bool
make_client(struct kv_volume *v, struct kv_http *http, struct kv_token_cache *auth)
{
	const struct kv_volume_options *o = &v->options;
	const struct kv_vault_options vault = {
		.api_version = o->api_version,
		.older_api_version = o->older_api_version,
		.public = o->public,
		.any_host = o->any_host,
		.is_listless = o->is_listless,
	};
	const struct kv_throttle_options throttle = {
		.rate = o->rate,
		.share = o->share,
		.max_inflight = o->max_inflight,
		.is_hsm = o->is_hsm,
		.total = o->total,
		.timeout_ms = o->timeout_ms,
	};

	v->vault = kv_vault_new(v->loop, http, auth, &o->origin, &vault);
	if (v->vault != NULL)
		v->throttle = kv_throttle_new(v->loop, v->vault, &throttle);
	return v->throttle != NULL;
}

/*
 * Without lists, objects are not kept: their names may be of none, and what other mounts keep of them would be
 * overwritten without a fingerprint.
 */
static struct kv_object_rows *
rows_of(const struct kv_volume *v)
{
	return v->options.is_listless ? NULL : v->index.objects;
}

static bool
make_listings(struct kv_volume *v)
{
	const struct kv_volume_options *o = &v->options;

	for (int t = 0; t < KV_TYPES; t++) {
		if (!o->types[t])
			continue;
		v->listings[t] = kv_listing_new(
		    v->throttle, rows_of(v), (enum kv_type)t, o->list_ttl_ms, object_changed, v);
		if (v->listings[t] == NULL)
			return false;
		kv_listing_on_progress(v->listings[t], listing_progress, v);
		if (o->is_hsm)
			kv_listing_set_lag(v->listings[t], HSM_LAG_MS);
		else if (!o->is_listless)
			kv_listing_use_parts(v->listings[t], o->list_parts, v->index.bookmarks);
	}
	v->absent = kv_absent_new();
	v->revalidate = kv_revalidate_new(v->throttle, v->listings, o->max_age_ms);
	return v->absent != NULL && v->revalidate != NULL;
}

static bool
make_blobs(struct kv_volume *v)
{
	const struct kv_volume_options *o = &v->options;
	const struct kv_blobs_options blobs = {
		.store = { .budget = o->budget,
		    .room = o->cache_size,
		    .spill = v->index.db != NULL ? o->spill : 0,
		    .folder = o->cache_dir,
		    .disk = v->disk },
		.rows = rows_of(v),
		.lost = object_lost,
		.arg = v,
	};

	v->blobs = kv_blobs_new(v->loop, v->throttle, &blobs);
	if (v->blobs == NULL)
		return false;
	v->prefetch = kv_prefetch_new(v->blobs, v->throttle, v->listings, o->prefetch);
	v->archivers = kv_archivers_new(v->loop, v->blobs, v->throttle, v->listings);
	return v->prefetch != NULL && v->archivers != NULL;
}

struct kv_volume *
kv_volume_new(struct kv_loop *loop, struct kv_http *http, struct kv_token_cache *auth,
    const struct kv_volume_options *options, const struct kv_volume_events *events)
{
	struct kv_volume *v = calloc(1, sizeof(*v));
	bool is_made;

	if (v == NULL)
		return NULL;
	v->loop = loop;
	v->options = *options;
	v->events = *events;
	kv_timer_init(&v->keep, loop, keep_rates, v);
	is_made = make_client(v, http, auth);
	if (is_made) {
		open_cache(v);
		recall_rates(v);
		is_made = make_listings(v) && make_blobs(v);
	}
	if (!is_made) {
		kv_volume_free(v);
		return NULL;
	}
	return v;
}

struct kv_object *
kv_volume_sibling(struct kv_volume *v, struct kv_object *object, enum kv_kind kind)
{
	struct kv_catalog *catalog = kv_listing_catalog(v->listings[object->type]);

	return kv_catalog_sibling(catalog, object, kind, v->options.max_age_ms / 1000);
}

void
kv_volume_keep(struct kv_volume *v)
{
	keep_rates(v);
	kv_db_settle(v->index.db);
}

void
kv_volume_check(const struct kv_volume *v)
{
	if (v->throttle != NULL)
		kv_throttle_check(v->throttle);
	for (int t = 0; t < KV_TYPES; t++)
		if (v->listings[t] != NULL)
			kv_listing_check(v->listings[t]);
	kv_object_rows_check(v->index.objects);
	if (v->blobs != NULL)
		kv_blobs_check(v->blobs);
	if (v->prefetch != NULL)
		kv_prefetch_check(v->prefetch);
	if (v->archivers != NULL)
		kv_archivers_check(v->archivers);
}

void
kv_volume_free(struct kv_volume *v)
{
	if (v == NULL)
		return;
	kv_timer_stop(&v->keep);
	kv_archivers_free(v->archivers);
	kv_prefetch_free(v->prefetch);
	kv_revalidate_free(v->revalidate);
	kv_blobs_free(v->blobs);
	for (int t = 0; t < KV_TYPES; t++)
		kv_listing_free(v->listings[t]);
	kv_index_close(&v->index);
	kv_disk_free(v->disk);
	kv_absent_free(v->absent);
	kv_throttle_free(v->throttle);
	kv_vault_free(v->vault);
	free(v);
}
