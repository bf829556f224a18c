/* Objects as JSON, member by member in the order in which the service writes them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/answer.h"
#include "tests/vault/api.h"
#include "tests/vault/body.h"
#include "tests/vault/mem.h"

void
lv_body_id(
    const struct lv_call *c, const char *kind, const char *name, const char *version, struct lv_text *out)
{
	lv_text_printf(out, "\"%s/%s/%s%s%s\"", c->base, kind, name, *version != '\0' ? "/" : "", version);
}

static void
member(struct lv_text *out, const char *name)
{
	lv_text_comma(out);
	lv_text_puts(out, "\"");
	lv_text_puts(out, name);
	lv_text_puts(out, "\":");
}

static void
number(struct lv_text *out, const char *name, int64_t n)
{
	if (n == LV_NEVER)
		return;
	member(out, name);
	lv_text_number(out, n);
}

static void
id_member(const struct lv_call *c, const char *member_name, const char *kind, const char *name,
    const char *version, struct lv_text *out)
{
	member(out, member_name);
	lv_body_id(c, kind, name, version, out);
}

static void
recovery_attributes(const struct lv_call *c, struct lv_text *out)
{
	const struct lv_options *o = c->service->options;

	member(out, "recoveryLevel");
	lv_text_printf(out, "\"%sRecoverable%s\"", o->retention_days < 90 ? "Customized" : "",
	    o->has_purge_protection ? "" : "+Purgeable");
	if (lv_api_has(c->api_version, "7.1-preview"))
		number(out, "recoverableDays", o->retention_days);
}

/* The attributes that only keys have. A Managed HSM writes no platform. */
static void
key_attributes(const struct lv_call *c, const struct lv_version *v, struct lv_text *out)
{
	const bool is_hsm = c->service->options->is_hsm;
	const char *external = lv_body_external(v);

	if (is_hsm || lv_api_has(c->api_version, "7.4-preview.1"))
		lv_text_puts(out, ",\"exportable\":false");
	if (!is_hsm && lv_api_has(c->api_version, "7.5-preview.1"))
		lv_text_printf(out, ",\"hsmPlatform\":\"%d\"",
		    v->kind != NULL && strstr(v->kind, "-HSM") != NULL ? 2 : 0);
	if (external != NULL && lv_api_has(c->api_version, "2026-01-01-preview")) {
		lv_text_puts(out, ",\"external_key\":{\"id\":");
		lv_text_string(out, external);
		lv_text_puts(out, "}");
	}
}

static void
attributes(const struct lv_call *c, enum lv_type type, const struct lv_version *v, bool with_recovery,
    struct lv_text *out)
{
	member(out, "attributes");
	lv_text_printf(out, "{\"enabled\":%s", v->is_enabled ? "true" : "false");
	number(out, "nbf", v->nbf);
	number(out, "exp", v->exp);
	number(out, "created", v->created);
	number(out, "updated", v->updated);
	if (with_recovery)
		recovery_attributes(c, out);
	if (type == LV_KEYS)
		key_attributes(c, v, out);
	lv_text_puts(out, "}");
}

static void
raw(struct lv_text *out, const char *name, const char *json)
{
	if (json == NULL)
		return;
	member(out, name);
	lv_text_puts(out, json);
}

static void
string(struct lv_text *out, const char *name, const char *s)
{
	if (s == NULL)
		return;
	member(out, name);
	lv_text_string(out, s);
}

static void
key_bundle(
    const struct lv_call *c, const struct lv_object *o, const struct lv_version *v, struct lv_text *out)
{
	member(out, "key");
	lv_text_puts(out, "{");
	id_member(c, "kid", "keys", o->name, v->id, out);
	string(out, "kty", v->kind);
	raw(out, "key_ops", v->detail);
	if (v->public != NULL && *v->public != '\0') {
		lv_text_comma(out);
		lv_text_puts(out, v->public);
	}
	lv_text_puts(out, "}");
	attributes(c, o->type, v, true, out);
	raw(out, "tags", v->tags);
	raw(out, "managed", o->is_managed ? "true" : NULL);
}

static void
secret_bundle(const struct lv_call *c, const struct lv_object *o, const struct lv_version *v, bool with_value,
    struct lv_text *out)
{
	if (with_value)
		string(out, "value", v->secret);
	string(out, "contentType", v->kind);
	id_member(c, "id", "secrets", o->name, v->id, out);
	raw(out, "managed", o->is_managed ? "true" : NULL);
	attributes(c, o->type, v, true, out);
	raw(out, "tags", v->tags);
	if (o->is_managed)
		id_member(c, "kid", "keys", o->name, v->id, out);
}

void
lv_body_policy(const struct lv_call *c, const struct lv_object *o, struct lv_text *out)
{
	if (o->policy == NULL) {
		lv_text_puts(out, "null");
		return;
	}
	lv_text_puts(out, "{");
	member(out, "id");
	lv_text_printf(out, "\"%s/certificates/%s/policy\"", c->base, o->name);
	lv_text_comma(out);
	lv_text_puts(out, o->policy + 1); /* behind its brace */
}

static void
certificate_bundle(
    const struct lv_call *c, const struct lv_object *o, const struct lv_version *v, struct lv_text *out)
{
	id_member(c, "id", "certificates", o->name, v->id, out);
	if (*v->id != '\0') {
		id_member(c, "kid", "keys", o->name, v->id, out);
		id_member(c, "sid", "secrets", o->name, v->id, out);
	}
	string(out, "x5t", v->kind);
	string(out, "cer", v->public);
	attributes(c, o->type, v, true, out);
	raw(out, "tags", v->tags);
	if (o->policy != NULL) {
		member(out, "policy");
		lv_body_policy(c, o, out);
	}
	if (o->pending != NULL) {
		member(out, "pending");
		lv_text_printf(out, "{\"id\":\"%s/certificates/%s/pending\"}", c->base, o->name);
	}
}

static void
bundle_members(const struct lv_call *c, const struct lv_object *o, const struct lv_version *v,
    bool with_value, struct lv_text *out)
{
	if (o->type == LV_KEYS)
		key_bundle(c, o, v, out);
	else if (o->type == LV_SECRETS)
		secret_bundle(c, o, v, with_value, out);
	else
		certificate_bundle(c, o, v, out);
}

void
lv_body_bundle(const struct lv_call *c, const struct lv_object *o, const struct lv_version *v,
    bool with_value, struct lv_text *out)
{
	lv_text_puts(out, "{");
	bundle_members(c, o, v, with_value, out);
	lv_text_puts(out, "}");
}

static void
recovery(const struct lv_call *c, const struct lv_object *o, struct lv_text *out)
{
	char kind[32];

	snprintf(kind, sizeof(kind), "deleted%s", lv_route_type_name(o->type));
	id_member(c, "recoveryId", kind, o->name, "", out);
	number(out, "deletedDate", o->wall_deleted);
	number(out, "scheduledPurgeDate", o->wall_purge);
}

void
lv_body_deleted(
    const struct lv_call *c, const struct lv_object *o, const struct lv_version *v, struct lv_text *out)
{
	lv_text_puts(out, "{");
	recovery(c, o, out);
	bundle_members(c, o, v, false, out);
	lv_text_puts(out, "}");
}

void
lv_body_item(const struct lv_call *c, const struct lv_object *o, const struct lv_version *v, bool is_version,
    struct lv_text *out)
{
	const char *kind = lv_route_type_name(o->type), *version = is_version ? v->id : "";
	bool is_certificate = o->type == LV_CERTIFICATES;

	lv_text_comma(out);
	lv_text_puts(out, "{");
	if (o->state == LV_SOFT_DELETED)
		recovery(c, o, out);
	if (o->type == LV_SECRETS)
		string(out, "contentType", v->kind);
	id_member(c, o->type == LV_KEYS ? "kid" : "id", kind, o->name, version, out);
	if (is_certificate)
		string(out, "x5t", v->kind);
	else
		raw(out, "managed", o->is_managed ? "true" : NULL);
	attributes(c, o->type, v, !is_certificate, out);
	raw(out, "tags", v->tags);
	if (is_certificate && lv_api_has(c->api_version, "7.5-preview.1"))
		string(out, "subject", ""); /* empty whatever the subject is */
	lv_text_puts(out, "}");
}

const char *
lv_body_external(const struct lv_version *v)
{
	const size_t len = strlen(LV_EXTERNAL);

	return v->secret != NULL && strncmp(v->secret, LV_EXTERNAL, len) == 0 ? v->secret + len : NULL;
}

const cJSON *
lv_body_get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

const char *
lv_body_string(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(lv_body_get(json, name));
}

char *
lv_body_print(const cJSON *json)
{
	return json != NULL ? cJSON_PrintUnformatted(json) : NULL;
}

void
lv_body_bad(struct lv_call *c, const char *format, ...)
{
	char *message = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	lv_answer_error(c->answer, 400, "BadParameter", NULL, "%s", message ? message : "");
	free(message);
}

void
lv_body_new_version(const struct lv_call *c, struct lv_version *v)
{
	*v = (struct lv_version){ .is_enabled = true, .nbf = LV_NEVER, .exp = LV_NEVER };
	v->created = v->updated = c->now;
	lv_encode_new_version(v->id);
}

/* A time, or null for none; what is not there stays. */
static int
read_time(const cJSON *attributes_json, const char *name, int64_t *to)
{
	const cJSON *n = lv_body_get(attributes_json, name);

	if (n == NULL)
		return 0;
	if (!cJSON_IsNumber(n) && !cJSON_IsNull(n))
		return -EINVAL;
	*to = cJSON_IsNumber(n) ? (int64_t)n->valuedouble : LV_NEVER;
	return 0;
}

static int
read_attributes(struct lv_version *v, const cJSON *a)
{
	const cJSON *enabled = lv_body_get(a, "enabled");

	if (a == NULL || cJSON_IsNull(a))
		return 0;
	if (!cJSON_IsObject(a))
		return -EINVAL;
	if (cJSON_IsBool(enabled))
		v->is_enabled = cJSON_IsTrue(enabled);
	else if (enabled != NULL && !cJSON_IsNull(enabled))
		return -EINVAL;
	/* the service ignores created and updated; here a test may set them */
	if (read_time(a, "nbf", &v->nbf) != 0 || read_time(a, "exp", &v->exp) != 0 ||
	    read_time(a, "created", &v->created) != 0 || read_time(a, "updated", &v->updated) != 0)
		return -EINVAL;
	return 0;
}

int
lv_body_read(struct lv_call *c, struct lv_version *v)
{
	const cJSON *tags = lv_body_get(c->json, "tags"), *tag;
	int err = read_attributes(v, lv_body_get(c->json, "attributes"));

	if (cJSON_IsObject(tags)) {
		cJSON_ArrayForEach(tag, tags) {
			if (!cJSON_IsString(tag))
				err = -EINVAL;
		}
		free(v->tags);
		v->tags = lv_body_print(tags);
	} else if (tags != NULL && !cJSON_IsNull(tags)) {
		err = -EINVAL;
	}
	if (err != 0)
		lv_body_bad(c, "The attributes or tags have an invalid value.");
	return err;
}
