#ifndef KV_CACHE_LIST_BOOKMARKS_H
#define KV_CACHE_LIST_BOOKMARKS_H
/*
 * Bookmarks of a long list: where some of its pages begin, as tokens of its nextLinks (client/vault/skiptoken).
 * A list of which all pages came in the order of upper-cased names leaves them, and a later one is read from
 * several of them at once (cache/list/parts).
 *
 * Invariant: the keys ascend, without equal ones.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"
#include "client/vault/type.h"

struct kv_bookmark_rows;

#define KV_BOOKMARKS 64

struct kv_bookmark {
	char *token;
	char *
	    key; /* of the page's first object or a later one: none below it is on that page, in upper case */
};

/* Valid when zeroed: there are none, and they are kept nowhere. */
struct kv_bookmarks {
	struct kv_bookmark marks[KV_BOOKMARKS];
	int n;
	enum kv_type type;
	struct kv_bookmark_rows *rows; /* or NULL */
	bool is_given_up;
};

/*
 * Those of a list of type that rows (or NULL) has of an earlier mount; none if they are damaged or memory is
 * short.
 */
void kv_bookmarks_open(struct kv_bookmarks *bookmarks, enum kv_type type, struct kv_bookmark_rows *rows);
/*
 * Appends one. -EINVAL: it is not a token of Key Vault for a list of that type, its key is not above the last
 * one's, or there are 64. -ENOMEM.
 */
int kv_bookmarks_add(struct kv_bookmarks *bookmarks, const char *token, size_t len) KV_MUST_CHECK;
/* Afterwards there are none, here. */
void kv_bookmarks_clear(struct kv_bookmarks *bookmarks);
/* Keeps them for the next mount; none if memory is short. */
void kv_bookmarks_save(const struct kv_bookmarks *bookmarks);
/* The list is not in order: there are none any more, not in this mount and not for the next one. */
void kv_bookmarks_give_up(struct kv_bookmarks *bookmarks);

/* Asserts the invariant. */
void kv_bookmarks_check(const struct kv_bookmarks *bookmarks);
#endif
