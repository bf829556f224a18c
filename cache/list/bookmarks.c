#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/index/bookmark_rows.h"
#include "cache/list/bookmarks.h"
#include "client/base/buf.h"
#include "client/vault/skiptoken.h"

int
kv_bookmarks_add(struct kv_bookmarks *b, const char *token, size_t len)
{
	char key[KV_NAME_MAX + 1];
	struct kv_bookmark *mark;

	if (b->n == KV_BOOKMARKS || !kv_skiptoken_key(token, len, b->type, key) ||
	    (b->n > 0 && strcmp(key, b->marks[b->n - 1].key) <= 0))
		return -EINVAL;
	mark = &b->marks[b->n];
	mark->token = strndup(token, len);
	mark->key = strdup(key);
	if (mark->token == NULL || mark->key == NULL) {
		free(mark->token);
		free(mark->key);
		return -ENOMEM;
	}
	b->n++;
	return 0;
}

void
kv_bookmarks_clear(struct kv_bookmarks *b)
{
	while (b->n > 0) {
		b->n--;
		free(b->marks[b->n].token);
		free(b->marks[b->n].key);
	}
}

/* In the index they are a text, a token a line. */
#define TEXT_MAX ((size_t)KV_BOOKMARKS * (KV_SKIPTOKEN_MAX + 1))

void
kv_bookmarks_open(struct kv_bookmarks *b, enum kv_type type, struct kv_bookmark_rows *rows)
{
	struct kv_buf text;
	const char *at = "";
	int err = 0;

	*b = (struct kv_bookmarks){ .type = type, .rows = rows };
	kv_buf_init(&text, TEXT_MAX);
	if (kv_bookmark_rows_find(rows, type, &text))
		at = kv_buf_str(&text);
	while (err == 0 && *at != '\0') {
		const size_t len = strcspn(at, "\n");

		err = kv_bookmarks_add(b, at, len);
		at += len + (at[len] == '\n');
	}
	if (err != 0)
		kv_bookmarks_clear(b);
	kv_buf_release(&text);
}

void
kv_bookmarks_save(const struct kv_bookmarks *b)
{
	struct kv_buf text;
	int err = 0;

	kv_buf_init(&text, TEXT_MAX);
	for (int i = 0; err == 0 && i < b->n; i++)
		err = kv_buf_printf(&text, "%s\n", b->marks[i].token);
	kv_bookmark_rows_keep(b->rows, b->type, err == 0 ? kv_buf_str(&text) : "");
	kv_buf_release(&text);
}

void
kv_bookmarks_give_up(struct kv_bookmarks *b)
{
	if (b->is_given_up)
		return;
	kv_bookmarks_clear(b);
	kv_bookmarks_save(b);
	b->is_given_up = true;
}

void
kv_bookmarks_check(const struct kv_bookmarks *b)
{
	assert(b->n >= 0 && b->n <= KV_BOOKMARKS);
	assert(b->n == 0 || !b->is_given_up);
	for (int i = 0; i < b->n; i++)
		assert(b->marks[i].token != NULL && b->marks[i].key != NULL);
	for (int i = 1; i < b->n; i++)
		assert(strcmp(b->marks[i - 1].key, b->marks[i].key) < 0);
}
