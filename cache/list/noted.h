#ifndef KV_CACHE_LIST_NOTED_H
#define KV_CACHE_LIST_NOTED_H
/*
 * Some of the pages that a part of a list has read, evenly: the tokens of their links. When 128 are noted, every
 * other one is dropped, and from then on half as many are noted.
 */
#include "cache/list/bookmarks.h"

#define KV_NOTED (2 * KV_BOOKMARKS) /* so that of a long list enough are left for all bookmarks */

struct kv_noted {
	char *tokens[KV_NOTED];
	int pages[KV_NOTED]; /* their numbers, ascending */
	int n, stride;
};

void kv_noted_init(struct kv_noted *noted);
void kv_noted_release(struct kv_noted *noted);
/* The page with this number begins at token; numbers ascend. Without memory it is left out. */
void kv_noted_add(struct kv_noted *noted, const char *token, size_t len, int page);

/* The pages of all parts, one after the other, of which each step-th becomes a bookmark. */
struct kv_noted_pages {
	int base; /* number of the first page of the current part */
	int step;
	int due; /* number of the next page that becomes a bookmark */
};
/* The current part's page with this number begins at token. -ENOMEM. */
int kv_noted_mark(
    struct kv_noted_pages *pages, const char *token, int page, struct kv_bookmarks *bookmarks) KV_MUST_CHECK;
#endif
