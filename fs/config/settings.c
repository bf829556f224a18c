/*
 * Options: what the user has said (fs/config/given) becomes one checked struct.
 */
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <mntent.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cache/pace/throttle.h"
#include "client/base/words.h"
#include "client/auth/secret_file.h"
#include "fs/config/settings.h"

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

static const char help[] =
    "usage: kvfs [-f] [-d] [-o OPTION[=VALUE][,...]] [VAULT] MOUNTPOINT\n"
    "       kvfs status MOUNTPOINT [--watch]\n"
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
    "  -o rate=N              at most N requests per second (200; backups of keys and restores start slower)\n"
    "  -o share=PERCENT       of the vault's limit that kvfs takes once it has found it (50)\n"
    "  -o max_inflight=N      at most N requests under way (as many as the pace needs)\n"
    "  -o timeout=S           give up after S seconds without success (300)\n"
    "  -o list_ttl=S          a listing is fresh for S seconds (60)\n"
    "  -o cache=KIND          what is kept from mount to mount: index (sizes), disk (blobs too) or none\n"
    "  -o cache_dir=FOLDER    where ($XDG_CACHE_HOME/kvfs, ~/.cache/kvfs, /var/cache/kvfs)\n"
    "  -o cache_size=SIZE     memory for blobs, with K, M or G (64M)\n"
    "  -o spill=SIZE          disk for blobs that were fetched and not read yet (1G)\n"
    "  -o prefetch=N          fetch at most N objects ahead of a reader; 0: none (2.5 s of the pace)\n"
    "  -o max_age=S           look at an object's versions again after S seconds (604800)\n"
    "  -o size=stat           sizes are exact at stat; size=open: only from the first open on\n"
    "  -o lookers=A:B         programs whose stat fetches nothing (ls:tree:du)\n"
    "  -o api_version=V       of Key Vault (7.4)\n"
    "  -o allow_other, allow_root, uid=USER, gid=GROUP, umask=M\n"
    "  -o debug=A:B           debug lines of these modules, or all\n"
    "\n"
    "The manual page kvfs(1) says more.\n";

const char *
kv_settings_help(void)
{
	return help;
}

void
kv_settings_release(struct kv_settings *o)
{
	kv_given_release(&o->given);
	*o = (struct kv_settings){ .umask = 0 };
}

/* A copy, because the start wipes secrets out of the environment. *kept stays where it is not set. */
static int
keep_environment(struct kv_given *g, const char *name, const char **kept)
{
	const char *value = kv_given_environment(name);

	if (value == NULL)
		return 0;
	*kept = kv_given_keep(g, strdup(value));
	return *kept != NULL ? 0 : -ENOMEM;
}

/* path, from malloc, or in its place one that stays right when the process leaves its folder. NULL: ENOMEM. */
static char *
absolute(char *path)
{
	char *folder, *whole = NULL;
	const char *rest = path;

	if (path == NULL || path[0] == '/')
		return path;
	while (rest[0] == '.' && rest[1] == '/')
		rest += 2;
	folder = getcwd(NULL, 0);
	if (folder == NULL || asprintf(&whole, "%s/%s", folder, rest) < 0)
		whole = NULL;
	free(folder);
	free(path);
	return whole;
}

/* The absolute path of a file; *path stays NULL where none is given. Links are not resolved: who renews a file may replace them. */
static int
take_path(struct kv_settings *o, enum kv_given_key k, const char **path)
{
	if (o->given.values[k] == NULL)
		return 0;
	*path = kv_given_keep(&o->given, absolute(strdup(o->given.values[k])));
	return *path != NULL ? 0 : -ENOMEM;
}

/* ---- values ---- */

static const char *
where_of(const struct kv_given *g, enum kv_given_key k)
{
	return g->wheres[k] != NULL ? g->wheres[k] : "-o";
}

static int
bad_value(const struct kv_given *g, enum kv_given_key k, const char *right, struct kv_buf *why)
{
	kv_buf_say(why, "%s: %s=%s must be %s", where_of(g, k), kv_given_name(k), g->values[k], right);
	return -EINVAL;
}

static int
take_number(const struct kv_given *g, enum kv_given_key k, double least, double most, double *number,
    struct kv_buf *why)
{
	const char *text = g->values[k];
	char *end, right[80];
	double value;

	if (text == NULL)
		return 0;
	value = strtod(text, &end);
	snprintf(right, sizeof(right), "a number from %.15g to %.15g", least, most);
	if (end == text || *end != '\0' || !(value >= least && value <= most) ||
	    !isdigit((unsigned char)text[0]))
		return bad_value(g, k, right, why);
	*number = value;
	return 0;
}

static int
take_integer(const struct kv_given *g, enum kv_given_key k, int base, long least, long most, long *number,
    struct kv_buf *why)
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
		return bad_value(g, k, right, why);
	*number = value;
	return 0;
}

/* A user or a group, by number or by name. */
static int
take_owner(const struct kv_given *g, enum kv_given_key k, long *id, struct kv_buf *why)
{
	const char *text = g->values[k];
	const struct passwd *user;
	const struct group *group;

	if (text == NULL || isdigit((unsigned char)text[0]))
		return take_integer(g, k, 10, 0, INT_MAX, id, why);
	if (k == KV_GIVEN_UID && (user = getpwnam(text)) != NULL)
		*id = (long)user->pw_uid;
	else if (k == KV_GIVEN_GID && (group = getgrnam(text)) != NULL)
		*id = (long)group->gr_gid;
	else
		return bad_value(g, k,
		    k == KV_GIVEN_UID ? "the number or the name of a user" :
					"the number or the name of a group",
		    why);
	return 0;
}

static int
take_size(const struct kv_given *g, enum kv_given_key k, size_t *size, struct kv_buf *why)
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
		return bad_value(g, k, "a size such as 64M, at most 1024G", why);
	*size = (size_t)(value << (unit != NULL ? 10 * (unit - units + 1) : 0));
	return 0;
}

static int
take_types(struct kv_settings *o, struct kv_buf *why)
{
	const char *list = o->given.values[KV_GIVEN_TYPES], *one;
	size_t n;

	for (int t = 0; t < KV_TYPES; t++)
		o->types[t] = list == NULL;
	while (kv_words_next(&list, &one, &n)) {
		enum kv_type type;
		char word[32];

		snprintf(word, sizeof(word), "%.*s", (int)n, one);
		if (kv_type_parse(word, &type) != 0)
			return bad_value(&o->given, KV_GIVEN_TYPES, "some of keys:secrets:certificates", why);
		o->types[type] = true;
	}
	return 0;
}

static int
take_auth(struct kv_settings *o, struct kv_buf *why)
{
	static const char *const names[] = { [KV_AUTH_AUTO] = "auto",
		[KV_AUTH_ENV] = "env",
		[KV_AUTH_MANAGED] = "managed",
		[KV_AUTH_CLI] = "cli",
		[KV_AUTH_TOKEN] = "token" };
	const char *text = o->given.values[KV_GIVEN_AUTH];

	o->auth.credential.kind = o->given.values[KV_GIVEN_TOKEN_FILE] != NULL ? KV_AUTH_TOKEN : KV_AUTH_AUTO;
	for (size_t i = 0; text != NULL; i++) {
		if (i == sizeof(names) / sizeof(names[0]))
			return bad_value(&o->given, KV_GIVEN_AUTH, "auto, env, managed, cli or token", why);
		if (strcmp(text, names[i]) == 0) {
			o->auth.credential.kind = (enum kv_credential_kind)i;
			break;
		}
	}
	if (o->auth.credential.kind == KV_AUTH_TOKEN && o->given.values[KV_GIVEN_TOKEN_FILE] == NULL) {
		kv_buf_say(why, "%s: auth=token needs token_file=FILE", where_of(&o->given, KV_GIVEN_AUTH));
		return -EINVAL;
	}
	return 0;
}

int
kv_settings_read_secret(struct kv_settings *o, struct kv_buf *why)
{
	const char *path = o->client_secret_file;
	const char *old = o->auth.credential.client_secret;
	struct kv_buf text, sentence;
	int err;

	if (path == NULL)
		return 0;
	kv_buf_init(&text, KV_SECRET_FILE_MAX);
	kv_buf_init(&sentence, 1024);
	err = kv_secret_file_read("client_secret_file", path, &text, &sentence);
	if (err == 0 && (old == NULL || strcmp(old, kv_buf_str(&text)) != 0)) {
		char *secret = kv_given_keep(&o->given, strdup(kv_buf_str(&text)));

		if (secret != NULL)
			o->auth.credential.client_secret = secret;
		else
			err = -ENOMEM;
	}
	if (err != 0)
		kv_buf_say(why, "%s: %s", where_of(&o->given, KV_GIVEN_CLIENT_SECRET_FILE),
		    err == -ENOMEM ? "out of memory" : kv_buf_str(&sentence));
	kv_buf_release(&text);
	kv_buf_release(&sentence);
	return err != 0 ? -EINVAL : 0;
}

static int
take_credential(struct kv_settings *o, struct kv_buf *why)
{
	struct kv_credential_options *c = &o->auth.credential;
	char *const *values = o->given.values;
	const char *none = NULL;
	const struct {
		const char *name, **kept;
	} variables[] = {
		{ "AZURE_TENANT_ID", &c->tenant },
		{ "AZURE_CLIENT_ID", &c->client_id },
		{ "AZURE_CLIENT_SECRET",
		    values[KV_GIVEN_CLIENT_SECRET_FILE] == NULL ? &c->client_secret : &none },
		{ "IDENTITY_ENDPOINT", &c->identity_endpoint },
		{ "IDENTITY_HEADER", &c->identity_header },
		{ "AZURE_POD_IDENTITY_AUTHORITY_HOST", &c->imds },
		{ "SUDO_USER", &c->sudo_user },
	};
	int err = take_auth(o, why);

	for (size_t i = 0; err == 0 && i < sizeof(variables) / sizeof(variables[0]); i++)
		err = keep_environment(&o->given, variables[i].name, variables[i].kept);
	if (values[KV_GIVEN_TENANT] != NULL)
		c->tenant = values[KV_GIVEN_TENANT];
	if (values[KV_GIVEN_CLIENT_ID] != NULL)
		c->client_id = values[KV_GIVEN_CLIENT_ID];
	o->auth.allow_tenant = values[KV_GIVEN_ALLOW_TENANT];
	o->auth.no_challenge_verify = values[KV_GIVEN_NO_CHALLENGE_VERIFY] != NULL;
	if (err == 0 && values[KV_GIVEN_CLIENT_SECRET_FILE] != NULL)
		err = take_path(o, KV_GIVEN_CLIENT_SECRET_FILE, &o->client_secret_file);
	if (err == 0)
		err = kv_settings_read_secret(o, why);
	return err;
}

/* Where secrets go: the user's word, else the cloud's of the vault. */
static int
take_authority(struct kv_settings *o, struct kv_buf *why)
{
	const char *text = o->given.values[KV_GIVEN_AUTHORITY] != NULL ?
	    o->given.values[KV_GIVEN_AUTHORITY] :
	    kv_given_environment("AZURE_AUTHORITY_HOST");
	const bool is_given = o->given.values[KV_GIVEN_AUTHORITY] != NULL;
	struct kv_url origin;
	struct kv_buf url;
	int err;

	for (size_t i = 0; text == NULL && i < CLOUDS; i++) {
		const size_t n = strlen(clouds[i].suffix), len = strlen(o->vault.host);

		if (len > n && strcmp(o->vault.host + len - n, clouds[i].suffix) == 0)
			text = clouds[i].authority;
	}
	if (text == NULL)
		text = clouds[0].authority;
	kv_buf_init(&url, strlen(text) + sizeof("https://"));
	err = kv_buf_printf(&url, "%s%s", strstr(text, "://") != NULL ? "" : "https://", text);
	if (err == 0 && (kv_url_parse(kv_buf_str(&url), &origin, NULL) != 0 || !origin.is_https)) {
		kv_buf_say(why, "%s%s=%s must be an https URL such as https://login.microsoftonline.com",
		    is_given ? where_of(&o->given, KV_GIVEN_AUTHORITY) : "",
		    is_given ? ": authority" : "AZURE_AUTHORITY_HOST",
		    strchr(text, '@') == NULL ? text : "…"); /* it may hold a password */
		err = -EINVAL;
	}
	if (err == 0)
		o->auth.credential.authority = kv_given_keep(&o->given, strdup(kv_buf_str(&url)));
	kv_buf_release(&url);
	return err != 0 ? err : o->auth.credential.authority != NULL ? 0 : -ENOMEM;
}

static const char *
suffix_of_cloud(const struct kv_given *g)
{
	const char *authority = g->values[KV_GIVEN_AUTHORITY] != NULL ?
	    g->values[KV_GIVEN_AUTHORITY] :
	    kv_given_environment("AZURE_AUTHORITY_HOST");

	for (size_t i = 0; authority != NULL && i < CLOUDS; i += 2)
		if (strstr(authority, clouds[i].authority + strlen("https://")) != NULL)
			return clouds[i].suffix;
	return clouds[0].suffix;
}

/* A name, a host or an https URL. */
static int
take_vault(struct kv_settings *o, struct kv_buf *why)
{
	const char *text = o->given.vault != NULL ? o->given.vault : o->given.values[KV_GIVEN_VAULT],
		   *path = "";
	struct kv_buf url;
	int err;

	if (text == NULL && o->given.mountpoint != NULL) {
		kv_buf_say(why,
		    "'%s' alone is taken as the mount point, and no vault is given: kvfs VAULT MOUNTPOINT, or -o vault=, or KVFS_VAULT",
		    o->given.mountpoint);
		return -EINVAL;
	}
	if (text == NULL) {
		kv_buf_say(
		    why, "no vault and no mount point are given: kvfs VAULT MOUNTPOINT (kvfs -h says more)");
		return -EINVAL;
	}
	o->source = o->given.source != NULL ? o->given.source : text;
	if (strchr(text, '@') != NULL) { /* not repeated: it may hold a password */
		kv_buf_say(why, "a vault is given without a user name: its name, its host or its https URL");
		return -EINVAL;
	}
	kv_buf_init(&url, strlen(text) + 64);
	if (strstr(text, "://") != NULL)
		err = kv_buf_puts(&url, text);
	else if (strpbrk(text, ".:/") != NULL)
		err = kv_buf_printf(&url, "https://%s", text);
	else
		err = kv_buf_printf(&url, "https://%s%s", text, suffix_of_cloud(&o->given));
	if (err == 0 && strpbrk(text, ".:/") == NULL &&
	    (strlen(text) < 3 || strlen(text) > 24 || !kv_type_is_name(text))) {
		kv_buf_say(why, "'%s' is no vault's name: 3 to 24 letters, digits and '-'", text);
		err = -EINVAL;
	}
	if (err == 0 && kv_url_parse(kv_buf_str(&url), &o->vault, &path) != 0) {
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

static bool
is_mounted(const char *folder)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *m;
	bool found = false;

	while (mounts != NULL && !found && (m = getmntent(mounts)) != NULL)
		found = strcmp(m->mnt_type, "fuse.kvfs") == 0 && strcmp(m->mnt_dir, folder) == 0;
	if (mounts != NULL)
		endmntent(mounts);
	return found;
}

static int
take_mountpoint(struct kv_settings *o, struct kv_buf *why)
{
	struct statvfs fs;
	struct stat st;

	if (o->given.mountpoint == NULL) {
		kv_buf_say(why, "no mount point is given (usage: kvfs [OPTIONS] [VAULT] MOUNTPOINT)");
		return -EINVAL;
	}
	if (stat(o->given.mountpoint, &st) != 0) {
		const int err = errno;

		kv_buf_say(why,
		    err == ENOENT	? "the mount point %s does not exist: make it with mkdir" :
			err == ENOTCONN ? "the mount point %s is a dead mount: fusermount3 -u it first" :
					  "the mount point %s cannot be used",
		    o->given.mountpoint);
		if (err != ENOENT && err != ENOTCONN)
			kv_buf_say(why, ": %s", strerror(err));
		return -EINVAL;
	}
	if (!S_ISDIR(st.st_mode)) {
		kv_buf_say(why, "the mount point %s is not a directory", o->given.mountpoint);
		return -EINVAL;
	}
	o->mountpoint = kv_given_keep(&o->given, realpath(o->given.mountpoint, NULL));
	if (o->mountpoint == NULL)
		return -ENOMEM;
	if (!is_mounted(o->mountpoint))
		return 0;
	kv_buf_say(why,
	    statvfs(o->mountpoint, &fs) != 0 && errno == ENOTCONN ?
		"the mount point %s is a dead mount: fusermount3 -u it first" :
		"the mount point %s is in use by another kvfs: fusermount3 -u it first",
	    o->given.mountpoint);
	return -EINVAL;
}

static int
take_numbers(struct kv_settings *o, struct kv_buf *why)
{
	double rate = 0, percent = 50, timeout_s = 300, ttl_s = 60, max_age_s = 7 * 86400;
	long inflight = 0, uid = (long)getuid(), gid = (long)getgid(), mask = 0077;
	int err;

	o->cache_size = (size_t)64 << 20;
	o->spill = (size_t)1 << 30;
	o->prefetch = -1;
	err = take_number(&o->given, KV_GIVEN_RATE, 1, 10000, &rate, why);
	if (err == 0)
		err = take_number(&o->given, KV_GIVEN_SHARE, 1, 100, &percent, why);
	if (err == 0)
		err = take_integer(
		    &o->given, KV_GIVEN_MAX_INFLIGHT, 10, 1, KV_THROTTLE_MOST_INFLIGHT, &inflight, why);
	if (err == 0)
		err = take_number(&o->given, KV_GIVEN_TIMEOUT, 1, 86400, &timeout_s, why);
	if (err == 0)
		err = take_number(&o->given, KV_GIVEN_LIST_TTL, 1, 86400, &ttl_s, why);
	if (err == 0)
		err = take_size(&o->given, KV_GIVEN_CACHE_SIZE, &o->cache_size, why);
	if (err == 0)
		err = take_size(&o->given, KV_GIVEN_SPILL, &o->spill, why);
	if (err == 0)
		err = take_integer(&o->given, KV_GIVEN_PREFETCH, 10, 0, 100000, &o->prefetch, why);
	if (err == 0)
		err = take_number(&o->given, KV_GIVEN_MAX_AGE, 1, 100.0 * 86400 * 365, &max_age_s, why);
	if (err == 0)
		err = take_owner(&o->given, KV_GIVEN_UID, &uid, why);
	if (err == 0)
		err = take_owner(&o->given, KV_GIVEN_GID, &gid, why);
	if (err == 0)
		err = take_integer(&o->given, KV_GIVEN_UMASK, 8, 0, 0777, &mask, why);
	o->rate = rate;
	o->share = percent / 100;
	o->max_inflight = (int)inflight;
	o->timeout_ms = (int64_t)(timeout_s * 1000);
	o->list_ttl_ms = (int64_t)(ttl_s * 1000);
	o->max_age_ms = (int64_t)(max_age_s * 1000);
	o->uid = (uid_t)uid;
	o->gid = (gid_t)gid;
	o->umask = (mode_t)mask;
	return err;
}

/* The first folder that somebody has named: the user, XDG, the home, else the system's. */
static int
take_cache_dir(struct kv_settings *o, struct kv_buf *why)
{
	const char *given = o->given.values[KV_GIVEN_CACHE_DIR];
	const char *xdg = kv_given_environment("XDG_CACHE_HOME"), *home = kv_given_home();
	char *path = NULL;
	int n;

	if (given != NULL && given[0] == '\0')
		return bad_value(&o->given, KV_GIVEN_CACHE_DIR, "a folder", why);
	if (given != NULL)
		n = asprintf(&path, "%s", given);
	else if (xdg != NULL && xdg[0] == '/')
		n = asprintf(&path, "%s/kvfs", xdg);
	else if (home != NULL && home[1] != '\0')
		n = asprintf(&path, "%s/.cache/kvfs", home);
	else
		n = asprintf(&path, "/var/cache/kvfs");
	path = n >= 0 ? absolute(path) : NULL;
	o->cache_dir = kv_given_keep(&o->given, path);
	return o->cache_dir != NULL ? 0 : -ENOMEM;
}

static int
take_cache(struct kv_settings *o, struct kv_buf *why)
{
	static const char *const kinds[] = {
		[KV_CACHE_NONE] = "none", [KV_CACHE_INDEX] = "index", [KV_CACHE_DISK] = "disk"
	};
	const char *text = o->given.values[KV_GIVEN_CACHE];
	int kind = KV_CACHE_INDEX;

	if (text != NULL)
		for (kind = KV_CACHE_DISK; kind >= 0 && strcmp(text, kinds[kind]) != 0; kind--)
			continue;
	if (kind < 0)
		return bad_value(&o->given, KV_GIVEN_CACHE, "index, disk or none", why);
	o->cache = (enum kv_cache_kind)kind;
	if (o->cache == KV_CACHE_NONE)
		o->spill = 0;
	return take_cache_dir(o, why);
}

static int
take_rest(struct kv_settings *o, struct kv_buf *why)
{
	const char *size = o->given.values[KV_GIVEN_SIZE];

	if (take_path(o, KV_GIVEN_CACERT, &o->ca_file) != 0 ||
	    take_path(o, KV_GIVEN_TOKEN_FILE, &o->auth.credential.token_file) != 0)
		return -ENOMEM;
	o->debug = o->given.values[KV_GIVEN_DEBUG];
	o->is_read_only = o->given.values[KV_GIVEN_RO] != NULL;
	o->is_hsm = strstr(o->vault.host, ".managedhsm.") != NULL;
	o->is_dry_run = o->given.values[KV_GIVEN_DRY_RUN] != NULL;
	o->allow_other = o->given.values[KV_GIVEN_ALLOW_OTHER] != NULL;
	o->allow_root = o->given.values[KV_GIVEN_ALLOW_ROOT] != NULL;
	o->api_version = kv_given_keep(&o->given,
	    strdup(o->given.values[KV_GIVEN_API_VERSION] != NULL ? o->given.values[KV_GIVEN_API_VERSION] :
								   "7.4"));
	o->lookers = kv_given_keep(&o->given,
	    strdup(o->given.values[KV_GIVEN_LOOKERS] != NULL ? o->given.values[KV_GIVEN_LOOKERS] :
							       "ls:tree:du"));
	o->kernel = kv_given_keep(&o->given, strdup(kv_buf_str(&o->given.kernel)));
	if (o->api_version == NULL || o->lookers == NULL || o->kernel == NULL)
		return -ENOMEM;
	if (strspn(o->api_version, "0123456789.-previw") != strlen(o->api_version))
		return bad_value(&o->given, KV_GIVEN_API_VERSION, "a version such as 7.4", why);
	if (size != NULL && strcmp(size, "stat") != 0 && strcmp(size, "open") != 0)
		return bad_value(&o->given, KV_GIVEN_SIZE, "stat or open", why);
	o->is_size_open = size != NULL && strcmp(size, "open") == 0;
	if (o->allow_other && o->allow_root) {
		kv_buf_say(why, "allow_other and allow_root exclude each other");
		return -EINVAL;
	}
	return 0;
}

int
kv_settings_parse(int argc, char *const argv[], struct kv_settings *o, struct kv_buf *why)
{
	int err;

	*o = (struct kv_settings){ .umask = 0 };
	err = kv_given_read(argc, argv, &o->given, why);
	if (err == 0 && (o->given.wants_help || o->given.wants_version))
		return 0;
	if (err == 0)
		err = take_vault(o, why);
	if (err == 0)
		err = take_mountpoint(o, why);
	if (err == 0)
		err = take_types(o, why);
	if (err == 0)
		err = take_numbers(o, why);
	if (err == 0)
		err = take_credential(o, why);
	if (err == 0)
		err = take_authority(o, why);
	if (err == 0)
		err = take_cache(o, why);
	if (err == 0)
		err = take_rest(o, why);
	if (err == -ENOMEM)
		kv_buf_say(why, "out of memory");
	return err;
}
