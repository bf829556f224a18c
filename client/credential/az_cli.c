/*
 * Runs the az CLI, which uses the account of the user who ran az login.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/auth/ask.h"
#include "client/base/buf.h"

#define COMMAND	   "az account get-access-token"
#define TIMEOUT_MS 60000
#define MAX_WORDS  300 /* characters of az's message in a sentence */

static enum kv_presence
presence(const struct kv_credential_options *o, struct kv_buf *why)
{
	(void)o;
	(void)why;
	return KV_PERHAPS;
}

/* Append the first line with "ERROR: …", or the first line if there is none. */
static void
say_diagnostics(struct kv_buf *why, const char *text)
{
	const char *from = strstr(text, "ERROR: ");
	size_t len;

	from = from != NULL ? from + strlen("ERROR: ") : text;
	len = strcspn(from, "\r\n");
	if (len > 0)
		kv_buf_say(why, ": %.*s", len > MAX_WORDS ? MAX_WORDS : (int)len, from);
}

static void
az_ended(struct kv_ask *ask, int err, int status, const char *out, const char *diagnostics)
{
	const char *caller = kv_credential_variable(ask->o, "SUDO_USER");
	struct kv_buf *why = kv_ask_why(ask);

	if (err == 0 && status == 0) {
		kv_ask_take_answer(ask, COMMAND, out, strlen(out));
		return;
	}
	if (err == -ENOENT) {
		kv_buf_say(why, "az is not installed, or not in PATH");
	} else if (err == -ETIMEDOUT) {
		kv_buf_say(why, COMMAND " did not end within %d s", TIMEOUT_MS / 1000);
	} else if (err != 0) {
		kv_buf_say(why, "az cannot be run: %s", strerror(-err));
	} else {
		kv_buf_say(why, COMMAND " failed");
		say_diagnostics(why, diagnostics);
	}
	if (caller != NULL && getuid() == 0)
		kv_buf_say(why, " (under sudo the az login of root counts, not that of %s: run kvfs as %s)",
		    caller, caller);
	kv_ask_fail(ask, KV_UNAVAILABLE, err == -ETIMEDOUT ? -ETIMEDOUT : -EACCES);
}

static int
ask_az(struct kv_ask *ask)
{
	const char *tenant = ask->audience->tenant;
	const char *argv[] = { "az", "account", "get-access-token", "--output", "json", "--resource",
		ask->audience->resource, tenant != NULL ? "--tenant" : NULL, tenant, NULL };

	return kv_ask_run(ask, argv, TIMEOUT_MS, az_ended);
}

const struct kv_credential_kind kv_az_cli = {
	.variables = { { "SUDO_USER", false } },
	.claims_command = "az login --claims-challenge",
	.presence = presence,
	.ask = ask_az,
};
