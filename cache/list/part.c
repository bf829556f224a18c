#include <stdlib.h>
#include <string.h>

#include "cache/list/bookmarks.h"
#include "cache/list/part.h"
#include "cache/object.h"
#include "cache/pace/throttle.h"
#include "client/vault/skiptoken.h"

#define MAX_EMPTY 10000 /* pages in a row without a new object: the server goes round in circles */

void
kv_part_init(struct kv_part *part, struct kv_parts *parts, const struct kv_bookmark *mark)
{
	*part = (struct kv_part){ .parts = parts, .mark = mark };
	kv_noted_init(&part->noted);
	if (mark != NULL) /* its first page has no name below */
		memcpy(part->last, mark->key, strlen(mark->key) + 1);
}

void
kv_part_release(struct kv_part *part)
{
	kv_throttle_cancel(part->ticket);
	free(part->link);
	free(part->seen);
	kv_head_release(&part->head);
	kv_head_release(&part->tail);
	kv_object_array_release(&part->shown);
	kv_noted_release(&part->noted);
}

void
kv_part_finish(struct kv_part *part)
{
	kv_throttle_cancel(part->ticket);
	part->ticket = NULL;
	part->is_over = true;
}

/* Whether a part behind this one has begun with the item called key: it has read on from there. */
static bool
is_met(const struct kv_part *part, const char *key, const struct kv_part *end)
{
	for (const struct kv_part *other = part + 1; other < end; other++) {
		if (kv_head_is_above(&other->head, key))
			return false;
		if (kv_head_has(&other->head, key))
			return true;
	}
	return false;
}

bool
kv_part_follow(struct kv_part *part, const struct kv_page *page, const struct kv_part *end)
{
	char key[KV_NAME_MAX + 1];
	bool is_ordered = true;

	if (part->mark != NULL && part->head.n == 0)
		kv_head_keep(&part->head, page);
	if (part + 1 < end && page->n > 0)
		kv_head_keep(&part->tail, page);
	for (size_t i = 0; i < page->n; i++) {
		kv_object_key(page->items[i].name, key);
		if (strcmp(key, part->last) < 0)
			is_ordered = false;
		memcpy(part->last, key, strlen(key) + 1);
		part->has_met = part->has_met || is_met(part, key, end);
	}
	return is_ordered;
}

bool
kv_part_follow_link(struct kv_part *part, enum kv_type type)
{
	char key[KV_NAME_MAX + 1];
	size_t len;
	const char *token = part->link != NULL ? kv_skiptoken_find(part->link, &len) : NULL;

	part->has_token = token != NULL && kv_skiptoken_key(token, len, type, key);
	if (!part->has_token)
		return true;
	kv_noted_add(&part->noted, token, len, part->n_pages);
	if (strcmp(key, part->last) < 0)
		return false;
	memcpy(part->last, key, strlen(key) + 1);
	return true;
}

bool
kv_part_is_at_end(const struct kv_part *part)
{
	return part->n_pages > 0 && part->link == NULL;
}

/* Whether part's next page is where next begins. */
static bool
leads_to(const struct kv_part *part, const struct kv_part *next)
{
	return part->link != NULL && kv_skiptoken_is(part->link, next->mark->token);
}

const struct kv_part *
kv_part_next(const struct kv_part *part, const struct kv_part *end)
{
	for (const struct kv_part *next = part + 1; next < end; next++)
		if (!next->is_over || next->n_pages > 0)
			return next;
	return NULL;
}

bool
kv_part_has_come_to_next(const struct kv_part *part, const struct kv_part *end)
{
	const struct kv_part *next = kv_part_next(part, end);

	return part->has_met ||
	    (next != NULL && next->n_pages > 0 &&
		(leads_to(part, next) || kv_head_share(&part->tail, &next->head)));
}

bool
kv_part_claims_end(const struct kv_part *part, const struct kv_part *end)
{
	return kv_part_is_at_end(part) && !kv_part_has_come_to_next(part, end);
}

const struct kv_part *
kv_part_find_cut(const struct kv_part *first, const struct kv_part *end)
{
	for (const struct kv_part *part = first; part < end; part++) {
		if (!kv_part_claims_end(part, end))
			continue;
		for (const struct kv_part *later = part + 1; later < end; later++)
			if (kv_head_is_above(&later->head, part->last))
				return part;
	}
	return NULL;
}

/* Keeps a link each time their number has doubled: then one that comes again is found without keeping all. */
static void
keep_link(struct kv_part *part, const char *link)
{
	if (++part->n_links < part->n_keep)
		return;
	part->n_keep = 2 * part->n_links;
	free(part->seen);
	part->seen = strdup(link); /* NULL: a circle is found later */
}

bool
kv_part_goes_round(struct kv_part *part, const char *next_link)
{
	if (next_link == NULL)
		return false;
	if (part->n_empty >= MAX_EMPTY || (part->link != NULL && strcmp(part->link, next_link) == 0) ||
	    (part->seen != NULL && strcmp(part->seen, next_link) == 0))
		return true;
	keep_link(part, next_link);
	return false;
}

bool
kv_part_is_refused(const struct kv_part *part, const struct kv_reply *reply)
{
	return part->mark != NULL && part->n_pages == 0 &&
	    (reply->status == 400 || reply->status == 404 || reply->status == 410);
}
