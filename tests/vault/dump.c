/* A vault's whole content as JSON. */
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/dump.h"
#include "tests/vault/encode.h"
#include "tests/vault/mem.h"

/* The objects of a page, because a walk within a walk is not possible. */
struct found {
	struct lv_object *objects;
	size_t count, size;
};

static void
write_member(struct lv_text *out, const char *name, const char *value, bool is_json)
{
	lv_text_comma(out);
	lv_text_printf(out, "\"%s\":", name);
	if (value != NULL && is_json)
		lv_text_puts(out, value);
	else
		lv_text_string(out, value);
}

static void
write_time(struct lv_text *out, const char *name, int64_t at)
{
	lv_text_printf(out, ",\"%s\":", name);
	if (at == LV_NEVER)
		lv_text_puts(out, "null");
	else
		lv_text_number(out, at);
}

static int
write_version(void *arg, const struct lv_version *v)
{
	struct lv_text *out = arg;
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned len = 0;

	lv_text_comma(out);
	lv_text_printf(out, "{\"id\":\"%s\",\"enabled\":%s", v->id, v->is_enabled ? "true" : "false");
	write_time(out, "created", v->created);
	write_time(out, "updated", v->updated);
	write_time(out, "nbf", v->nbf);
	write_time(out, "exp", v->exp);
	write_member(out, "tags", v->tags, true);
	write_member(out, "kind", v->kind, false);
	write_member(out, "detail", v->detail, true);
	write_member(out, "public", v->public, false);
	if (v->secret != NULL) {
		EVP_Digest(v->secret, strlen(v->secret), digest, &len, EVP_sha256(), NULL);
		lv_encode_hex(hex, digest, len);
	}
	write_member(out, "secret_sha256", v->secret != NULL ? hex : NULL, false);
	lv_text_puts(out, "}");
	return 0;
}

static int
collect(void *arg, const struct lv_object *o, const struct lv_version *v)
{
	struct found *f = arg;

	(void)v;
	if (f->count == f->size) {
		f->size = f->size == 0 ? 256 : 2 * f->size;
		f->objects = lv_mem_grow(f->objects, f->size * sizeof(*f->objects));
	}
	f->objects[f->count] = *o;
	f->objects[f->count].policy = lv_mem_dup(o->policy);
	f->objects[f->count++].pending = NULL;
	return 0;
}

static void
write_object(struct lv_store *s, const struct lv_object *o, struct lv_text *out)
{
	lv_text_comma(out);
	lv_text_puts(out, "{");
	write_member(out, "type", lv_route_type_name(o->type), false);
	write_member(out, "name", o->name, false);
	write_member(out, "state", o->state == LV_ACTIVE ? "active" : "deleted", false);
	write_member(out, "managed", o->is_managed ? "true" : "false", true);
	write_member(out, "current", o->current, false);
	write_member(out, "policy", o->policy, true);
	lv_text_puts(out, ",\"versions\":[");
	lv_store_walk_versions(s, o->id, "", INT_MAX, write_version, out);
	lv_text_puts(out, "]}");
}

void
lv_dump_vault(struct lv_store *s, const char *vault, struct lv_text *out)
{
	struct lv_store_range range = { .vault = vault, .with_pending = true, .from = "" };
	struct found f = { 0 };
	unsigned type, deleted;
	size_t i;

	range.limit = INT_MAX;
	for (type = 0; type < LV_TYPES; type++)
		for (deleted = 0; deleted < 2; deleted++) {
			range.type = (enum lv_type)type;
			range.is_deleted = deleted != 0;
			lv_store_walk(s, &range, collect, &f);
		}
	lv_text_puts(out, "[");
	for (i = 0; i < f.count; i++) {
		write_object(s, &f.objects[i], out);
		lv_store_release_object(&f.objects[i]);
	}
	lv_text_puts(out, "]");
	free(f.objects);
}
