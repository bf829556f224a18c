#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "client/base/buf.h"
#include "fs/config/arguments.h"
#include "fs/config/given.h"

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

static int
check_vault(const char *text, const char *last, struct kv_buf *why)
{
	if (!kv_vault_list_is_path(text))
		return 0;
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
		if (n > 0)
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
