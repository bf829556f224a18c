/*
 * The az CLI, with the account of the user who ran az login.
 */
#include <string.h>

#include "client/credential/tool.h"

static const struct kv_tool az = { "az", "az account get-access-token", 60000,
	"az login[ --tenant {tenant}][ --scope {resource}/.default]" };

static void
az_ended(struct kv_ask *ask, int err, int status, const char *out, const char *diagnostics)
{
	if (kv_tool_succeeded(ask, &az, err, status, diagnostics))
		kv_ask_take_answer(ask, az.command, out, strlen(out));
}

static int
ask_az(struct kv_ask *ask)
{
	const char *argv[12] = { "az", "account", "get-access-token", "--output", "json", "--resource",
		ask->audience->resource };
	size_t n = 7;

	if (ask->audience->tenant != NULL) {
		argv[n++] = "--tenant";
		argv[n++] = ask->audience->tenant;
	}
	if (ask->o->subscription != NULL) {
		argv[n++] = "--subscription";
		argv[n] = ask->o->subscription;
	}
	return kv_ask_run(ask, argv, az.limit_ms, az_ended);
}

const struct kv_credential_kind kv_az_cli = {
	.variables = { { KV_TOOL_CALLER, false } },
	.claims_command = { "az login --claims-challenge", "--tenant", "--scope" },
	.presence = kv_tool_presence,
	.ask = ask_az,
};
