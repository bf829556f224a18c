/*
 * Backup and restore. The plaintext of a blob is a JSON object:
 *
 *	{"geo","subscription","type","objects":[{"type","name","managed","policy",
 *	"versions":[{"id","enabled","created","updated","nbf","exp","tags","kind","detail",
 *	"public","secret"}]}],"padding"}
 *
 * with the versions in the order in which they were made, and the key and the secret behind a
 * certificate. The padding gives blobs the sizes of the service's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/vault/answer.h"
#include "tests/vault/backup.h"
#include "tests/vault/body.h"
#include "tests/vault/mem.h"
#include "tests/vault/refusal.h"

/* What the service's plaintexts have more than ours, for an object and for each version. */
static const struct padding {
	size_t object, version;
} paddings[LV_TYPES] = { { 1150, 900 }, { 620, 450 }, { 12000, 9000 } };

#define HSM_PADDING 8500 /* a Managed HSM's are twice as large */

/* A few hundred bytes more or less by name and version: no two objects are of one size. */
static size_t
variation(const struct lv_object *o)
{
	uint32_t hash = 2166136261U;
	const char *s;

	for (s = o->name; *s != '\0'; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619U;
	for (s = o->current; *s != '\0'; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619U;
	return (hash ^ hash >> 16) % 500;
}

static void
write_text(struct lv_text *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	lv_text_printf(out, ",\"%s\":", name);
	lv_text_string(out, value);
}

static int
write_version(void *arg, const struct lv_version *v)
{
	struct lv_text *out = arg;

	lv_text_comma(out);
	lv_text_printf(out, "{\"id\":\"%s\",\"enabled\":%s", v->id, v->is_enabled ? "true" : "false");
	lv_text_printf(out, ",\"created\":%lld,\"updated\":%lld,\"nbf\":%lld,\"exp\":%lld",
	    (long long)v->created, (long long)v->updated, (long long)v->nbf, (long long)v->exp);
	write_text(out, "tags", v->tags);
	write_text(out, "kind", v->kind);
	write_text(out, "detail", v->detail);
	write_text(out, "public", v->public);
	write_text(out, "secret", v->secret);
	lv_text_puts(out, "}");
	return 0;
}

static void
write_object(struct lv_call *c, const struct lv_object *o, struct lv_text *out)
{
	lv_text_comma(out);
	lv_text_printf(out, "{\"type\":\"%s\",\"name\":\"%s\",\"managed\":%s", lv_route_type_name(o->type),
	    o->name, o->is_managed ? "true" : "false");
	write_text(out, "current", o->current);
	write_text(out, "policy", o->policy);
	lv_text_puts(out, ",\"versions\":[");
	lv_store_walk_made(c->service->store, o->id, "", -1, write_version, out);
	lv_text_puts(out, "]}");
}

static void
write_plain(struct lv_call *c, const struct lv_object *o, int versions, struct lv_text *out)
{
	size_t pad = paddings[o->type].object + (size_t)versions * paddings[o->type].version + variation(o);
	enum lv_type type;
	struct lv_object pair;

	if (c->service->options->is_hsm)
		pad += HSM_PADDING;
	lv_text_printf(out, "{\"geo\":\"%s\",\"subscription\":\"%s\",\"type\":\"%s\",\"objects\":[",
	    c->vault->geo, c->vault->subscription, lv_route_type_name(o->type));
	write_object(c, o, out);
	for (type = LV_KEYS; type <= LV_SECRETS && o->type == LV_CERTIFICATES; type++) {
		if (lv_store_find(c->service->store, c->vault->name, type, o->name, &pair) == 0)
			write_object(c, &pair, out);
		lv_store_release_object(&pair);
	}
	lv_text_puts(out, "],\"padding\":\"");
	memset(lv_text_room(out, pad), 'x', pad);
	lv_text_puts(out, "\"}");
}

static void
seal(struct lv_call *c, const struct lv_object *o, int versions)
{
	struct lv_text plain = { 0 }, blob = { 0 }, group = { 0 }, *out = &c->answer->body;

	write_plain(c, o, versions, &plain);
	lv_text_printf(&group, "%s/%s", c->vault->geo, c->vault->subscription);
	if (lv_blob_seal(c->service->blob, o->type, group.data, &plain, &blob) == 0) {
		lv_text_puts(out, "{\"value\":\"");
		lv_encode_base64url(out, blob.data, blob.len);
		lv_text_puts(out, "\"}");
		c->answer->status = 200;
	} else {
		lv_answer_error(c->answer, 500, "InternalServerError", NULL, "Cannot encrypt.");
	}
	lv_text_release(&plain);
	lv_text_release(&blob);
	lv_text_release(&group);
}

void
lv_backup_make(struct lv_call *c)
{
	const struct lv_options *options = c->service->options;
	struct lv_object o;
	int versions;

	if (lv_store_find(c->service->store, c->vault->name, c->route.type, c->route.name, &o) != 0 ||
	    o.state != LV_ACTIVE || *o.current == '\0') {
		lv_store_release_object(&o);
		lv_answer_not_found(c);
		return;
	}
	versions = lv_store_count(c->service->store, o.id);
	if (o.is_managed)
		lv_answer_managed(c);
	else if (versions <= options->max_versions)
		seal(c, &o, versions);
	else if (options->stalls_on_too_many)
		c->answer->ending = LV_STALL;
	else
		lv_answer_error(c->answer, 400, "BadRequest", NULL,
		    "The %s has more than %d versions and cannot be backed up.", lv_route_singular(o.type),
		    options->max_versions);
	lv_store_release_object(&o);
}

static int64_t
number(const cJSON *json, const char *name)
{
	const cJSON *n = lv_body_get(json, name);

	return cJSON_IsNumber(n) ? (int64_t)n->valuedouble : LV_NEVER;
}

static char *
text(const cJSON *json, const char *name)
{
	return lv_mem_dup(lv_body_string(json, name));
}

static int
restore_version(struct lv_store *store, int64_t object, const cJSON *json)
{
	struct lv_version v = { .is_enabled = cJSON_IsTrue(lv_body_get(json, "enabled")) };
	const char *id = lv_body_string(json, "id");
	int err;

	snprintf(v.id, sizeof(v.id), "%s", id != NULL ? id : "");
	v.created = number(json, "created");
	v.updated = number(json, "updated");
	v.nbf = number(json, "nbf");
	v.exp = number(json, "exp");
	v.tags = text(json, "tags");
	v.kind = text(json, "kind");
	v.detail = text(json, "detail");
	v.public = text(json, "public");
	v.secret = text(json, "secret");
	err = lv_store_put(store, object, &v);
	lv_store_release_version(&v);
	return err;
}

/* 0, or -EEXIST if the name is in use in whatever state. */
static int
restore_object(struct lv_call *c, const cJSON *json)
{
	struct lv_store *store = c->service->store;
	const char *type = lv_body_string(json, "type"), *name = lv_body_string(json, "name");
	const char *current = lv_body_string(json, "current");
	struct lv_object o = { 0 };
	const cJSON *version;
	int err;

	if (type == NULL || name == NULL || current == NULL)
		return -EINVAL;
	o.type = lv_route_type(type);
	o.is_managed = cJSON_IsTrue(lv_body_get(json, "managed"));
	o.policy = text(json, "policy");
	snprintf(o.name, sizeof(o.name), "%s", name);
	snprintf(o.current, sizeof(o.current), "%s", current);
	err = lv_store_add(store, c->vault->name, &o);
	cJSON_ArrayForEach(version, lv_body_get(json, "versions")) {
		if (err == 0)
			err = restore_version(store, o.id, version);
	}
	lv_store_release_object(&o);
	return err;
}

static void
answer_conflict(struct lv_call *c, const char *name, const char *version)
{
	const char *type = lv_route_type_name(c->route.type);
	const char *what = lv_route_singular(c->route.type);

	lv_answer_error(c->answer, 409, "Conflict", NULL,
	    "There was a conflict restoring the %s '%s/%s/%s/%s'. This can happen if either: a second %s with "
	    "the same name was created after the first %s was deleted; thus trying to restore a %s whose name is "
	    "already in use. To fix this, rename the second %s to something else so that the restore works. The "
	    "second probable cause of this exception is when multiple operations are performed in parallel "
	    "against the %s. To avoid this error, perform operations against a %s in a sequential manner.",
	    what, c->base, type, name, version, what, what, what, what, what, what);
}

static void
answer_restored(struct lv_call *c, const char *name)
{
	struct lv_store *store = c->service->store;
	struct lv_object o;
	struct lv_version v = { 0 };

	if (lv_store_find(store, c->vault->name, c->route.type, name, &o) == 0 &&
	    lv_store_get(store, &o, "", &v) == 0) {
		lv_body_bundle(c, &o, &v, false, &c->answer->body);
		c->answer->status = 200;
	}
	lv_store_release_version(&v);
	lv_store_release_object(&o);
}

/* A Managed HSM says of rubbish, too, that it is of another domain. */
static const char *
foreign_blob(const struct lv_call *c)
{
	return c->service->options->is_hsm ? "hsm-foreign-blob" : "foreign-blob";
}

static const char *
bad_blob(const struct lv_call *c)
{
	return c->service->options->is_hsm ? "hsm-foreign-blob" : "bad-blob";
}

static const char *
no_blob(const struct lv_call *c)
{
	return c->service->options->is_hsm ? "hsm-foreign-blob" : "no-blob";
}

static void
restore_all(struct lv_call *c, const cJSON *objects)
{
	struct lv_store *store = c->service->store;
	const cJSON *object, *first = cJSON_GetArrayItem(objects, 0);
	const char *name = lv_body_string(first, "name"), *at = lv_body_string(first, "current");
	int err = name == NULL ? -EINVAL : 0;

	lv_store_begin(store);
	cJSON_ArrayForEach(object, objects) {
		if (err == 0)
			err = restore_object(c, object);
	}
	if (err == 0) {
		lv_store_commit(store);
		answer_restored(c, name);
		return;
	}
	lv_store_undo(store);
	if (err == -EEXIST)
		answer_conflict(c, name, at != NULL ? at : "");
	else
		lv_refuse(c, bad_blob(c), LV_RESTORE);
}

static bool
is_same(const cJSON *json, const char *name, const char *value)
{
	const char *given = lv_body_string(json, name);

	return given != NULL && strcasecmp(given, value) == 0;
}

/* What the plaintext says: where it may be restored, and as what. */
static void
restore_plain(struct lv_call *c, const char *plain)
{
	cJSON *json = cJSON_Parse(plain);

	if (!is_same(json, "geo", c->vault->geo) || !is_same(json, "subscription", c->vault->subscription))
		lv_refuse(c, foreign_blob(c), LV_RESTORE);
	else if (!is_same(json, "type", lv_route_type_name(c->route.type)))
		lv_refuse(c, bad_blob(c), LV_RESTORE);
	else
		restore_all(c, lv_body_get(json, "objects"));
	cJSON_Delete(json);
}

void
lv_backup_restore(struct lv_call *c)
{
	const char *value = lv_body_string(c->json, "value");
	struct lv_text blob = { 0 }, plain = { 0 };
	int err = -EINVAL;

	if (value == NULL) {
		lv_body_bad(c, "The property \"value\" is required.");
		return;
	}
	if (lv_encode_decode(&blob, value, strlen(value)) == 0)
		err = lv_blob_unseal(c->service->blob, lv_text_str(&blob), blob.len, &plain);
	if (err == 0)
		restore_plain(c, lv_text_str(&plain));
	else if (err == -ENOMSG)
		lv_refuse(c, no_blob(c), LV_RESTORE);
	else
		lv_refuse(c, err == -EACCES ? foreign_blob(c) : bad_blob(c), LV_RESTORE);
	lv_text_release(&blob);
	lv_text_release(&plain);
}
