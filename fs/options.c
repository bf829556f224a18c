/*
 * Options. A setting may come from the command line, the environment or the configuration file; the
 * first of these that has it wins. Each -o option is a row of one table, and so is what the
 * configuration file may say.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/options.h"

#define SYSTEM_CONFIG "/etc/kvfs.conf"
#define MAX_FILE      ((size_t)256 << 10)

/* The values as given; checked and turned into struct kv_options at the end. */
enum key {
	AUTH,
	AUTHORITY,
	TENANT,
	CLIENT_ID,
	CLIENT_SECRET_FILE,
	TOKEN_FILE,
	ALLOW_TENANT,
	NO_CHALLENGE_VERIFY,
	CACERT,
	RATE,
	MAX_INFLIGHT,
	TIMEOUT,
	SIZE,
	CACHE_SIZE,
	LIST_TTL,
	LOOKERS,
	TYPES,
	RO,
	DRY_RUN,
	API_VERSION,
	ALLOW_OTHER,
	ALLOW_ROOT,
	UID,
	GID,
	UMASK,
	VAULT,
	DEBUG,
	KEYS
};

static const struct {
	const char *name;
	bool is_flag;
} keys[KEYS] = {
	[AUTH] = { "auth", false },
	[AUTHORITY] = { "authority", false },
	[TENANT] = { "tenant", false },
	[CLIENT_ID] = { "client_id", false },
	[CLIENT_SECRET_FILE] = { "client_secret_file", false },
	[TOKEN_FILE] = { "token_file", false },
	[ALLOW_TENANT] = { "allow_tenant", false },
	[NO_CHALLENGE_VERIFY] = { "no_challenge_verify", true },
	[CACERT] = { "cacert", false },
	[RATE] = { "rate", false },
	[MAX_INFLIGHT] = { "max_inflight", false },
	[TIMEOUT] = { "timeout", false },
	[SIZE] = { "size", false },
	[CACHE_SIZE] = { "cache_size", false },
	[LIST_TTL] = { "list_ttl", false },
	[LOOKERS] = { "lookers", false },
	[TYPES] = { "types", false },
	[RO] = { "ro", true },
	[DRY_RUN] = { "dry_run", true },
	[API_VERSION] = { "api_version", false },
	[ALLOW_OTHER] = { "allow_other", true },
	[ALLOW_ROOT] = { "allow_root", true },
	[UID] = { "uid", false },
	[GID] = { "gid", false },
	[UMASK] = { "umask", false },
	[VAULT] = { "vault", false },
	[DEBUG] = { "debug", false },
};

/* What mount(8) and fstab add: passed on to the kernel, or of no meaning here. */
static const char *const kernel_options[] = { "nosuid", "nodev", "noexec", "noatime", "sync", "dirsync",
	NULL };
static const char *const ignored_options[] = { "rw", "suid", "dev", "exec", "atime", "relatime", "async",
	"auto", "noauto", "user", "nouser", "users", "nofail", "defaults", "_netdev", NULL };

/* Public and sovereign clouds: the vault's suffix and the authority belong together. */
static const struct {
	const char *suffix, *authority;
} clouds[] = {
	{ ".vault.azure.net", "https://login.microsoftonline.com" },
	{ ".managedhsm.azure.net", "https://login.microsoftonline.com" },
	{ ".vault.azure.cn", "https://login.chinacloudapi.cn" },
	{ ".managedhsm.azure.cn", "https://login.chinacloudapi.cn" },
	{ ".vault.usgovcloudapi.net", "https://login.microsoftonline.us" },
	{ ".managedhsm.usgovcloudapi.net", "https://login.microsoftonline.us" },
};
#define CLOUDS (sizeof(clouds) / sizeof(clouds[0]))

struct given {
	char *values[KEYS];	  /* NULL: not given; of a flag "" */
	char *vault, *mountpoint; /* the arguments */
	struct kv_buf kernel;
};

static const char help[] =
    "usage: kvfs [-f] [-d] [-o OPTION[=VALUE][,...]] [VAULT] MOUNTPOINT\n"
    "\n"
    "Shows the Azure Key Vault VAULT (a name, a host or an https URL) as files below MOUNTPOINT.\n"
    "Reading keys/NAME.blob backs that key up, writing a blob into restore/ restores it.\n"
    "Unmount with: fusermount3 -u MOUNTPOINT\n"
    "\n"
    "  -f                     stay in the foreground, log to stderr\n"
    "  -d                     the same, with debug lines\n"
    "  -h, --help             this text\n"
    "  -V, --version          the version\n"
    "\n"
    "  -o ro                  no restore/\n"
    "  -o types=keys:secrets  only these folders\n"
    "  -o dry_run             check everything, back up and restore nothing\n"
    "  -o auth=KIND           auto, env, managed, cli or token\n"
    "  -o tenant=ID, client_id=ID, client_secret_file=FILE, token_file=FILE\n"
    "  -o authority=URL       where client secrets are sent\n"
    "  -o allow_tenant=ID     the vault may belong to this tenant\n"
    "  -o cacert=FILE         a CA to trust in addition to the system's (PEM)\n"
    "  -o no_challenge_verify the vault may ask for another host's token (emulators)\n"
    "  -o rate=N              at most N requests per second\n"
    "  -o max_inflight=N      at most N requests under way (64)\n"
    "  -o timeout=S           give up after S seconds without success (300)\n"
    "  -o list_ttl=S          a listing is fresh for S seconds (60)\n"
    "  -o cache_size=SIZE     memory for blobs, with K, M or G (64M)\n"
    "  -o size=stat           sizes are exact at stat\n"
    "  -o lookers=A:B         programs whose stat fetches nothing (ls:tree:du)\n"
    "  -o api_version=V       of Key Vault (7.4)\n"
    "  -o allow_other, allow_root, uid=N, gid=N, umask=M\n"
    "  -o debug=A:B           debug lines of these modules, or all\n"
    "\n"
    "The manual page kvfs(1) says more.\n";

const char *
kv_options_help(void)
{
	return help;
}

/* ---- strings that live as long as the options ---- */

struct kv_string {
	struct kv_string *next;
	char *text;
};

/* Keep s (from malloc, or NULL) with the options; returns it, or NULL where memory ends. */
static char *
keep(struct kv_options *o, char *s)
{
	struct kv_string *string = s != NULL ? malloc(sizeof(*string)) : NULL;

	if (string == NULL) {
		kv_buf_free_string(s);
		return NULL;
	}
	*string = (struct kv_string){ .next = o->strings, .text = s };
	o->strings = string;
	return s;
}

void
kv_options_release(struct kv_options *o)
{
	while (o->strings != NULL) {
		struct kv_string *string = o->strings;

		o->strings = string->next;
		kv_buf_free_string(string->text);
		free(string);
	}
	*o = (struct kv_options){ .strings = NULL };
}

static const char *
environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* A copy, because the start wipes secrets out of the environment. NULL where it is not set. */
static char *
keep_environment(struct kv_options *o, const char *name)
{
	const char *value = environment(name);

	return value != NULL ? keep(o, strdup(value)) : NULL;
}

/* ---- what is given ---- */

static int
find_key(const char *name, size_t len)
{
	for (int k = 0; k < KEYS; k++)
		if (strlen(keys[k].name) == len && strncmp(keys[k].name, name, len) == 0)
			return k;
	return -1;
}

static bool
is_in(const char *const *list, const char *word)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

/* "name" or "name=value". override: a later one wins (command line), else the first stays. */
static int
take_option(struct kv_options *o, struct given *g, const char *text, bool override, const char *where,
    struct kv_buf *why)
{
	const char *equals = strchr(text, '=');
	const int k = find_key(text, equals != NULL ? (size_t)(equals - text) : strlen(text));

	if (k < 0 &&
	    (is_in(ignored_options, text) || strncmp(text, "x-", 2) == 0 ||
		strncmp(text, "comment=", 8) == 0))
		return 0;
	if (k < 0 && is_in(kernel_options, text))
		return kv_buf_printf(&g->kernel, ",%s", text);
	if (k < 0) {
		kv_buf_say(why, "%s: unknown option '%s' (kvfs -h lists them)", where, text);
		return -EINVAL;
	}
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
	g->values[k] = keep(o, strdup(equals != NULL ? equals + 1 : ""));
	return g->values[k] != NULL ? 0 : -ENOMEM;
}

/* a,b=c,… */
static int
take_list(struct kv_options *o, struct given *g, const char *list, struct kv_buf *why)
{
	int err = 0;

	while (err == 0 && *list != '\0') {
		const size_t n = strcspn(list, ",");
		char *one = strndup(list, n);

		if (one == NULL)
			return -ENOMEM;
		if (n > 0)
			err = take_option(o, g, one, true, "-o", why);
		free(one);
		list += n + (list[n] == ',');
	}
	return err;
}

static int
take_argument(struct kv_options *o, struct given *g, const char *text, int *n)
{
	char *copy = keep(o, strdup(text));

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

/* A letter with its value behind it or in the next argument. */
static int
take_letter(struct kv_options *o, struct given *g, int argc, char *const argv[], int *i, struct kv_buf *why)
{
	const char *text = argv[*i];

	switch (text[1]) {
	case 'o':
		if (text[2] != '\0')
			return take_list(o, g, text + 2, why);
		if (*i + 1 < argc)
			return take_list(o, g, argv[++*i], why);
		kv_buf_say(why, "-o needs an option behind it");
		return -EINVAL;
	case 'f':
		o->is_foreground = true;
		break;
	case 'd':
		o->is_foreground = true;
		g->values[DEBUG] = keep(o, strdup("all"));
		break;
	case 'h':
		o->wants_help = true;
		break;
	case 'V':
		o->wants_version = true;
		break;
	case 's':
		break; /* "single-threaded", as mount.fuse3 may pass it: always */
	default:
		kv_buf_say(why, "unknown option '%s' (kvfs -h lists them)", text);
		return -EINVAL;
	}
	if (text[2] == '\0')
		return 0;
	kv_buf_say(why, "unknown option '%s' (kvfs -h lists them)", text);
	return -EINVAL;
}

static int
read_arguments(struct kv_options *o, struct given *g, int argc, char *const argv[], struct kv_buf *why)
{
	bool is_over = false;
	int n = 0, err = 0;

	for (int i = 1; err == 0 && i < argc; i++) {
		if (is_over || argv[i][0] != '-' || argv[i][1] == '\0')
			err = n < 2 ? take_argument(o, g, argv[i], &n) : -E2BIG;
		else if (strcmp(argv[i], "--") == 0)
			is_over = true;
		else if (strcmp(argv[i], "--help") == 0)
			o->wants_help = true;
		else if (strcmp(argv[i], "--version") == 0)
			o->wants_version = true;
		else
			err = take_letter(o, g, argc, argv, &i, why);
		if (err == -E2BIG)
			kv_buf_say(why, "too many arguments: '%s' (usage: kvfs [OPTIONS] [VAULT] MOUNTPOINT)",
			    argv[i]);
	}
	return err;
}

/* ---- the configuration file ---- */

static int
read_config_line(struct kv_options *o, struct given *g, char *line, const char *where, struct kv_buf *why)
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
		return take_option(o, g, name, false, where, why);
	end = equals;
	while (end > name && isspace((unsigned char)end[-1]))
		end--;
	snprintf(option, sizeof(option), "%.*s=%s", (int)(end - name), name,
	    equals + 1 + strspn(equals + 1, " \t"));
	return take_option(o, g, option, false, where, why);
}

/* 1: read; 0: there is none; or an error. */
static int
read_config(struct kv_options *o, struct given *g, const char *path, struct kv_buf *why)
{
	char line[4096], where[PATH_MAX + 32];
	FILE *f = fopen(path, "re");
	int err = 0, n = 0;

	if (f == NULL && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (f == NULL) {
		kv_buf_say(why, "%s: %s", path, strerror(errno));
		return -EINVAL;
	}
	while (err == 0 && fgets(line, sizeof(line), f) != NULL) {
		snprintf(where, sizeof(where), "%s line %d", path, ++n);
		err = read_config_line(o, g, line, where, why);
	}
	fclose(f);
	return err != 0 ? err : 1;
}

static int
read_configs(struct kv_options *o, struct given *g, struct kv_buf *why)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char path[PATH_MAX];
	int found = 0;

	if (xdg != NULL && xdg[0] == '/')
		snprintf(path, sizeof(path), "%s/kvfs.conf", xdg);
	else if (home != NULL && home[0] == '/')
		snprintf(path, sizeof(path), "%s/.config/kvfs.conf", home);
	else
		path[0] = '\0';
	if (path[0] != '\0')
		found = read_config(o, g, path, why);
	if (found == 0)
		found = read_config(o, g, SYSTEM_CONFIG, why);
	return found < 0 ? found : 0;
}

/* ---- values ---- */

static int
bad_value(enum key k, const char *value, const char *right, struct kv_buf *why)
{
	kv_buf_say(why, "%s=%s: must be %s", keys[k].name, value, right);
	return -EINVAL;
}

static int
take_number(const struct given *g, enum key k, double least, double most, double *number, struct kv_buf *why)
{
	const char *text = g->values[k];
	char *end, right[80];
	double value;

	if (text == NULL)
		return 0;
	value = strtod(text, &end);
	snprintf(right, sizeof(right), "a number from %g to %g", least, most);
	if (end == text || *end != '\0' || !(value >= least && value <= most) ||
	    !isdigit((unsigned char)text[0]))
		return bad_value(k, text, right, why);
	*number = value;
	return 0;
}

static int
take_integer(
    const struct given *g, enum key k, int base, long least, long most, long *number, struct kv_buf *why)
{
	const char *text = g->values[k];
	char *end, right[80];
	long value;

	if (text == NULL)
		return 0;
	errno = 0;
	value = strtol(text, &end, base);
	snprintf(right, sizeof(right),
	    base == 8 ? "an octal number such as 0022" : "a whole number from %ld to %ld", least, most);
	if (end == text || *end != '\0' || errno != 0 || value < least || value > most ||
	    !isdigit((unsigned char)text[0]))
		return bad_value(k, text, right, why);
	*number = value;
	return 0;
}

static int
take_size(const struct given *g, enum key k, size_t *size, struct kv_buf *why)
{
	static const char units[] = "KMG";
	const char *text = g->values[k], *unit;
	unsigned long long value;
	char *end;

	if (text == NULL)
		return 0;
	value = strtoull(text, &end, 10);
	unit = *end != '\0' ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (!isdigit((unsigned char)text[0]) || (*end != '\0' && (unit == NULL || end[1] != '\0')) ||
	    value > (1ULL << 40) >> (unit != NULL ? 10 * (unit - units + 1) : 0))
		return bad_value(k, text, "a size such as 64M, at most 1024G", why);
	*size = (size_t)(value << (unit != NULL ? 10 * (unit - units + 1) : 0));
	return 0;
}

static int
take_types(struct kv_options *o, const struct given *g, struct kv_buf *why)
{
	const char *list = g->values[TYPES];

	for (int t = 0; t < KV_TYPES; t++)
		o->types[t] = list == NULL;
	while (list != NULL && *list != '\0') {
		char word[32];
		const size_t n = strcspn(list, ":");
		enum kv_type type;

		snprintf(word, sizeof(word), "%.*s", (int)n, list);
		if (kv_type_parse(word, &type) != 0)
			return bad_value(TYPES, g->values[TYPES], "some of keys:secrets:certificates", why);
		o->types[type] = true;
		list += n + (list[n] == ':');
	}
	return 0;
}

static int
take_auth(struct kv_options *o, const struct given *g, struct kv_buf *why)
{
	static const char *const names[] = { [KV_AUTH_AUTO] = "auto",
		[KV_AUTH_ENV] = "env",
		[KV_AUTH_MANAGED] = "managed",
		[KV_AUTH_CLI] = "cli",
		[KV_AUTH_TOKEN] = "token" };
	const char *text = g->values[AUTH];

	o->auth.credential.kind = g->values[TOKEN_FILE] != NULL ? KV_AUTH_TOKEN : KV_AUTH_AUTO;
	for (size_t i = 0; text != NULL; i++) {
		if (i == sizeof(names) / sizeof(names[0]))
			return bad_value(AUTH, text, "auto, env, managed, cli or token", why);
		if (strcmp(text, names[i]) == 0) {
			o->auth.credential.kind = (enum kv_credential_kind)i;
			break;
		}
	}
	if (o->auth.credential.kind == KV_AUTH_TOKEN && g->values[TOKEN_FILE] == NULL) {
		kv_buf_say(why, "auth=token needs -o token_file=FILE");
		return -EINVAL;
	}
	return 0;
}

/* A secret from a file that nobody else can read. */
static int
read_secret(struct kv_options *o, const char *path, struct kv_buf *why)
{
	struct kv_buf text;
	struct stat st;
	ssize_t n = -1;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	kv_buf_init(&text, MAX_FILE);
	if (fd < 0 || fstat(fd, &st) != 0) {
		kv_buf_say(why, "client_secret_file=%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		kv_buf_say(why,
		    "client_secret_file=%s must be a file of mode 0600 that belongs to the mounting user",
		    path);
	} else if (kv_buf_reserve(&text, 4096) == 0 && (n = read(fd, text.data, 4096)) >= 0) {
		text.len =
		    strcspn(memchr(text.data, '\0', (size_t)n + 1) != NULL ? (char *)text.data : "", "\r\n");
	}
	if (fd >= 0)
		close(fd);
	if (n > 0) {
		text.data[text.len < (size_t)n ? text.len : (size_t)n] = '\0';
		o->auth.credential.client_secret = keep(o, strdup((const char *)text.data));
	} else if (n == 0) {
		kv_buf_say(why, "client_secret_file=%s is empty", path);
	}
	kv_buf_release(&text);
	return o->auth.credential.client_secret != NULL ? 0 : -EINVAL;
}

static int
take_credential(struct kv_options *o, const struct given *g, struct kv_buf *why)
{
	struct kv_credential_options *c = &o->auth.credential;
	int err = take_auth(o, g, why);

	c->tenant = g->values[TENANT] != NULL ? g->values[TENANT] : keep_environment(o, "AZURE_TENANT_ID");
	c->client_id =
	    g->values[CLIENT_ID] != NULL ? g->values[CLIENT_ID] : keep_environment(o, "AZURE_CLIENT_ID");
	c->token_file = g->values[TOKEN_FILE];
	c->identity_endpoint = keep_environment(o, "IDENTITY_ENDPOINT");
	c->identity_header = keep_environment(o, "IDENTITY_HEADER");
	c->imds = keep_environment(o, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
	c->sudo_user = keep_environment(o, "SUDO_USER");
	o->auth.allow_tenant = g->values[ALLOW_TENANT];
	o->auth.no_challenge_verify = g->values[NO_CHALLENGE_VERIFY] != NULL;
	if (err == 0 && g->values[CLIENT_SECRET_FILE] != NULL)
		return read_secret(o, g->values[CLIENT_SECRET_FILE], why);
	c->client_secret = keep_environment(o, "AZURE_CLIENT_SECRET");
	return err;
}

/* Where secrets go: the user's word, else the cloud's of the vault. */
static int
take_authority(struct kv_options *o, const struct given *g, struct kv_buf *why)
{
	const char *text =
	    g->values[AUTHORITY] != NULL ? g->values[AUTHORITY] : environment("AZURE_AUTHORITY_HOST");
	const char *name = g->values[AUTHORITY] != NULL ? "authority" : "AZURE_AUTHORITY_HOST";
	struct kv_origin origin;
	struct kv_buf url;
	int err;

	for (size_t i = 0; text == NULL && i < CLOUDS; i++) {
		const size_t n = strlen(clouds[i].suffix), len = strlen(o->vault.host);

		if (len > n && strcmp(o->vault.host + len - n, clouds[i].suffix) == 0)
			text = clouds[i].authority;
	}
	if (text == NULL)
		text = clouds[0].authority;
	kv_buf_init(&url, 2048);
	err = kv_buf_printf(&url, "%s%s", strstr(text, "://") != NULL ? "" : "https://", text);
	if (err == 0 && (kv_origin_parse(kv_buf_str(&url), &origin, NULL) != 0 || !origin.is_https)) {
		kv_buf_say(
		    why, "%s=%s: must be an https URL such as https://login.microsoftonline.com", name, text);
		err = -EINVAL;
	}
	if (err == 0)
		o->auth.credential.authority = keep(o, strdup(kv_buf_str(&url)));
	kv_buf_release(&url);
	return err != 0 ? err : o->auth.credential.authority != NULL ? 0 : -ENOMEM;
}

static const char *
suffix_of_cloud(const struct given *g)
{
	const char *authority =
	    g->values[AUTHORITY] != NULL ? g->values[AUTHORITY] : environment("AZURE_AUTHORITY_HOST");

	for (size_t i = 0; authority != NULL && i < CLOUDS; i += 2)
		if (strstr(authority, clouds[i].authority + strlen("https://")) != NULL)
			return clouds[i].suffix;
	return clouds[0].suffix;
}

/* A name, a host or an https URL. */
static int
take_vault(struct kv_options *o, const struct given *g, struct kv_buf *why)
{
	const char *text = g->vault != NULL ? g->vault : g->values[VAULT], *path = "";
	struct kv_buf url;
	int err;

	if (text == NULL) {
		kv_buf_say(why, "no vault is given: kvfs VAULT MOUNTPOINT, or -o vault=, or KVFS_VAULT");
		return -EINVAL;
	}
	kv_buf_init(&url, 2048);
	if (strstr(text, "://") != NULL)
		err = kv_buf_puts(&url, text);
	else if (strpbrk(text, ".:/") != NULL)
		err = kv_buf_printf(&url, "https://%s", text);
	else
		err = kv_buf_printf(&url, "https://%s%s", text, suffix_of_cloud(g));
	if (err == 0 && strpbrk(text, ".:/") == NULL &&
	    (strlen(text) < 3 || strlen(text) > 24 || !kv_json_is_name(text))) {
		kv_buf_say(why, "'%s' is no vault's name: 3 to 24 letters, digits and '-'", text);
		err = -EINVAL;
	}
	if (err == 0 && kv_origin_parse(kv_buf_str(&url), &o->vault, &path) != 0) {
		kv_buf_say(why, "'%s' is no vault: give its name, its host or its https URL", text);
		err = -EINVAL;
	}
	if (err == 0 && !o->vault.is_https) {
		kv_buf_say(why, "'%s': a vault is reached by https only", text);
		err = -EINVAL;
	}
	if (err == 0 && path[0] != '\0' && strcmp(path, "/") != 0) {
		kv_buf_say(why, "'%s': a vault's URL has no path; leave out '%s'", text, path);
		err = -EINVAL;
	}
	kv_buf_release(&url);
	return err;
}

static int
take_mountpoint(struct kv_options *o, const struct given *g, struct kv_buf *why)
{
	struct stat st;

	if (g->mountpoint == NULL) {
		kv_buf_say(why, "no mount point is given (usage: kvfs [OPTIONS] [VAULT] MOUNTPOINT)");
		return -EINVAL;
	}
	if (stat(g->mountpoint, &st) != 0) {
		const int err = errno;

		kv_buf_say(why,
		    err == ENOENT	? "the mount point %s does not exist: make it with mkdir" :
			err == ENOTCONN ? "the mount point %s is a dead mount: fusermount3 -u it first" :
					  "the mount point %s cannot be used",
		    g->mountpoint);
		if (err != ENOENT && err != ENOTCONN)
			kv_buf_say(why, ": %s", strerror(err));
		return -EINVAL;
	}
	if (!S_ISDIR(st.st_mode)) {
		kv_buf_say(why, "the mount point %s is not a directory", g->mountpoint);
		return -EINVAL;
	}
	o->mountpoint = keep(o, realpath(g->mountpoint, NULL));
	return o->mountpoint != NULL ? 0 : -ENOMEM;
}

static int
take_numbers(struct kv_options *o, const struct given *g, struct kv_buf *why)
{
	double rate = 0, timeout_s = 300, ttl_s = 60;
	long inflight = 64, uid = (long)getuid(), gid = (long)getgid(), mask = 0077;
	int err;

	o->cache_size = (size_t)64 << 20;
	err = take_number(g, RATE, 1, 10000, &rate, why);
	if (err == 0)
		err = take_integer(g, MAX_INFLIGHT, 10, 1, 1000, &inflight, why);
	if (err == 0)
		err = take_number(g, TIMEOUT, 1, 86400, &timeout_s, why);
	if (err == 0)
		err = take_number(g, LIST_TTL, 1, 86400, &ttl_s, why);
	if (err == 0)
		err = take_size(g, CACHE_SIZE, &o->cache_size, why);
	if (err == 0)
		err = take_integer(g, UID, 10, 0, INT_MAX, &uid, why);
	if (err == 0)
		err = take_integer(g, GID, 10, 0, INT_MAX, &gid, why);
	if (err == 0)
		err = take_integer(g, UMASK, 8, 0, 0777, &mask, why);
	o->rate = rate;
	o->max_inflight = (int)inflight;
	o->timeout_ms = (int64_t)(timeout_s * 1000);
	o->list_ttl_ms = (int64_t)(ttl_s * 1000);
	o->uid = (uid_t)uid;
	o->gid = (gid_t)gid;
	o->umask = (mode_t)mask;
	return err;
}

static int
take_rest(struct kv_options *o, const struct given *g, struct kv_buf *why)
{
	/* the process leaves its folder */
	o->ca_file = g->values[CACERT] != NULL ? keep(o, realpath(g->values[CACERT], NULL)) : NULL;
	if (o->ca_file == NULL)
		o->ca_file = g->values[CACERT];
	if (g->values[TOKEN_FILE] != NULL)
		o->auth.credential.token_file = keep(o, realpath(g->values[TOKEN_FILE], NULL));
	if (o->auth.credential.token_file == NULL)
		o->auth.credential.token_file = g->values[TOKEN_FILE];
	o->debug = g->values[DEBUG];
	o->is_read_only = g->values[RO] != NULL;
	o->is_dry_run = g->values[DRY_RUN] != NULL;
	o->allow_other = g->values[ALLOW_OTHER] != NULL;
	o->allow_root = g->values[ALLOW_ROOT] != NULL;
	o->api_version = keep(o, strdup(g->values[API_VERSION] != NULL ? g->values[API_VERSION] : "7.4"));
	o->lookers = keep(o, strdup(g->values[LOOKERS] != NULL ? g->values[LOOKERS] : "ls:tree:du"));
	o->kernel = keep(o, strdup(kv_buf_str(&g->kernel)));
	if (o->api_version == NULL || o->lookers == NULL || o->kernel == NULL)
		return -ENOMEM;
	if (strspn(o->api_version, "0123456789.-previw") != strlen(o->api_version))
		return bad_value(API_VERSION, o->api_version, "a version such as 7.4", why);
	if (g->values[SIZE] != NULL && strcmp(g->values[SIZE], "stat") != 0)
		return bad_value(SIZE, g->values[SIZE], "stat", why);
	if (o->allow_other && o->allow_root) {
		kv_buf_say(why, "allow_other and allow_root exclude each other");
		return -EINVAL;
	}
	return 0;
}

int
kv_options_parse(int argc, char *const argv[], struct kv_options *o, struct kv_buf *why)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	struct given g = { .vault = NULL };
	int err;

	*o = (struct kv_options){ 0 };
	kv_buf_init(&g.kernel, 1024);
	o->program = keep(o, strdup(slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "kvfs"));
	err = read_arguments(o, &g, argc, argv, why);
	if (err == 0 && (o->wants_help || o->wants_version))
		goto out;
	if (err == 0 && g.values[VAULT] == NULL)
		g.values[VAULT] = keep_environment(o, "KVFS_VAULT");
	if (err == 0)
		err = read_configs(o, &g, why);
	if (err == 0)
		err = take_vault(o, &g, why);
	if (err == 0)
		err = take_mountpoint(o, &g, why);
	if (err == 0)
		err = take_types(o, &g, why);
	if (err == 0)
		err = take_numbers(o, &g, why);
	if (err == 0)
		err = take_credential(o, &g, why);
	if (err == 0)
		err = take_authority(o, &g, why);
	if (err == 0)
		err = take_rest(o, &g, why);
out:
	if (err == -ENOMEM)
		kv_buf_say(why, "out of memory");
	kv_buf_release(&g.kernel);
	return err;
}
