#ifndef KV_CACHE_LIST_LISTING_H
#define KV_CACHE_LIST_LISTING_H
/*
 * The objects of one type, from the service's list.
 *
 * While a snapshot comes in, its objects can be read already. The last complete one serves until
 * twice its time to live, and is renewed in the background from 80 % of it on, when it is used. If a
 * snapshot fails after names of it were handed out, everything about this type fails for 10 s: shell
 * globs, zip and python swallow an error of readdir and would archive the first names only. After that
 * whoever asks for a name waits until a complete one is in, and fails with it if that fails.
 */
#include <stdbool.h>
#include <stddef.h>
#include "cache/list/catalog.h"
#include "cache/list/snapshot.h"
#include "cache/object.h"

struct kv_caller;
struct kv_object_rows;
struct kv_item;
struct kv_listing;
struct kv_throttle;

/*
 * rows: what is kept of objects, or NULL. ttl_ms: how long a listing is fresh. NULL: out of
 * memory. Nothing is sent yet.
 */
struct kv_listing *kv_listing_new(struct kv_throttle *throttle, struct kv_object_rows *rows,
    enum kv_type type, int64_t ttl_ms, kv_catalog_changed *changed, void *arg);
/* Waits are dropped without their completions; snapshots must have been released. */
void kv_listing_free(struct kv_listing *listing);

/* Begin; done is called when the first page is in or the attempt has failed. For the start. */
int kv_listing_begin(struct kv_listing *listing, kv_snapshot_done *done, void *arg,
    struct kv_snapshot_wait **wait) KV_MUST_CHECK;

/* ---- reading the whole ---- */

/*
 * The snapshot to read names from: the serving one, else the one that is coming in. Released with
 * kv_snapshot_unref(). The -errno of the failure while this type fails; -ENOMEM.
 */
int kv_listing_open(struct kv_listing *listing, struct kv_snapshot **snapshot) KV_MUST_CHECK;

/*
 * The same objects at once, for those who do not wait: n of them, valid until the next turn of the loop.
 * serial is the snapshot's, is_complete whether it is; both may be NULL. Some objects may be gone.
 */
struct kv_object *const *kv_listing_view(
    struct kv_listing *listing, size_t *n, uint64_t *serial, bool *is_complete);
/*
 * Called after each page but the last, with COMING; when a listing is COMPLETE; and when one has FAILED
 * and none serves: then its names must be looked up again.
 */
typedef void kv_listing_progress(void *arg, enum kv_type type, enum kv_snapshot_state state);
void kv_listing_on_progress(struct kv_listing *listing, kv_listing_progress *progress, void *arg);

/* ---- finding one ---- */

/*
 * The object of exactly this name, borrowed. 0; -ENOENT where it is not there (also: another spelling,
 * a managed one); -EAGAIN where it has to be waited for, with kv_listing_wait_for(); the -errno of the
 * failure while this type fails. In a complete listing -EAGAIN means that the name is not listed and
 * cache/list/lookup may ask the vault for it.
 */
int kv_listing_find(struct kv_listing *listing, const char *name, struct kv_object **object) KV_MUST_CHECK;
/* 0, or the -errno of a listing that has just failed while none serves: then no name may be answered with ENOENT. */
int kv_listing_failure(const struct kv_listing *listing) KV_MUST_CHECK;
/* Whether a complete listing serves, so that what is not in it is not listed. */
bool kv_listing_is_serving(struct kv_listing *listing);
/* done is called when the listing under way has name, or has ended. */
int kv_listing_wait_for(struct kv_listing *listing, const char *name, kv_snapshot_done *done, void *arg,
    struct kv_snapshot_wait **wait) KV_MUST_CHECK;

/*
 * An object that was found or restored outside a list: there from now on, as if listed. item's
 * fingerprint is not used. *object is borrowed.
 */
int kv_listing_add(
    struct kv_listing *listing, const struct kv_item *item, struct kv_object **object) KV_MUST_CHECK;
/* An object that the vault does not have any more. */
void kv_listing_remove(struct kv_listing *listing, struct kv_object *object);
/* Its content is another, which no list shows: a version was updated at wall_updated. */
void kv_listing_touch(struct kv_listing *listing, struct kv_object *object, int64_t wall_updated);
/*
 * How long the kernel may cache what the listing has. While the first one is loading this goes for its names
 * too: whoever caches them drops them when it fails (kv_listing_on_progress).
 */
int64_t kv_listing_valid_ms(const struct kv_listing *listing);
/* How long ago the complete listing was begun; -1 while there is none. */
int64_t kv_listing_age_ms(const struct kv_listing *listing);
/* Listed and shown; listed and not shown (managed). */
size_t kv_listing_count(const struct kv_listing *listing);
size_t kv_listing_count_hidden(const struct kv_listing *listing);
struct kv_throttle *kv_listing_throttle(const struct kv_listing *listing);
enum kv_type kv_listing_type(const struct kv_listing *listing);
const struct kv_catalog *kv_listing_catalog(const struct kv_listing *listing);

/* Asserts the invariants at the top of listing.c and of catalog.c. */
void kv_listing_check(const struct kv_listing *listing);
#endif
