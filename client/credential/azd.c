/*
 * The Azure Developer CLI, with the account of the user who ran azd auth login.
 */
#include <string.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/credential/tool.h"

static const struct kv_tool azd = { "azd", "azd auth token", 60000, "azd auth login[ --tenant-id {tenant}]" };

/* From version 1.23.7 on it prints its errors as lines of JSON. */
static const char *
find_error(const char *diagnostics, struct kv_json **root)
{
	const char *error = NULL;

	*root = NULL;
	for (const char *line = diagnostics; *line != '\0' && error == NULL; line += strspn(line, "\r\n")) {
		const size_t len = strcspn(line, "\r\n");

		kv_json_free(*root);
		*root = NULL;
		if (kv_json_parse(line, len, root) != 0 || kv_json_string(*root, "error", &error) != 0)
			error = NULL;
		line += len;
	}
	return error != NULL ? error : diagnostics;
}

static void
azd_ended(struct kv_ask *ask, int err, int status, const char *out, const char *diagnostics)
{
	struct kv_json *root;
	const char *words = find_error(diagnostics, &root);

	if (kv_tool_succeeded(ask, &azd, err, status, words))
		kv_ask_take_answer(ask, azd.command, out, strlen(out));
	kv_json_free(root);
}

static int
ask_azd(struct kv_ask *ask)
{
	const char *argv[14] = { "azd", "auth", "token", "--output", "json", "--no-prompt", "--scope",
		ask->audience->scope };
	struct kv_buf claims, base64;
	size_t n = 8;
	int err = 0;

	kv_buf_init(&claims, 64 << 10);
	kv_buf_init(&base64, 96 << 10);
	if (ask->audience->tenant != NULL) {
		argv[n++] = "--tenant-id";
		argv[n++] = ask->audience->tenant;
	}
	if (ask->audience->claims != NULL) { /* older versions do not have the option */
		err = kv_ask_make_claims(ask, &claims);
		if (err == 0)
			err = kv_base64_encode_standard(claims.data, claims.len, &base64);
		argv[n++] = "--claims";
		argv[n] = kv_buf_str(&base64);
	}
	if (err == 0)
		err = kv_ask_run(ask, argv, azd.limit_ms, azd_ended);
	kv_buf_release(&claims);
	kv_buf_release(&base64);
	return err;
}

const struct kv_credential_kind kv_azd = {
	.variables = { { KV_TOOL_CALLER, false } },
	.takes_claims = true,
	.presence = kv_tool_presence,
	.ask = ask_azd,
};
