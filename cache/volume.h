#ifndef KV_CACHE_VOLUME_H
#define KV_CACHE_VOLUME_H
/*
 * One vault as the file system sees it: the client, its rate limits, the listings, the blobs, and the state
 * kept between mounts, wired together.
 *
 * Volumes share the loop, kv_http, a budget for blobs, and a common rate: create these first and free them last.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cache/index/index.h"
#include "cache/object.h"
#include "client/base/loop.h"
#include "client/http/url.h"

struct kv_absent;
struct kv_archivers;
struct kv_token_cache;
struct kv_blobs;
struct kv_budget;
struct kv_disk;
struct kv_http;
struct kv_listing;
struct kv_prefetch;
struct kv_revalidate;
struct kv_throttle;
struct kv_total;
struct kv_vault;

/* What is kept between mounts: nothing; the index and the newest blobs; the index and all blobs. */
enum kv_cache_kind { KV_CACHE_NONE, KV_CACHE_INDEX, KV_CACHE_DISK };

/* Copied, except the strings, which must outlive the volume. */
struct kv_volume_options {
	struct kv_url origin;			     /* where requests go */
	struct kv_url public;			     /* the host in ids and links; host "": origin's */
	const char *api_version, *older_api_version; /* see client/vault/vault.h */
	bool is_listless;			     /* objects are found by name, nothing is listed */
	bool any_host;				     /* ids in lists may name another host (an emulator's) */
	bool is_hsm;				     /* a Managed HSM */
	bool types[KV_TYPES];
	double rate;	  /* requests per second; 0: each class has its own */
	double share;	  /* fraction of a discovered limit to use, 0 to 1 */
	int max_inflight; /* requests in flight */
	int64_t timeout_ms;
	int64_t list_ttl_ms;
	int list_parts;	    /* parts of a list that are read at the same time */
	int64_t max_age_ms; /* age of a blob after which its object's versions are checked for changes */
	enum kv_cache_kind cache;
	const char *cache_dir;
	struct kv_total *total;	  /* the common rate of several volumes, or NULL */
	struct kv_budget *budget; /* for blobs, shared by volumes; NULL: one of its own, of the next two */
	size_t cache_size, spill; /* bytes */
	long prefetch;		  /* most objects to prefetch; -1: as many as the rate allows */
};

/* Notifications to the file system. Called from the loop; must not free the volume. */
struct kv_volume_events {
	/*
	 * object's content has changed, or the object is gone. By then its size is -1 and its blob is
	 * dropped.
	 */
	void (*changed)(void *arg, struct kv_object *object);
	/*
	 * A listing of type has failed and no complete one serves: the kernel must look up its names again.
	 */
	void (*listing_failed)(void *arg, enum kv_type type);
	void *arg;
};

struct kv_volume {
	/* For the file system; these pointers never change. */
	struct kv_loop *loop; /* shared */
	struct kv_vault *vault;
	struct kv_throttle *throttle;
	struct kv_listing *listings[KV_TYPES]; /* NULL for a type that is not mounted */
	struct kv_absent *absent;
	struct kv_index index; /* empty with cache=none, or if the folder is unusable */
	struct kv_blobs *blobs;
	struct kv_prefetch *prefetch;
	struct kv_archivers *archivers; /* without effect with prefetch 0 */

	/* Private. */
	struct kv_volume_options options;
	struct kv_volume_events events;
	struct kv_disk *disk; /* NULL with cache=none, or if its folder is unusable */
	struct kv_revalidate *revalidate;
	struct kv_timer keep; /* to save the learned rates */
};

/*
 * If the cache folder is unusable, logs a warning and works without it. Sends nothing yet. NULL: out of
 * memory.
 */
struct kv_volume *kv_volume_new(struct kv_loop *loop, struct kv_http *http, struct kv_token_cache *auth,
    const struct kv_volume_options *options, const struct kv_volume_events *events);
/* Cancels requests in flight without calling their completions. Release objects and snapshots first. */
void kv_volume_free(struct kv_volume *volume);
/* The file of that kind beside object's blob, borrowed (cache/list/catalog.h). NULL: out of memory. */
struct kv_object *kv_volume_sibling(struct kv_volume *volume, struct kv_object *object, enum kv_kind kind);
/*
 * Saves the learned rates and all pending rows, so that a mount that begins before this one ends can read
 * them.
 */
void kv_volume_keep(struct kv_volume *volume);
/* Asserts the invariants of all modules. For unit tests, and between two requests in sanitized builds. */
void kv_volume_check(const struct kv_volume *volume);
#endif
