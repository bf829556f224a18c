/*
 * A $skiptoken here is "A-B" in base64url: an offset, an object's row, or a snapshot and an offset in it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/answer.h"
#include "tests/vault/body.h"
#include "tests/vault/encode.h"
#include "tests/vault/list.h"
#include "tests/vault/mem.h"
#include "tests/vault/paging.h"

#define SNAPSHOTS 16

struct snapshot {
	char **items; /* JSON */
	int n;
};

struct lv_pages {
	struct snapshot snapshots[SNAPSHOTS];
	int n_snapshots;
	int refuse_links; /* what the option was when issued was emptied */
	struct lv_text issued;
};

struct page {
	struct lv_call *call;
	int limit, count;
	long a, b; /* where it begins */
	long skip; /* objects before it */
	long next_a, next_b;
	bool has_next;
	struct snapshot *all; /* gathered; NULL: written to the answer */
};

static const char *const words[] = { "name", "offset", "insertion", "snapshot" };

int
lv_paging_parse(const char *text, enum lv_paging *paging)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0) {
			*paging = (enum lv_paging)i;
			return 0;
		}
	return -EINVAL;
}

static struct lv_pages *
pages_of(struct lv_service *s)
{
	if (s->pages == NULL)
		s->pages = lv_mem_alloc(sizeof(struct lv_pages));
	if (s->pages->refuse_links != s->options->refuse_links)
		lv_text_clear(&s->pages->issued);
	s->pages->refuse_links = s->options->refuse_links;
	return s->pages;
}

/* ---- tokens ---- */

static int
read_token(struct page *p)
{
	const char *text = lv_http_query(p->call->request, "$skiptoken"), *dash;
	struct lv_text token = { 0 };
	int err = 0;

	if (text == NULL)
		return 0;
	if (lv_encode_decode(&token, text, strlen(text)) != 0 ||
	    (dash = strchr(lv_text_str(&token), '-')) == NULL)
		err = -EINVAL;
	if (err == 0) {
		p->a = strtol(lv_text_str(&token), NULL, 10);
		p->b = strtol(dash + 1, NULL, 10);
	}
	lv_text_release(&token);
	if (err != 0)
		lv_body_bad(p->call, "The $skiptoken is invalid.");
	return err;
}

static void
write_next(const struct page *p, struct lv_text *out)
{
	struct lv_text token = { 0 };

	if (!p->has_next) {
		lv_text_puts(out, "null");
		return;
	}
	lv_text_printf(&token, "%ld-%ld", p->next_a, p->next_b);
	lv_text_printf(out, "\"%s%s?api-version=%s&$skiptoken=", p->call->base, p->call->request->path,
	    p->call->api_version);
	lv_encode_base64url(out, token.data, token.len);
	lv_text_puts(out, "\"");
	lv_text_release(&token);
}

/* ---- rows ---- */

static int
add_object(void *arg, const struct lv_object *o, const struct lv_version *v)
{
	struct page *p = arg;
	struct lv_text item = { 0 };

	if (*o->current == '\0' || p->skip-- > 0)
		return 0;
	if (p->all != NULL) {
		lv_body_item(p->call, o, v, false, &item);
		p->all->items = lv_mem_grow(p->all->items, (size_t)(p->all->n + 1) * sizeof(char *));
		p->all->items[p->all->n++] = lv_text_take(&item);
		return 0;
	}
	if (p->count == p->limit) {
		p->has_next = true;
		return 1;
	}
	lv_body_item(p->call, o, v, false, &p->call->answer->body);
	p->count++;
	p->next_b = (long)o->id;
	return 0;
}

static void
walk_by_offset(struct page *p, struct lv_store_range *range)
{
	p->skip = p->a;
	range->limit = (int)p->a + p->limit + 1;
	lv_store_walk(p->call->service->store, range, add_object, p);
	p->next_a = p->a + p->count;
	p->next_b = 0;
}

static void
walk_by_insertion(struct page *p, struct lv_store_range *range)
{
	range->behind = p->b;
	range->limit = p->limit + 1;
	lv_store_walk_added(p->call->service->store, range, add_object, p);
}

static void
forget(struct snapshot *s)
{
	for (int i = 0; i < s->n; i++)
		free(s->items[i]);
	free(s->items);
	*s = (struct snapshot){ 0 };
}

static void
walk_snapshot(struct page *p, struct lv_store_range *range)
{
	struct lv_pages *pages = pages_of(p->call->service);
	struct lv_text *out = &p->call->answer->body;
	struct snapshot *s;

	if (p->a == 0) { /* a new one */
		p->a = ++pages->n_snapshots;
		p->all = &pages->snapshots[p->a % SNAPSHOTS];
		forget(p->all);
		lv_store_walk(p->call->service->store, range, add_object, p);
	}
	s = &pages->snapshots[p->a % SNAPSHOTS];
	for (; p->count < p->limit && p->b < s->n; p->b++, p->count++) {
		lv_text_comma(out);
		lv_text_puts(out, s->items[p->b]);
	}
	p->has_next = p->b < s->n;
	p->next_a = p->a;
	p->next_b = p->b;
}

void
lv_paging_list(struct lv_call *c)
{
	struct page p = { .call = c };
	struct lv_store_range range = { .vault = c->vault->name, .type = c->route.type, .from = "" };
	struct lv_text *out = &c->answer->body;

	if (lv_list_limit(c, &p.limit) != 0 || read_token(&p) != 0)
		return;
	range.limit = 1 << 30;
	lv_text_puts(out, "{\"value\":[");
	switch (c->service->options->paging) {
	case LV_BY_OFFSET:
		walk_by_offset(&p, &range);
		break;
	case LV_BY_INSERTION:
		walk_by_insertion(&p, &range);
		break;
	case LV_BY_SNAPSHOT:
		walk_snapshot(&p, &range);
		break;
	case LV_BY_NAME:
		break;
	}
	lv_text_puts(out, "],\"nextLink\":");
	write_next(&p, out);
	lv_text_puts(out, "}");
	c->answer->status = 200;
}

/* ---- old links ---- */

bool
lv_paging_accepts(struct lv_call *c, const char *token)
{
	struct lv_pages *pages = pages_of(c->service);

	if (pages->refuse_links == 0 || token == NULL || strstr(lv_text_str(&pages->issued), token) != NULL)
		return true;
	lv_body_bad(c, "The $skiptoken has expired.");
	c->answer->status = pages->refuse_links;
	return false;
}

void
lv_paging_issued(struct lv_service *s, const char *token)
{
	struct lv_pages *pages = pages_of(s);

	if (pages->refuse_links != 0)
		lv_text_printf(&pages->issued, "%s\n", token);
}

void
lv_paging_release(struct lv_service *s)
{
	if (s->pages == NULL)
		return;
	for (int i = 0; i < SNAPSHOTS; i++)
		forget(&s->pages->snapshots[i]);
	lv_text_release(&s->pages->issued);
	free(s->pages);
	s->pages = NULL;
}
