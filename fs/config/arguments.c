#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/config/arguments.h"
#include "fs/config/given.h"

#define RESOURCE "/subscriptions/" /* begins the id of a resource of Azure */

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Whether the last argument is the mount point, which --print-config does not need. */
static bool
has_mountpoint(const struct kv_given *g, const char *last)
{
	return g->print != KV_PRINT_CONFIG || kv_vault_list_is_path(last) ||
	    (g->n_arguments > 1 && is_directory(last));
}

/*
 * An option without -o: NAME=VALUE would be a vault in the folder NAME. A flag can be the name of a vault, too: it is
 * taken for an option only if there are enough vaults without it.
 */
static int
check_option(const struct kv_given *g, const char *text, struct kv_buf *why)
{
	const size_t n = strcspn(text, "=");
	const int k = kv_options_find(text, n);
	const bool is_flag = k >= 0 && kv_options_at((size_t)k)->kind == KV_OPTION_FLAG;

	if (k < 0 || is_flag != (text[n] == '\0') || (is_flag && g->n_arguments < 3))
		return 0;
	kv_buf_say(why, "'%.*s' is an option, and needs -o before it: kvfs -o %.*s%s VAULT MOUNTPOINT",
	    (int)n, text, (int)n, text, is_flag ? "" : "=…");
	return -EINVAL;
}

/* kvfs MOUNTPOINT VAULT: the last argument is no directory, and the first is one. */
static int
check_order(const struct kv_given *g, const char *last, struct kv_buf *why)
{
	const char *first = g->arguments[0];

	if (g->n_arguments != 2 || kv_vault_list_is_path(last) || is_directory(last) ||
	    access(last, F_OK) == 0 || !is_directory(first))
		return 0;
	kv_buf_say(why, "'%s' is a directory, and '%s' is not: the vault comes first, kvfs %s %s", first,
	    last, last, first);
	return -EINVAL;
}

static int
check_vault(const char *text, const char *last, struct kv_buf *why)
{
	if (!kv_vault_list_is_path(text))
		return 0;
	if (strncasecmp(text, RESOURCE, strlen(RESOURCE)) == 0)
		kv_buf_say(
		    why, "'%s' is a resource id: give the name of the vault, which is its last part", text);
	else if (text[0] != '/' && text[0] != '.' && strchr(text, ':') != NULL)
		kv_buf_say(why,
		    "'%s': a vault is mounted as a whole, and its name has no ':' and no directory: kvfs %.*s %s",
		    text, (int)strcspn(text, ":/"), text, last);
	else
		kv_buf_say(why,
		    "'%s' is a path, and '%s' too: two mount points? kvfs VAULT... MOUNTPOINT takes vaults by their names, "
		    "hosts or https URLs, and one mount point at the end",
		    text, last);
	return -EINVAL;
}

/* A URL, NAME=VAULT, or what looks like a host: the mount point was forgotten. */
static int
check_mountpoint(const struct kv_given *g, const char *last, struct kv_buf *why)
{
	const bool is_vault = strstr(last, "://") != NULL ||
	    (!kv_vault_list_is_path(last) && strpbrk(last, "=.") != NULL) ||
	    (!kv_vault_list_is_path(last) && g->n_arguments > 2);

	if (!is_vault || strchr(last, '@') != NULL || is_directory(last))
		return 0;
	kv_buf_say(why,
	    "the mount point is missing: '%s' is no directory, and reads as a vault (kvfs VAULT... MOUNTPOINT)",
	    last);
	return -EINVAL;
}

int
kv_arguments_sort(struct kv_given *g, struct kv_buf *why)
{
	char *last = g->n_arguments > 0 ? g->arguments[g->n_arguments - 1] : NULL;
	size_t n = g->n_arguments;
	int err = 0;

	if (last != NULL && has_mountpoint(g, last)) {
		g->mountpoint = last;
		n--;
		for (size_t i = 0; err == 0 && n > 0 && i <= n; i++)
			err = check_option(g, g->arguments[i], why);
		if (err == 0 && n > 0)
			err = check_order(g, last, why);
		if (err == 0 && n > 0)
			err = check_mountpoint(g, last, why);
	}
	for (size_t i = 0; err == 0 && i < n; i++) {
		err = check_vault(g->arguments[i], last, why);
		if (err == 0)
			err = kv_vault_list_add(
			    &g->vaults, g->arguments[i], strlen(g->arguments[i]), "argument", why);
	}
	return err;
}
