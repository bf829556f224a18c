/*
 * The table of credentials.
 */
#include "client/auth/credential.h"

#include <errno.h>
#include <string.h>

#define WORD(word) word,
const char *const kv_credential_words[] = { "auto", KV_CREDENTIALS(WORD, KV_AUTH_NOTHING) NULL };

/* NULL precedes the kinds of each word. */
#define NEXT_WORD(word) NULL,
#define ADDRESS(name)	&kv_##name,
static const struct kv_credential_kind *const rows[] = { KV_CREDENTIALS(NEXT_WORD, ADDRESS) };

const struct kv_credential_kind *
kv_credential_at(size_t i, int *auth)
{
	*auth = 0;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		if (rows[row] == NULL)
			++*auth;
		else if (i-- == 0)
			return rows[row];
	}
	return NULL;
}

const struct kv_credential_variable *
kv_credential_variable_at(size_t i)
{
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
		for (size_t k = 0; rows[row] != NULL && k < KV_KIND_VARIABLES; k++)
			if (rows[row]->variables[k].name != NULL && i-- == 0)
				return &rows[row]->variables[k];
	return NULL;
}

const char *
kv_credential_variable(const struct kv_credential_options *options, const char *name)
{
	for (size_t i = 0; i < KV_CREDENTIAL_VARIABLES && options->variables[i].name != NULL; i++)
		if (strcmp(options->variables[i].name, name) == 0)
			return options->variables[i].value;
	return NULL;
}

int
kv_credential_set_variable(struct kv_credential_options *options, const char *name, const char *value)
{
	for (size_t i = 0; i < KV_CREDENTIAL_VARIABLES; i++) {
		if (options->variables[i].name != NULL && strcmp(options->variables[i].name, name) != 0)
			continue;
		options->variables[i].name = name;
		options->variables[i].value = value;
		return 0;
	}
	return -E2BIG;
}
