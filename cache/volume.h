#ifndef KV_CACHE_VOLUME_H
#define KV_CACHE_VOLUME_H
/*
 * One vault as the file system sees it: the client, its rate limits, the listings, the blobs, and what is
 * kept of them from one mount to the next, wired together.
 *
 * What several volumes share is made before them and freed after them: the loop, kv_http, the token cache.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cache/index/index.h"
#include "cache/object.h"
#include "client/base/loop.h"
#include "client/http/url.h"

struct kv_absent;
struct kv_token_cache;
struct kv_blobs;
struct kv_disk;
struct kv_http;
struct kv_listing;
struct kv_prefetch;
struct kv_revalidate;
struct kv_throttle;
struct kv_vault;

/* What is kept from one mount to the next. */
enum kv_cache_kind { KV_CACHE_NONE, KV_CACHE_INDEX, KV_CACHE_DISK };

/* Copied, but for the strings, which must outlive the volume. */
struct kv_volume_options {
	struct kv_url origin;
	const char *api_version;
	bool any_host; /* ids in lists may name another host: an emulator */
	bool is_hsm;   /* a Managed HSM */
	bool types[KV_TYPES];
	double rate;	  /* requests per second; 0: each class has its own */
	double share;	  /* of a limit that was found, 0 to 1 */
	int max_inflight; /* requests */
	int64_t timeout_ms;
	int64_t list_ttl_ms;
	int64_t max_age_ms; /* of a blob, before its object's versions are checked for changes */
	enum kv_cache_kind cache;
	const char *cache_dir;
	size_t cache_size, spill; /* bytes */
	long prefetch;		  /* objects fetched ahead at most; -1: as many as the rate allows */
};

/* What the file system above is notified of. Called from the loop; must not free the volume. */
struct kv_volume_events {
	/* object's content has changed, or the object is gone. Its size is -1, its blob dropped already. */
	void (*changed)(void *arg, struct kv_object *object);
	/* The listing of type has failed while its names were in use: the kernel must look them up again. */
	void (*listing_failed)(void *arg, enum kv_type type);
	void *arg;
};

struct kv_volume {
	/* For the file system; the modules are never replaced. */
	struct kv_loop *loop; /* shared */
	struct kv_vault *vault;
	struct kv_throttle *throttle;
	struct kv_listing *listings[KV_TYPES]; /* NULL for a type that is not mounted */
	struct kv_absent *absent;
	struct kv_index index; /* empty with cache=none, or where the folder cannot be used */
	struct kv_blobs *blobs;
	struct kv_prefetch *prefetch;

	/* The volume's own. */
	struct kv_volume_options options;
	struct kv_volume_events events;
	struct kv_disk *disk; /* NULL where the index is empty */
	struct kv_revalidate *revalidate;
	struct kv_timer keep; /* when the rates that were learned are written */
};

/*
 * A cache folder that cannot be used is a warning in the log, and the volume works without. Nothing is sent
 * yet. NULL: out of memory.
 */
struct kv_volume *kv_volume_new(struct kv_loop *loop, struct kv_http *http, struct kv_token_cache *auth,
    const struct kv_volume_options *options, const struct kv_volume_events *events);
/* Requests under way are cancelled without their completions. Objects, snapshots must be released before. */
void kv_volume_free(struct kv_volume *volume);
/* Writes what was learned, so that a mount that begins before this one has ended can read it. */
void kv_volume_keep(struct kv_volume *volume);
/* Every module asserts its invariants. For unit tests, and for sanitized builds between two requests. */
void kv_volume_check(const struct kv_volume *volume);
#endif
