/* The service's error bodies and headers. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/answer.h"
#include "tests/vault/mem.h"

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
	const char *title = lv_route_title(c->route.type);
	char code[64];

	snprintf(code, sizeof(code), "%sNotFound", title);
	lv_answer_error(c->answer, 404, code, NULL, "%s%s not found: %s%s%s", prefix, title, c->route.name,
	    *c->route.version != '\0' ? "/" : "", c->route.version);
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
lv_answer_forbidden(struct lv_call *c, enum lv_op right)
{
	const char *id = c->principal->id, *vault = c->vault->name;
	const char *region = c->service->options->region, *type, *op;

	type = lv_route_type_name(c->route.type);
	op = lv_route_op_name(right);
	switch (c->principal->deny) {
	case LV_DENY_POLICY:
		lv_answer_error(c->answer, 403, "Forbidden", "ForbiddenByPolicy",
		    "The user, group or application 'appid=%s;oid=%s;"
		    "iss=https://sts.windows.net/%s/' does not have %s %s permission on key vault "
		    "'%s;location=%s'. For help resolving this issue, please see "
		    "https://go.microsoft.com/fwlink/?linkid=2125287",
		    id, id, c->service->tenant, type, op, vault, region);
		break;
	case LV_DENY_RBAC:
		lv_answer_error(c->answer, 403, "Forbidden", "ForbiddenByRbac",
		    "Caller is not authorized to perform action on resource.\r\n"
		    "If role assignments, deny assignments or role definitions were changed "
		    "recently, please observe propagation time.\r\n"
		    "Caller: appid=%s;oid=%s;iss=https://sts.windows.net/%s/\r\n"
		    "Action: 'Microsoft.KeyVault/vaults/%s/%s/action'\r\n"
		    "Resource: '/subscriptions/%s/resourcegroups/local/providers/"
		    "microsoft.keyvault/vaults/%s'\r\nAssignment: (not found)\r\n"
		    "DenyAssignmentId: null\r\nDecisionReason: null \r\nVault: %s;location=%s\r\n",
		    id, id, c->service->tenant, type, op, c->vault->subscription, vault, vault, region);
		break;
	case LV_DENY_FIREWALL:
		lv_answer_error(c->answer, 403, "Forbidden", "ForbiddenByFirewall",
		    "Client address is not authorized and caller is not a trusted service.\r\n"
		    "Client address: 127.0.0.1\r\nCaller: appid=%s;oid=%s;"
		    "iss=https://sts.windows.net/%s/\r\nVault: %s;location=%s",
		    id, id, c->service->tenant, vault, region);
		break;
	}
}

void
lv_answer_throttled(struct lv_call *c)
{
	char seconds[16];

	lv_answer_error(c->answer, 429, "Throttled", NULL,
	    "Request was not processed because too many requests were received. "
	    "Reason: VaultRequestTypeLimitReached");
	if (c->service->options->retry_after_s < 0)
		return;
	snprintf(seconds, sizeof(seconds), "%d", c->service->options->retry_after_s);
	lv_http_add_header(c->answer, "Retry-After", seconds);
}

void
lv_answer_managed(struct lv_call *c)
{
	bool is_key = c->route.type == LV_KEYS;

	lv_answer_error(c->answer, 403, "Forbidden",
	    is_key ? "KeyManagedByKeyVault" : "SecretManagedByKeyVault",
	    "Operation \"%s\" is not allowed on this %s, since it is associated with a "
	    "certificate. Perform the operation on the corresponding certificate. For more "
	    "details, see https://go.microsoft.com/fwlink/?linkid=848316",
	    lv_route_op_name(c->route.op), lv_route_singular(c->route.type));
}

void
lv_answer_deleted(struct lv_call *c, const struct lv_object *o)
{
	const char *what = lv_route_singular(o->type);

	if (o->state == LV_SOFT_DELETED && o->due_ms == 0)
		lv_answer_error(c->answer, 409, "Conflict", "ObjectIsDeletedButRecoverable",
		    "%s %s is currently in a deleted but recoverable state, and its name cannot "
		    "be reused; in this state, the %s can only be recovered or purged.",
		    lv_route_title(o->type), o->name, what);
	else
		lv_answer_error(c->answer, 409, "Conflict", "ObjectIsBeingDeleted",
		    "%s %s is currently being deleted.", lv_route_title(o->type), o->name);
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
	char guid[LV_GUID_SIZE];
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		lv_http_add_header(c->answer, fixed[i][0], fixed[i][1]);
	lv_encode_new_guid(guid);
	lv_http_add_header(c->answer, "x-ms-request-id", guid);
	lv_http_add_header(c->answer, "x-ms-keyvault-region", c->service->options->region);
	if (client != NULL)
		lv_http_add_header(c->answer, "x-ms-client-request-id", client);
	if (c->service->options->is_hsm)
		lv_http_add_header(c->answer, "x-ms-server-latency", "0");
}
