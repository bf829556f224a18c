#include <string.h>

#include "client/base/buf.h"
#include "client/base/log.h"
#include "client/vault/vault.h"
#include "fs/control/vault_log.h"

#define MOST_LOG ((size_t)128 << 10)

/* Whether a line of the log names another vault. */
static bool
is_of_other(const char *line, size_t len, const char *name)
{
	static const char key[] = " vault=";
	const char *at = memmem(line, len, key, sizeof(key) - 1);
	const char *value = at != NULL ? at + sizeof(key) - 1 : NULL;
	const size_t n = strlen(name);

	return value != NULL &&
	    ((size_t)(line + len - value) < n || memcmp(value, name, n) != 0 ||
		((size_t)(line + len - value) > n && value[n] != ' '));
}

void
kv_vault_log(const struct kv_scope *scope, bool without_info, struct kv_buf *text)
{
	struct kv_buf log;
	const char *line;

	if (scope->only == NULL || scope->only->settings->folder == NULL) {
		kv_log_recent(without_info, text);
		return;
	}
	kv_buf_init(&log, MOST_LOG);
	kv_log_recent(without_info, &log);
	line = kv_buf_str(&log);
	while (*line != '\0') {
		const size_t n = strcspn(line, "\n"), whole = n + (line[n] == '\n');

		if (!is_of_other(line, n, kv_vault_name(scope->only->volume->vault)))
			kv_buf_say(text, "%.*s", (int)whole, line);
		line += whole;
	}
	kv_buf_release(&log);
}
