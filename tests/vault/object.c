/* The operations that are alike for all types. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/answer.h"
#include "tests/vault/body.h"
#include "tests/vault/certificate.h"
#include "tests/vault/clock.h"
#include "tests/vault/mem.h"
#include "tests/vault/object.h"
#include "tests/vault/refusal.h"

/* The call's object if it is active: 0, or -ENOENT with the 404 written. */
static int
find_active(struct lv_call *c, struct lv_object *o)
{
	if (lv_store_find(c->service->store, c->vault->name, c->route.type, c->route.name, o) == 0 &&
	    o->state == LV_ACTIVE)
		return 0;
	lv_store_release_object(o);
	lv_answer_not_found(c);
	return -ENOENT;
}

/* ... and its version that the route names. A certificate that is pending for the first time has
 * none, which is no error for those who may see it. */
static int
find_version(struct lv_call *c, struct lv_object *o, struct lv_version *v)
{
	if (find_active(c, o) != 0)
		return -ENOENT;
	if (lv_store_get(c->service->store, o, c->route.version, v) == 0)
		return 0;
	if (*o->current == '\0' && *c->route.version == '\0' && o->pending != NULL) {
		*v = (struct lv_version){ .created = c->now, .updated = c->now };
		v->nbf = v->exp = LV_NEVER;
		return 0;
	}
	lv_store_release_object(o);
	lv_answer_not_found(c);
	return -ENOENT;
}

static void
release(struct lv_object *o, struct lv_version *v)
{
	lv_store_release_object(o);
	lv_store_release_version(v);
}

void
lv_object_get(struct lv_call *c)
{
	struct lv_object o;
	struct lv_version v;

	if (find_version(c, &o, &v) != 0)
		return;
	if (o.type == LV_SECRETS && !v.is_enabled) {
		lv_refuse(c, "disabled", LV_GET);
	} else {
		lv_body_bundle(c, &o, &v, true, &c->answer->body);
		c->answer->status = 200;
	}
	release(&o, &v);
}

/* What a PATCH can change beyond attributes and tags: key_ops, contentType, policy. */
static int
update_rest(struct lv_call *c, struct lv_object *o, struct lv_version *v)
{
	const cJSON *ops = lv_body_get(c->json, "key_ops");
	const char *type = lv_body_string(c->json, "contentType");

	if (o->type == LV_KEYS && cJSON_IsArray(ops)) {
		free(v->detail);
		v->detail = lv_body_print(ops);
	}
	if (o->type == LV_SECRETS && type != NULL) {
		free(v->kind);
		v->kind = lv_mem_dup(type);
	}
	if (o->type == LV_CERTIFICATES)
		return lv_certificate_merge_policy(c, o, lv_body_get(c->json, "policy"));
	return 0;
}

void
lv_object_update(struct lv_call *c)
{
	struct lv_store *store = c->service->store;
	struct lv_object o;
	struct lv_version v;

	if (find_version(c, &o, &v) != 0)
		return;
	v.updated = c->now;
	if (c->json == NULL) {
		lv_body_bad(c, "The request body is invalid.");
	} else if (o.is_managed) {
		lv_answer_managed(c);
	} else if (lv_body_read(c, &v) == 0 && update_rest(c, &o, &v) == 0) {
		lv_store_change(store, o.id, &v);
		lv_store_save(store, &o);
		lv_body_bundle(c, &o, &v, false, &c->answer->body);
		c->answer->status = 200;
	}
	release(&o, &v);
}

/* Give an object, and a certificate's key and secret with it, another state. */
static void
set_state(struct lv_call *c, struct lv_object *o, enum lv_state state, int64_t due_ms)
{
	struct lv_store *store = c->service->store;
	enum lv_type type;
	struct lv_object pair;

	o->state = state;
	o->due_ms = due_ms;
	lv_store_save(store, o);
	for (type = LV_KEYS; type <= LV_SECRETS && o->type == LV_CERTIFICATES; type++) {
		if (lv_store_find(store, c->vault->name, type, o->name, &pair) == 0 && pair.is_managed) {
			pair.state = state;
			pair.due_ms = due_ms;
			pair.wall_deleted = o->wall_deleted;
			pair.wall_purge = o->wall_purge;
			lv_store_save(store, &pair);
		}
		lv_store_release_object(&pair);
	}
}

/* When something that begins now has taken effect; 0: at once. */
static int64_t
after_lag(int64_t lag_ms)
{
	return lag_ms > 0 ? lv_clock_wall_ms() + lag_ms : 0;
}

void
lv_object_delete(struct lv_call *c)
{
	struct lv_object o;
	struct lv_version v;

	if (find_version(c, &o, &v) != 0)
		return;
	if (o.is_managed) {
		lv_answer_managed(c);
	} else {
		o.wall_deleted = c->now;
		o.wall_purge = c->now + c->service->options->retention_days * 86400;
		lv_store_begin(c->service->store);
		set_state(c, &o, LV_SOFT_DELETED, after_lag(c->service->options->lag_ms));
		lv_store_commit(c->service->store);
		lv_body_deleted(c, &o, &v, &c->answer->body);
		c->answer->status = 200;
	}
	release(&o, &v);
}

/* The call's object if it is deleted and that has taken effect; else the answer is written. */
static int
find_deleted(struct lv_call *c, struct lv_object *o, bool may_wait)
{
	int err = lv_store_find(c->service->store, c->vault->name, c->route.type, c->route.name, o);

	if (err == 0 && o->state == LV_SOFT_DELETED && o->due_ms == 0 && !o->is_managed)
		return 0;
	if (err == 0 && o->state == LV_SOFT_DELETED && o->due_ms > 0 && may_wait)
		lv_answer_deleted(c, o);
	else
		lv_answer_deleted_not_found(c);
	lv_store_release_object(o);
	return -ENOENT;
}

void
lv_object_get_deleted(struct lv_call *c)
{
	struct lv_object o;
	struct lv_version v;

	if (find_deleted(c, &o, false) != 0)
		return;
	lv_store_get(c->service->store, &o, "", &v);
	lv_body_deleted(c, &o, &v, &c->answer->body);
	c->answer->status = 200;
	release(&o, &v);
}

void
lv_object_recover(struct lv_call *c)
{
	int64_t due_ms = after_lag(c->service->options->recover_lag_ms);
	struct lv_object o;
	struct lv_version v;

	if (find_deleted(c, &o, true) != 0)
		return;
	o.wall_deleted = o.wall_purge = 0;
	lv_store_begin(c->service->store);
	set_state(c, &o, due_ms > 0 ? LV_BEING_RECOVERED : LV_ACTIVE, due_ms);
	lv_store_commit(c->service->store);
	lv_store_get(c->service->store, &o, "", &v);
	lv_body_bundle(c, &o, &v, false, &c->answer->body);
	c->answer->status = 200;
	release(&o, &v);
}

/* Take an object out for good, a certificate with its key and secret. */
static void
erase(struct lv_store *store, const char *vault, struct lv_object *o)
{
	enum lv_type type;
	struct lv_object pair;

	for (type = LV_KEYS; type <= LV_SECRETS && o->type == LV_CERTIFICATES; type++) {
		if (lv_store_find(store, vault, type, o->name, &pair) == 0 && pair.is_managed)
			lv_store_erase(store, pair.id);
		lv_store_release_object(&pair);
	}
	lv_store_erase(store, o->id);
}

void
lv_object_purge(struct lv_call *c)
{
	struct lv_object o;
	int64_t due_ms = after_lag(c->service->options->lag_ms);

	if (find_deleted(c, &o, true) != 0)
		return;
	if (c->service->options->has_purge_protection) {
		lv_refuse(c, "purge-protection", LV_PURGE);
	} else {
		lv_store_begin(c->service->store);
		if (due_ms > 0)
			set_state(c, &o, LV_BEING_PURGED, due_ms);
		else
			erase(c->service->store, c->vault->name, &o);
		lv_store_commit(c->service->store);
		c->answer->status = 204;
	}
	lv_store_release_object(&o);
}

int
lv_object_store(struct lv_call *c, const struct lv_version *v, struct lv_object *o)
{
	struct lv_store *store = c->service->store;
	int err = lv_store_find(store, c->vault->name, c->route.type, c->route.name, o);

	if (err == 0 && (o->state != LV_ACTIVE || o->is_managed)) {
		if (o->is_managed && o->state == LV_ACTIVE)
			lv_answer_managed(c);
		else
			lv_answer_deleted(c, o);
		lv_store_release_object(o);
		return -EEXIST;
	}
	if (err != 0) {
		*o = (struct lv_object){ .type = c->route.type };
		memcpy(o->name, c->route.name, sizeof(o->name));
	}
	memcpy(o->current, v->id, sizeof(o->current));
	if (err != 0)
		err = lv_store_add(store, c->vault->name, o);
	else
		lv_store_save(store, o);
	return err == 0 ? lv_store_put(store, o->id, v) : err;
}

static void
recovered(struct lv_store *store, struct lv_object *o)
{
	o->state = LV_ACTIVE;
	lv_store_save(store, o);
}

void
lv_object_settle(struct lv_service *s)
{
	int64_t now_ms = lv_clock_wall_ms();
	struct lv_object o;
	char *vault;

	while (lv_store_next_due(s->store, now_ms, &o, &vault) == 0) {
		lv_store_begin(s->store);
		o.due_ms = 0;
		if (o.state == LV_BEING_PURGED)
			erase(s->store, vault, &o);
		else if (o.state == LV_BEING_RECOVERED)
			recovered(s->store, &o);
		else if (o.state == LV_ACTIVE && o.type == LV_CERTIFICATES)
			lv_certificate_complete(s, vault, &o);
		else
			lv_store_save(s->store, &o);
		lv_store_commit(s->store);
		lv_store_release_object(&o);
		free(vault);
	}
}
