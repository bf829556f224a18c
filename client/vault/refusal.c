/*
 * Reasons in challenges. Only for the log: what the challenge asks for is read in client/auth/auth.
 */
#include "client/vault/refusal.h"

#include <stdlib.h>
#include <string.h>

#include "client/base/fault.h"

/* The value of name="…" as one line; a name is a whole word. */
static void
read_parameter(const char *header, const char *name, char *to, size_t size)
{
	const size_t n = strlen(name);
	const char *at = header;
	char *value;
	size_t len = 0;

	to[0] = '\0';
	while ((at = strcasestr(at, name)) != NULL &&
	    ((at > header && strchr(" ,\t", at[-1]) == NULL) || strncmp(at + n, "=\"", 2) != 0))
		at += n;
	if (at == NULL)
		return;
	at += n + 2;
	value = malloc(strlen(at) + 1);
	if (value == NULL)
		return;
	for (; *at != '\0' && *at != '"'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		value[len++] = *at;
	}
	value[len] = '\0';
	kv_fault_line(to, size, value, len);
	free(value);
}

void
kv_refusal_read(const char *header, struct kv_fault *fault)
{
	read_parameter(header, "error", fault->code, sizeof(fault->code));
	read_parameter(header, "error_description", fault->message, sizeof(fault->message));
}
