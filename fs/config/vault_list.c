#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/base/buf.h"
#include "fs/config/vault_list.h"

#define SEPARATORS " \t,"
#define MOST_NAME  64

bool
kv_vault_list_is_path(const char *text)
{
	const size_t n = strcspn(text, "/");

	if (text[n] == '\0')
		return strcmp(text, ".") == 0 || strcmp(text, "..") == 0 || text[0] == '~';
	if (strstr(text, "://") != NULL || text[0] == '[')
		return false;
	return n == 0 || text[0] == '.' || text[0] == '~' || memchr(text, '.', n) == NULL;
}

/* Letters, digits and "_.-", not beginning with one of these: .kvfs is taken. */
static bool
is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && (i == 0 || strchr("_.-", text[i]) == NULL))
			return false;
	return len > 0 && len <= MOST_NAME;
}

/* The first part of the host of vault, or all of an IPv4 address. "": an IPv6 address has none. */
static char *
folder_of(const char *vault)
{
	const char *scheme = strstr(vault, "://");
	const char *host = scheme != NULL ? scheme + 3 : vault;
	size_t n = strcspn(host, ":/");
	char *folder;

	if (host[0] == '[')
		n = 0;
	else if (strspn(host, "0123456789.") < n)
		n = strcspn(host, ".:/");
	folder = strndup(host, n);
	for (char *c = folder; c != NULL && *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return folder;
}

static int
refuse_name(const char *name, size_t len, const char *where, struct kv_buf *why)
{
	kv_buf_say(why,
	    "%s: '%.*s' cannot be the name of a vault's folder: it has letters, digits, '-', '_' and '.', at most %d",
	    where, (int)len, name, MOST_NAME);
	return -EINVAL;
}

/* The end of NAME; NULL: none, as in a URL with '=' somewhere. */
static const char *
find_equals(const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len), *colon = memchr(text, ':', len);

	return equals != NULL && colon != NULL && colon < equals ? NULL : equals;
}

int
kv_vault_list_add(
    struct kv_vault_list *list, const char *text, size_t len, const char *where, struct kv_buf *why)
{
	const char *equals = find_equals(text, len);
	const size_t name_len = equals != NULL ? (size_t)(equals - text) : 0;
	struct kv_given_vault *vaults = reallocarray(list->vaults, list->n + 1, sizeof(*vaults)), *v;

	if (vaults == NULL)
		return -ENOMEM;
	list->vaults = vaults;
	if (len == 0) {
		kv_buf_say(why, "%s: a vault is empty: is a variable not set?", where);
		return -EINVAL;
	}
	if (memchr(text, '@', len) != NULL) { /* not repeated: it may contain a password */
		kv_buf_say(
		    why, "%s: give a vault without a user name: its name, its host or its https URL", where);
		return -EINVAL;
	}
	if (equals != NULL && !is_name(text, name_len))
		return refuse_name(text, name_len, where, why);
	if (equals != NULL && name_len + 1 == len) {
		kv_buf_say(why, "%s: '%.*s=' needs a vault after it: %.*s=VAULT", where, (int)name_len, text,
		    (int)name_len, text);
		return -EINVAL;
	}
	v = &list->vaults[list->n++];
	*v = (struct kv_given_vault){ .where = where, .is_named = equals != NULL };
	v->text = equals != NULL ? strndup(equals + 1, len - name_len - 1) : strndup(text, len);
	if (v->text != NULL)
		v->folder = equals != NULL ? strndup(text, name_len) : folder_of(v->text);
	return v->folder != NULL ? 0 : -ENOMEM;
}

int
kv_vault_list_add_all(struct kv_vault_list *list, const char *text, const char *where, struct kv_buf *why)
{
	int err = 0;

	while (err == 0) {
		size_t n;

		text += strspn(text, SEPARATORS);
		n = strcspn(text, SEPARATORS);
		if (n == 0)
			break;
		err = kv_vault_list_add(list, text, n, where, why);
		text += n;
	}
	return err;
}

/* Case does not count: two names that differ only in it are the same on other systems, and a mistake here. */
static const struct kv_given_vault *
find_alike(const struct kv_vault_list *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcasecmp(list->vaults[k].folder, list->vaults[i].folder) == 0)
			return &list->vaults[k];
	return NULL;
}

int
kv_vault_list_check(const struct kv_vault_list *list, struct kv_buf *why)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct kv_given_vault *v = &list->vaults[i], *other = find_alike(list, i);

		if (!is_name(v->folder, strlen(v->folder))) {
			kv_buf_say(why, "%s: '%s' needs a name for its folder, as in hsm1=%s", v->where,
			    v->text, v->text);
			return -EINVAL;
		}
		if (other == NULL)
			continue;
		kv_buf_say(why,
		    "%s: two vaults are called '%s', %s and %s: give one another name, as in %s2=%s",
		    v->where, v->folder, other->text, v->text, v->folder, v->text);
		return -EINVAL;
	}
	return 0;
}

void
kv_vault_list_release(struct kv_vault_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		kv_buf_free_string(list->vaults[i].text);
		free(list->vaults[i].folder);
	}
	free(list->vaults);
	*list = (struct kv_vault_list){ .vaults = NULL };
}
