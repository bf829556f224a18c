#ifndef KV_CACHE_LIST_PART_H
#define KV_CACHE_LIST_PART_H
/*
 * One part of a list that is read: from a bookmark, or from the start, one page after the other. It knows where
 * it is; cache/list/parts decides who reads.
 */
#include <stdbool.h>
#include "cache/list/head.h"
#include "cache/list/noted.h"
#include "cache/object_array.h"

struct kv_bookmark;
struct kv_parts;
struct kv_reply;
struct kv_ticket;

/* For cache/list/parts. */
struct kv_part {
	struct kv_parts *parts;
	const struct kv_bookmark *mark; /* where it begins; NULL: at the start */
	char *link;			/* to its next page; NULL: the list's first, or none */
	bool has_token;			/* link's token has a name */
	struct kv_ticket *ticket;	/* of the request for that page */
	bool has_begun, is_over;
	bool has_met; /* an item with which a later part has begun */
	int n_pages;
	long n_empty;		      /* pages without a new object, in a row */
	char *seen;		      /* an earlier link; or NULL */
	long n_links, n_keep;	      /* links so far; with how many the next one is kept as seen */
	char last[KV_NAME_MAX + 1];   /* no further item may have a name below it, in upper case */
	struct kv_head head, tail;    /* the names on its first and its last page that has any */
	struct kv_object_array shown; /* to be shown when it leads */
	struct kv_noted noted;	      /* some of its pages */
};

void kv_part_init(struct kv_part *part, struct kv_parts *parts, const struct kv_bookmark *mark);
/* Cancels its request. */
void kv_part_release(struct kv_part *part);
/* It reads no more: cancels its request. */
void kv_part_finish(struct kv_part *part);

/*
 * A page has come, after part->n_pages was counted. Whether no item of it is below the one before. The parts
 * behind this one end before end.
 */
bool kv_part_follow(struct kv_part *part, const struct kv_page *page, const struct kv_part *end);
/* Likewise for the name in the token of its link, if it has one: an item that comes next. */
bool kv_part_follow_link(struct kv_part *part, enum kv_type type);
/* Whether it has read to the end of the list. */
bool kv_part_is_at_end(const struct kv_part *part);
/* The next part that was not left out; NULL: there is none. The parts behind this one end before end. */
const struct kv_part *kv_part_next(const struct kv_part *part, const struct kv_part *end);
/* Whether the next part has read on from where this one is. */
bool kv_part_has_come_to_next(const struct kv_part *part, const struct kv_part *end);
/* Whether it has read to the end of the list, as far as it can tell alone. */
bool kv_part_claims_end(const struct kv_part *part, const struct kv_part *end);
/*
 * Of the parts from first on, one that claims the end although a later one begins above its last name: the vault left
 * names out. NULL: there is none.
 */
const struct kv_part *kv_part_find_cut(const struct kv_part *first, const struct kv_part *end);
/*
 * Whether the list goes round in circles: next_link, that of the page which has come, is an earlier one, or too
 * many pages in a row had nothing new. Call it once for each page. A circle is found before it was gone through
 * three times.
 */
bool kv_part_goes_round(struct kv_part *part, const char *next_link);
/* Whether the vault refuses the bookmark, not the list. */
bool kv_part_is_refused(const struct kv_part *part, const struct kv_reply *reply);
#endif
