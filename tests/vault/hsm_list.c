/*
 * The lists of a Managed HSM.
 *
 * A $skiptoken is the continuation of a document store, "+RID:~ID==#RT:PAGE#TRC:ITEMS#ISV:2...":
 * 16 bytes that identify the last item, the page, and the items so far. Here the 16 bytes are a
 * version's identifier, or the number of an object's row.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/body.h"
#include "tests/vault/hsm_list.h"
#include "tests/vault/list.h"

#define ID 16

struct page {
	struct lv_call *call;
	const struct lv_object *object; /* of a list of versions */
	unsigned char from[ID];		/* the last item of the page before; zeros for the first page */
	int number, before;		/* pages and items before this one */
	int limit, count;
	unsigned char last[ID];
	bool has_next;
};

static int
number_behind(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at != NULL ? (int)strtol(at + strlen(word), NULL, 10) : 0;
}

static int
read_token(struct page *p)
{
	const char *text = lv_http_query(p->call->request, "$skiptoken"), *rest;
	struct lv_text token = { 0 }, id = { 0 };
	int err = 0;

	if (text == NULL)
		return 0;
	if (lv_encode_decode(&token, text, strlen(text)) != 0 || strncmp(token.data, "+RID:~", 6) != 0 ||
	    (rest = strchr(token.data, '#')) == NULL ||
	    lv_encode_decode(&id, token.data + 6, (size_t)(rest - token.data) - 6) != 0 || id.len != ID)
		err = -EINVAL;
	if (err == 0) {
		memcpy(p->from, id.data, ID);
		p->number = number_behind(rest, "#RT:");
		p->before = number_behind(rest, "#TRC:");
	}
	lv_text_release(&token);
	lv_text_release(&id);
	if (err != 0)
		lv_body_bad(p->call, "The continuation token is invalid.");
	return err;
}

static void
write_next(const struct page *p, struct lv_text *out)
{
	const char *max = lv_http_query(p->call->request, "maxresults");
	struct lv_text token = { 0 };

	if (!p->has_next)
		return;
	lv_text_puts(&token, "+RID:~");
	lv_encode_base64(&token, p->last, ID);
	lv_text_printf(&token, "#RT:%d#TRC:%d#ISV:2#IEO:65567#QCF:8", p->number + 1, p->before + p->count);
	lv_text_printf(out, ",\"nextLink\":\"%s%s?", p->call->base, p->call->request->path);
	if (max != NULL)
		lv_text_printf(out, "maxresults=%s&", max);
	lv_text_puts(out, "$skiptoken=");
	lv_encode_base64url(out, token.data, token.len);
	lv_text_puts(out, "\"");
	lv_text_release(&token);
}

/* ---- rows as 16 bytes ---- */

static void
put_row(unsigned char to[ID], int64_t row)
{
	int i;

	for (i = 0; i < ID; i++)
		to[ID - 1 - i] = i < 8 ? (unsigned char)((uint64_t)row >> 8 * i) : 0;
}

static int64_t
get_row(const unsigned char from[ID])
{
	uint64_t row = 0;
	int i;

	for (i = 8; i < ID; i++)
		row = row << 8 | from[i];
	return (int64_t)row;
}

static void
put_version(unsigned char to[ID], const char *id)
{
	char byte[3] = "";
	size_t i;

	for (i = 0; i < ID; i++) {
		memcpy(byte, id + 2 * i, 2);
		to[i] = (unsigned char)strtoul(byte, NULL, 16);
	}
}

/* ---- lists ---- */

static int
add_object(void *arg, const struct lv_object *o, const struct lv_version *v)
{
	struct page *p = arg;

	if (p->count == p->limit) {
		p->has_next = true;
		return 1;
	}
	lv_body_item(p->call, o, v, false, &p->call->answer->body);
	put_row(p->last, o->id);
	p->count++;
	return 0;
}

static int
add_version(void *arg, const struct lv_version *v)
{
	struct page *p = arg;

	if (p->count == p->limit) {
		p->has_next = true;
		return 1;
	}
	lv_body_item(p->call, p->object, v, true, &p->call->answer->body);
	put_version(p->last, v->id);
	p->count++;
	return 0;
}

static void
walk(struct page *p, bool is_deleted)
{
	struct lv_store *store = p->call->service->store;
	struct lv_store_range range = { .vault = p->call->vault->name, .type = LV_KEYS };
	static const unsigned char none[ID];
	char id[LV_VERSION_SIZE] = "";

	if (p->object != NULL) {
		if (memcmp(p->from, none, ID) != 0)
			lv_encode_hex(id, p->from, ID);
		lv_store_walk_made(store, p->object->id, id, p->limit + 1, add_version, p);
		return;
	}
	range.is_deleted = is_deleted;
	range.behind = get_row(p->from);
	range.limit = p->limit + 1;
	range.lag_ms = p->call->service->options->list_lag_ms;
	lv_store_walk_added(store, &range, add_object, p);
}

static void
list(struct lv_call *c, const struct lv_object *o, bool is_deleted)
{
	struct page p = { .call = c, .object = o };
	struct lv_text *out = &c->answer->body;

	if (lv_list_limit(c, &p.limit) != 0 || read_token(&p) != 0)
		return;
	lv_text_puts(out, "{\"value\":[");
	walk(&p, is_deleted);
	lv_text_puts(out, "]");
	write_next(&p, out);
	lv_text_puts(out, "}");
	c->answer->status = 200;
}

void
lv_hsm_list(struct lv_call *c, bool is_deleted)
{
	list(c, NULL, is_deleted);
}

void
lv_hsm_list_versions(struct lv_call *c, const struct lv_object *o)
{
	list(c, o, false);
}
