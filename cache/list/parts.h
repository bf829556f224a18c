#ifndef KV_CACHE_LIST_PARTS_H
#define KV_CACHE_LIST_PARTS_H
/*
 * One reading of the service's list, page by page, in several places at once where that is safe.
 *
 * Part 0 begins at the start, as any client would. While somebody waits, more parts begin at bookmarks. A
 * part ends at an item with which a later part has begun, or at the link with which the next one has: that
 * one has read on from there. So the parts together have all that part 0 alone would have had, whatever was
 * deleted meanwhile, as long as the server goes on in the same order from the same place. The order is
 * checked for every item: it must be that of upper-cased names, and a bookmark's token says below which name
 * its page has none. An item out of order ends the parallel reading: what other parts have read is kept, they
 * read no more, and part 0 goes on to the end of the list from where it was.
 *
 * A page that fails fails the reading; only a bookmark that is refused (400, 404, 410) is left out.
 */
#include <stdbool.h>
#include <stdint.h>
#include "client/vault/type.h"

struct kv_bookmarks;
struct kv_object;
struct kv_object_array;
struct kv_parts;
struct kv_reply;
struct kv_throttle;

/* Called from the loop; only ended may free the parts. */
struct kv_parts_user {
	/*
	 * Takes the items of a page; appends the objects that are shown and were not before. *has_new: it had
	 * items that were not read before. 0 or -errno.
	 */
	int (*take)(void *arg, const struct kv_reply *reply, struct kv_object_array *shown, bool *has_new);
	/* object comes next in the order of the parts. 0 or -errno. */
	int (*show)(void *arg, struct kv_object *object);
	/* Whether somebody waits for the list. */
	bool (*is_wanted)(const void *arg);
	/* A page was taken, and it was not the last one. */
	void (*grew)(void *arg);
	/* All is read if err is 0. reply: the answer that made it fail, or NULL. Nothing is called after it. */
	void (*ended)(void *arg, int err, const struct kv_reply *reply);
	void *arg;
};

struct kv_parts_options {
	struct kv_throttle *throttle;
	enum kv_type type;
	int most;			      /* parts at the same time; 1: part 0 only */
	const struct kv_bookmarks *bookmarks; /* borrowed until the end */
};

/* Requests the first page. -ENOMEM. */
int kv_parts_new(const struct kv_parts_options *options, const struct kv_parts_user *user,
    struct kv_parts **parts) KV_MUST_CHECK;
/* Cancels what is requested. NULL does nothing. */
void kv_parts_free(struct kv_parts *parts);
/* Somebody waits for the list from now on: its requests hurry. NULL does nothing. */
void kv_parts_wanted(struct kv_parts *parts);

/* How many parts have begun. */
int kv_parts_begun(const struct kv_parts *parts);
/* The sum of the times that the pages took, from the request to the answer. */
int64_t kv_parts_took_ms(const struct kv_parts *parts);
/*
 * After a reading: gives the bookmarks up if an item was out of order. Else, if all was read, sets at most 64
 * to its pages, evenly, and saves them.
 */
void kv_parts_mark(const struct kv_parts *parts, struct kv_bookmarks *bookmarks);

/* Asserts the invariants at the top of parts.c. NULL does nothing. */
void kv_parts_check(const struct kv_parts *parts);
#endif
