/*
 * Programs that print a token.
 */
#include "client/credential/tool.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/auth/token_refusal.h"
#include "client/base/buf.h"

#define MOST_WORDS 300 /* characters of a program's message in a sentence */
#define MOST_PLAIN 64  /* a longer run of a token's characters may be one; ids and URLs are shorter */

enum kv_presence
kv_tool_presence(const struct kv_credential_options *options, struct kv_buf *why)
{
	(void)options;
	(void)why;
	return KV_PERHAPS;
}

/* The length of the run of a token's characters at text. */
static size_t
token_len(const char *text)
{
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/=~");
}

void
kv_tool_quote(struct kv_buf *why, const char *text)
{
	const char *const end = text + strcspn(text, "\r\n");
	size_t n, most;

	if (text < end)
		kv_buf_say(why, ": ");
	for (most = why->len + MOST_WORDS; text < end && why->len < most; text += n) {
		n = token_len(text);
		if (n > MOST_PLAIN || (n > 3 && strncmp(text, "eyJ", 3) == 0))
			kv_buf_say(why, "(token)");
		else
			kv_buf_say(why, "%.*s", n > 0 ? (int)n : 1, text);
		n += n == 0;
	}
}

/* The line that tells why: az and azd begin it with "ERROR: ", otherwise the first one that is not empty. */
static const char *
find_line(const char *text)
{
	const char *error = strstr(text, "ERROR: ");

	return error != NULL ? error + strlen("ERROR: ") : text + strspn(text, " \t\r\n");
}

static void
say_whose(struct kv_ask *ask)
{
	const char *caller = kv_credential_variable(ask->o, KV_TOOL_CALLER);

	if (caller != NULL && getuid() == 0)
		kv_buf_say(kv_ask_why(ask),
		    " (under sudo the sign-in of root counts, not that of %s: run kvfs as %s)", caller,
		    caller);
}

bool
kv_tool_succeeded(
    struct kv_ask *ask, const struct kv_tool *tool, int err, int status, const char *diagnostics)
{
	struct kv_buf *why = kv_ask_why(ask);
	struct kv_fault fault;

	if (err == 0 && status == 0)
		return true;
	if (err == -ENOENT) {
		kv_buf_say(why, "%s is not installed, or not in PATH", tool->program);
	} else if (err == -ETIMEDOUT) {
		kv_buf_say(why, "%s did not end within %d s", tool->command, tool->limit_ms / 1000);
	} else if (err == -EFBIG) {
		kv_buf_say(why, "%s printed more than 1 MiB", tool->command);
	} else if (err != 0) {
		kv_buf_say(why, "%s cannot be run: %s", tool->program, strerror(-err));
	} else {
		kv_buf_say(why, "%s failed", tool->command);
		kv_token_refusal_of_text(diagnostics, &fault);
		if (kv_token_refusal_say(ask->audience,
			&(struct kv_token_refused){ .fault = &fault, .login = tool->login }, why) == 0)
			kv_tool_quote(why, find_line(diagnostics));
	}
	say_whose(ask);
	kv_ask_fail(ask, KV_UNAVAILABLE, err == -ETIMEDOUT ? -ETIMEDOUT : -EACCES);
	return false;
}
