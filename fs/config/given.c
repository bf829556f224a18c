/*
 * Reading the command line and the configuration file. Each -o option is a row of one table, and so is
 * what the file may say.
 */
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

#include "fs/config/given.h"

#define SYSTEM_CONFIG "/etc/kvfs.conf"
#define MOST_NAME     32 /* letters of an option, no more of which is looked at for what was meant */

static const struct {
	const char *name;
	bool is_flag;
} keys[KV_GIVEN_KEYS] = {
	[KV_GIVEN_AUTH] = { "auth", false },
	[KV_GIVEN_AUTHORITY] = { "authority", false },
	[KV_GIVEN_TENANT] = { "tenant", false },
	[KV_GIVEN_CLIENT_ID] = { "client_id", false },
	[KV_GIVEN_CLIENT_SECRET_FILE] = { "client_secret_file", false },
	[KV_GIVEN_TOKEN_FILE] = { "token_file", false },
	[KV_GIVEN_ALLOW_TENANT] = { "allow_tenant", false },
	[KV_GIVEN_NO_CHALLENGE_VERIFY] = { "no_challenge_verify", true },
	[KV_GIVEN_CACERT] = { "cacert", false },
	[KV_GIVEN_RATE] = { "rate", false },
	[KV_GIVEN_SHARE] = { "share", false },
	[KV_GIVEN_MAX_INFLIGHT] = { "max_inflight", false },
	[KV_GIVEN_TIMEOUT] = { "timeout", false },
	[KV_GIVEN_SIZE] = { "size", false },
	[KV_GIVEN_CACHE] = { "cache", false },
	[KV_GIVEN_CACHE_DIR] = { "cache_dir", false },
	[KV_GIVEN_CACHE_SIZE] = { "cache_size", false },
	[KV_GIVEN_SPILL] = { "spill", false },
	[KV_GIVEN_MAX_AGE] = { "max_age", false },
	[KV_GIVEN_PREFETCH] = { "prefetch", false },
	[KV_GIVEN_LIST_TTL] = { "list_ttl", false },
	[KV_GIVEN_LOOKERS] = { "lookers", false },
	[KV_GIVEN_TYPES] = { "types", false },
	[KV_GIVEN_RO] = { "ro", true },
	[KV_GIVEN_DRY_RUN] = { "dry_run", true },
	[KV_GIVEN_API_VERSION] = { "api_version", false },
	[KV_GIVEN_ALLOW_OTHER] = { "allow_other", true },
	[KV_GIVEN_ALLOW_ROOT] = { "allow_root", true },
	[KV_GIVEN_UID] = { "uid", false },
	[KV_GIVEN_GID] = { "gid", false },
	[KV_GIVEN_UMASK] = { "umask", false },
	[KV_GIVEN_VAULT] = { "vault", false },
	[KV_GIVEN_DEBUG] = { "debug", false },
};

/*
 * What mount(8) and fstab add, and what lines of other file systems have that people start from: passed on to the
 * kernel, or of no meaning here. Caching and the size of reads are kvfs's own affair. One that ends in '=' has a value.
 */
static const char *const kernel_options[] = { "nosuid", "nodev", "noexec", "noatime", "sync", "dirsync",
	"default_permissions", NULL };
static const char *const ignored_options[] = { "rw", "suid", "dev", "exec", "atime", "relatime", "async",
	"auto", "noauto", "user", "user=", "nouser", "users", "owner", "group", "nofail", "defaults",
	"_netdev", "x-", "X-", "comment=", "nonempty",
	"subtype=", "max_read=", "attr_timeout=", "entry_timeout=", "negative_timeout=", "lazytime",
	"nolazytime", "strictatime", "nostrictatime", "norelatime", "diratime", "nodiratime", "silent",
	"loud", NULL };

/* What kvfs cannot do, and what to do instead. */
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

/* ---- strings that live as long as the options ---- */

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
kv_given_name(enum kv_given_key key)
{
	return keys[key].name;
}

const char *
kv_given_environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
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
	if (user == 0 || (home != NULL && stat(home, &st) == 0 && st.st_uid == user))
		return home;
	entry = getpwuid(user);
	return entry != NULL && entry->pw_dir[0] == '/' && stat(entry->pw_dir, &st) == 0 ? entry->pw_dir :
											   home;
}

/* ---- options and arguments ---- */

static int
find_key(const char *name, size_t len)
{
	for (int k = 0; k < KV_GIVEN_KEYS; k++)
		if (strlen(keys[k].name) == len && strncmp(keys[k].name, name, len) == 0)
			return k;
	return -1;
}

/* An entry that ends in '=' or '-' is a beginning. */
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

/* How many letters must be added, left out, changed or swapped; more than a few count as too many. */
static size_t
distance(const char *a, size_t n, const char *b)
{
	size_t d[MOST_NAME + 1][MOST_NAME + 1];
	const size_t m = strlen(b);

	if (n > MOST_NAME || m > MOST_NAME)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		d[i][0] = i;
		for (size_t j = 1; j <= m; j++) {
			const size_t other = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			d[i][j] = d[i - 1][j] < d[i][j - 1] ? d[i - 1][j] + 1 : d[i][j - 1] + 1;
			if (other < d[i][j])
				d[i][j] = other;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[n][m];
}

/* The option that was meant, perhaps; or NULL. */
static const char *
nearest(const char *name, size_t len)
{
	const char *best = NULL;
	size_t least = len > 5 ? 3 : 2; /* so far away is another word */

	for (int k = 0; k < KV_GIVEN_KEYS; k++) {
		const size_t d = distance(name, len, keys[k].name);

		if (d < least) {
			least = d;
			best = keys[k].name;
		}
	}
	return best;
}

/* Its name alone: a secret may be behind it. */
static int
refuse_option(const char *text, const char *where, struct kv_buf *why)
{
	const size_t n = strcspn(text, "=");
	const char *meant = nearest(text, n);

	for (size_t i = 0; i < REFUSED; i++)
		if (strlen(refused_options[i].name) == n && strncmp(refused_options[i].name, text, n) == 0) {
			kv_buf_say(why, "%s: '%.*s': %s", where, (int)n, text, refused_options[i].sentence);
			return -EINVAL;
		}
	kv_buf_say(why, "%s: unknown option '%.*s' (", where, (int)n, text);
	if (meant != NULL)
		kv_buf_say(why, "is '%s' meant? ", meant);
	kv_buf_say(why, "kvfs -h lists them)");
	return -EINVAL;
}

/* "name" or "name=value". override: a later one wins (command line), else the first stays. */
static int
take_option(struct kv_given *g, const char *text, bool override, const char *where, struct kv_buf *why)
{
	const char *equals = strchr(text, '=');
	const int k = find_key(text, equals != NULL ? (size_t)(equals - text) : strlen(text));

	if (k < 0 && is_in(ignored_options, text))
		return 0;
	if (k < 0 && is_in(kernel_options, text))
		return kv_buf_printf(&g->kernel, ",%s", text);
	if (k < 0 && strcmp(text, "fsname=") == 0) {
		kv_buf_say(why, "%s: fsname needs a value: fsname=…", where);
		return -EINVAL;
	}
	if (k < 0 && strncmp(text, "fsname=", 7) == 0) {
		g->source = kv_given_keep(g, strdup(text + 7));
		return g->source != NULL ? 0 : -ENOMEM;
	}
	if (k < 0)
		return refuse_option(text, where, why);
	if (keys[k].is_flag && equals != NULL) {
		kv_buf_say(why, "%s: %s takes no value", where, keys[k].name);
		return -EINVAL;
	}
	if (!keys[k].is_flag && (equals == NULL || equals[1] == '\0')) {
		kv_buf_say(why, "%s: %s needs a value: %s=…", where, keys[k].name, keys[k].name);
		return -EINVAL;
	}
	if (g->values[k] != NULL && !override)
		return 0;
	g->values[k] = kv_given_keep(g, strdup(equals != NULL ? equals + 1 : ""));
	g->wheres[k] = kv_given_keep(g, strdup(where));
	return g->values[k] != NULL && g->wheres[k] != NULL ? 0 : -ENOMEM;
}

/* a,b=c,… in which \, is a comma and \\ a backslash of the value. */
static int
take_list(struct kv_given *g, const char *list, struct kv_buf *why)
{
	char *one = malloc(strlen(list) + 1);
	int err = one != NULL ? 0 : -ENOMEM;
	bool follows_list = false; /* the option before this one is a list */

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
		follows_list = n > 0 && (strncmp(one, "types=", 6) == 0 || strncmp(one, "lookers=", 8) == 0);
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
		g->mountpoint = copy; /* the only one, so far */
	} else {
		g->vault = g->mountpoint;
		g->mountpoint = copy;
	}
	return 0;
}

/* Its name alone: a secret may be behind it. */
static int
say_unknown(const char *text, struct kv_buf *why)
{
	kv_buf_say(why, "unknown option '%.*s' (kvfs -h lists them)", (int)strcspn(text, "="), text);
	return -EINVAL;
}

/* A letter with its value behind it or in the next argument. */
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
		kv_buf_say(why, "-o needs an option behind it");
		return -EINVAL;
	case 'f':
		g->is_foreground = true;
		break;
	case 'd':
		g->is_foreground = true;
		g->values[KV_GIVEN_DEBUG] = kv_given_keep(g, strdup("all"));
		if (g->values[KV_GIVEN_DEBUG] == NULL)
			return -ENOMEM;
		break;
	case 'h':
		g->wants_help = true;
		break;
	case 'V':
		g->wants_version = true;
		break;
	case 's':
		break; /* "single-threaded", as mount.fuse3 may pass it: always */
	default:
		return say_unknown(text, why);
	}
	return text[2] == '\0' ? 0 : say_unknown(text, why);
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
		else if (strcmp(argv[i], "--help") == 0)
			g->wants_help = true;
		else if (strcmp(argv[i], "--version") == 0)
			g->wants_version = true;
		else
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

/* 1: read; 0: there is none, or a personal one that the user cannot read; or an error. */
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

int
kv_given_read(int argc, char *const argv[], struct kv_given *g, struct kv_buf *why)
{
	int err;

	*g = (struct kv_given){ .strings = NULL };
	kv_buf_init(&g->kernel, 1024);
	err = read_arguments(g, argc, argv, why);
	if (err != 0 || g->wants_help || g->wants_version)
		return err;
	if (g->values[KV_GIVEN_VAULT] == NULL && kv_given_environment("KVFS_VAULT") != NULL) {
		g->values[KV_GIVEN_VAULT] = kv_given_keep(g, strdup(kv_given_environment("KVFS_VAULT")));
		if (g->values[KV_GIVEN_VAULT] == NULL)
			return -ENOMEM;
	}
	return read_configs(g, why);
}
