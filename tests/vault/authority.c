/*
 * The token services. Tokens are given for whatever resource is asked for; whether it is the right
 * one is the vault's to judge.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/vault/aadsts.h"
#include "tests/vault/assertion.h"
#include "tests/vault/authority.h"
#include "tests/vault/clock.h"
#include "tests/vault/identity.h"
#include "tests/vault/mem.h"
#include "tests/vault/oidc.h"

static int
hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* A field of a form, decoded; NULL without it. The caller frees it. */
static char *
field(const char *form, const char *name)
{
	size_t len = strlen(name);
	struct lv_text t = { 0 };

	while (form != NULL && !(strncmp(form, name, len) == 0 && form[len] == '=')) {
		form = strchr(form, '&');
		if (form != NULL)
			form++;
	}
	if (form == NULL)
		return NULL;
	for (form += len + 1; *form != '\0' && *form != '&'; form++) {
		char c = *form == '+' ? ' ' : *form;
		const int high = c == '%' ? hex(form[1]) : -1, low = high >= 0 ? hex(form[2]) : -1;

		if (high >= 0 && low >= 0) {
			c = (char)(high << 4 | low);
			form += 2;
		}
		lv_text_add(&t, &c, 1);
	}
	return lv_text_take(&t);
}

/* The resource of a v1 request, or of a v2 scope without its "/.default"; NULL without any. */
static char *
audience_of(const char *form)
{
	char *scope = field(form, "scope"), *resource, *rest, *word, *end;

	if (scope == NULL)
		return field(form, "resource");
	resource = NULL;
	for (rest = scope; resource == NULL && (word = strsep(&rest, " ")) != NULL;) {
		end = strstr(word, "/.default");
		if (end != NULL) {
			*end = '\0';
			resource = lv_mem_dup(word);
		}
	}
	free(scope);
	return resource;
}

static void
give_token(struct lv_service *s, const struct lv_request *r, const struct lv_principal *p,
    const char *audience, bool is_v1, struct lv_answer *a)
{
	char *claims = field(r->body, "claims");
	const struct lv_evaluation evaluation = lv_access_evaluation(claims);
	int64_t life = s->options->token_life_s, now = lv_clock_wall_s();
	struct lv_text token = { 0 };

	free(claims);
	lv_access_issue(s->access, p, audience, life, &evaluation, &token);
	if (is_v1)
		lv_text_printf(&a->body,
		    "{\"token_type\":\"Bearer\",\"expires_in\":\"%lld\",\"ext_expires_in\":"
		    "\"%lld\",\"expires_on\":\"%lld\",\"not_before\":\"%lld\",\"resource\":",
		    (long long)life, (long long)life, (long long)(now + life), (long long)now);
	else
		lv_text_printf(&a->body,
		    "{\"token_type\":\"Bearer\",\"expires_in\":%lld,\"ext_expires_in\":%lld", (long long)life,
		    (long long)life);
	if (is_v1)
		lv_text_string(&a->body, audience);
	lv_text_printf(&a->body, ",\"access_token\":\"%s\"}", token.data);
	a->status = 200;
	lv_text_release(&token);
}

/* Whether the request proves that its client sends it; false: a has the refusal. */
static bool
check_client(
    struct lv_service *s, const struct lv_request *r, const struct lv_principal *p, struct lv_answer *a)
{
	const struct lv_aadsts_names names = { .client = p->id, .tenant = s->tenant };
	char *secret = field(r->body, "client_secret"), *assertion = field(r->body, "client_assertion");
	const struct lv_presented presented = { .client = p->id,
		.text = assertion,
		.host = r->host,
		.path = r->path,
		.tenant = s->tenant,
		.issuers_key = lv_oidc_key(s->oidc),
		.is_once = s->options->has_single_assertions };
	bool is_good = false;

	if (assertion != NULL)
		is_good = lv_assertions_check(s->assertions, &presented, a);
	else if (secret == NULL)
		(void)lv_aadsts_refuse_as(a, 7000218, &names);
	else if (!lv_access_is_secret(p, secret))
		(void)lv_aadsts_refuse_as(a, 7000215, &names);
	else
		is_good = true;
	free(secret);
	free(assertion);
	return is_good;
}

static void
token(struct lv_service *s, const struct lv_request *r, bool is_v1, struct lv_answer *a)
{
	char *grant = field(r->body, "grant_type"), *id = field(r->body, "client_id");
	char *audience = audience_of(r->body);
	const struct lv_principal *p = id != NULL ? lv_access_find(s->access, id) : NULL;
	const struct lv_aadsts_names names = { .client = id, .tenant = s->tenant };

	if (grant == NULL || strcmp(grant, "client_credentials") != 0)
		(void)lv_aadsts_refuse_as(a, 70003, &names);
	else if (p == NULL)
		(void)lv_aadsts_refuse_as(a, 700016, &names);
	else if (check_client(s, r, p, a)) {
		if (audience != NULL)
			give_token(s, r, p, audience, is_v1, a);
		else
			(void)lv_aadsts_refuse_as(a, 1002012, &names);
	}
	free(grant);
	free(id);
	free(audience);
}

static void
configuration(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	lv_text_printf(&a->body,
	    "{\"token_endpoint\":\"https://%s/%s/oauth2/v2.0/token\","
	    "\"token_endpoint_auth_methods_supported\":[\"client_secret_post\",\"private_key_jwt\"],"
	    "\"jwks_uri\":\"https://%s/%s/discovery/v2.0/keys\","
	    "\"authorization_endpoint\":\"https://%s/%s/oauth2/v2.0/authorize\","
	    "\"device_authorization_endpoint\":\"https://%s/%s/oauth2/v2.0/devicecode\","
	    "\"issuer\":\"https://%s/%s/v2.0\",\"tenant_region_scope\":null}",
	    r->host, s->tenant, r->host, s->tenant, r->host, s->tenant, r->host, s->tenant, r->host,
	    s->tenant);
	a->status = 200;
}

static void
instance(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	lv_text_printf(&a->body,
	    "{\"tenant_discovery_endpoint\":\"https://%s/%s/v2.0/.well-known/"
	    "openid-configuration\",\"api-version\":\"1.1\",\"metadata\":[{"
	    "\"preferred_network\":\"%s\",\"preferred_cache\":\"%s\",\"aliases\":[\"%s\"]}]}",
	    r->host, s->tenant, r->host, r->host, r->host);
	a->status = 200;
}

/* Below /TENANT: behind is what follows it. */
static void
tenant(struct lv_service *s, const struct lv_request *r, const char *behind, struct lv_answer *a)
{
	bool is_post = strcmp(r->method, "POST") == 0;

	if (is_post && strcasecmp(behind, "/oauth2/v2.0/token") == 0)
		token(s, r, false, a);
	else if (is_post && strcasecmp(behind, "/oauth2/token") == 0)
		token(s, r, true, a);
	else if (strstr(behind, "/.well-known/openid-configuration") != NULL)
		configuration(s, r, a);
	else
		a->status = 404;
}

static bool
is_tenant(const struct lv_service *s, const char *path, size_t len)
{
	return (strlen(s->tenant) == len && strncasecmp(path, s->tenant, len) == 0) ||
	    (len == 6 && strncmp(path, "common", 6) == 0) ||
	    (len == 13 && strncmp(path, "organizations", 13) == 0);
}

static void
entra(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	size_t len = strcspn(r->path + 1, "/");
	struct lv_aadsts_names names = { 0 };
	struct lv_text text = { 0 };

	if (strstr(r->path, "/discovery/instance") != NULL) {
		instance(s, r, a);
	} else if (is_tenant(s, r->path + 1, len)) {
		tenant(s, r, r->path + 1 + len, a);
	} else if (strstr(r->path, "/oauth2/") != NULL || strstr(r->path, "/.well-known/") != NULL) {
		lv_text_add(&text, r->path + 1, len);
		names.tenant = lv_text_str(&text);
		(void)lv_aadsts_refuse_as(a, 90002, &names);
		lv_text_release(&text);
	} else if (strcmp(r->path, "/subscriptions") == 0) {
		/* all that az login asks of the resource manager */
		lv_text_puts(&a->body, "{\"value\":[]}");
		a->status = 200;
	} else {
		a->status = 404;
	}
}

static bool
is_token_request(const struct lv_request *r)
{
	return strstr(r->path, "/oauth2/") != NULL || lv_identity_is_path(r->path);
}

/* What a fault asks for: a number of which the table has all ("code": "AADSTS53003"), or its own status and texts. */
static void
refuse(struct lv_service *s, const struct lv_request *r, const struct lv_effect *e, struct lv_answer *a)
{
	char *id = field(r->body, "client_id"), *audience = audience_of(r->body);
	const struct lv_aadsts_names names = { .client = id, .tenant = s->tenant, .resource = audience };
	const int number = lv_aadsts_number(e->message);

	if (e->message != NULL || !lv_aadsts_refuse_as(a, lv_aadsts_number(e->code), &names))
		lv_aadsts_answer(a, e->status, e->code != NULL ? e->code : "temporarily_unavailable",
		    number != 0 ? number : 90033,
		    e->message != NULL ? e->message :
					 "AADSTS90033: A transient error has occurred. Please try again.");
	free(id);
	free(audience);
}

/* A fault for token requests; true if nothing is left to do. */
static bool
meet_fault(
    struct lv_service *s, const struct lv_request *r, const struct lv_route *route, struct lv_answer *a)
{
	struct lv_effect e = lv_faults_meet(s->faults, NULL, route);
	static const enum lv_ending endings[LV_ACTIONS] = {
		[LV_ACT_RESET] = LV_RESET,
		[LV_ACT_CLOSE] = LV_CLOSE,
		[LV_ACT_TRUNCATE] = LV_TRUNCATE,
		[LV_ACT_STALL] = LV_STALL,
		[LV_ACT_APPLIED_RESET] = LV_RESET,
	};

	a->delay_ms += e.delay_ms;
	a->ending = endings[e.action];
	if (e.action == LV_ACT_STATUS)
		refuse(s, r, &e, a);
	if (e.action == LV_ACT_GARBAGE) {
		lv_text_puts(&a->body, "<html><body>Not what you asked for.</body></html>");
		a->status = 200;
	}
	return e.action == LV_ACT_STATUS || e.action == LV_ACT_GARBAGE || a->ending == LV_RESET ||
	    a->ending == LV_CLOSE || a->ending == LV_STALL;
}

void
lv_authority_handle(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	struct lv_route route = { .op = LV_TOKEN, .type = LV_TYPES };
	bool is_token = is_token_request(r);

	if (!is_token)
		route.op = LV_OTHER;
	if (!is_token || !meet_fault(s, r, &route, a)) {
		if (strncmp(r->path, "/_oidc/", 7) == 0)
			lv_oidc_handle(s, r, a);
		else if (!lv_identity_handle(s, r, a) && !r->is_plain)
			entra(s, r, a);
	}
	if (a->type == NULL && a->body.len > 0 && a->body.data[0] == '<')
		a->type = "text/html";
	lv_stats_count(
	    s->stats, &route, a->ending == LV_SEND || a->ending == LV_TRUNCATE ? a->status : LV_STATUS_NONE);
	if (s->options->is_verbose)
		fprintf(stderr, "authority %s %s %d\n", r->method, r->path, a->status);
}
