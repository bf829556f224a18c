#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/config/arguments.h"
#include "fs/config/command_line.h"
#include "fs/config/given.h"
#include "fs/config/habits.h"
#include "fs/config/sections.h"

#define SYSTEM_CONFIG "/etc/kvfs.conf"

/*
 * Options that mount(8) and fstab add, or that users copy from other file systems: passed to the kernel, or
 * ignored because they have no meaning here or kvfs decides. A name that ends in '=' has a value.
 */
static const char *const kernel_options[] = { "nosuid", "nodev", "noexec", "noatime", "sync", "dirsync",
	"default_permissions", NULL };
static const char *const ignored_options[] = { "rw", "suid", "dev", "exec", "atime", "relatime", "async",
	"auto", "noauto", "user", "user=", "users", "owner", "group", "nofail", "defaults", "nouser",
	"nousers", "noowner", "nogroup", "_netdev", "x-", "X-", "comment=", "uhelper=", "helper=", "subtype=",
	"max_read=", "attr_timeout=", "entry_timeout=", "negative_timeout=", "lazytime", "nolazytime",
	"strictatime", "nostrictatime", "norelatime", "diratime", "nodiratime", "silent", "loud", "iversion",
	"noiversion", "mand", "nomand", "symfollow", "nosymfollow", NULL };

/* ---- strings ---- */

struct kv_string {
	struct kv_string *next;
	char *text;
};

char *
kv_given_keep(struct kv_given *g, char *text)
{
	struct kv_string *string = text != NULL ? malloc(sizeof(*string)) : NULL;

	if (string == NULL) {
		kv_buf_free_string(text);
		return NULL;
	}
	*string = (struct kv_string){ .next = g->strings, .text = text };
	g->strings = string;
	return text;
}

void
kv_given_release(struct kv_given *g)
{
	while (g->strings != NULL) {
		struct kv_string *string = g->strings;

		g->strings = string->next;
		kv_buf_free_string(string->text);
		free(string);
	}
	kv_buf_release(&g->kernel);
	kv_buf_release(&g->warnings);
	kv_conf_release(&g->conf);
	kv_vault_list_release(&g->vaults);
	free(g->arguments);
	*g = (struct kv_given){ .strings = NULL };
}

const char *
kv_given_environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if (iscntrl((unsigned char)*text))
			return true;
	return false;
}

int
kv_given_keep_environment(struct kv_given *g, const char *name, const char **value, struct kv_buf *why)
{
	const char *given = kv_given_environment(name);
	char *copy = kv_given_keep(g, given != NULL ? strdup(given) : NULL);
	size_t len;

	*value = NULL;
	if (given == NULL)
		return 0;
	if (copy == NULL)
		return -ENOMEM;
	len = strlen(copy);
	while (len > 0 && strchr("\r\n", copy[len - 1]) != NULL)
		copy[--len] = '\0';
	if (has_control(copy)) {
		kv_buf_say(why, "the variable %s contains a line break or another control character", name);
		return -EINVAL;
	}
	*value = len > 0 ? copy : NULL;
	return 0;
}

const char *
kv_given_home(void)
{
	const char *home = kv_given_environment("HOME");
	const uid_t user = geteuid();
	const struct passwd *entry;
	struct stat st;

	if (home != NULL && home[0] != '/')
		home = NULL;
	if (home != NULL && (user == 0 || (stat(home, &st) == 0 && st.st_uid == user)))
		return home;
	entry = getpwuid(user);
	return entry != NULL && entry->pw_dir[0] == '/' && stat(entry->pw_dir, &st) == 0 ? entry->pw_dir :
											   home;
}

/* ---- options ---- */

/* An entry that ends in '=' or '-' is a prefix. */
static bool
is_in(const char *const *list, const char *word)
{
	for (; *list != NULL; list++) {
		const size_t n = strlen(*list);
		const char last = (*list)[n - 1];

		if (last == '=' || last == '-' ? strncmp(*list, word, n) == 0 : strcmp(*list, word) == 0)
			return true;
	}
	return false;
}

/* The message repeats only the name: the value may be a secret. */
static int
refuse_option(const char *text, const char *where, struct kv_buf *why)
{
	const size_t n = strcspn(text, "=");
	const char *meant = kv_options_nearest(text, n);

	if (n == 0) {
		kv_buf_say(why, "%s: the name of an option is missing before '=': -o NAME=VALUE", where);
		return -EINVAL;
	}
	kv_buf_say(why, "%s: unknown option '%.*s'", where, (int)n, text);
	if (kv_habits_say(text, n, why))
		return -EINVAL;
	kv_buf_say(why, " (");
	if (meant != NULL)
		kv_buf_say(why, "did you mean '%s'? ", meant);
	kv_buf_say(why, "kvfs -h lists them)");
	return -EINVAL;
}

int
kv_given_set(struct kv_given *g, int k, const char *value, const char *where)
{
	g->values[k] = kv_given_keep(g, strdup(value));
	g->wheres[k] = kv_given_keep(g, strdup(where));
	return g->values[k] != NULL && g->wheres[k] != NULL ? 0 : -ENOMEM;
}

/* Take an option that is not in the table: one of mount(8), or an unknown one. */
static int
take_other(struct kv_given *g, const char *text, const char *where, struct kv_buf *why)
{
	if (is_in(ignored_options, text))
		return 0;
	if (strcmp(text, "sloppy") == 0) {
		g->is_sloppy = true;
		return 0;
	}
	if (is_in(kernel_options, text))
		return kv_buf_printf(&g->kernel, ",%s", text);
	if (strncmp(text, "fsname=", 7) != 0 && g->is_sloppy) {
		kv_buf_say(&g->warnings, "%s: '%.*s' is unknown, and ignored\n", where,
		    (int)strcspn(text, "="), text);
		return 0;
	}
	if (strncmp(text, "fsname=", 7) != 0)
		return refuse_option(text, where, why);
	if (text[7] == '\0') {
		kv_buf_say(why, "%s: fsname needs a value: fsname=…", where);
		return -EINVAL;
	}
	g->source = kv_given_keep(g, strdup(text + 7));
	return g->source != NULL ? 0 : -ENOMEM;
}

int
kv_given_take(struct kv_given *g, const char *text, bool is_first, const char *where, struct kv_buf *why)
{
	const char *equals = strchr(text, '=');
	const int k = kv_options_find(text, strcspn(text, "="));
	const struct kv_option *o = k >= 0 ? kv_options_at((size_t)k) : NULL;

	if (o == NULL)
		return take_other(g, text, where, why);
	if (o->kind == KV_OPTION_FLAG && equals != NULL) {
		kv_buf_say(why, "%s: %s takes no value", where, o->name);
		return -EINVAL;
	}
	if (o->kind != KV_OPTION_FLAG && (equals == NULL || equals[1] == '\0')) {
		kv_buf_say(why, "%s: %s needs a value: %s=…", where, o->name, o->name);
		return -EINVAL;
	}
	if (g->values[k] != NULL && !is_first)
		return 0;
	return kv_given_set(g, k, equals != NULL ? equals + 1 : "", where);
}

/* ---- the configuration files ---- */

/* The personal file and the system's, or only the one that -o config= names. */
static int
read_files(struct kv_given *g, struct kv_buf *why)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = kv_given_home();
	const char *named = kv_given_value(g, "config");
	char path[PATH_MAX];
	int found = 0;

	if (named != NULL) {
		found = kv_conf_read(&g->conf, named, false, why);
		if (found == 0)
			kv_buf_say(why, "-o: config=%s: there is no such file", named);
		return found > 0 ? 0 : found < 0 ? found : -EINVAL;
	}
	if (xdg != NULL && xdg[0] == '/')
		snprintf(path, sizeof(path), "%s/kvfs.conf", xdg);
	else if (home != NULL)
		snprintf(path, sizeof(path), "%s/.config/kvfs.conf", home);
	else
		path[0] = '\0';
	if (path[0] != '\0')
		found = kv_conf_read(&g->conf, path, true, why);
	if (found >= 0)
		found = kv_conf_read(&g->conf, SYSTEM_CONFIG, false, why);
	return found < 0 ? found : 0;
}

/* ---- the environment ---- */

/* Read kvfs's own variables (is_own), or the others. */
static int
read_environment(struct kv_given *g, bool is_own, struct kv_buf *why)
{
	const struct kv_option *o;
	const char *value;
	int err = 0;

	for (int k = 0; err == 0 && (o = kv_options_at((size_t)k)) != NULL; k++) {
		if (g->values[k] != NULL || o->environment == NULL ||
		    (strncmp(o->environment, "KVFS_", 5) == 0) != is_own)
			continue;
		err = kv_given_keep_environment(g, o->environment, &value, why);
		if (err == 0 && value != NULL)
			err = kv_given_set(g, k, value, o->environment);
	}
	return err;
}

static void
init(struct kv_given *g)
{
	*g = (struct kv_given){ .strings = NULL };
	kv_conf_init(&g->conf);
	kv_buf_init(&g->kernel, 1024);
	kv_buf_init(&g->warnings, 8192);
}

int
kv_given_read(int argc, char *const argv[], struct kv_given *g, struct kv_buf *why)
{
	int err;

	init(g);
	err = kv_command_line_read(g, argc, argv, why);
	if (err != 0 || g->print == KV_PRINT_HELP || g->print == KV_PRINT_VERSION)
		return err;
	err = kv_arguments_sort(g, why);
	if (err == 0)
		err = read_files(g, why);
	if (err == 0)
		err = kv_sections_choose(g, why);
	if (err == 0)
		err = read_environment(g, true, why);
	memcpy(g->first_values, g->values, sizeof(g->values));
	memcpy(g->first_wheres, g->wheres, sizeof(g->wheres));
	if (err == 0)
		err = kv_sections_apply(g, &g->conf, g->section, NULL, why);
	return err == 0 ? read_environment(g, false, why) : err;
}

int
kv_given_read_vault(
    struct kv_given *all, const struct kv_given_vault *vault, struct kv_given *g, struct kv_buf *why)
{
	int err;

	init(g);
	memcpy(g->values, all->first_values, sizeof(g->values));
	memcpy(g->wheres, all->first_wheres, sizeof(g->wheres));
	g->print = all->print;
	err = kv_given_set(g, kv_options_find("vault", 5), vault->text, vault->where);
	if (err == 0)
		err = kv_sections_apply(g, &all->conf, all->section, vault->folder, why);
	if (err == 0 && g->warnings.len > 0)
		kv_buf_say(&all->warnings, "%s", kv_buf_str(&g->warnings));
	return err == 0 ? read_environment(g, false, why) : err;
}

/* ---- values ---- */

const char *
kv_given_value(const struct kv_given *g, const char *name)
{
	return g->values[kv_options_find(name, strlen(name))];
}

const char *
kv_given_where(const struct kv_given *g, const char *name)
{
	return g->wheres[kv_options_find(name, strlen(name))];
}

int
kv_given_refuse(const struct kv_given *g, const char *name, const char *right, struct kv_buf *why)
{
	const int k = kv_options_find(name, strlen(name));
	const char *variable = kv_options_at((size_t)k)->environment;
	const char *value = strchr(g->values[k], '@') == NULL ? g->values[k] : "…";

	if (variable != NULL && strcmp(variable, g->wheres[k]) == 0)
		kv_buf_say(why, "%s=%s must be %s", variable, value, right);
	else
		kv_buf_say(why, "%s: %s=%s must be %s", g->wheres[k], name, value, right);
	return -EINVAL;
}
