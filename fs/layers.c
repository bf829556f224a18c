/*
 * Creates the layers below the file system from bottom to top, and frees them in reverse.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cache/blob/budget.h"
#include "cache/pace/throttle.h"
#include "cache/pace/total.h"
#include "cache/volume.h"
#include "client/auth/token.h"
#include "client/http/http.h"
#include "fs/control/control.h"
#include "fs/layers.h"
#include "fs/mount/folder.h"

#define OTHER_FILES 64 /* descriptors other than connections to the vault */
#define ROOT_INO    1
#define SUMS_INO    2	    /* of the root's .kvfs/ */
#define MAPPED	    1048576 /* allocations from this size on get their own mapping */

/*
 * By default malloc() raises its mmap threshold whenever a mapped block is freed, up to 32 MiB. Later blocks
 * then come from the heap, where blocks behind them keep freed memory from being returned. With a fixed
 * threshold a large blob's memory is returned as soon as it is freed.
 */
static void
keep_heap_small(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, MAPPED);
	(void)mallopt(M_TRIM_THRESHOLD, 8 * MAPPED);
}

static int
wanted_inflight(const struct kv_settings *o)
{
	return o->max_inflight > 0 ? o->max_inflight : KV_THROTTLE_MOST_INFLIGHT;
}

/*
 * The most requests in flight of each vault: as many as the user allows the vault with the most, and as there are
 * descriptors for. Without HTTP/2 each request needs its own connection. Each vault has its share of these, so that one
 * that hangs leaves the others theirs.
 */
static int
most_inflight(const struct kv_settings *o)
{
	const size_t n = kv_settings_vaults(o);
	int wanted = 0;
	rlim_t needed;
	struct rlimit files;

	for (size_t i = 0; i < n; i++)
		if (wanted_inflight(kv_settings_vault(o, i)) > wanted)
			wanted = wanted_inflight(kv_settings_vault(o, i));
	needed = (rlim_t)wanted * n + OTHER_FILES;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return wanted;
	if (files.rlim_cur < needed && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = needed < files.rlim_max ? needed : files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
		(void)getrlimit(RLIMIT_NOFILE, &files);
	}
	if (files.rlim_cur >= needed)
		return wanted;
	if (files.rlim_cur <= 2 * OTHER_FILES + n)
		return OTHER_FILES / 2;
	return (int)((files.rlim_cur - OTHER_FILES) / n);
}

/* The options that a volume uses. */
static void
fill_options(const struct kv_settings *o, int inflight, struct kv_volume_options *options)
{
	*options = (struct kv_volume_options){
		.origin = o->vault,
		.public = o->public_vault,
		.api_version = o->api_version,
		.older_api_version = o->older_api_version,
		.is_listless = o->is_listless,
		.any_host = o->auth.no_challenge_verify,
		.is_hsm = o->is_hsm,
		.rate = o->rate,
		.share = o->share,
		.max_inflight = wanted_inflight(o) < inflight ? wanted_inflight(o) : inflight,
		.timeout_ms = o->timeout_ms,
		.list_ttl_ms = o->list_ttl_ms,
		.list_parts = o->list_parts,
		.max_age_ms = o->max_age_ms,
		.cache = o->cache,
		.cache_dir = o->cache_dir,
		.cache_size = o->cache_size,
		.spill = o->spill,
		.prefetch = o->prefetch,
	};
	memcpy(options->types, o->types, sizeof(options->types));
}

/*
 * The parts of the tree, in the order of the root: PART(x, n) is struct kv_tree_part kv_x_part, in a folder of
 * fs/, with inode numbers from n. 1 is the root's, 14 is unused, and objects get numbers from 16.
 */
#define PARTS(PART)      \
	PART(objects, 2) \
	PART(restore, 5) \
	PART(control, 6) \
	PART(import, 15) \
	PART(deletions, FAR)

#define FAR		   ((uint64_t)1 << 46) /* beyond the numbers of objects */

#define DECLARE(name, ino) extern const struct kv_tree_part kv_##name##_part;
PARTS(DECLARE)
#define ROW(name, ino) { &kv_##name##_part, ino },
static const struct kv_tree_part_row parts[] = { PARTS(ROW){ NULL, 0 } };

/* With an earlier vault that has the same credentials. */
static void
share_tokens(struct kv_layers *l, struct kv_layers_vault *v, const struct kv_settings *o)
{
	for (size_t i = 0; i < l->n; i++)
		if (kv_settings_share_credentials(kv_settings_vault(l->mount->settings, i), o)) {
			kv_token_share(v->auth, l->vaults[i].auth);
			return;
		}
}

static int
make_vault(struct kv_layers *l, struct kv_layers_vault *v, const struct kv_settings *o, int inflight)
{
	const struct kv_volume_events events = {
		.changed = kv_branch_changed, .listing_failed = kv_branch_listing_failed, .arg = &v->branch
	};
	struct kv_loop *loop = l->mount->loop;
	struct kv_volume_options options;

	v->auth = kv_token_new(loop, l->http, &o->public_vault, &o->auth);
	if (v->auth == NULL)
		return -ENOMEM;
	share_tokens(l, v, o);
	fill_options(o, inflight, &options);
	options.budget = l->budget;
	options.total = o->is_hsm ? NULL : l->total; /* an HSM has its limit for itself */
	v->volume = kv_volume_new(loop, l->http, v->auth, &options, &events);
	if (v->volume == NULL)
		return -ENOMEM;
	return kv_branch_init(&v->branch, l->mount, v->volume, o, parts);
}

/* The root above the vaults' folders. */
static int
make_root(struct kv_mount *m)
{
	struct kv_folder *root = kv_folder_new(&m->tree, NULL, ROOT_INO, 0777);

	return root != NULL ? kv_control_add_sums(m, root, SUMS_INO) : -ENOMEM;
}

int
kv_layers_make(struct kv_layers *l, struct kv_mount *m, struct kv_buf *why)
{
	const struct kv_settings *o = m->settings;
	const int inflight = most_inflight(o);
	const struct kv_http_options http_options = { .ca = o->ca,
		.proxy = o->proxy,
		.resolve = o->resolve,
		.max_connections = inflight + 4 /* for tokens */ };
	const struct kv_total_options total = { o->total_rate, o->rate, o->share };
	const struct kv_budget_options budget = { o->cache_size, o->spill, o->cache_dir };
	int err;

	keep_heap_small();
	l->mount = m;
	l->vaults = calloc(kv_settings_vaults(o), sizeof(*l->vaults));
	if (l->vaults == NULL)
		return -ENOMEM;
	err = kv_http_new(m->loop, &http_options, &l->http, why);
	if (err == 0 && (l->budget = kv_budget_new(m->loop, &budget)) == NULL)
		err = -ENOMEM;
	if (err == 0 && kv_settings_vaults(o) > 1 && (l->total = kv_total_new(m->loop, &total)) == NULL)
		err = -ENOMEM;
	if (err == 0 && o->is_each)
		err = make_root(m);
	m->total = l->total;
	for (size_t i = 0; err == 0 && i < kv_settings_vaults(o); i++) {
		err = make_vault(l, &l->vaults[i], kv_settings_vault(o, i), inflight);
		l->n++;
	}
	return err;
}

void
kv_layers_release(struct kv_layers *l)
{
	if (l->mount == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		kv_branch_stop(&l->vaults[i].branch);
	kv_mount_close_handles(l->mount);
	kv_mount_release(l->mount);
	for (size_t i = 0; i < l->n; i++) {
		kv_branch_release(&l->vaults[i].branch);
		kv_volume_free(l->vaults[i].volume);
		kv_token_free(l->vaults[i].auth);
	}
	free(l->vaults);
	kv_total_free(l->total);
	kv_budget_free(l->budget);
	kv_http_free(l->http);
}
