#ifndef KV_CACHE_LIST_SNAPSHOT_H
#define KV_CACHE_LIST_SNAPSHOT_H
/*
 * One reading of the service's list: the objects so far, in list order, and the waits for more. It loads
 * page by page, then is complete or failed for good. cache/list/listing creates snapshots; a reader of
 * names holds a reference to one, so later snapshots do not affect it.
 */
#include <stdbool.h>
#include <stddef.h>
#include "cache/object.h"
#include "cache/object_array.h"

struct kv_snapshot_wait;
struct kv_listing;
struct kv_parts;
struct kv_reply;

enum kv_snapshot_state { KV_LOADING, KV_COMPLETE, KV_FAILED };

/* For cache/list/listing; other modules use the functions. */
struct kv_snapshot {
	enum kv_snapshot_state state;
	int err; /* KV_FAILED: the -errno */
	uint64_t serial;
	struct kv_object_array objects;
	size_t n_hidden;
	bool was_handed_out;
	int64_t mono_started, mono_ended;
	int n_pages;			/* received */
	struct kv_parts *parts;		/* what reads it; only while KV_LOADING. A wait makes it hurry */
	struct kv_snapshot_wait *waits; /* only while KV_LOADING */
	struct kv_listing *listing;
	unsigned int refs;
};

/* A snapshot with one reference, which begins to load now. NULL: out of memory. */
struct kv_snapshot *kv_snapshot_new(struct kv_listing *listing, uint64_t serial);
struct kv_snapshot *kv_snapshot_ref(struct kv_snapshot *snapshot);
/*
 * The last one cancels the request in flight, and the waits without calling their completions. NULL does
 * nothing.
 */
void kv_snapshot_unref(struct kv_snapshot *snapshot);

/* ---- reading ---- */

/*
 * The object at index. NULL: *err is 0 at the end of a complete snapshot, -EAGAIN while it is loading, else
 * the -errno of its failure.
 */
struct kv_object *kv_snapshot_at(struct kv_snapshot *snapshot, size_t index, int *err);
bool kv_snapshot_is_complete(const struct kv_snapshot *snapshot);
/* Call before names are returned to a reader. */
void kv_snapshot_hand_out(struct kv_snapshot *snapshot);

/*
 * err is 0 or -errno. Called once, from the loop, never before the function that added the wait has
 * returned. reply: the answer that made the listing fail, valid during the call; else NULL.
 */
typedef void kv_snapshot_done(void *arg, int err, const struct kv_reply *reply);
/* After -EAGAIN: done is called when there is an object at index, or the snapshot has ended. */
int kv_snapshot_wait_for(struct kv_snapshot *snapshot, size_t index, kv_snapshot_done *done, void *arg,
    struct kv_snapshot_wait **wait) KV_MUST_CHECK;
/* done is not called. NULL does nothing. */
void kv_snapshot_cancel(struct kv_snapshot_wait *wait);

/* ---- for cache/list/listing ---- */

/* done is called when a page has arrived, or the snapshot has ended. */
int kv_snapshot_wait_for_page(struct kv_snapshot *snapshot, kv_snapshot_done *done, void *arg,
    struct kv_snapshot_wait **wait) KV_MUST_CHECK;
/* done is called when the snapshot contains an object of that name, or has ended. */
int kv_snapshot_wait_for_name(struct kv_snapshot *snapshot, const char *name, kv_snapshot_done *done,
    void *arg, struct kv_snapshot_wait **wait) KV_MUST_CHECK;
int kv_snapshot_append(struct kv_snapshot *snapshot, struct kv_object *object) KV_MUST_CHECK;
/* Whether somebody waits for more than the first page, which the start waits for. */
bool kv_snapshot_is_wanted(const struct kv_snapshot *snapshot);
/* Whether it has no page, and nobody else has a reference or waits. */
bool kv_snapshot_is_useless(const struct kv_snapshot *snapshot);
/* Ends the snapshot: KV_COMPLETE if err is 0, else KV_FAILED. */
void kv_snapshot_end(struct kv_snapshot *snapshot, int err);
/* Whether the snapshot contains the object of that upper-cased name. */
typedef bool kv_snapshot_has(const struct kv_snapshot *snapshot, const char *key);
/* Calls the completions of all waits that are over. has decides about waits for a name. */
void kv_snapshot_notify(struct kv_snapshot *snapshot, kv_snapshot_has *has, const struct kv_reply *reply);

/* Asserts the invariants at the top of snapshot.c. */
void kv_snapshot_check(const struct kv_snapshot *snapshot);
#endif
