/*
 * A request to a vault. In this order: the token (401, before path and body are looked at), the
 * api-version, the path, the limit (429), the faults, the rights (403), the operation.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/vault/answer.h"
#include "tests/vault/backup.h"
#include "tests/vault/body.h"
#include "tests/vault/api.h"
#include "tests/vault/certificate.h"
#include "tests/vault/clock.h"
#include "tests/vault/contacts.h"
#include "tests/vault/hsm.h"
#include "tests/vault/list.h"
#include "tests/vault/mem.h"
#include "tests/vault/object.h"
#include "tests/vault/refusal.h"
#include "tests/vault/rotation.h"
#include "tests/vault/vault.h"
#include "tests/vault/write.h"

static void
host_suffix(const struct lv_options *o, char *out, size_t size)
{
	if (o->is_hsm && strncmp(o->suffix, "vault.", 6) == 0)
		snprintf(out, size, "managedhsm.%s", o->suffix + 6);
	else
		snprintf(out, size, "%s", o->suffix);
}

struct lv_vault *
lv_vault_of_host(struct lv_service *s, const char *host)
{
	size_t len = strcspn(host, ":");
	char suffix[256], whole[512];
	int i;

	host_suffix(s->options, suffix, sizeof(suffix));
	for (i = 0; i < s->vault_count; i++) {
		snprintf(whole, sizeof(whole), "%s.%s", s->vaults[i].name, suffix);
		if (strlen(whole) == len && strncasecmp(whole, host, len) == 0)
			return &s->vaults[i];
	}
	return NULL;
}

void
lv_vault_url(const struct lv_service *s, const struct lv_vault *v, struct lv_text *out)
{
	char suffix[256];

	host_suffix(s->options, suffix, sizeof(suffix));
	lv_text_printf(out, "https://%s.%s", v->name, suffix);
	if (s->port != 443)
		lv_text_printf(out, ":%d", s->port);
}

/* Whether the token is for this vault: its audience is the resource, whatever the slash. */
static bool
is_for_us(const struct lv_call *c, const char *audience)
{
	struct lv_text resource = { 0 };
	size_t len = strlen(audience);
	bool is;

	while (len > 0 && audience[len - 1] == '/')
		len--;
	lv_answer_resource(c, &resource);
	is = resource.len == len && strncasecmp(resource.data, audience, len) == 0;
	lv_text_release(&resource);
	return is;
}

/* A token of a client that does not handle the challenge is valid until its end. */
static bool
is_revoked(const struct lv_call *c, const struct lv_evaluation *evaluation)
{
	return evaluation->is_handled && evaluation->not_before < c->service->options->wall_revoked;
}

/* 0, or -EACCES with the 401 written. */
static int
authenticate(struct lv_call *c)
{
	struct lv_claims claims;
	enum lv_token token =
	    lv_access_check(c->service->access, lv_http_header(c->request, "Authorization"), &claims);
	struct lv_text message = { 0 };

	c->principal = claims.principal;
	if (token == LV_TOKEN_GOOD && is_revoked(c, &claims.evaluation)) {
		lv_answer_require_claims(c);
		return -EACCES;
	}
	if (token == LV_TOKEN_GOOD && is_for_us(c, claims.audience))
		return 0;
	if (token == LV_TOKEN_MISSING) {
		lv_text_puts(&message, "AKV10000: Request is missing a Bearer or PoP token.");
	} else if (token == LV_TOKEN_EXPIRED) {
		lv_text_puts(&message, "AKV10001: [TokenExpired] Error validating token: 'S2S12086'.");
	} else if (token == LV_TOKEN_BAD) {
		lv_text_puts(
		    &message, "AKV10001: [BearerReadAccessTokenFailed] Error validating token: 'S2S12005'.");
	} else {
		lv_text_puts(&message, "AKV10022: Invalid audience. Expected ");
		lv_answer_resource(c, &message);
		lv_text_printf(&message, ", found: %s.", claims.audience);
	}
	lv_answer_challenge(c, message.data);
	lv_text_release(&message);
	return -EACCES;
}

/* The nextLink of a Managed HSM names no version, and the service takes it as it is. */
static bool
is_bare_link(const struct lv_call *c)
{
	const struct lv_options *o = c->service->options;

	return o->is_hsm && !o->has_strict_links && lv_http_query(c->request, "$skiptoken") != NULL;
}

/* 0, or -EINVAL with the answer written. */
static int
check_api(struct lv_call *c)
{
	const char *newest = c->service->options->newest_api;

	if (c->api_version == NULL || *c->api_version == '\0') {
		c->api_version = "7.6";
		if (is_bare_link(c))
			return 0;
		lv_body_bad(c, "The request URI does not have the parameter api-version.");
	} else if (!lv_api_is_known(c->api_version, newest)) {
		lv_body_bad(c,
		    "The specified version (%s) is not recognized. Consider using the latest supported version "
		    "(%s).",
		    c->api_version, newest);
		c->api_version = newest;
	} else {
		return 0;
	}
	return -EINVAL;
}

/* A percent sign does not get as far as the service behind the vault's front end. */
static void
refuse_name(struct lv_call *c)
{
	const char *name = strchr(c->request->path + 1, '/');
	const size_t len = name != NULL ? strcspn(name + 1, "/") : 0;

	if (c->service->options->is_hsm) {
		lv_refuse(c, "hsm-name", c->route.op);
	} else if (name != NULL && memchr(name + 1, '%', len) != NULL) {
		lv_text_puts(&c->answer->body,
		    "<!DOCTYPE html>\r\n<html>\r\n    <head>\r\n        <title>Runtime Error</title>\r\n"
		    "    </head>\r\n</html>\r\n");
		c->answer->type = "text/html; charset=utf-8";
		c->answer->status = 400;
	} else {
		lv_body_bad(c, "The request URI contains an invalid name: %.*s", (int)len,
		    name != NULL ? name + 1 : "");
	}
}

/* 0, or -errno with the answer written. */
static int
check_path(struct lv_call *c, int err)
{
	if (check_api(c) != 0)
		return -EINVAL;
	if (err == 0 && c->service->options->is_hsm && c->route.type != LV_KEYS)
		err = -ENOENT;
	if (err == -ENOTSUP)
		lv_answer_error(c->answer, 405, "MethodNotAllowed", NULL,
		    "The method %s is not allowed here.", c->request->method);
	else if (err == -EINVAL)
		refuse_name(c);
	else if (err != 0)
		lv_answer_error(
		    c->answer, 404, "InvalidPath", NULL, "There is no such resource: %s", c->request->path);
	return err;
}

/* The kind of the object's key, for the limit: 0 software, 1 HSM; and its size in bits. */
static void
key_kind(struct lv_call *c, bool *is_hsm, int *bits)
{
	struct lv_store *store = c->service->store;
	struct lv_object o;
	struct lv_version v = { 0 };

	*is_hsm = false;
	*bits = 2048;
	if (*c->route.name == '\0')
		return;
	if (lv_store_find(store, c->vault->name, LV_KEYS, c->route.name, &o) == 0 &&
	    lv_store_get(store, &o, "", &v) == 0) {
		*is_hsm = strstr(v.kind, "-HSM") != NULL;
		/* 342, 512 and 683 characters of n */
		*bits = strlen(v.public) > 650 ? 4096 : strlen(v.public) > 480 ? 3072 : 2048;
	}
	lv_store_release_version(&v);
	lv_store_release_object(&o);
}

static enum lv_class
class_of(struct lv_call *c)
{
	enum lv_op op = c->route.op;
	bool is_hsm, is_list = op == LV_LIST || op == LV_VERSIONS || op == LV_DELETED;
	bool makes = op == LV_CREATE || op == LV_IMPORT || op == LV_SET;
	int bits;

	if (c->service->options->is_hsm) {
		if (makes)
			return LV_CLASS_MANAGED_HSM_CREATE;
		return is_list || op == LV_GET ? LV_CLASS_MANAGED_HSM : LV_CLASS_MANAGED_HSM_SLOW;
	}
	if (c->route.type == LV_SECRETS && op == LV_SET)
		return LV_CLASS_CREATE_SECRET;
	if (c->route.type != LV_KEYS || is_list)
		return LV_CLASS_ORDINARY;
	key_kind(c, &is_hsm, &bits);
	if (makes)
		return is_hsm ? LV_CLASS_CREATE_HSM_KEY : LV_CLASS_CREATE_KEY;
	if (bits == 4096)
		return is_hsm ? LV_CLASS_HSM_RSA_4096 : LV_CLASS_RSA_4096;
	if (bits == 3072)
		return is_hsm ? LV_CLASS_HSM_RSA_3072 : LV_CLASS_RSA_3072;
	return is_hsm ? LV_CLASS_HSM : LV_CLASS_ORDINARY;
}

static bool
passes_limit(struct lv_call *c)
{
	int64_t limit = c->service->options->limit;
	int64_t common = c->service->options->subscription_limit, now = lv_clock_mono_us();
	enum lv_class class = limit == LV_LIMIT_SERVICE ? class_of(c) : LV_CLASS_ORDINARY;

	/* What one limit refuses does not count for the other. */
	if (common > 0 && lv_limit_used(c->service->limit, common, now) >= common)
		return false;
	if (!lv_limit_pass(c->vault->limit, limit, class, now))
		return false;
	if (common > 0)
		(void)lv_limit_pass(c->service->limit, common, LV_CLASS_ORDINARY, now);
	return true;
}

static void
beside_certificates(struct lv_call *c)
{
	(strcmp(c->route.word, "contacts") == 0 ? lv_contacts : lv_issuers)(c);
}

static void
operate(struct lv_call *c)
{
	static void (*const operations[LV_OPS])(struct lv_call *) = {
		[LV_LIST] = lv_list_objects,
		[LV_VERSIONS] = lv_list_versions,
		[LV_GET] = lv_object_get,
		[LV_BACKUP] = lv_backup_make,
		[LV_RESTORE] = lv_backup_restore,
		[LV_DELETE] = lv_object_delete,
		[LV_RECOVER] = lv_object_recover,
		[LV_SET] = lv_write_set_secret,
		[LV_UPDATE] = lv_object_update,
		[LV_PURGE] = lv_object_purge,
		[LV_POLICY] = lv_certificate_get_policy,
		[LV_ROTATION] = lv_rotation,
		[LV_PENDING] = lv_certificate_pending,
		[LV_MERGE] = lv_certificate_merge,
		[LV_CRYPT] = lv_write_crypt,
		[LV_OTHER] = beside_certificates,
	};
	bool is_certificate = c->route.type == LV_CERTIFICATES;

	if (c->request->body_len > 0)
		c->json = cJSON_ParseWithLength(c->request->body, c->request->body_len);
	if (c->route.op == LV_CREATE)
		(is_certificate ? lv_certificate_create : lv_write_create_key)(c);
	else if (c->route.op == LV_IMPORT)
		(is_certificate ? lv_certificate_import : lv_write_import_key)(c);
	else if (c->route.op == LV_DELETED)
		(*c->route.name == '\0' ? lv_list_deleted : lv_object_get_deleted)(c);
	else
		operations[c->route.op](c);
	cJSON_Delete(c->json);
	c->json = NULL;
}

static void
answer_fault(struct lv_call *c, const struct lv_effect *e)
{
	static const struct {
		int status;
		const char *code, *message;
	} usual[] = {
		{ 401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token." },
		{ 403, "Forbidden", "Caller is not authorized to perform action on resource." },
		{ 404, "ResourceMissing", "Not here." },
		{ 408, "RequestTimeout", "The request timed out." },
		{ 429, "Throttled",
		    "Request was not processed because too many requests were received. "
		    "Reason: VaultRequestTypeLimitReached" },
		{ 500, "InternalServerError", "There was an internal error." },
		{ 503, "ServiceUnavailable", "The service is temporarily unavailable." },
		{ 0, "Fault", "A fault was asked for." },
	};
	char seconds[24];
	size_t i = 0;

	if (e->refusal != NULL) {
		lv_refuse(c, e->refusal, lv_access_right(&c->route, c->request->method));
		return;
	}
	while (usual[i].status != 0 && usual[i].status != e->status)
		i++;
	if (e->status == 401)
		lv_answer_challenge(c, e->message != NULL ? e->message : usual[i].message);
	else
		lv_answer_error(c->answer, e->status, e->code != NULL ? e->code : usual[i].code, NULL, "%s",
		    e->message != NULL ? e->message : usual[i].message);
	if (e->retry_after_s >= 0) {
		snprintf(seconds, sizeof(seconds), "%lld", (long long)e->retry_after_s);
		lv_http_add_header(c->answer, "Retry-After", seconds);
	}
}

/* What a fault leaves of the operation; true if nothing is left to do. */
static bool
meet_fault(struct lv_call *c, const struct lv_effect *e)
{
	struct lv_answer *a = c->answer;

	a->delay_ms += e->delay_ms;
	switch (e->action) {
	case LV_ACT_STATUS:
		answer_fault(c, e);
		return true;
	case LV_ACT_RESET:
		a->ending = LV_RESET;
		return true;
	case LV_ACT_CLOSE:
		a->ending = LV_CLOSE;
		return true;
	case LV_ACT_STALL:
		a->ending = LV_STALL;
		return true;
	case LV_ACT_GARBAGE:
		lv_text_puts(&a->body, "<html><body>Not what you asked for.</body></html>");
		a->type = "text/html";
		a->status = 200;
		return true;
	case LV_ACT_TRUNCATE:
		a->ending = LV_TRUNCATE;
		return false;
	case LV_ACT_APPLIED_RESET:
		a->ending = LV_RESET;
		return false;
	default:
		return false;
	}
}

/* The way of a request with a good token. */
static void
serve(struct lv_call *c, int path_err)
{
	struct lv_effect fault;
	enum lv_op right;

	if (check_path(c, path_err) != 0)
		return;
	if (!passes_limit(c)) {
		lv_answer_throttled(c);
		return;
	}
	fault = lv_faults_meet(c->service->faults, c->vault->name, &c->route);
	if (meet_fault(c, &fault))
		return;
	right = lv_access_right(&c->route, c->request->method);
	if (lv_access_may(c->principal, c->route.type, right))
		operate(c);
	else
		lv_refuse_forbidden(c, right);
}

static void
set_base(struct lv_call *c)
{
	const char *host = c->request->host, *colon = strrchr(host, ':');
	struct lv_text base = { 0 };
	size_t i;

	c->port = colon != NULL ? colon + 1 : "443";
	if (strcmp(c->port, "443") != 0)
		colon = NULL;
	lv_text_puts(&base, "https://");
	lv_text_add(&base, host, colon != NULL ? (size_t)(colon - host) : strlen(host));
	for (i = 0; i < base.len; i++)
		if (base.data[i] >= 'A' && base.data[i] <= 'Z')
			base.data[i] = (char)(base.data[i] + 32);
	c->base = lv_text_take(&base);
}

static int
counted_status(const struct lv_answer *a)
{
	return a->ending == LV_SEND || a->ending == LV_TRUNCATE ? a->status : LV_STATUS_NONE;
}

void
lv_vault_handle(struct lv_service *s, struct lv_vault *v, const struct lv_request *r, struct lv_answer *a)
{
	struct lv_call c = { .service = s, .vault = v, .request = r, .answer = a };
	struct lv_effect fault;
	int path_err;

	lv_stats_enter(v->stats);
	a->owner = v->stats;
	(s->options->is_hsm ? lv_encode_new_time_guid : lv_encode_new_guid)(c.activity);
	lv_object_settle(s);
	c.now = lv_clock_wall_s();
	c.api_version = lv_http_query(r, "api-version");
	a->delay_ms = s->options->latency_ms;
	set_base(&c);
	path_err = lv_route_parse(&c.route, r->method, r->path);
	if (authenticate(&c) == 0) {
		if (c.route.op == LV_RESTORE && r->body_len > 0)
			lv_stats_restore_seen(v->stats);
		serve(&c, path_err);
	} else {
		c.route.op = LV_CHALLENGE;
		fault = lv_faults_meet(s->faults, v->name, &c.route);
		meet_fault(&c, &fault);
	}
	if (path_err != 0 && c.route.op != LV_CHALLENGE)
		c.route.op = LV_OTHER;
	(s->options->is_hsm ? lv_hsm_finish : lv_answer_headers)(&c);
	lv_stats_count(v->stats, &c.route, counted_status(a));
	if (s->options->is_verbose)
		fprintf(
		    stderr, "%s %s %s %d %zu\n", v->name, r->method, r->path, counted_status(a), a->body.len);
	free(c.base);
}
