/*
 * The layers, from the bottom to the top, and back.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "cache/blob/blobs.h"
#include "cache/blob/disk.h"
#include "cache/list/lookup.h"
#include "cache/list/revalidate.h"
#include "cache/index/index.h"
#include "cache/list/listing.h"
#include "cache/blob/prefetch.h"
#include "cache/pace/throttle.h"
#include "client/auth/auth.h"
#include "client/http/http.h"
#include "client/base/log.h"
#include "client/vault/vault.h"
#include "fs/object/file.h"
#include "fs/mount/layers.h"
#include "fs/restore/dropbox.h"

#define MODULE	    "main"
#define OTHER_FILES 64	    /* descriptors that are no connection to the vault */
#define PACES_MS    60000   /* how often the pace learnt is kept */
#define MAPPED	    1048576 /* a piece of memory of this size is a mapping of its own */

/* ---- what is kept ---- */

/* Without it everything works, and every run fetches everything. */
static void
open_cache(struct kv_layers *l)
{
	struct kv_mount *m = l->mount;
	char vault[300];
	struct kv_buf why;
	int err;

	if (m->o->cache == KV_CACHE_NONE)
		return;
	snprintf(vault, sizeof(vault), "%s", kv_vault_name(m->vault));
	for (char *c = vault; *c != '\0'; c++)
		if (*c == ':' || *c == '/' || *c == '[' || *c == ']')
			*c = '_'; /* of a port, or an IPv6 address */
	kv_buf_init(&why, 512);
	err = kv_index_open(m->loop, m->o->cache_dir, vault, &m->index, &why);
	if (err == 0)
		err = kv_disk_new(m->o->cache_dir, vault, m->o->cache == KV_CACHE_DISK, &l->disk, &why);
	if (err != 0)
		kv_log_write(KV_LOG_WARNING, MODULE,
		    "folder=%s why=\"%s: nothing is kept there, so every run fetches every blob (-o cache_dir= names another folder)\"",
		    m->o->cache_dir, kv_buf_str(&why));
	kv_buf_release(&why);
}

static void
keep_paces(void *arg)
{
	struct kv_layers *l = arg;
	struct kv_mount *m = l->mount;
	struct kv_throttle_state state;
	struct kv_pace pace;

	for (int class = 0; m->o->rate == 0 && class < kv_throttle_classes(m->throttle); class ++) {
		kv_throttle_state(m->throttle, class, &state);
		kv_throttle_learnt(m->throttle, class, &pace);
		kv_index_keep_pace(m->index, state.name, pace.rate, pace.limit, pace.age_ms / 1000);
	}
	kv_timer_set(&l->paces, PACES_MS);
}

static void
recall_paces(struct kv_layers *l)
{
	struct kv_mount *m = l->mount;
	struct kv_throttle_state state;
	struct kv_pace pace;
	int64_t age_s;

	for (int class = 0; class < kv_throttle_classes(m->throttle); class ++) {
		kv_throttle_state(m->throttle, class, &state);
		if (!kv_index_find_pace(m->index, state.name, &pace.rate, &pace.limit, &age_s))
			continue;
		pace.age_ms = age_s * 1000;
		kv_throttle_remember(m->throttle, class, &pace);
	}
	kv_timer_set(&l->paces, PACES_MS);
}

static void
listing_progress(void *arg, enum kv_type type, enum kv_snapshot_state state)
{
	struct kv_layers *l = arg;
	struct kv_mount *m = l->mount;
	struct kv_object *const *objects;
	size_t n;

	if (state == KV_FAILED) {
		kv_file_take_back_all(m, type);
		return;
	}
	kv_prefetch_grew(m->prefetch, type);
	if (state != KV_COMPLETE)
		return;
	kv_revalidate_type(l->revalidate, type);
	if (l->disk == NULL)
		return;
	if (m->o->cache == KV_CACHE_DISK) {
		kv_disk_prune(l->disk, type, kv_listing_has_key, m->listings[type]);
	} else {
		objects = kv_listing_view(m->listings[type], &n, NULL, NULL);
		kv_blobs_keep_newest(m->blobs, type, objects, n);
	}
}

/* ---- making ---- */

/*
 * malloc() learns from each large piece that is freed to take the next ones, of up to 32 MiB, from the heap,
 * where what lies behind them keeps their memory from going back. A blob's goes back when it is freed.
 */
static void
keep_heap_small(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, MAPPED);
	(void)mallopt(M_TRIM_THRESHOLD, 8 * MAPPED);
}

/* As many as the user allows and the process has descriptors for: a connection each without HTTP/2. */
static int
most_inflight(const struct kv_settings *o)
{
	const int wanted = o->max_inflight > 0 ? o->max_inflight : KV_THROTTLE_MOST_INFLIGHT;
	const rlim_t needed = (rlim_t)wanted + OTHER_FILES;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return wanted;
	if (files.rlim_cur < needed && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = needed < files.rlim_max ? needed : files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
		(void)getrlimit(RLIMIT_NOFILE, &files);
	}
	if (files.rlim_cur >= needed)
		return wanted;
	return files.rlim_cur > 2 * OTHER_FILES ? (int)(files.rlim_cur - OTHER_FILES) : OTHER_FILES / 2;
}

static void
lost(void *arg, struct kv_object *object)
{
	struct kv_mount *m = arg;

	kv_listing_remove(m->listings[object->type], object);
}

int
kv_layers_make(struct kv_layers *l, struct kv_mount *m, struct kv_buf *why)
{
	const struct kv_settings *o = m->o;
	const int inflight = most_inflight(o);
	const struct kv_http_options http_options = { .ca_file = o->ca_file,
		.max_connections = inflight + 4 /* tokens */ };
	const struct kv_vault_options vault_options = { .api_version = o->api_version,
		.any_host = o->auth.no_challenge_verify };
	const struct kv_throttle_options throttle_options = {
		.rate = o->rate,
		.share = o->share,
		.max_inflight = inflight,
		.is_hsm = o->is_hsm,
		.timeout_ms = o->timeout_ms,
	};
	int err;

	keep_heap_small();
	l->mount = m;
	kv_timer_init(&l->paces, m->loop, keep_paces, l);
	err = kv_http_new(m->loop, &http_options, &l->http, why);
	if (err != 0)
		return err;
	l->auth = kv_auth_new(m->loop, l->http, &o->vault, &o->auth);
	if (l->auth == NULL)
		return -ENOMEM;
	m->vault = kv_vault_new(m->loop, l->http, l->auth, &o->vault, &vault_options);
	if (m->vault == NULL)
		return -ENOMEM;
	m->throttle = kv_throttle_new(m->loop, m->vault, &throttle_options);
	if (m->throttle == NULL)
		return -ENOMEM;
	open_cache(l);
	recall_paces(l);
	m->absent = kv_absent_new();
	m->blobs = kv_blobs_new(m->loop, m->throttle,
	    &(struct kv_blobs_options){ .room = o->cache_size,
		.spill = m->index != NULL ? o->spill : 0,
		.folder = o->cache_dir,
		.index = m->index,
		.disk = l->disk });
	if (m->absent == NULL || m->blobs == NULL)
		return -ENOMEM;
	kv_blobs_on_lost(m->blobs, lost, m);
	for (int t = 0; t < KV_TYPES; t++) {
		if (!o->types[t])
			continue;
		m->listings[t] = kv_listing_new(
		    m->loop, m->throttle, m->index, (enum kv_type)t, o->list_ttl_ms, kv_file_changed, m);
		if (m->listings[t] == NULL)
			return -ENOMEM;
		kv_listing_on_progress(m->listings[t], listing_progress, l);
	}
	m->prefetch = kv_prefetch_new(m->blobs, m->throttle, m->listings, o->prefetch);
	l->revalidate = kv_revalidate_new(m->throttle, m->listings, o->max_age_ms);
	if (m->prefetch == NULL || l->revalidate == NULL)
		return -ENOMEM;
	if (!o->is_read_only && (m->dropbox = kv_dropbox_new(m)) == NULL)
		return -ENOMEM;
	return kv_tree_init(&m->tree, o->types, !o->is_read_only);
}

void
kv_layers_keep(struct kv_layers *l)
{
	keep_paces(l);
	kv_index_settle(l->mount->index);
}

void
kv_layers_release(struct kv_layers *l)
{
	struct kv_mount *m = l->mount;

	if (m == NULL)
		return;
	kv_timer_stop(&l->paces);
	kv_dropbox_stop(m->dropbox);
	kv_prefetch_free(m->prefetch);
	kv_revalidate_free(l->revalidate);
	kv_blobs_free(m->blobs);
	kv_tree_release(&m->tree);
	kv_dropbox_free(m->dropbox);
	for (int t = 0; t < KV_TYPES; t++)
		kv_listing_free(m->listings[t]);
	kv_index_close(m->index);
	kv_disk_free(l->disk);
	kv_absent_free(m->absent);
	kv_throttle_free(m->throttle);
	kv_vault_free(m->vault);
	kv_auth_free(l->auth);
	kv_http_free(l->http);
}
