#ifndef KV_CACHE_LIST_HEAD_H
#define KV_CACHE_LIST_HEAD_H
/*
 * The names with which a part of a list begins: those on its first page that has any, in upper case.
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

/* If head is empty, takes the names of page. Without memory it stays empty. */
void kv_head_keep(struct kv_head *head, const struct kv_page *page);
bool kv_head_has(const struct kv_head *head, const char *key);
/* Whether the first name is above key. */
bool kv_head_is_above(const struct kv_head *head, const char *key);
void kv_head_release(struct kv_head *head);
#endif
