#ifndef KV_CACHE_BLOB_BUDGET_H
#define KV_CACHE_BLOB_BUDGET_H
/*
 * The memory and the spill file that stores share (cache/blob/store), those of all vaults of a mount: bytes in memory,
 * bytes of unread blobs, and bytes that are expected from fetches in flight.
 *
 * When memory is short, blobs that were read go first, in the order of their last use, whichever store has them; then
 * unread ones of the store that has the most bytes of them. So a vault whose blobs nobody reads cannot take the room of
 * another one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include "client/base/err.h"

struct kv_budget;
struct kv_loop;
struct kv_spill;

struct kv_budget_options {
	size_t room;	    /* bytes kept in memory, without blobs that only callers hold */
	size_t spill;	    /* bytes of the spill file; 0: there is none */
	const char *folder; /* for the spill file */
};
/* NULL: out of memory. */
struct kv_budget *kv_budget_new(struct kv_loop *loop, const struct kv_budget_options *options);
/* All users must have left. NULL does nothing. */
void kv_budget_free(struct kv_budget *budget);

/* What a store can do for another one. Each returns whether it did, which frees memory or disk space. */
struct kv_budget_ops {
	int64_t (*oldest_read)(
	    void *arg); /* the last use of the blob that was used longest ago; -1: none was read */
	bool (*evict_read)(void *arg);	 /* that one */
	bool (*evict_unread)(void *arg); /* the newest unread one */
	bool (*drop_spilled)(void *arg); /* the oldest in the spill file that was read */
};

/* The part of one store, which embeds it. The store changes the numbers through the functions below. */
struct kv_budget_user {
	LIST_ENTRY(kv_budget_user) link;
	struct kv_budget *budget;
	const struct kv_budget_ops *ops;
	void *arg;
	size_t used, unread, expected; /* bytes */
};
void kv_budget_join(
    struct kv_budget *budget, struct kv_budget_user *user, const struct kv_budget_ops *ops, void *arg);
/* All numbers must be 0. Does nothing if user has not joined. */
void kv_budget_leave(struct kv_budget_user *user);

/* Bytes in memory; more of them than there is room for are evicted in the next turn of the loop. */
void kv_budget_take(struct kv_budget_user *user, size_t bytes);
void kv_budget_give_back(struct kv_budget_user *user, size_t bytes);
void kv_budget_note_unread(struct kv_budget_user *user, size_t bytes, bool is_more);
void kv_budget_note_expected(struct kv_budget_user *user, size_t bytes, bool is_more);
/* Expected bytes of all users. */
size_t kv_budget_expected(const struct kv_budget *budget);

/* Evict what there is no room for now. */
void kv_budget_trim(struct kv_budget *budget);
/* Whether bytes more of unread blobs would fit, after those expected. To make room, drops spilled ones that were read. */
bool kv_budget_has_room(struct kv_budget *budget, size_t bytes);
/* NULL: there is none. */
struct kv_spill *kv_budget_spill(const struct kv_budget *budget);

/* Asserts that the sums are those of the users, and that what is too much is about to be evicted. */
void kv_budget_check(const struct kv_budget *budget);
#endif
