/*
 * Certificates.
 *
 * The pending operation is kept as JSON: {"request_id","status","csr","issuer","key","version",
 * "tags","enabled","cancelled"}; key goes when it is completed. A certificate that issuer Self
 * makes is completed when its due_ms has come; one by issuer Unknown waits for a merge.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/vault/answer.h"
#include "tests/vault/body.h"
#include "tests/vault/certificate.h"
#include "tests/vault/clock.h"
#include "tests/vault/material.h"
#include "tests/vault/mem.h"
#include "tests/vault/pair.h"
#include "tests/vault/policy.h"
#include "tests/vault/x509.h"

#define MONTH_S 2629800

/*
 * The call's certificate for a new version: found, or made ready to be added. 0, or -EEXIST with
 * the answer written.
 */
static int
prepare(struct lv_call *c, struct lv_object *o)
{
	struct lv_store *store = c->service->store;
	int err = lv_store_find(store, c->vault->name, LV_CERTIFICATES, c->route.name, o);

	if (err == 0 && o->state != LV_ACTIVE) {
		lv_answer_deleted(c, o);
		lv_store_release_object(o);
		return -EEXIST;
	}
	if (lv_pair_is_blocked(store, c->vault->name, c->route.name)) {
		lv_answer_error(c->answer, 409, "Conflict", NULL,
		    "A key or a secret with the name %s already exists.", c->route.name);
		lv_store_release_object(o);
		return -EEXIST;
	}
	if (err != 0) {
		*o = (struct lv_object){ .type = LV_CERTIFICATES };
		memcpy(o->name, c->route.name, sizeof(o->name));
	}
	return 0;
}

static void
set_policy(struct lv_object *o, const cJSON *policy)
{
	free(o->policy);
	o->policy = lv_body_print(policy);
}

static void
answer_pending(struct lv_call *c, const struct lv_object *o, const cJSON *pending, int status)
{
	struct lv_text *out = &c->answer->body;
	const char *state = lv_body_string(pending, "status");

	lv_text_printf(out, "{\"id\":\"%s/certificates/%s/pending\",\"issuer\":{\"name\":", c->base, o->name);
	lv_text_string(out, lv_body_string(pending, "issuer"));
	lv_text_puts(out, "},\"csr\":");
	lv_text_string(out, lv_body_string(pending, "csr"));
	lv_text_printf(out, ",\"cancellation_requested\":%s,\"status\":",
	    cJSON_IsTrue(lv_body_get(pending, "cancelled")) ? "true" : "false");
	lv_text_string(out, state);
	if (state != NULL && strcmp(state, "completed") == 0)
		lv_text_printf(out, ",\"target\":\"%s/certificates/%s\"", c->base, o->name);
	else
		lv_text_puts(out,
		    ",\"status_details\":\"Pending certificate created. Certificate "
		    "request is in progress. This may take some time based on the issuer "
		    "provider. Please check again later.\"");
	if (state == NULL || strcmp(state, "inProgress") == 0)
		lv_http_add_header(c->answer, "Retry-After", "10");
	lv_text_puts(out, ",\"request_id\":");
	lv_text_string(out, lv_body_string(pending, "request_id"));
	lv_text_puts(out, "}");
	c->answer->status = status;
}

/* The pending operation of a request, with a new key. NULL with the answer written. */
static cJSON *
new_pending(struct lv_call *c, const cJSON *policy)
{
	const cJSON *props = lv_body_get(policy, "key_props"), *size = lv_body_get(props, "key_size");
	const cJSON *tags = lv_body_get(c->json, "tags");
	struct lv_material_wish wish = { .kty = lv_body_string(props, "kty") };
	struct lv_material m = { 0 };
	struct lv_text why = { 0 };
	char id[LV_VERSION_SIZE], *csr;
	cJSON *pending = NULL;

	wish.bits = cJSON_IsNumber(size) ? size->valueint : 0;
	wish.curve = lv_body_string(props, "crv");
	if (lv_material_make(&m, &wish, &why) == 0) {
		pending = cJSON_CreateObject();
		csr = lv_policy_request(policy, m.secret);
		lv_encode_new_version(id);
		cJSON_AddStringToObject(pending, "request_id", id);
		lv_encode_new_version(id);
		cJSON_AddStringToObject(pending, "version", id);
		cJSON_AddStringToObject(pending, "status", "inProgress");
		cJSON_AddStringToObject(pending, "issuer", lv_policy_issuer(policy));
		cJSON_AddStringToObject(pending, "csr", csr != NULL ? csr : "");
		cJSON_AddStringToObject(pending, "key", m.secret);
		if (cJSON_IsObject(tags))
			cJSON_AddItemToObject(pending, "tags", cJSON_Duplicate(tags, 1));
		free(csr);
	} else {
		lv_body_bad(c, "%s", lv_text_str(&why));
	}
	lv_material_release(&m);
	lv_text_release(&why);
	return pending;
}

static void
save_pending(struct lv_object *o, const cJSON *pending)
{
	free(o->pending);
	o->pending = lv_body_print(pending);
}

static void
begin(struct lv_call *c, struct lv_object *o, const cJSON *policy, const cJSON *pending)
{
	const char *request = lv_body_string(pending, "request_id");
	struct lv_text location = { 0 };

	set_policy(o, policy);
	save_pending(o, pending);
	if (strcasecmp(lv_policy_issuer(policy), "Self") == 0)
		o->due_ms = lv_clock_wall_ms() + c->service->options->pending_ms + 1;
	if (o->id == 0) {
		if (lv_store_add(c->service->store, c->vault->name, o) != 0)
			return;
	} else {
		lv_store_save(c->service->store, o);
	}
	lv_text_printf(&location, "%s/certificates/%s/pending?api-version=%s&request_id=%s", c->base, o->name,
	    c->api_version, request);
	lv_http_add_header(c->answer, "Location", location.data);
	lv_text_release(&location);
	answer_pending(c, o, pending, 202);
}

void
lv_certificate_create(struct lv_call *c)
{
	const cJSON *given = lv_body_get(c->json, "policy");
	cJSON *policy, *pending;
	struct lv_object o;

	if (prepare(c, &o) != 0)
		return;
	policy = lv_policy_new(given, o.policy, c->now);
	pending = new_pending(c, policy);
	if (pending != NULL)
		begin(c, &o, policy, pending);
	cJSON_Delete(pending);
	cJSON_Delete(policy);
	lv_store_release_object(&o);
}

/* The version that a pending operation becomes. */
static int
issue(struct lv_store *store, const char *vault, struct lv_object *o, cJSON *pending, const char *cer,
    int64_t now)
{
	struct lv_version base = { .is_enabled = true, .created = now, .updated = now };
	const char *id = lv_body_string(pending, "version"), *key = lv_body_string(pending, "key");
	cJSON *policy = cJSON_Parse(o->policy);
	struct lv_pair pair = { 0 };
	int err = -EINVAL;

	if (id != NULL && key != NULL && cer != NULL) {
		memcpy(base.id, id, sizeof(base.id));
		base.tags = lv_body_print(lv_body_get(pending, "tags"));
		err = lv_pair_make(&pair, key, cer, lv_policy_content_type(policy), &base);
	}
	if (err == 0) {
		cJSON_ReplaceItemInObjectCaseSensitive(pending, "status", cJSON_CreateString("completed"));
		cJSON_DeleteItemFromObjectCaseSensitive(pending, "key");
		save_pending(o, pending);
		err = lv_pair_store(store, vault, o, &pair);
	}
	lv_pair_release(&pair);
	free(base.tags);
	cJSON_Delete(policy);
	return err;
}

void
lv_certificate_complete(struct lv_service *s, const char *vault, struct lv_object *o)
{
	int64_t now = lv_clock_wall_s();
	cJSON *pending = cJSON_Parse(o->pending), *policy = cJSON_Parse(o->policy);
	char *cer = NULL;

	if (lv_body_string(pending, "key") != NULL)
		cer = lv_policy_self_sign(policy, lv_body_string(pending, "key"), now);
	if (issue(s->store, vault, o, pending, cer, now) != 0)
		lv_store_save(s->store, o);
	free(cer);
	cJSON_Delete(policy);
	cJSON_Delete(pending);
}

static cJSON *
imported_policy(struct lv_call *c, const char *key, const char *cer)
{
	struct lv_x509_facts facts = { 0 };
	struct lv_material m = { 0 };
	EVP_PKEY *pkey = lv_material_key(key);
	const cJSON *given = lv_body_get(c->json, "policy");
	const char *value = lv_body_string(c->json, "value"), *crv;
	cJSON *policy = lv_policy_new(NULL, NULL, c->now), *whole;
	char *text, curve[8] = "";

	lv_x509_facts(cer, &facts);
	lv_material_of(&m, pkey, NULL);
	crv = strstr(m.members, "\"crv\":\"");
	if (crv != NULL)
		memcpy(curve, crv + 7, strcspn(crv + 7, "\""));
	lv_policy_describe(policy, m.kty, lv_material_bits(m.members), crv ? curve : NULL, facts.subject,
	    (int)((facts.exp - facts.nbf + MONTH_S / 2) / MONTH_S));
	if (strstr(value, "-----BEGIN") != NULL)
		lv_policy_set_content_type(policy, "application/x-pem-file");
	text = lv_body_print(policy);
	whole = lv_policy_new(given, text, c->now);
	cJSON_free(text);
	cJSON_Delete(policy);
	lv_x509_facts_release(&facts);
	lv_material_release(&m);
	EVP_PKEY_free(pkey);
	return whole;
}

static void
import(struct lv_call *c, struct lv_object *o, const char *key, const char *cer)
{
	cJSON *policy = imported_policy(c, key, cer);
	struct lv_store *store = c->service->store;
	struct lv_pair pair = { 0 };
	struct lv_version base;

	lv_body_new_version(c, &base);
	lv_store_begin(store);
	set_policy(o, policy);
	if (lv_body_read(c, &base) == 0 &&
	    lv_pair_make(&pair, key, cer, lv_policy_content_type(policy), &base) == 0 &&
	    lv_pair_store(store, c->vault->name, o, &pair) == 0) {
		lv_body_bundle(c, o, &pair.versions[LV_CERTIFICATES], false, &c->answer->body);
		c->answer->status = 200;
	}
	lv_store_commit(store);
	lv_pair_release(&pair);
	lv_store_release_version(&base);
	cJSON_Delete(policy);
}

void
lv_certificate_import(struct lv_call *c)
{
	const char *value = lv_body_string(c->json, "value");
	char *key = NULL, *cer = NULL;
	struct lv_object o;

	if (value == NULL || lv_x509_open(value, lv_body_string(c->json, "pwd"), &key, &cer) != 0) {
		lv_body_bad(c,
		    "The specified PKCS#12 or PEM X.509 certificate content can not be "
		    "read. Please check if certificate is in valid format.");
		return;
	}
	if (prepare(c, &o) == 0) {
		import(c, &o, key, cer);
		lv_store_release_object(&o);
	}
	free(key);
	free(cer);
}

int
lv_certificate_merge_policy(struct lv_call *c, struct lv_object *o, const cJSON *policy)
{
	cJSON *whole;

	if (policy == NULL || cJSON_IsNull(policy))
		return 0;
	if (!cJSON_IsObject(policy)) {
		lv_body_bad(c, "The policy is invalid.");
		return -EINVAL;
	}
	whole = lv_policy_new(policy, o->policy, c->now);
	set_policy(o, whole);
	cJSON_Delete(whole);
	return 0;
}

static int
find(struct lv_call *c, struct lv_object *o)
{
	if (lv_store_find(c->service->store, c->vault->name, LV_CERTIFICATES, c->route.name, o) == 0 &&
	    o->state == LV_ACTIVE)
		return 0;
	lv_store_release_object(o);
	lv_answer_not_found(c);
	return -ENOENT;
}

void
lv_certificate_get_policy(struct lv_call *c)
{
	struct lv_object o;

	if (find(c, &o) != 0)
		return;
	if (strcmp(c->request->method, "GET") == 0 || lv_certificate_merge_policy(c, &o, c->json) == 0) {
		lv_store_save(c->service->store, &o);
		lv_body_policy(c, &o, &c->answer->body);
		c->answer->status = 200;
	}
	lv_store_release_object(&o);
}

/* The certificate and its pending operation: 0, or -ENOENT with the 404 written. */
static int
find_pending(struct lv_call *c, struct lv_object *o, cJSON **pending)
{
	if (find(c, o) != 0)
		return -ENOENT;
	*pending = o->pending != NULL ? cJSON_Parse(o->pending) : NULL;
	if (*pending != NULL)
		return 0;
	lv_answer_error(
	    c->answer, 404, "PendingCertificateNotFound", NULL, "Pending certificate not found: %s", o->name);
	lv_store_release_object(o);
	return -ENOENT;
}

void
lv_certificate_pending(struct lv_call *c)
{
	struct lv_store *store = c->service->store;
	struct lv_object o;
	cJSON *pending;

	if (find_pending(c, &o, &pending) != 0)
		return;
	if (strcmp(c->request->method, "PATCH") == 0) {
		cJSON_DeleteItemFromObjectCaseSensitive(pending, "cancelled");
		cJSON_AddBoolToObject(
		    pending, "cancelled", cJSON_IsTrue(lv_body_get(c->json, "cancellation_requested")));
		save_pending(&o, pending);
		lv_store_save(store, &o);
	}
	answer_pending(c, &o, pending, 200);
	if (strcmp(c->request->method, "DELETE") == 0) {
		free(o.pending);
		o.pending = NULL;
		o.due_ms = 0;
		if (*o.current == '\0')
			lv_store_erase(store, o.id);
		else
			lv_store_save(store, &o);
	}
	cJSON_Delete(pending);
	lv_store_release_object(&o);
}

void
lv_certificate_merge(struct lv_call *c)
{
	const char *given = cJSON_GetStringValue(cJSON_GetArrayItem(lv_body_get(c->json, "x5c"), 0));
	struct lv_store *store = c->service->store;
	struct lv_object o;
	struct lv_version v = { 0 };
	cJSON *pending;
	const char *key;

	if (find_pending(c, &o, &pending) != 0)
		return;
	key = lv_body_string(pending, "key");
	o.due_ms = 0;
	if (given == NULL || key == NULL || !lv_x509_matches(given, key) ||
	    issue(store, c->vault->name, &o, pending, given, c->now) != 0) {
		lv_body_bad(c, "The certificate does not belong to the pending request.");
	} else if (lv_store_get(store, &o, "", &v) == 0) {
		lv_body_bundle(c, &o, &v, false, &c->answer->body);
		c->answer->status = 201;
	}
	lv_store_release_version(&v);
	cJSON_Delete(pending);
	lv_store_release_object(&o);
}
