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

struct kv_generation_wait;
struct kv_listing;
struct kv_reply;
struct kv_ticket;

enum kv_generation_state { KV_COMING, KV_COMPLETE, KV_FAILED };

/* For cache/list/listing; others go by the functions. */
struct kv_generation {
	enum kv_generation_state state;
	int err; /* FAILED: why */
	uint64_t serial;
	struct kv_object **objects; /* a reference each */
	size_t n, size, n_hidden;
	bool was_handed_out;
	int64_t mono_started, mono_ended;
	int n_pages, n_empty;		  /* that came in; without a new object, in a row */
	char *next_link;		  /* to the page that is asked for by ticket */
	struct kv_ticket *ticket;	  /* a wait makes it urgent */
	struct kv_generation_wait *waits; /* only while it is COMING */
	struct kv_listing *listing;
	unsigned int refs;
};

/* One reference, begun now. NULL: out of memory. */
struct kv_generation *kv_generation_new(struct kv_listing *listing, uint64_t serial);
struct kv_generation *kv_generation_ref(struct kv_generation *generation);
/* The last one cancels the request under way, and waits without their completions. NULL does nothing. */
void kv_generation_unref(struct kv_generation *generation);

/* ---- reading ---- */

/* The object at index, or NULL: *err is 0 at the end of a complete one, -EAGAIN while it comes in, else its failure. */
struct kv_object *kv_generation_at(struct kv_generation *generation, size_t index, int *err);
bool kv_generation_is_complete(const struct kv_generation *generation);
/* Names are about to be given to a reader. */
void kv_generation_hand_out(struct kv_generation *generation);

/*
 * err 0 or -errno. Called once, from the loop, never before the call that asked for it has returned.
 * reply: what the vault said where it made the listing fail, for that call; else NULL.
 */
typedef void kv_generation_done(void *arg, int err, const struct kv_reply *reply);
/* Tell when there is an object at index (after -EAGAIN), or it has ended. */
int kv_generation_wait_for(struct kv_generation *generation, size_t index, kv_generation_done *done,
    void *arg, struct kv_generation_wait **wait) KV_MUST_CHECK;
/* done is not called. NULL does nothing. */
void kv_generation_cancel(struct kv_generation_wait *wait);

/* ---- for cache/list/listing ---- */

/* Tell when a page has come in, or it has ended. */
int kv_generation_wait_for_page(struct kv_generation *generation, kv_generation_done *done, void *arg,
    struct kv_generation_wait **wait) KV_MUST_CHECK;
/* Tell when it has an object of that name, or has ended. */
int kv_generation_wait_for_name(struct kv_generation *generation, const char *name, kv_generation_done *done,
    void *arg, struct kv_generation_wait **wait) KV_MUST_CHECK;
int kv_generation_append(struct kv_generation *generation, struct kv_object *object) KV_MUST_CHECK;
/* It is COMPLETE, or with err FAILED. */
void kv_generation_end(struct kv_generation *generation, int err);
/* Whether it has the object of that upper-cased name. */
typedef bool kv_generation_has(const struct kv_generation *generation, const char *key);
/* Call the completions of what has come true. */
void kv_generation_tell(
    struct kv_generation *generation, kv_generation_has *has, const struct kv_reply *reply);
#endif
