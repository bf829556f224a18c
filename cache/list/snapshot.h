#ifndef KV_CACHE_LIST_SNAPSHOT_H
#define KV_CACHE_LIST_SNAPSHOT_H
/*
 * One pass over a list: the objects that it had so far, in its order, and those who wait for more. It
 * comes in page by page and then is complete or failed, for good. cache/list/listing makes them; whoever
 * reads names holds one, and is not disturbed by the next.
 */
#include <stdbool.h>
#include <stddef.h>
#include "cache/object.h"

struct kv_snapshot_wait;
struct kv_listing;
struct kv_reply;
struct kv_ticket;

enum kv_snapshot_state { KV_LOADING, KV_COMPLETE, KV_FAILED };

/* For cache/list/listing; others go by the functions. */
struct kv_snapshot {
	enum kv_snapshot_state state;
	int err; /* FAILED: why */
	uint64_t serial;
	struct kv_object **objects; /* a reference each */
	size_t n, size, n_hidden;
	bool was_handed_out;
	int64_t mono_started, mono_ended;
	int n_pages, n_empty;		/* that came in; without a new object, in a row */
	char *next_link;		/* to the page that is asked for by ticket */
	struct kv_ticket *ticket;	/* a wait makes it urgent */
	struct kv_snapshot_wait *waits; /* only while it is COMING */
	struct kv_listing *listing;
	unsigned int refs;
};

/* One reference, begun now. NULL: out of memory. */
struct kv_snapshot *kv_snapshot_new(struct kv_listing *listing, uint64_t serial);
struct kv_snapshot *kv_snapshot_ref(struct kv_snapshot *snapshot);
/* The last one cancels the request under way, and waits without their completions. NULL does nothing. */
void kv_snapshot_unref(struct kv_snapshot *snapshot);

/* ---- reading ---- */

/* The object at index, or NULL: *err is 0 at the end of a complete one, -EAGAIN while it comes in, else its failure. */
struct kv_object *kv_snapshot_at(struct kv_snapshot *snapshot, size_t index, int *err);
bool kv_snapshot_is_complete(const struct kv_snapshot *snapshot);
/* Names are about to be given to a reader. */
void kv_snapshot_hand_out(struct kv_snapshot *snapshot);

/*
 * err 0 or -errno. Called once, from the loop, never before the call that asked for it has returned.
 * reply: the answer that made the listing fail, valid for that call; else NULL.
 */
typedef void kv_snapshot_done(void *arg, int err, const struct kv_reply *reply);
/* After -EAGAIN: done is called when there is an object at index, or the snapshot has ended. */
int kv_snapshot_wait_for(struct kv_snapshot *snapshot, size_t index, kv_snapshot_done *done, void *arg,
    struct kv_snapshot_wait **wait) KV_MUST_CHECK;
/* done is not called. NULL does nothing. */
void kv_snapshot_cancel(struct kv_snapshot_wait *wait);

/* ---- for cache/list/listing ---- */

/* done is called when a page has come in, or it has ended. */
int kv_snapshot_wait_for_page(struct kv_snapshot *snapshot, kv_snapshot_done *done, void *arg,
    struct kv_snapshot_wait **wait) KV_MUST_CHECK;
/* done is called when it has an object of that name, or has ended. */
int kv_snapshot_wait_for_name(struct kv_snapshot *snapshot, const char *name, kv_snapshot_done *done,
    void *arg, struct kv_snapshot_wait **wait) KV_MUST_CHECK;
int kv_snapshot_append(struct kv_snapshot *snapshot, struct kv_object *object) KV_MUST_CHECK;
/* Whether the page after this one is this one again, or too many pages before it had nothing new. */
bool kv_snapshot_goes_round(const struct kv_snapshot *snapshot, const char *next_link);
/* It is COMPLETE, or with err FAILED. */
void kv_snapshot_end(struct kv_snapshot *snapshot, int err);
/* Whether it has the object of that upper-cased name. */
typedef bool kv_snapshot_has(const struct kv_snapshot *snapshot, const char *key);
/* Call the completions of what has come true. */
void kv_snapshot_notify(struct kv_snapshot *snapshot, kv_snapshot_has *has, const struct kv_reply *reply);

/* Asserts the invariants at the top of snapshot.c. */
void kv_snapshot_check(const struct kv_snapshot *snapshot);
#endif
