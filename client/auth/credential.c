/*
 * The table of credentials.
 */
#include "client/auth/credential.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client/base/buf.h"
#include "client/base/words.h"

#define ROW(word, group, sdk_name, noun) { word, sdk_name, noun, KV_AUTH_##group },
const struct kv_auth kv_auths[] = { KV_CREDENTIALS(ROW, KV_AUTH_NOTHING){ .word = NULL } };
_Static_assert(sizeof(kv_auths) / sizeof(kv_auths[0]) <= KV_AUTHS_MOST + 1, "KV_AUTHS_MOST");

/* NULL precedes the kinds of each credential. */
#define NEXT_AUTH(...) NULL,
#define ADDRESS(name)  &kv_##name,
static const struct kv_credential_kind *const rows[] = { KV_CREDENTIALS(NEXT_AUTH, ADDRESS) };
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- which to ask ---- */

/* False if it is in order already. */
static bool
add_auth(struct kv_auth_order *order, int auth)
{
	for (int i = 0; i < order->n; i++)
		if (order->auths[i] == auth)
			return false;
	order->auths[order->n++] = (unsigned char)auth;
	return true;
}

static int
find_word(const char *word, size_t len)
{
	for (int i = 0; kv_auths[i].word != NULL; i++)
		if (strlen(kv_auths[i].word) == len && memcmp(kv_auths[i].word, word, len) == 0)
			return i;
	return -1;
}

int
kv_auth_order_parse(const char *words, struct kv_auth_order *order)
{
	const char *word;
	size_t len;

	order->n = 0;
	if (strcmp(words, "auto") == 0)
		return 0;
	while (kv_words_next(&words, &word, &len)) {
		const int auth = find_word(word, len);

		if (auth < 0 || !add_auth(order, auth))
			return -EINVAL;
	}
	return order->n > 0 ? 0 : -EINVAL;
}

/* The SDKs' names that a user may have set and that kvfs does not have. */
static const char *const other_names[] = { "VisualStudioCodeCredential", "InteractiveBrowserCredential",
	NULL };

static bool
is_other(const char *name, size_t len)
{
	for (int i = 0; other_names[i] != NULL; i++)
		if (strlen(other_names[i]) == len && strncasecmp(other_names[i], name, len) == 0)
			return true;
	return false;
}

static void
say_names(const char *value, size_t len, struct kv_buf *why)
{
	if (is_other(value, len))
		kv_buf_say(why,
		    "AZURE_TOKEN_CREDENTIALS=%.*s: kvfs does not have this credential; use one of", (int)len,
		    value);
	else
		kv_buf_say(why, "AZURE_TOKEN_CREDENTIALS=%.*s must be one of", (int)len, value);
	kv_buf_say(why, " prod, dev");
	for (int i = 0; kv_auths[i].word != NULL; i++)
		if (kv_auths[i].group != KV_AUTH_NAMED)
			kv_buf_say(why, ", %s", kv_auths[i].sdk_name);
}

int
kv_auth_order_narrow(const char *value, struct kv_auth_order *order, struct kv_buf *why)
{
	const char *name = value + strspn(value, " \t");
	size_t len = strlen(name);
	bool is_prod, is_dev;

	while (len > 0 && strchr(" \t", name[len - 1]) != NULL)
		len--;
	is_prod = len == 4 && strncasecmp(name, "prod", len) == 0;
	is_dev = len == 3 && strncasecmp(name, "dev", len) == 0;
	order->n = 0;
	for (int i = 0; kv_auths[i].word != NULL; i++) {
		const struct kv_auth *a = &kv_auths[i];

		if ((is_prod && a->group == KV_AUTH_PROD) || (is_dev && a->group == KV_AUTH_DEV) ||
		    (a->group != KV_AUTH_NAMED && strlen(a->sdk_name) == len &&
			strncasecmp(a->sdk_name, name, len) == 0))
			(void)add_auth(order, i);
	}
	if (order->n > 0)
		return 0;
	say_names(name, len, why);
	return -EINVAL;
}

/* ---- kinds ---- */

bool
kv_credential_names_file(const char *variable)
{
	const struct kv_credential_kind *kind;
	int auth;

	for (size_t i = 0; (kind = kv_credential_at(i, &auth)) != NULL; i++)
		if (kind->file_variable != NULL && strcmp(kind->file_variable, variable) == 0)
			return true;
	return false;
}

const struct kv_credential_kind *
kv_credential_at(size_t i, int *auth)
{
	*auth = -1;
	for (size_t row = 0; row < ROWS; row++) {
		if (rows[row] == NULL)
			++*auth;
		else if (i-- == 0)
			return rows[row];
	}
	return NULL;
}

/* ---- variables ---- */

/* The k-th variable of a row, or NULL. */
static const struct kv_credential_variable *
variable_of(size_t row, size_t k)
{
	return rows[row] != NULL && rows[row]->variables[k].name != NULL ? &rows[row]->variables[k] : NULL;
}

/* Whether a row before reads the same variable. */
static bool
is_repeated(size_t row, const char *name)
{
	const struct kv_credential_variable *other;

	while (row-- > 0)
		for (size_t k = 0; k < KV_KIND_VARIABLES; k++)
			if ((other = variable_of(row, k)) != NULL && strcmp(other->name, name) == 0)
				return true;
	return false;
}

const struct kv_credential_variable *
kv_credential_variable_at(size_t i)
{
	const struct kv_credential_variable *variable;

	for (size_t row = 0; row < ROWS; row++)
		for (size_t k = 0; k < KV_KIND_VARIABLES; k++)
			if ((variable = variable_of(row, k)) != NULL && !is_repeated(row, variable->name) &&
			    i-- == 0)
				return variable;
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

void
kv_credential_lacks(struct kv_buf *why, const char *name)
{
	if (why != NULL)
		kv_buf_say(why, "%s%s is not set", why->len > 0 ? ", " : "", name);
}
