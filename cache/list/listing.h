#ifndef KV_CACHE_LIST_LISTING_H
#define KV_CACHE_LIST_LISTING_H
/*
 * The objects of one type, from the service's list.
 *
 * While a snapshot is loading, its objects can already be read. The last complete snapshot serves until
 * twice its time to live; when used after 80 % of its time to live, it is renewed in the background. If a
 * snapshot fails after some of its names were returned to a reader, all requests about this type fail for
 * 10 s: shell globs, zip and python ignore an error of readdir and would archive only the first names.
 * After that, a lookup waits for a complete snapshot, and fails if that fails.
 */
#include <stdbool.h>
#include <stddef.h>
#include "cache/list/catalog.h"
#include "cache/list/snapshot.h"
#include "cache/object.h"

struct kv_bookmark_rows;
struct kv_caller;
struct kv_object_rows;
struct kv_item;
struct kv_listing;
struct kv_throttle;

/*
 * rows: object data kept between mounts, or NULL. ttl_ms: how long a listing is fresh. NULL: out of memory.
 * Sends nothing yet.
 */
struct kv_listing *kv_listing_new(struct kv_throttle *throttle, struct kv_object_rows *rows,
    enum kv_type type, int64_t ttl_ms, kv_catalog_changed *changed, void *arg);
/* Cancels waits without calling their completions. Release all snapshots first. */
void kv_listing_free(struct kv_listing *listing);

/*
 * The list may be so old: what was found or restored later than that before a listing began is kept although
 * the listing does not contain it. 0 at first.
 */
void kv_listing_set_lag(struct kv_listing *listing, int64_t lag_ms);

/*
 * Reads a list that somebody waits for in so many parts at once, if it has bookmarks: those of the last
 * complete listing, here or in an earlier mount. rows (may be NULL) keeps them. Not for a Managed HSM, whose
 * lists are not in the order of names. 1 at first.
 */
void kv_listing_use_parts(struct kv_listing *listing, int most, struct kv_bookmark_rows *rows);

/*
 * Begins a listing, at start-up; done is called when its first page has arrived or it has failed. One that has no page
 * yet and that nobody waits for any more is begun anew, because its request may be lost.
 */
int kv_listing_begin(struct kv_listing *listing, kv_snapshot_done *done, void *arg,
    struct kv_snapshot_wait **wait) KV_MUST_CHECK;

/* ---- reading all names ---- */

/*
 * The snapshot to read names from: the serving one, else the one that is loading. Release it with
 * kv_snapshot_unref(). The -errno of the failure while this type fails; -ENOMEM.
 */
int kv_listing_open(struct kv_listing *listing, struct kv_snapshot **snapshot) KV_MUST_CHECK;

/*
 * The objects of that snapshot so far, without waiting: n of them, valid until the next turn of the loop.
 * *serial is the snapshot's, *is_complete whether it is complete; both pointers may be NULL. Some objects
 * may be gone.
 */
struct kv_object *const *kv_listing_view(
    struct kv_listing *listing, size_t *n, uint64_t *serial, bool *is_complete);
/*
 * The objects of the last complete snapshot, however old it is; without one, of that which is loading. For reports, which
 * begin no listing. *is_complete is false also while a newer snapshot must complete before the list serves again.
 */
struct kv_object *const *kv_listing_known(const struct kv_listing *listing, size_t *n, bool *is_complete);
/*
 * Called with KV_LOADING after each page but the last, with KV_COMPLETE when a listing is complete, and
 * with KV_FAILED when one has failed and none serves: then its names must be looked up again.
 */
typedef void kv_listing_progress(void *arg, enum kv_type type, enum kv_snapshot_state state);
void kv_listing_on_progress(struct kv_listing *listing, kv_listing_progress *progress, void *arg);

/* ---- finding one object ---- */

/*
 * The object of exactly this name, borrowed. 0; -ENOENT: there is none (or it has another spelling, or is
 * managed, i.e. belongs to a certificate); -EAGAIN: wait for it with kv_listing_wait_for(); the -errno of
 * the failure while this type fails. If a complete listing serves, -EAGAIN means that the name is not
 * listed, and cache/list/lookup may ask the vault for it.
 */
int kv_listing_find(struct kv_listing *listing, const char *name, struct kv_object **object) KV_MUST_CHECK;
/* 0, or the -errno of a listing that has just failed while none serves: then no lookup may return ENOENT. */
int kv_listing_failure(const struct kv_listing *listing) KV_MUST_CHECK;
/* Whether a complete listing serves: a name that is not in it is not listed. */
bool kv_listing_is_serving(const struct kv_listing *listing);
/*
 * done is called when the loading listing contains name, or has ended. Begins a listing if none is loading.
 */
int kv_listing_wait_for(struct kv_listing *listing, const char *name, kv_snapshot_done *done, void *arg,
    struct kv_snapshot_wait **wait) KV_MUST_CHECK;

/*
 * Without a list: the object of this name, which may not exist. The content of one is taken for unchanged for
 * the listing's time to live, counted from its first mention. *object is borrowed. -ENOMEM.
 */
int kv_listing_mention(struct kv_listing *listing, const char *name, struct kv_object **object) KV_MUST_CHECK;
/*
 * Adds an object that was found or restored outside a listing, as if it were listed. item's fingerprint is
 * ignored. *object is borrowed.
 */
int kv_listing_add(
    struct kv_listing *listing, const struct kv_item *item, struct kv_object **object) KV_MUST_CHECK;
/* The vault no longer has object. */
void kv_listing_remove(struct kv_listing *listing, struct kv_object *object);
/*
 * object's content has changed, which the list does not show: one of its versions was updated at
 * wall_updated.
 */
void kv_listing_touch(struct kv_listing *listing, struct kv_object *object, int64_t wall_updated);
/*
 * How long the kernel may cache the listing's names. This includes the names of a first listing that is
 * still loading: the caller must drop them if it fails (kv_listing_on_progress).
 */
int64_t kv_listing_valid_ms(const struct kv_listing *listing);
/* Milliseconds since the last complete listing began; -1: there is none. */
int64_t kv_listing_age_ms(const struct kv_listing *listing);
/* The numbers of listed objects that are shown, and that are hidden (managed). */
size_t kv_listing_count(const struct kv_listing *listing);
size_t kv_listing_count_hidden(const struct kv_listing *listing);
struct kv_throttle *kv_listing_throttle(const struct kv_listing *listing);
enum kv_type kv_listing_type(const struct kv_listing *listing);
struct kv_catalog *kv_listing_catalog(const struct kv_listing *listing);

/* Asserts the invariants at the top of listing.c and of catalog.c. */
void kv_listing_check(const struct kv_listing *listing);
#endif
