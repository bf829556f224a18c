/* The refusals. {caller} and so on are replaced. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/answer.h"
#include "tests/vault/refusal.h"

static const struct row {
	const char *name;
	int status;
	const char *code, *inner, *text;
} rows[] = {
	/* tokens */
	{ "no-token", 401, "Unauthorized", NULL,
	    "AKV10000: Request is missing a Bearer, PoP, or MTLS_POP token." },
	{ "audience", 401, "Unauthorized", NULL,
	    "AKV10022: Invalid audience. Expected {expected} or cfa8b339-82a2-471a-a3c9-0fc0be7a4093, found: "
	    "https://management.azure.com." },
	{ "issuer", 401, "Unauthorized", NULL,
	    "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/{tenant}/, found "
	    "https://sts.windows.net/66666666-7777-8888-9999-aaaaaaaaaaaa/." },
	{ "key-unknown", 401, "Unauthorized", NULL,
	    "AKV10046: Unable to resolve the key used for signature validation. EncodedJwtHeader: '***'." },
	{ "expired", 401, "Unauthorized", NULL, "[TokenExpired] Error validating token: 'S2S12086'." },

	/* rights */
	{ "policy", 403, "Forbidden", "ForbiddenByPolicy",
	    "The user, group or application '{caller}' does not have {type} {permission} permission on key vault "
	    "'{vault};location={region}'. For help resolving this issue, please see "
	    "https://go.microsoft.com/fwlink/?linkid=2125287" },
	{ "rbac", 403, "Forbidden", "ForbiddenByRbac",
	    "Caller is not authorized to perform action on resource.\r\n"
	    "If role assignments, deny assignments or role definitions were changed recently, please observe "
	    "propagation time.\r\n"
	    "Caller: {caller}\r\nAction: 'Microsoft.KeyVault/vaults/{action}'\r\nResource: '{resource}'\r\n"
	    "Assignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\n"
	    "Vault: {vault};location={region}\r\n" },
	{ "firewall", 403, "Forbidden", "ForbiddenByFirewall",
	    "Client address is not authorized and caller is not a trusted service.\r\n"
	    "Client address: 127.0.0.1\r\nCaller: {caller}\r\nVault: {vault};location={region}" },
	{ "firewall-subnet", 403, "Forbidden", "ForbiddenByFirewall",
	    "Client address is not authorized and caller is not a trusted service.\r\n"
	    "Client address: 10.1.2.3 from unknown subnet\r\nCaller: {caller}\r\nVault: {vault};location={region}" },
	{ "connection", 403, "Forbidden", "ForbiddenByConnection",
	    "Public network access is disabled and request is not from a trusted service nor via an approved "
	    "private link.\r\nCaller: {caller}" },
	{ "private-link", 403, "Forbidden", "ForbiddenByConnection",
	    "Connection is not an approved private link and caller was ignored because bypass is not set to "
	    "'AzureServices' and PublicNetworkAccess is set to 'Disabled'." },
	{ "hsm-rights", 403, "AccessDenied", NULL,
	    "Not authorized to access Microsoft.KeyVault/managedHsm/{action} on '{scope}'" },

	/* states of an object or a vault */
	{ "key-managed", 403, "Forbidden", "KeyManagedByKeyVault",
	    "Operation \"{permission}\" is not allowed on this Key, since it is associated with a certificate. Perform "
	    "the operation on the corresponding certificate. For more details, see "
	    "https://go.microsoft.com/fwlink/?linkid=848316" },
	{ "secret-managed", 403, "Forbidden", "SecretManagedByKeyVault",
	    "Operation \"{permission}\" is not allowed on this Secret, since it is associated with a certificate. "
	    "Perform the operation on the corresponding certificate. For more details, see "
	    "https://go.microsoft.com/fwlink/?linkid=848316" },
	{ "lifetime-managed", 403, "Forbidden", "KeyManagedByKeyVault",
	    "Operation \"{permission}\" is not allowed as this object's lifetime is managed by Key Vault." },
	{ "disabled", 403, "Forbidden", "SecretDisabled",
	    "Operation get is not allowed on a disabled secret." },
	{ "purge-protection", 403, "Forbidden", NULL,
	    "Operation \"purge\" is not allowed because purge protection is enabled for this vault. Key Vault service "
	    "will automatically purge it after the retention period has passed.\r\nVault: {vault};location={region}" },
	{ "deleted", 409, "Conflict", "ObjectIsDeletedButRecoverable",
	    "{title} {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this "
	    "state, the {singular} can only be recovered or purged." },
	{ "being-deleted", 409, "Conflict", "ObjectIsBeingDeleted",
	    "{title} {name} is currently being deleted." },
	{ "being-recovered", 409, "Conflict", "ObjectIsBeingRecovered",
	    "{title} {name} is currently being recovered." },
	{ "recovering", 409, "Conflict", NULL,
	    "There was a conflict while recovering the soft-deleted {singular} '{id}'. This can happen when multiple "
	    "operations are performed in parallel against the {singular}." },
	{ "throttled", 429, "Throttled", NULL,
	    "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached" },

	/* requests and blobs */
	{ "foreign-blob", 400, "Malformed backup blob", NULL, "Cannot decrypt backup blob." },
	{ "bad-blob", 400, "Malformed backup blob", NULL,
	    "Backup blob contains invalid or corrupt version." },
	{ "no-blob", 400, "Malformed backup blob", NULL, "Backup blob is corrupt." },
	{ "hsm-foreign-blob", 400, "MalformedBackupBlob", NULL,
	    "Backup blob belongs to a different crypto domain and cannot be used with this instance." },
	{ "hsm-name", 400, "BadParameter", NULL, "Invalid key identifier or name" },
	{ "standard-vault", 400, "BadParameter", NULL,
	    "Hardware key operation not allowed on standard vault" },
	{ "bad-key", 400, "BadParameter", NULL, "The property \"key\" must be a valid JsonWebKey object." },
	{ "bad-request", 400, "BadRequest", NULL, "" },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *
find(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

bool
lv_refusal_is(const char *name)
{
	return find(name) != NULL;
}

/* ---- details ---- */

/* A Managed HSM has words of its own for some. */
static const char *
hsm_action(const struct lv_call *c, enum lv_op right)
{
	static const struct {
		enum lv_op op;
		const char *action;
	} actions[] = {
		{ LV_LIST, "keys/read/action" },
		{ LV_VERSIONS, "keys/read/action" },
		{ LV_GET, "keys/read/action" },
		{ LV_CREATE, "keys/create" },
		{ LV_UPDATE, "keys/write/action" },
		{ LV_DELETED, "keys/deletedKeys/read/action" },
		{ LV_RECOVER, "keys/deletedKeys/recover/action" },
		{ LV_PURGE, "keys/deletedKeys/delete" },
	};
	size_t i;

	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (actions[i].op == c->route.op || actions[i].op == right)
			return actions[i].action;
	return NULL;
}

/* The data action: keys/read for a list, secrets/readMetadata/action. */
static void
put_action(const struct lv_call *c, enum lv_op right, struct lv_text *out)
{
	const char *type = lv_route_type_name(c->route.type);

	if (c->service->options->is_hsm && hsm_action(c, right) != NULL)
		lv_text_puts(out, hsm_action(c, right));
	else if (right == LV_ROTATION)
		lv_text_printf(
		    out, "keyrotationpolicies/%s", strcmp(c->request->method, "GET") == 0 ? "read" : "write");
	else if (right == LV_DELETE)
		lv_text_printf(out, "%s/delete", type);
	else if (right != LV_LIST && right != LV_GET)
		lv_text_printf(out, "%s/%s/action", type, lv_route_op_name(right));
	else if (c->route.type == LV_SECRETS)
		lv_text_printf(out, "secrets/%s/action", right == LV_LIST ? "readMetadata" : "getSecret");
	else
		lv_text_printf(out, "%s/read", type);
}

static void
put_resource(const struct lv_call *c, struct lv_text *out)
{
	lv_text_printf(out, "/subscriptions/%s/resourcegroups/local/providers/microsoft.keyvault/vaults/%s",
	    c->vault->subscription, c->vault->name);
	if (*c->route.name != '\0')
		lv_text_printf(out, "/%s/%s", lv_route_type_name(c->route.type), c->route.name);
}

static void
put(const struct lv_call *c, enum lv_op right, const char *name, size_t len, struct lv_text *out)
{
	const struct {
		const char *name, *value;
	} plain[] = {
		{ "type", lv_route_type_name(c->route.type) },
		{ "singular", lv_route_singular(c->route.type) },
		{ "title", lv_route_title(c->route.type) },
		{ "name", c->route.name },
		{ "permission", lv_route_op_name(right) },
		{ "vault", c->vault->name },
		{ "region", c->service->options->region },
		{ "tenant", c->service->tenant },
	};
	const char *id = c->principal != NULL ? c->principal->id : "";

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strlen(plain[i].name) == len && memcmp(plain[i].name, name, len) == 0)
			lv_text_puts(out, plain[i].value);
	if (strncmp(name, "caller", len) == 0)
		lv_text_printf(
		    out, "appid=%s;oid=%s;iss=https://sts.windows.net/%s/", id, id, c->service->tenant);
	else if (strncmp(name, "scope", len) == 0)
		lv_text_printf(out, "/keys%s%s", *c->route.name != '\0' ? "/" : "", c->route.name);
	else if (strncmp(name, "action", len) == 0)
		put_action(c, right, out);
	else if (strncmp(name, "resource", len) == 0)
		put_resource(c, out);
	else if (strncmp(name, "expected", len) == 0)
		lv_answer_resource(c, out);
	else if (strncmp(name, "id", len) == 0)
		lv_text_printf(out, "%s/%s/%s", c->base, lv_route_type_name(c->route.type), c->route.name);
}

/* ---- answers ---- */

void
lv_refuse(struct lv_call *c, const char *name, enum lv_op right)
{
	const struct row *row = find(name);
	struct lv_text message = { 0 };

	for (const char *at = row->text; *at != '\0';) {
		const size_t plain = strcspn(at, "{"), len = strcspn(at + plain, "}");

		lv_text_add(&message, at, plain);
		at += plain;
		if (*at == '\0')
			break;
		put(c, right, at + 1, len - 1, &message);
		at += len + 1;
	}
	if (row->status == 401)
		lv_answer_challenge(c, lv_text_str(&message));
	else
		lv_answer_error(c->answer, row->status, row->code, row->inner, "%s", lv_text_str(&message));
	lv_text_release(&message);
}

void
lv_refuse_forbidden(struct lv_call *c, enum lv_op right)
{
	static const char *const names[] = {
		[LV_DENY_POLICY] = "policy",
		[LV_DENY_RBAC] = "rbac",
		[LV_DENY_FIREWALL] = "firewall",
		[LV_DENY_CONNECTION] = "connection",
		[LV_DENY_PRIVATE_LINK] = "private-link",
	};
	const bool is_of_rights = c->principal->deny == LV_DENY_POLICY || c->principal->deny == LV_DENY_RBAC;

	lv_refuse(
	    c, c->service->options->is_hsm && is_of_rights ? "hsm-rights" : names[c->principal->deny], right);
}
