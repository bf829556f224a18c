#include <stdlib.h>
#include <string.h>

#include "cache/list/head.h"
#include "cache/object.h"
#include "client/vault/page.h"

void
kv_head_keep(struct kv_head *head, const struct kv_page *page)
{
	kv_head_release(head);
	head->keys = page->n > 0 ? calloc(page->n, sizeof(*head->keys)) : NULL;
	head->n = head->keys != NULL ? page->n : 0;
	for (size_t i = 0; i < head->n; i++)
		kv_object_key(page->items[i].name, head->keys[i]);
}

bool
kv_head_has(const struct kv_head *head, const char *key)
{
	for (size_t i = 0; i < head->n; i++)
		if (strcmp(head->keys[i], key) == 0)
			return true;
	return false;
}

bool
kv_head_is_above(const struct kv_head *head, const char *key)
{
	return head->n > 0 && strcmp(head->keys[0], key) > 0;
}

bool
kv_head_share(const struct kv_head *a, const struct kv_head *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (kv_head_has(b, a->keys[i]))
			return true;
	return false;
}

void
kv_head_release(struct kv_head *head)
{
	free(head->keys);
	*head = (struct kv_head){ .keys = NULL };
}
