#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/noted.h"

void
kv_noted_init(struct kv_noted *noted)
{
	*noted = (struct kv_noted){ .stride = 1 };
}

void
kv_noted_release(struct kv_noted *noted)
{
	while (noted->n > 0)
		free(noted->tokens[--noted->n]);
}

static void
thin_out(struct kv_noted *noted)
{
	int n = 0;

	noted->stride *= 2;
	for (int i = 0; i < noted->n; i++)
		if (noted->pages[i] % noted->stride == 0) {
			noted->tokens[n] = noted->tokens[i];
			noted->pages[n++] = noted->pages[i];
		} else {
			free(noted->tokens[i]);
		}
	noted->n = n;
}

void
kv_noted_add(struct kv_noted *noted, const char *token, size_t len, int page)
{
	if (noted->n == KV_NOTED)
		thin_out(noted);
	if (page % noted->stride != 0 || noted->n == KV_NOTED)
		return;
	noted->tokens[noted->n] = strndup(token, len);
	noted->pages[noted->n] = page;
	noted->n += noted->tokens[noted->n] != NULL;
}

/* One that is not above the last, as of two parts that met, is left out. */
int
kv_noted_mark(struct kv_noted_pages *pages, const char *token, int page, struct kv_bookmarks *b)
{
	int err;

	if (pages->base + page < pages->due)
		return 0;
	err = kv_bookmarks_add(b, token, strlen(token));
	while (err == 0 &&
	    pages->due <= pages->base + page) /* from the last due page, not from this later one */
		pages->due += pages->step;
	return err == -EINVAL ? 0 : err;
}
