/*
 * Azure PowerShell, with the account of the user who ran Connect-AzAccount. The script goes to pwsh as its
 * -EncodedCommand, base64 of UTF-16, so that nothing in it is parsed before. It prints one line, as the scripts
 * of the SDKs do: "azsdk%TOKEN%UNIX-SECONDS". Az.Accounts 2.17 to 4 return the token as a SecureString
 * only if asked to, version 5 always does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/json_quote.h"
#include "client/credential/tool.h"

#define MARK	   "azsdk%"
#define NO_MODULE  "kvfs-no-module"
#define MOST_LINE  ((size_t)256 << 10)
#define MIN_MODULE "2.2.0"

static const struct kv_tool powershell = { "pwsh", "Get-AzAccessToken of Azure PowerShell", 60000,
	"Connect-AzAccount[ -Tenant {tenant}]" };

/* Follows the lines that set $p, the arguments of Get-AzAccessToken. */
static const char script[] =
    "$ErrorActionPreference = 'Stop'\n"
    "$ProgressPreference = 'SilentlyContinue'\n"
    "$m = Import-Module Az.Accounts -MinimumVersion " MIN_MODULE " -PassThru -ErrorAction SilentlyContinue\n"
    "if (!$m) { Write-Output '" NO_MODULE "'; exit }\n"
    "if ($m.Version -ge [version]'2.17.0' -and $m.Version -lt [version]'5.0.0') { $p.AsSecureString = $true }\n"
    "$t = Get-AzAccessToken @p -WarningAction Ignore\n"
    "$v = $t.Token\n"
    "if ($v -is [System.Security.SecureString]) { $v = ConvertFrom-SecureString -AsPlainText $v }\n"
    "Write-Output \"" MARK "$v%$($t.ExpiresOn.ToUnixTimeSeconds())\"\n";

/* ---- the answer ---- */

/* The line's token and end as the JSON that other answers have. */
static void
take_line(struct kv_ask *ask, const char *line)
{
	const char *token = line + strlen(MARK);
	const size_t len = strcspn(token, "%\r\n"), digits = strspn(token + len + 1, "0123456789");
	struct kv_buf text, json;
	int err;

	kv_buf_init(&text, MOST_LINE);
	kv_buf_init(&json, MOST_LINE + 256);
	err = kv_buf_append(&text, token, len);
	if (err == 0)
		err = kv_buf_puts(&json, "{\"access_token\":");
	if (err == 0)
		err = kv_json_quote(&json, kv_buf_str(&text));
	if (err == 0 && token[len] == '%')
		err = kv_buf_printf(&json, ",\"expires_on\":\"%.*s\"", (int)digits, token + len + 1);
	if (err == 0)
		err = kv_buf_puts(&json, "}");
	if (err == 0)
		kv_ask_take_answer(ask, powershell.command, kv_buf_str(&json), json.len);
	else
		kv_ask_fail(ask, KV_FAILED, err);
	kv_buf_release(&json);
	kv_buf_release(&text);
}

static void
pwsh_ended(struct kv_ask *ask, int err, int status, const char *out, const char *diagnostics)
{
	const char *line;

	if (!kv_tool_succeeded(ask, &powershell, err, status, diagnostics))
		return;
	line = strstr(out, MARK);
	if (line != NULL && strcspn(line, "\r\n") < MOST_LINE) {
		take_line(ask, line);
		return;
	}
	if (strstr(out, NO_MODULE) != NULL)
		kv_buf_say(kv_ask_why(ask),
		    "the module Az.Accounts (%s or later) is not installed in PowerShell: "
		    "Install-Module Az.Accounts",
		    MIN_MODULE);
	else
		kv_buf_say(kv_ask_why(ask), "%s printed no token", powershell.command);
	kv_ask_fail(ask, KV_UNAVAILABLE, -EACCES);
}

/* ---- the command ---- */

/* Text from the challenge goes into a PowerShell string in single quotes: a quote in it would end that. */
static bool
is_plain(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:/")] ==
	    '\0';
}

static int
encode(const char *text, struct kv_buf *base64)
{
	struct kv_buf wide;
	int err = 0;

	kv_buf_init(&wide, 2 * strlen(text));
	for (; err == 0 && *text != '\0'; text++)
		err = kv_buf_append(&wide, (const char[]){ *text, '\0' }, 2); /* UTF-16LE of ASCII */
	if (err == 0)
		err = kv_base64_encode_standard(wide.data, wide.len, base64);
	kv_buf_release(&wide);
	return err;
}

static int
make_command(struct kv_ask *ask, struct kv_buf *base64)
{
	const char *resource = ask->audience->resource, *tenant = ask->audience->tenant;
	struct kv_buf text;
	int err;

	if (!is_plain(resource) || (tenant != NULL && !is_plain(tenant))) {
		kv_buf_say(kv_ask_why(ask),
		    "the resource or the tenant has characters that PowerShell would interpret");
		return -EACCES;
	}
	kv_buf_init(&text, 8192);
	err = kv_buf_printf(&text, "$p = @{ ResourceUrl = '%s' }\n", resource);
	if (err == 0 && tenant != NULL)
		err = kv_buf_printf(&text, "$p.TenantId = '%s'\n", tenant);
	if (err == 0)
		err = kv_buf_puts(&text, script);
	if (err == 0)
		err = encode(kv_buf_str(&text), base64);
	kv_buf_release(&text);
	return err;
}

static int
ask_powershell(struct kv_ask *ask)
{
	struct kv_buf command;
	int err;

	kv_buf_init(&command, 65536);
	err = make_command(ask, &command);
	if (err == 0) {
		const char *argv[] = { "pwsh", "-NoProfile", "-NonInteractive", "-EncodedCommand",
			kv_buf_str(&command), NULL };

		err = kv_ask_run(ask, argv, powershell.limit_ms, pwsh_ended);
	}
	kv_buf_release(&command);
	return err;
}

const struct kv_credential_kind kv_azure_powershell = {
	.variables = { { KV_TOOL_CALLER, false } },
	.claims_command = { "Connect-AzAccount -ClaimsChallenge", "-Tenant", NULL },
	.presence = kv_tool_presence,
	.ask = ask_powershell,
};
