#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/auth/secret_file.h"
#include "fs/config/given.h"

#define SYSTEM_CONFIG "/etc/kvfs.conf"

/*
 * Options that mount(8) and fstab add, or that users copy from other file systems: passed to the kernel, or
 * ignored because they have no meaning here or kvfs decides. A name that ends in '=' has a value.
 */
static const char *const kernel_options[] = { "nosuid", "nodev", "noexec", "noatime", "sync", "dirsync",
	"default_permissions", NULL };
static const char *const ignored_options[] = { "rw", "suid", "dev", "exec", "atime", "relatime", "async",
	"auto", "noauto", "user", "user=", "nouser", "users", "owner", "group", "nofail", "defaults",
	"_netdev", "x-", "X-", "comment=", "nonempty",
	"subtype=", "max_read=", "attr_timeout=", "entry_timeout=", "negative_timeout=", "lazytime",
	"nolazytime", "strictatime", "nostrictatime", "norelatime", "diratime", "nodiratime", "silent",
	"loud", NULL };

/* Options that kvfs cannot support, and what to do instead. */
static const struct {
	const char *name, *sentence;
} refused_options[] = {
	{ "remount", "a mount of kvfs cannot be changed: unmount it, and mount it again" },
	{ "auto_unmount", "kvfs unmounts when it ends, and is not supervised: leave auto_unmount out" },
	{ "keys", "a list is separated by colons, as in types=keys:secrets" },
	{ "secrets", "a list is separated by colons, as in types=keys:secrets" },
	{ "certificates", "a list is separated by colons, as in types=keys:certificates" },
};
#define REFUSED (sizeof(refused_options) / sizeof(refused_options[0]))

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

/* ---- options and arguments ---- */

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

	for (size_t i = 0; i < REFUSED; i++)
		if (strlen(refused_options[i].name) == n && strncmp(refused_options[i].name, text, n) == 0) {
			kv_buf_say(why, "%s: '%.*s': %s", where, (int)n, text, refused_options[i].sentence);
			return -EINVAL;
		}
	kv_buf_say(why, "%s: unknown option '%.*s' (", where, (int)n, text);
	if (meant != NULL)
		kv_buf_say(why, "did you mean '%s'? ", meant);
	kv_buf_say(why, "kvfs -h lists them)");
	return -EINVAL;
}

/* Store a copy of value, given at where. */
static int
keep_value(struct kv_given *g, int k, const char *value, const char *where)
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
	if (is_in(kernel_options, text))
		return kv_buf_printf(&g->kernel, ",%s", text);
	if (strncmp(text, "fsname=", 7) != 0)
		return refuse_option(text, where, why);
	if (text[7] == '\0') {
		kv_buf_say(why, "%s: fsname needs a value: fsname=…", where);
		return -EINVAL;
	}
	g->source = kv_given_keep(g, strdup(text + 7));
	return g->source != NULL ? 0 : -ENOMEM;
}

/* Take "name" or "name=value". override: the last value wins (command line); otherwise the first does. */
static int
take_option(struct kv_given *g, const char *text, bool override, const char *where, struct kv_buf *why)
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
	if (g->values[k] != NULL && !override)
		return 0;
	return keep_value(g, k, equals != NULL ? equals + 1 : "", where);
}

static bool
is_list(const char *option)
{
	const int k = kv_options_find(option, strcspn(option, "="));

	return k >= 0 &&
	    (kv_options_at((size_t)k)->kind == KV_OPTION_TYPES ||
		kv_options_at((size_t)k)->kind == KV_OPTION_WORDS);
}

/* Take "a,b=c,…". In a value, \, stands for a comma and \\ for a backslash. */
static int
take_list(struct kv_given *g, const char *list, struct kv_buf *why)
{
	char *one = malloc(strlen(list) + 1);
	int err = one != NULL ? 0 : -ENOMEM;
	bool follows_list = false; /* the previous option's value is a list */

	while (err == 0 && *list != '\0') {
		size_t n = 0;

		while (*list != '\0' && *list != ',') {
			if (*list == '\\' && (list[1] == ',' || list[1] == '\\'))
				list++;
			one[n++] = *list++;
		}
		one[n] = '\0';
		list += *list == ',';
		if (n > 0)
			err = take_option(g, one, true, "-o", why);
		if (err == -EINVAL && follows_list && strstr(kv_buf_str(why), "colons") == NULL)
			kv_buf_say(why, "; the parts of a list are separated by colons, not commas");
		follows_list = n > 0 && is_list(one);
		explicit_bzero(one, n);
	}
	free(one);
	return err;
}

static int
take_argument(struct kv_given *g, const char *text, int *n, struct kv_buf *why)
{
	char *copy;

	if (*n == 2) {
		kv_buf_say(why, "too many arguments: '%s' (usage: kvfs [OPTIONS] [VAULT] MOUNTPOINT)", text);
		return -EINVAL;
	}
	copy = kv_given_keep(g, strdup(text));
	if (copy == NULL)
		return -ENOMEM;
	if ((*n)++ == 0) {
		g->mountpoint = copy; /* unless a second argument follows */
	} else {
		g->vault = g->mountpoint;
		g->mountpoint = copy;
	}
	return 0;
}

/* The message repeats only the name: the value may be a secret. */
static int
say_unknown(const char *text, struct kv_buf *why)
{
	kv_buf_say(why, "unknown option '%.*s' (kvfs -h lists them)", (int)strcspn(text, "="), text);
	return -EINVAL;
}

/* Take a one-letter option, with its value directly after it or in the next argument. */
static int
take_letter(struct kv_given *g, int argc, char *const argv[], int *i, struct kv_buf *why)
{
	const char *text = argv[*i];

	switch (text[1]) {
	case 'o':
		if (text[2] != '\0')
			return take_list(g, text + 2, why);
		if (*i + 1 < argc)
			return take_list(g, argv[++*i], why);
		kv_buf_say(why, "-o needs an option after it");
		return -EINVAL;
	case 'f':
		g->is_foreground = true;
		break;
	case 'd':
		g->is_foreground = true;
		if (keep_value(g, kv_options_find("debug", 5), "all", "-d") != 0)
			return -ENOMEM;
		break;
	case 'h':
		g->print = KV_PRINT_HELP;
		break;
	case 'V':
		g->print = KV_PRINT_VERSION;
		break;
	case 's':
		break; /* single-threaded, which mount.fuse3 may pass: kvfs always is */
	default:
		return say_unknown(text, why);
	}
	return text[2] == '\0' ? 0 : say_unknown(text, why);
}

/* Take a long option. False: there is none of this name. */
static bool
take_long(struct kv_given *g, const char *text)
{
	static const struct {
		const char *name;
		enum kv_print print;
	} longs[] = {
		{ "--help", KV_PRINT_HELP },
		{ "--version", KV_PRINT_VERSION },
		{ "--print-config", KV_PRINT_CONFIG },
	};

	for (size_t i = 0; i < sizeof(longs) / sizeof(longs[0]); i++)
		if (strcmp(text, longs[i].name) == 0) {
			g->print = longs[i].print;
			return true;
		}
	return false;
}

static int
read_arguments(struct kv_given *g, int argc, char *const argv[], struct kv_buf *why)
{
	bool is_over = false;
	int n = 0, err = 0;

	for (int i = 1; err == 0 && i < argc; i++) {
		if (is_over || argv[i][0] != '-' || argv[i][1] == '\0')
			err = take_argument(g, argv[i], &n, why);
		else if (strcmp(argv[i], "--") == 0)
			is_over = true;
		else if (!take_long(g, argv[i]))
			err = take_letter(g, argc, argv, &i, why);
	}
	return err;
}

/* ---- the configuration file ---- */

static int
read_config_line(struct kv_given *g, char *line, const char *where, struct kv_buf *why)
{
	char *equals, *end, *name = line + strspn(line, " \t");
	char option[4096];

	end = name + strlen(name);
	while (end > name && isspace((unsigned char)end[-1]))
		*--end = '\0';
	if (*name == '\0' || *name == '#')
		return 0;
	equals = strchr(name, '=');
	if (equals == NULL)
		return take_option(g, name, false, where, why);
	end = equals;
	while (end > name && isspace((unsigned char)end[-1]))
		end--;
	snprintf(option, sizeof(option), "%.*s=%s", (int)(end - name), name,
	    equals + 1 + strspn(equals + 1, " \t"));
	return take_option(g, option, false, where, why);
}

/*
 * Returns 1 if the file was read; 0 if it does not exist, or is a personal one that the user cannot read; or
 * -errno.
 */
static int
read_config(struct kv_given *g, const char *path, bool is_personal, struct kv_buf *why)
{
	char line[4096], where[PATH_MAX + 32];
	FILE *f = fopen(path, "re");
	int err = 0, n = 0;

	if (f == NULL && (errno == ENOENT || errno == ENOTDIR || (is_personal && errno == EACCES)))
		return 0;
	if (f == NULL) {
		kv_buf_say(why, "%s: %s", path, strerror(errno));
		return -EINVAL;
	}
	g->config_fault = kv_secret_file_fault(fileno(f));
	while (err == 0 && fgets(line, sizeof(line), f) != NULL) {
		snprintf(where, sizeof(where), "%s line %d", path, ++n);
		err = read_config_line(g, line, where, why);
	}
	fclose(f);
	return err != 0 ? err : 1;
}

static int
read_configs(struct kv_given *g, struct kv_buf *why)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = kv_given_home();
	char path[PATH_MAX];
	int found = 0;

	if (xdg != NULL && xdg[0] == '/')
		snprintf(path, sizeof(path), "%s/kvfs.conf", xdg);
	else if (home != NULL)
		snprintf(path, sizeof(path), "%s/.config/kvfs.conf", home);
	else
		path[0] = '\0';
	if (path[0] != '\0')
		found = read_config(g, path, true, why);
	if (found == 0)
		found = read_config(g, SYSTEM_CONFIG, false, why);
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
			err = keep_value(g, k, value, o->environment);
	}
	return err;
}

int
kv_given_read(int argc, char *const argv[], struct kv_given *g, struct kv_buf *why)
{
	int err;

	*g = (struct kv_given){ .strings = NULL };
	kv_buf_init(&g->kernel, 1024);
	err = read_arguments(g, argc, argv, why);
	if (err != 0 || g->print == KV_PRINT_HELP || g->print == KV_PRINT_VERSION)
		return err;
	if (g->vault != NULL)
		err = keep_value(g, kv_options_find("vault", 5), g->vault, "argument");
	if (err == 0)
		err = read_environment(g, true, why);
	if (err == 0)
		err = read_configs(g, why);
	if (err == 0)
		err = read_environment(g, false, why);
	return err;
}

/* ---- values ---- */

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
