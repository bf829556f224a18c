/*
 * The lists, page by page.
 *
 * A $skiptoken holds the key of the row at which the next page begins, so no list is kept between
 * two requests. The service cuts pages from all its rows and leaves out what is deleted
 * afterwards, so pages can be short or empty, the first ones too. Here a hash of the row's name
 * decides that; that a page was empty already is told by the token's time ending in an 8.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/answer.h"
#include "tests/vault/body.h"
#include "tests/vault/hsm_list.h"
#include "tests/vault/list.h"
#include "tests/vault/mem.h"
#include "tests/vault/paging.h"

#define MAX_PAGE 25

struct page {
	struct lv_call *call;
	const struct lv_object *object; /* of a list of versions */
	struct lv_text from;		/* where it begins, upper case */
	bool was_empty;			/* the page before was empty and began here, too */
	int limit, count;
	struct lv_text next; /* where the next one begins; "" for the last page */
	struct lv_text last; /* the last name in it */
	bool next_is_empty;
};

static uint32_t
hash(const char *s)
{
	uint32_t h = 2166136261U;

	for (; *s != '\0'; s++)
		h = (h ^ (uint32_t)toupper((unsigned char)*s)) * 16777619U;
	return h ^ h >> 15;
}

static void
add_upper(struct lv_text *out, const char *s)
{
	for (; *s != '\0'; s++)
		lv_text_add(out, &(char){ (char)toupper((unsigned char)*s) }, 1);
}

int
lv_list_limit(struct lv_call *c, int *limit)
{
	const char *text = lv_http_query(c->request, "maxresults");
	int64_t n = MAX_PAGE;

	if (text != NULL && (lv_options_number(text, &n) != 0 || n < 1 || n > MAX_PAGE)) {
		lv_body_bad(c, "The value of maxresults must be between 1 and %d.", MAX_PAGE);
		return -EINVAL;
	}
	*limit = (int)n < c->service->options->page ? (int)n : c->service->options->page;
	return 0;
}

/* The row's key: key/NAME, or key/NAME/VERSION (certificate/NAME/VERSIONS/VERSION). */
static void
write_row(const struct page *p, const char *at, struct lv_text *row)
{
	lv_text_puts(row, lv_route_singular(p->call->route.type));
	lv_text_puts(row, "/");
	if (p->object != NULL) {
		add_upper(row, p->object->name);
		lv_text_puts(row, p->object->type == LV_CERTIFICATES ? "/VERSIONS/" : "/");
	}
	add_upper(row, at);
}

static void
write_token(const struct page *p, const char *at, bool is_empty, struct lv_text *out)
{
	struct lv_text row = { 0 }, marker = { 0 }, inner = { 0 }, json = { 0 }, token = { 0 };
	char *equals;

	write_row(p, at, &row);
	lv_text_printf(&inner, "%06zu!%s!000028!9999-12-31T23:59:59.999999%cZ!", row.len, row.data,
	    is_empty ? '8' : '9');
	lv_encode_base64(&marker, inner.data, inner.len);
	while ((equals = strchr(marker.data, '=')) != NULL)
		*equals = '-';
	lv_text_printf(&json, "{\"NextMarker\":\"2!%zu!%s\",\"TargetLocation\":0}", marker.len, marker.data);
	lv_encode_base64url(&token, json.data, json.len);
	lv_paging_issued(p->call->service, lv_text_str(&token));
	lv_text_puts(out, lv_text_str(&token));
	lv_text_release(&token);
	lv_text_release(&row);
	lv_text_release(&marker);
	lv_text_release(&inner);
	lv_text_release(&json);
}

/* "000012!key/JAVAKEY2!000028!9999-...9Z!": behind the row's last slash. */
static int
read_marker(struct page *p, const char *marker)
{
	struct lv_text inner = { 0 };
	const char *data = strrchr(marker, '!'), *slash;
	char *copy = lv_mem_dup(data != NULL ? data + 1 : ""), *dash, *end;
	int err;

	while ((dash = strchr(copy, '-')) != NULL)
		*dash = '=';
	err = lv_encode_decode(&inner, copy, strlen(copy));
	end = err == 0 && inner.len > 7 ? strchr(inner.data + 7, '!') : NULL;
	if (end != NULL) {
		p->was_empty = strstr(end, "98Z!") != NULL;
		*end = '\0';
		slash = strrchr(inner.data, '/');
		if (slash != NULL)
			add_upper(&p->from, slash + 1);
		else
			err = -EINVAL;
	}
	lv_text_release(&inner);
	free(copy);
	return end != NULL ? err : -EINVAL;
}

static int
read_token(struct page *p)
{
	const char *text = lv_http_query(p->call->request, "$skiptoken"), *marker;
	struct lv_text json = { 0 };
	int err = -EINVAL;
	cJSON *token;

	if (text == NULL)
		return 0;
	if (!lv_paging_accepts(p->call, text))
		return -EINVAL;
	if (lv_encode_decode(&json, text, strlen(text)) == 0) {
		token = cJSON_Parse(lv_text_str(&json));
		marker = lv_body_string(token, "NextMarker");
		if (marker != NULL)
			err = read_marker(p, marker);
		cJSON_Delete(token);
	}
	lv_text_release(&json);
	if (err != 0)
		lv_body_bad(p->call, "The $skiptoken is invalid.");
	return err;
}

static void
write_next(const struct page *p, struct lv_text *out)
{
	const struct lv_call *c = p->call;
	const char *host = c->base, *colon = strrchr(host, ':');
	const char *max = lv_http_query(c->request, "maxresults");

	if (p->next.len == 0) {
		lv_text_puts(out, "null");
		return;
	}
	lv_text_puts(out, "\"");
	lv_text_puts(out, host);
	if (colon != NULL && colon[1] == '/')
		lv_text_puts(out, ":443");
	lv_text_printf(out, "%s?api-version=%s&$skiptoken=", c->request->path, c->api_version);
	write_token(p, p->next.data, p->next_is_empty, out);
	if (max != NULL)
		lv_text_printf(out, "&maxresults=%s", max);
	lv_text_puts(out, "\"");
}

/* Whether the page that begins with this name comes empty first. */
static bool
comes_empty(const struct page *p, const char *name)
{
	if (!p->call->service->options->has_empty_pages || p->was_empty || p->object != NULL)
		return false;
	return p->from.len == 0 || hash(name) % 11 == 0;
}

static int
add_object(void *arg, const struct lv_object *o, const struct lv_version *v)
{
	struct page *p = arg;
	struct lv_call *c = p->call;
	struct lv_version none = { .created = c->now, .updated = c->now };

	if (p->count == 0 && comes_empty(p, o->name))
		p->next_is_empty = true;
	else if (p->count == 0 && c->service->options->has_empty_pages && p->limit > 1 && p->from.len > 0 &&
	    hash(o->name) % 13 == 1)
		p->limit = (p->limit + 1) / 2;
	if (p->next_is_empty || p->count == p->limit) {
		add_upper(&p->next, o->name);
		return 1;
	}
	none.nbf = none.exp = LV_NEVER;
	lv_body_item(c, o, *o->current != '\0' ? v : &none, false, &c->answer->body);
	p->count++;
	lv_text_clear(&p->last);
	add_upper(&p->last, o->name);
	return 0;
}

/* Now and then the last page of a list with maxresults is an empty one. */
static bool
has_empty_end(const struct page *p)
{
	return p->next.len == 0 && p->last.len > 0 && p->call->service->options->has_empty_pages &&
	    lv_http_query(p->call->request, "maxresults") != NULL && hash(p->last.data) % 2 == 0;
}

static void
list(struct lv_call *c, bool is_deleted)
{
	const char *pending = lv_http_query(c->request, "includePending");
	struct lv_store_range range = { .vault = c->vault->name, .type = c->route.type };
	struct page p = { .call = c };
	struct lv_text *out = &c->answer->body;

	if (!is_deleted && c->service->options->paging != LV_BY_NAME) {
		lv_paging_list(c);
		return;
	}
	if (lv_list_limit(c, &p.limit) == 0 && read_token(&p) == 0) {
		range.is_deleted = is_deleted;
		range.with_pending = pending != NULL && strcmp(pending, "true") == 0;
		range.from = lv_text_str(&p.from);
		range.limit = p.limit + 1;
		range.lag_ms = c->service->options->list_lag_ms;
		lv_text_puts(out, "{\"value\":[");
		lv_store_walk(c->service->store, &range, add_object, &p);
		if (has_empty_end(&p))
			lv_text_printf(&p.next, "%s-", p.last.data); /* no name is between the two */
		lv_text_puts(out, "],\"nextLink\":");
		write_next(&p, out);
		lv_text_puts(out, "}");
		c->answer->status = 200;
	}
	lv_text_release(&p.from);
	lv_text_release(&p.next);
	lv_text_release(&p.last);
}

void
lv_list_objects(struct lv_call *c)
{
	(c->service->options->is_hsm ? lv_hsm_list : list)(c, false);
}

void
lv_list_deleted(struct lv_call *c)
{
	(c->service->options->is_hsm ? lv_hsm_list : list)(c, true);
}

static int
add_version(void *arg, const struct lv_version *v)
{
	struct page *p = arg;

	if (p->count == p->limit) {
		lv_text_puts(&p->next, v->id);
		return 1;
	}
	lv_body_item(p->call, p->object, v, true, &p->call->answer->body);
	p->count++;
	return 0;
}

/* The versions' ids are lower case in the store and upper case in the token. */
static void
lower(struct lv_text *t)
{
	size_t i;

	for (i = 0; i < t->len; i++)
		t->data[i] = (char)tolower((unsigned char)t->data[i]);
}

static void
list_versions(struct lv_call *c, const struct lv_object *o)
{
	struct page p = { .call = c, .object = o };
	struct lv_text *out = &c->answer->body;

	if (lv_list_limit(c, &p.limit) == 0 && read_token(&p) == 0) {
		lower(&p.from);
		lv_text_puts(out, "{\"value\":[");
		lv_store_walk_versions(
		    c->service->store, o->id, lv_text_str(&p.from), p.limit + 1, add_version, &p);
		lv_text_puts(out, "],\"nextLink\":");
		write_next(&p, out);
		lv_text_puts(out, "}");
		c->answer->status = 200;
	}
	lv_text_release(&p.from);
	lv_text_release(&p.next);
}

void
lv_list_versions(struct lv_call *c)
{
	struct lv_object o;

	if (lv_store_find(c->service->store, c->vault->name, c->route.type, c->route.name, &o) != 0 ||
	    o.state != LV_ACTIVE) {
		lv_store_release_object(&o);
		lv_answer_not_found(c);
		return;
	}
	(c->service->options->is_hsm ? lv_hsm_list_versions : list_versions)(c, &o);
	lv_store_release_object(&o);
}
