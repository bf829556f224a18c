#include <stdint.h>
#include <string.h>

#include "cache/pace/throttle.h"
#include "fs/config/options.h"
#include "fs/config/settings.h"

#define MOST_NAME 32 /* longest name that is checked for misspelling */
#define DAY_S	  86400
#define IN(member) \
	.at = offsetof(struct kv_settings, member), .size = sizeof(((struct kv_settings *)0)->member)
#define CHOICES(...)                     \
	.choices = (const char *const[]) \
	{                                \
		__VA_ARGS__, NULL        \
	}

static const char *const sections[KV_SECTIONS] = {
	[KV_SECTION_VAULT] = "Vault and files",
	[KV_SECTION_CREDENTIAL] = "Credentials",
	[KV_SECTION_RATE] = "Rate limiting",
	[KV_SECTION_CACHE] = "Caching",
	[KV_SECTION_CONNECTION] = "Connection",
	[KV_SECTION_ACCESS] = "Access to the files",
	[KV_SECTION_LOG] = "Log and configuration",
};

static const struct kv_option options[] = {
	{ .name = "vault",
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_VAULT,
	    IN(vault_given),
	    .environment = "KVFS_VAULT",
	    .argument = "VAULT",
	    .help = "the vault, if it is not an argument" },
	{ .name = "each",
	    .is_shared = true,
	    .kind = KV_OPTION_FLAG,
	    .section = KV_SECTION_VAULT,
	    IN(is_each),
	    .help = "a folder for each vault, for a single one too" },
	{ .name = "suffix",
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_VAULT,
	    IN(suffix),
	    .otherwise = "that of the cloud",
	    .argument = "SUFFIX",
	    .help = "added to the name of a vault: .vault.example.com" },
	{ .name = "hsm",
	    .kind = KV_OPTION_FLAG,
	    .section = KV_SECTION_VAULT,
	    IN(is_hsm),
	    .help = "the vault is a Managed HSM, if its host does not show it" },
	{ .name = "nolist",
	    .kind = KV_OPTION_FLAG,
	    .section = KV_SECTION_VAULT,
	    IN(is_listless),
	    .help = "find files by name only, for who may not list" },
	{ .name = "list_extra",
	    .kind = KV_OPTION_FLAG,
	    .section = KV_SECTION_VAULT,
	    IN(list_extra),
	    .help = "list the descriptions of objects, and deleted/, too" },
	{ .name = "types",
	    .kind = KV_OPTION_TYPES,
	    .section = KV_SECTION_VAULT,
	    IN(types),
	    .otherwise = "all",
	    .argument = "LIST",
	    .help = "show and restore only these types" },
	{ .name = "ro",
	    .kind = KV_OPTION_FLAG,
	    .section = KV_SECTION_VAULT,
	    IN(is_read_only),
	    .help = "mount read-only, without restore/" },
	{ .name = "dry_run",
	    .kind = KV_OPTION_FLAG,
	    .section = KV_SECTION_VAULT,
	    IN(is_dry_run),
	    .help = "check and log, but back up and restore nothing" },
	{ .name = "size",
	    .kind = KV_OPTION_CHOICE,
	    .section = KV_SECTION_VAULT,
	    IN(size),
	    CHOICES([KV_SIZE_STAT] = "stat", [KV_SIZE_OPEN] = "open"),
	    .standard = "stat",
	    .argument = "WHEN",
	    .help = "when the size of a file becomes known: at stat or open" },
	{ .name = "stat_only",
	    .older = "lookers",
	    .kind = KV_OPTION_WORDS,
	    .section = KV_SECTION_VAULT,
	    IN(stat_only),
	    .standard = "ls:tree:du",
	    .argument = "LIST",
	    .help = "programs whose stat downloads nothing" },

	{ .name = "auth",
	    .kind = KV_OPTION_WORDS,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth_words),
	    .standard = "auto",
	    .argument = "LIST",
	    .help = "the credentials to try, as in env:cli (kvfs(1) lists them)" },
	{ .name = "tenant",
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth.credential.tenant),
	    .environment = "AZURE_TENANT_ID",
	    .otherwise = "the tenant that the vault names",
	    .argument = "ID",
	    .help = "the tenant to sign in to" },
	{ .name = "client_id",
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth.credential.client_id),
	    .environment = "AZURE_CLIENT_ID",
	    .argument = "ID",
	    .help = "the application or the managed identity" },
	{ .name = "object_id",
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth.credential.object_id),
	    .credential = "managed",
	    .argument = "ID",
	    .help = "the managed identity, by its object id" },
	{ .name = "resource_id",
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth.credential.resource_id),
	    .credential = "managed",
	    .argument = "ID",
	    .help = "the managed identity, by its resource id" },
	{ .name = "subscription",
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth.credential.subscription),
	    .credential = "cli",
	    .argument = "NAME",
	    .help = "whose account the az CLI uses, if it has several" },
	{ .name = "client_secret_file",
	    .kind = KV_OPTION_SECRET,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(client_secret_file),
	    .credential = "env",
	    .argument = "FILE",
	    .help = "the secret of the application" },
	{ .name = "client_certificate",
	    .kind = KV_OPTION_SECRET,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth.credential.client_certificate),
	    .credential = "env",
	    .argument = "FILE",
	    .help = "the certificate of the application, with its key" },
	{ .name = "client_certificate_password_file",
	    .kind = KV_OPTION_SECRET,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth.credential.client_certificate_password_file),
	    .credential = "env",
	    .argument = "FILE",
	    .help = "the password of that file" },
	{ .name = "service_connection",
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth.credential.service_connection),
	    .credential = "pipelines",
	    .argument = "ID",
	    .help = "the service connection of Azure Pipelines" },
	{ .name = "token_file",
	    .kind = KV_OPTION_SECRET,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth.credential.token_file),
	    .credential = "token",
	    .argument = "FILE",
	    .help = "an access token that something else renews" },
	{ .name = "authority",
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth.credential.authority),
	    .environment = "AZURE_AUTHORITY_HOST",
	    .otherwise = "that of the vault's cloud",
	    .argument = "URL",
	    .help = "the token service" },
	{ .name = "resource",
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth.resource),
	    .otherwise = "what the vault names, if it covers the vault's host",
	    .argument = "URL",
	    .help = "what tokens are for" },
	{ .name = "allow_tenant",
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth.allow_tenant),
	    .environment = "AZURE_ADDITIONALLY_ALLOWED_TENANTS",
	    .argument = "LIST",
	    .help = "accept these tenants in the vault's challenge too, or *" },
	{ .name = "no_challenge_verify",
	    .kind = KV_OPTION_FLAG,
	    .section = KV_SECTION_CREDENTIAL,
	    IN(auth.no_challenge_verify),
	    .help = "accept a challenge for another service (emulators only)" },

	{ .name = "rate",
	    .kind = KV_OPTION_NUMBER,
	    .section = KV_SECTION_RATE,
	    IN(rate),
	    .least = 1,
	    .most = 10000,
	    .otherwise = "200; keys from 25, restores from 10",
	    .argument = "NUMBER",
	    .help = "at most so many requests per second" },
	{ .name = "total_rate",
	    .is_shared = true,
	    .kind = KV_OPTION_NUMBER,
	    .section = KV_SECTION_RATE,
	    IN(total_rate),
	    .least = 1,
	    .most = 100000,
	    .otherwise = "2.5 times that of one vault",
	    .argument = "NUMBER",
	    .help = "the same for several vaults together" },
	{ .name = "share",
	    .kind = KV_OPTION_PERCENT,
	    .section = KV_SECTION_RATE,
	    IN(share),
	    .least = 1,
	    .most = 100,
	    .standard = "50",
	    .argument = "PERCENT",
	    .help = "how much of the vault's limit to use, once it is known" },
	{ .name = "max_inflight",
	    .kind = KV_OPTION_INTEGER,
	    .section = KV_SECTION_RATE,
	    IN(max_inflight),
	    .least = 1,
	    .most = KV_THROTTLE_MOST_INFLIGHT,
	    .otherwise = "as many as the rate needs",
	    .argument = "NUMBER",
	    .help = "at most so many requests in flight" },
	{ .name = "timeout",
	    .kind = KV_OPTION_SECONDS,
	    .section = KV_SECTION_RATE,
	    IN(timeout_ms),
	    .least = 1,
	    .most = DAY_S,
	    .standard = "300",
	    .argument = "SECONDS",
	    .help = "how long a request may take, with all its retries" },

	{ .name = "cache",
	    .is_shared = true,
	    .kind = KV_OPTION_CHOICE,
	    .section = KV_SECTION_CACHE,
	    IN(cache),
	    CHOICES([KV_CACHE_NONE] = "none", [KV_CACHE_INDEX] = "index", [KV_CACHE_DISK] = "disk"),
	    .standard = "index",
	    .argument = "KIND",
	    .help = "what to keep between mounts: none, index or disk" },
	{ .name = "cache_dir",
	    .is_shared = true,
	    .kind = KV_OPTION_PATH,
	    .section = KV_SECTION_CACHE,
	    IN(cache_dir),
	    .otherwise = "~/.cache/kvfs",
	    .argument = "DIRECTORY",
	    .help = "where to keep it" },
	{ .name = "cache_size",
	    .is_shared = true,
	    .kind = KV_OPTION_SIZE,
	    .section = KV_SECTION_CACHE,
	    IN(cache_size),
	    .standard = "64M",
	    .argument = "SIZE",
	    .help = "memory for blobs" },
	{ .name = "spill",
	    .is_shared = true,
	    .kind = KV_OPTION_SIZE,
	    .section = KV_SECTION_CACHE,
	    IN(spill),
	    .standard = "1G",
	    .argument = "SIZE",
	    .help = "disk space for blobs that do not fit into memory" },
	{ .name = "prefetch",
	    .kind = KV_OPTION_INTEGER,
	    .section = KV_SECTION_CACHE,
	    IN(prefetch),
	    .least = 0,
	    .most = 100000,
	    .otherwise = "what the rate allows in 2.5 seconds",
	    .argument = "NUMBER",
	    .help = "read ahead at most so many objects" },
	{ .name = "archivers",
	    .kind = KV_OPTION_WORDS,
	    .section = KV_SECTION_CACHE,
	    IN(archivers),
	    .argument = "LIST",
	    .help = "programs that read what they list: read ahead at once" },
	{ .name = "list_ttl",
	    .kind = KV_OPTION_SECONDS,
	    .section = KV_SECTION_CACHE,
	    IN(list_ttl_ms),
	    .least = 1,
	    .most = DAY_S,
	    .standard = "60",
	    .argument = "SECONDS",
	    .help = "how long a listing is used" },
	{ .name = "list_parts",
	    .kind = KV_OPTION_INTEGER,
	    .section = KV_SECTION_CACHE,
	    IN(list_parts),
	    .least = 1,
	    .most = 64,
	    .standard = "32",
	    .argument = "NUMBER",
	    .help = "read a long list in so many parts at once" },
	{ .name = "max_age",
	    .kind = KV_OPTION_SECONDS,
	    .section = KV_SECTION_CACHE,
	    IN(max_age_ms),
	    .least = 1,
	    .most = 100.0 * 365 * DAY_S,
	    .standard = "604800",
	    .argument = "SECONDS",
	    .help = "after this, check the versions of an object again" },

	{ .name = "cacert",
	    .is_shared = true,
	    .kind = KV_OPTION_PATH,
	    .section = KV_SECTION_CONNECTION,
	    IN(ca.added),
	    .argument = "FILE",
	    .help = "trust these CA certificates (PEM) too" },
	{ .name = "proxy",
	    .is_shared = true,
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_CONNECTION,
	    IN(proxy.url),
	    .otherwise = "that of the variable https_proxy or all_proxy",
	    .argument = "URL",
	    .help = "the proxy, or none" },
	{ .name = "resolve",
	    .is_shared = true,
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_CONNECTION,
	    IN(resolve),
	    .argument = "HOST:ADDRESS",
	    .help = "connect to this address for that host" },
	{ .name = "public_host",
	    .kind = KV_OPTION_TEXT,
	    .section = KV_SECTION_CONNECTION,
	    IN(public_host),
	    .otherwise = "the vault's host",
	    .argument = "NAME",
	    .help = "the vault's own name, if the host given is a gateway's" },
	{ .name = "retry",
	    .is_shared = true,
	    .kind = KV_OPTION_SECONDS,
	    .section = KV_SECTION_CONNECTION,
	    IN(retry_ms),
	    .least = 0,
	    .most = DAY_S,
	    .standard = "0",
	    .argument = "SECONDS",
	    .help = "how long the start waits for network and services" },
	{ .name = "api_version",
	    .kind = KV_OPTION_VERSION,
	    .section = KV_SECTION_CONNECTION,
	    IN(api_version),
	    .otherwise = "7.4, for an HSM 2026-04-01 or 7.6",
	    .argument = "VERSION",
	    .help = "the version of the Key Vault API" },

	{ .name = "allow_other",
	    .is_shared = true,
	    .kind = KV_OPTION_FLAG,
	    .section = KV_SECTION_ACCESS,
	    IN(allow_other),
	    .help = "let other users in, as far as owner and mode allow" },
	{ .name = "allow_root",
	    .is_shared = true,
	    .kind = KV_OPTION_FLAG,
	    .section = KV_SECTION_ACCESS,
	    IN(allow_root),
	    .help = "let root in" },
	{ .name = "nonempty",
	    .is_shared = true,
	    .kind = KV_OPTION_FLAG,
	    .section = KV_SECTION_ACCESS,
	    IN(may_hide),
	    .help = "mount on a directory that has files, and hide them" },
	{ .name = "uid",
	    .is_shared = true,
	    .kind = KV_OPTION_USER,
	    .section = KV_SECTION_ACCESS,
	    IN(uid),
	    .otherwise = "who mounts",
	    .argument = "USER",
	    .help = "the owner of all files" },
	{ .name = "gid",
	    .is_shared = true,
	    .kind = KV_OPTION_GROUP,
	    .section = KV_SECTION_ACCESS,
	    IN(gid),
	    .otherwise = "who mounts",
	    .argument = "GROUP",
	    .help = "the group of all files" },
	{ .name = "umask",
	    .is_shared = true,
	    .kind = KV_OPTION_OCTAL,
	    .section = KV_SECTION_ACCESS,
	    IN(umask),
	    .least = 0,
	    .most = 0777,
	    .standard = "0077",
	    .argument = "MASK",
	    .help = "the permission bits that no file has, in octal" },

	{ .name = "config",
	    .is_shared = true,
	    .kind = KV_OPTION_PATH,
	    .section = KV_SECTION_LOG,
	    IN(config),
	    .otherwise = "~/.config/kvfs.conf, then /etc/kvfs.conf",
	    .argument = "FILE",
	    .help = "the configuration file" },
	{ .name = "debug",
	    .is_shared = true,
	    .kind = KV_OPTION_WORDS,
	    .section = KV_SECTION_LOG,
	    IN(debug),
	    .argument = "LIST",
	    .help = "debug messages of these modules, or all" },
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))
_Static_assert(OPTIONS <= KV_OPTIONS_MOST, "KV_OPTIONS_MOST");

const struct kv_option *
kv_options_at(size_t i)
{
	return i < OPTIONS ? &options[i] : NULL;
}

const char *
kv_options_section(enum kv_option_section section)
{
	return sections[section];
}

static bool
is_named(const char *option, const char *name, size_t len)
{
	return option != NULL && strlen(option) == len && strncmp(option, name, len) == 0;
}

int
kv_options_find(const char *name, size_t len)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (is_named(options[i].name, name, len) || is_named(options[i].older, name, len))
			return (int)i;
	return -1;
}

/* The number of characters to add, omit, change or swap to get from a to b; SIZE_MAX for long names. */
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

const char *
kv_options_nearest(const char *name, size_t len)
{
	const char *best = NULL;
	size_t least = len > 5 ? 3 : 2; /* at this distance it is another word */

	for (size_t i = 0; i < OPTIONS; i++) {
		const size_t d = distance(name, len, options[i].name);

		if (d < least) {
			least = d;
			best = options[i].name;
		}
	}
	return best;
}
