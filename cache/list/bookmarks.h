#ifndef KV_CACHE_LIST_BOOKMARKS_H
#define KV_CACHE_LIST_BOOKMARKS_H
/*
 * Bookmarks of a long list: where some of its pages begin, as tokens of its nextLinks (client/vault/skiptoken).
 * A list of which all pages came in the order of upper-cased names leaves them, and a later one is read from
 * several of them at once (cache/list/parts).
 *
 * Invariant: the keys ascend, without equal ones.
 */
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

/* Valid when zeroed. */
struct kv_bookmarks {
	struct kv_bookmark marks[KV_BOOKMARKS];
	int n;
};

/*
 * Appends one. -EINVAL: it is not a token of Key Vault for a list of type, its key is not above the last
 * one's, or there are 64. -ENOMEM.
 */
int kv_bookmarks_add(
    struct kv_bookmarks *bookmarks, enum kv_type type, const char *token, size_t len) KV_MUST_CHECK;
/* Afterwards there are none. */
void kv_bookmarks_release(struct kv_bookmarks *bookmarks);

/* Those that rows (or NULL) has of an earlier mount; none if they are damaged or memory is short. */
void kv_bookmarks_recall(struct kv_bookmarks *bookmarks, enum kv_type type, struct kv_bookmark_rows *rows);
/* Keeps these for the next mount. If memory is short, none. */
void kv_bookmarks_keep(
    const struct kv_bookmarks *bookmarks, enum kv_type type, struct kv_bookmark_rows *rows);

/* Asserts the invariant. */
void kv_bookmarks_check(const struct kv_bookmarks *bookmarks);
#endif
