#ifndef KV_CACHE_LIST_HEAD_H
#define KV_CACHE_LIST_HEAD_H
/*
 * The names on a page, in upper case: those with which a part of a list begins or ends.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/vault/type.h"

struct kv_page;

/* Valid when zeroed: empty. */
struct kv_head {
	char (*keys)[KV_NAME_MAX + 1];
	size_t n;
};

/* Takes the names of page, instead of those that it has. Without memory it is empty. */
void kv_head_keep(struct kv_head *head, const struct kv_page *page);
bool kv_head_has(const struct kv_head *head, const char *key);
/* Whether the first name is above key. */
bool kv_head_is_above(const struct kv_head *head, const char *key);
/* Whether a name is in both. */
bool kv_head_share(const struct kv_head *a, const struct kv_head *b);
void kv_head_release(struct kv_head *head);
#endif
