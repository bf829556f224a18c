/* The service's error bodies and headers. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/answer.h"
#include "tests/vault/api.h"
#include "tests/vault/mem.h"
#include "tests/vault/refusal.h"

void
lv_answer_error(struct lv_answer *a, int status, const char *code, const char *inner, const char *format, ...)
{
	char *message = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	a->status = status;
	lv_text_clear(&a->body);
	lv_text_puts(&a->body, "{\"error\":{\"code\":");
	lv_text_string(&a->body, code);
	lv_text_puts(&a->body, ",\"message\":");
	lv_text_string(&a->body, message);
	if (inner != NULL) {
		lv_text_puts(&a->body, ",\"innererror\":{\"code\":");
		lv_text_string(&a->body, inner);
		lv_text_puts(&a->body, "}");
	}
	lv_text_puts(&a->body, "}}");
	free(message);
}

static void
not_found(struct lv_call *c, const char *prefix)
{
	const char *title = lv_route_title(c->route.type), *singular = lv_route_singular(c->route.type);
	const char *slash = *c->route.version != '\0' ? "/" : "";
	char code[64];

	snprintf(code, sizeof(code), "%sNotFound", title);
	if (c->service->options->is_hsm) {
		lv_answer_error(c->answer, 404, code, NULL, "Key not found: %s/%skeys/%s%s%s", c->base,
		    *prefix != '\0' ? "deleted" : "", c->route.name, slash, c->route.version);
		return;
	}
	if (*prefix == '\0' && lv_api_has(c->api_version, "7.1-preview")) { /* its words since 2020 */
		lv_answer_error(c->answer, 404, code, NULL,
		    "A %s with (name/id) %s%s%s was not found in this key vault. If you recently deleted this %s "
		    "you may be able to recover it using the correct recovery command. For help resolving this "
		    "issue, please see https://go.microsoft.com/fwlink/?linkid=2125182",
		    singular, c->route.name, slash, c->route.version, singular);
		return;
	}
	lv_answer_error(c->answer, 404, code, NULL, "%s%s not found: %s%s%s", prefix, title, c->route.name,
	    slash, c->route.version);
}

void
lv_answer_not_found(struct lv_call *c)
{
	not_found(c, "");
}

void
lv_answer_deleted_not_found(struct lv_call *c)
{
	not_found(c, "Deleted ");
}

void
lv_answer_resource(const struct lv_call *c, struct lv_text *out)
{
	const struct lv_options *o = c->service->options;
	const char *suffix = o->suffix;

	if (o->challenge_resource != NULL) {
		lv_text_puts(out, o->challenge_resource);
		return;
	}
	if (o->is_hsm && strncmp(suffix, "vault.", 6) == 0)
		lv_text_printf(out, "https://managedhsm.%s", suffix + 6);
	else
		lv_text_printf(out, "https://%s", suffix);
	if (strcmp(c->port, "443") != 0)
		lv_text_printf(out, ":%s", c->port);
}

static bool
has_slash(const char *url)
{
	size_t len = strlen(url);

	return len > 0 && url[len - 1] == '/';
}

void
lv_answer_challenge(struct lv_call *c, const char *message)
{
	const struct lv_options *o = c->service->options;
	struct lv_text header = { 0 };

	if (o->challenge_authority != NULL)
		lv_text_printf(&header, "Bearer authorization=\"%s%s", o->challenge_authority,
		    has_slash(o->challenge_authority) ? "" : "/");
	else
		lv_text_printf(&header, "Bearer authorization=\"https://localhost:%s/", c->port);
	lv_text_printf(&header, "%s\", resource=\"",
	    o->challenge_tenant != NULL ? o->challenge_tenant : c->service->tenant);
	lv_answer_resource(c, &header);
	lv_text_puts(&header, "\"");
	lv_answer_error(c->answer, 401, "Unauthorized", NULL, "%s", message);
	if (o->is_hsm)
		lv_text_clear(&c->answer->body);
	lv_http_add_header(c->answer, "WWW-Authenticate", header.data);
	lv_text_release(&header);
}

void
lv_answer_require_claims(struct lv_call *c)
{
	struct lv_text claims = { 0 }, header = { 0 };

	lv_text_printf(&claims, "{\"access_token\":{\"nbf\":{\"essential\":true,\"value\":\"%lld\"}}}",
	    (long long)c->service->options->wall_revoked);
	lv_text_printf(&header,
	    "Bearer realm=\"\", authorization_uri=\"https://localhost:%s/common/oauth2/authorize\", "
	    "error=\"insufficient_claims\", claims=\"",
	    c->port);
	lv_encode_base64(&header, claims.data, claims.len);
	lv_text_puts(&header, "\"");
	lv_answer_error(c->answer, 401, "Unauthorized", NULL,
	    "AKV10000: Continuous access evaluation resulted in challenge with result: InteractionRequired.");
	lv_http_add_header(c->answer, "WWW-Authenticate", header.data);
	lv_text_release(&header);
	lv_text_release(&claims);
}

void
lv_answer_throttled(struct lv_call *c)
{
	char seconds[16];

	lv_refuse(c, "throttled", c->route.op);
	if (c->service->options->retry_after_s < 0)
		return;
	snprintf(seconds, sizeof(seconds), "%d", c->service->options->retry_after_s);
	lv_http_add_header(c->answer, "Retry-After", seconds);
}

void
lv_answer_managed(struct lv_call *c)
{
	lv_refuse(c, c->route.type == LV_KEYS ? "key-managed" : "secret-managed", c->route.op);
}

void
lv_answer_deleted(struct lv_call *c, const struct lv_object *o)
{
	lv_refuse(
	    c, o->state == LV_SOFT_DELETED && o->due_ms == 0 ? "deleted" : "being-deleted", c->route.op);
}

/* What permitted the call, where roles permit it; until 2024 it was a GUID. */
static void
add_assignment(struct lv_call *c)
{
	struct lv_text id = { 0 };
	const char *at;

	for (at = c->principal->id; *at != '\0'; at++)
		if (*at != '-')
			lv_text_add(&id, at, 1);
	lv_http_add_header(c->answer, "x-ms-keyvault-rbac-assignment-id", lv_text_str(&id));
	lv_text_release(&id);
}

void
lv_answer_headers(struct lv_call *c)
{
	static const char *const fixed[][2] = {
		{ "Cache-Control", "no-cache" },
		{ "Pragma", "no-cache" },
		{ "Expires", "-1" },
		{ "x-ms-keyvault-service-version", "1.9.2000.1" },
		{ "x-ms-keyvault-network-info", "conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=InterNetwork;" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Strict-Transport-Security", "max-age=31536000;includeSubDomains" },
	};
	const char *client = lv_http_header(c->request, "x-ms-client-request-id");
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		lv_http_add_header(c->answer, fixed[i][0], fixed[i][1]);
	lv_http_add_header(c->answer, "x-ms-request-id", c->activity);
	lv_http_add_header(c->answer, "x-ms-keyvault-region", c->service->options->region);
	if (client != NULL)
		lv_http_add_header(c->answer, "x-ms-client-request-id", client);
	if (c->principal != NULL && c->principal->deny == LV_DENY_RBAC && c->answer->status != 401 &&
	    c->answer->status != 400)
		add_assignment(c);
}
