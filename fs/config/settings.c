#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/auth/challenge.h"
#include "client/auth/secret_file.h"
#include "fs/config/cloud.h"
#include "fs/config/mountpoint.h"
#include "fs/config/network.h"
#include "fs/config/number.h"
#include "fs/config/settings.h"
#include "fs/config/value.h"

#define TOKEN_CREDENTIALS "AZURE_TOKEN_CREDENTIALS"
#define SINGLE_TENANT	  "AZURE_IDENTITY_DISABLE_MULTITENANTAUTH"

void
kv_settings_release(struct kv_settings *s)
{
	for (size_t i = 0; i < s->n_vaults; i++)
		kv_settings_release(&s->vaults[i]);
	free(s->vaults);
	kv_given_release(&s->given);
	*s = (struct kv_settings){ .umask = 0 };
}

size_t
kv_settings_vaults(const struct kv_settings *s)
{
	return s->is_each ? s->n_vaults : 1;
}

const struct kv_settings *
kv_settings_vault(const struct kv_settings *s, size_t i)
{
	return s->is_each ? &s->vaults[i] : s;
}

bool
kv_settings_share_credentials(const struct kv_settings *a, const struct kv_settings *b)
{
	const struct kv_option *o;

	for (size_t i = 0; (o = kv_options_at(i)) != NULL; i++) {
		const char *x = a->given.values[i], *y = b->given.values[i];

		if (o->section == KV_SECTION_CREDENTIAL && x != y &&
		    (x == NULL || y == NULL || strcmp(x, y) != 0))
			return false;
	}
	return true;
}

/* ---- options ---- */

static int
take_options(struct kv_settings *s, struct kv_buf *why)
{
	const struct kv_option *o;
	int err = 0;

	s->prefetch = -1;
	s->uid = getuid();
	s->gid = getgid();
	for (size_t i = 0; err == 0 && (o = kv_options_at(i)) != NULL; i++) {
		const char *given = s->given.values[i], *text = given != NULL ? given : o->standard;

		if (text != NULL)
			err = kv_value_parse(o, text, &s->given, s);
		if (err == -EINVAL) {
			struct kv_buf right;

			kv_buf_init(&right, 256);
			kv_value_say_right(o, &right);
			err = kv_given_refuse(&s->given, o->name, kv_buf_str(&right), why);
			kv_buf_release(&right);
		}
	}
	return err;
}

/* ---- vault ---- */

/* text must be a name, a host or an https URL. */
static int
check_vault(const char *text, const struct kv_url *vault, const char *path, struct kv_buf *why)
{
	if (strpbrk(text, ".:/") == NULL && (strlen(text) < 3 || strlen(text) > 24 || !kv_type_is_name(text)))
		kv_buf_say(why, "'%s' is not the name of a vault: 3 to 24 letters, digits and '-'", text);
	else if (vault->host[0] == '\0')
		kv_buf_say(why, "'%s' is not a vault: give its name, its host or its https URL", text);
	else if (!vault->is_https)
		kv_buf_say(why, "'%s': a vault needs https", text);
	else if (path[0] != '\0' && strcmp(path, "/") != 0)
		kv_buf_say(why, "'%s': the URL of a vault has no path: leave out '%s'", text, path);
	else
		return 0;
	return -EINVAL;
}

static int
refuse_missing_vault(const struct kv_given *g, struct kv_buf *why)
{
	if (g->mountpoint != NULL)
		kv_buf_say(why,
		    "'%s' is the mount point, and no vault is given: kvfs VAULT MOUNTPOINT, or -o vault=, or KVFS_VAULT",
		    g->mountpoint);
	else
		kv_buf_say(why,
		    "no vault and no mount point are given: kvfs VAULT MOUNTPOINT (kvfs -h lists the options)");
	return -EINVAL;
}

static int
take_vault(struct kv_settings *s, struct kv_buf *why)
{
	const char *text = s->vault_given, *path = "", *suffix = NULL;
	struct kv_buf url;
	int err = 0;

	if (text == NULL)
		return refuse_missing_vault(&s->given, why);
	s->source = s->given.source != NULL ? s->given.source : text;
	if (strchr(text, '@') != NULL) { /* not repeated: it may contain a password */
		kv_buf_say(why, "give the vault without a user name: its name, its host or its https URL");
		return -EINVAL;
	}
	if (strpbrk(text, ".:/") == NULL)
		err = kv_network_take_suffix(s, &suffix, why);
	if (err != 0)
		return err;
	kv_buf_init(&url, strlen(text) + 512);
	if (strstr(text, "://") != NULL)
		err = kv_buf_puts(&url, text);
	else
		err = kv_buf_printf(&url, "https://%s%s", text, suffix != NULL ? suffix : "");
	if (err == 0 && kv_url_parse(kv_buf_str(&url), &s->vault, &path) != 0)
		s->vault.host[0] = '\0';
	if (err == 0)
		err = check_vault(text, &s->vault, path, why);
	kv_buf_release(&url);
	return err;
}

static int
take_mountpoint(struct kv_settings *s, struct kv_buf *why)
{
	char *absolute;
	int err;

	if (s->given.mountpoint == NULL) {
		kv_buf_say(why, "no mount point is given (usage: kvfs [OPTIONS] [VAULT] MOUNTPOINT)");
		return -EINVAL;
	}
	err = kv_mountpoint_find(s->given.mountpoint, s->may_hide, &absolute, why);
	s->mountpoint = kv_given_keep(&s->given, absolute);
	return err != 0 || s->mountpoint != NULL ? err : -ENOMEM;
}

/* ---- credential ---- */

/* -EACCES and a sentence in why; -ENOMEM. */
static int
read_secret(struct kv_settings *s, struct kv_buf *why)
{
	const struct kv_secret_file file = { "client_secret_file", s->client_secret_file, false };
	const char *old = s->auth.credential.client_secret;
	struct kv_buf text;
	int err;

	kv_buf_init(&text, KV_SECRET_FILE_MAX);
	err = kv_secret_file_read_line(&file, &text, why);
	if (err == -EACCES)
		kv_value_say_bare(kv_given_value(&s->given, file.name), file.path, why);
	if (err == 0 && (old == NULL || strcmp(old, kv_buf_str(&text)) != 0)) {
		char *secret = kv_given_keep(&s->given, strdup(kv_buf_str(&text)));

		if (secret != NULL)
			s->auth.credential.client_secret = secret;
		else
			err = -ENOMEM;
	}
	kv_buf_release(&text);
	return err;
}

int
kv_settings_read_secret(struct kv_settings *s, struct kv_buf *why)
{
	struct kv_buf sentence;
	int err = 0;

	kv_buf_init(&sentence, 1024);
	if (s->client_secret_file != NULL)
		err = read_secret(s, &sentence);
	if (err == -EACCES && s->given.print == KV_PRINT_CONFIG) {
		/* printed beside the value: who has no right to read the secret can still see the options */
		s->secret_fault = kv_given_keep(&s->given, strdup(kv_buf_str(&sentence)));
		err = s->secret_fault != NULL ? 0 : -ENOMEM;
	}
	if (err != 0)
		kv_buf_say(why, "%s: %s", kv_given_where(&s->given, "client_secret_file"),
		    err == -ENOMEM ? "out of memory" : kv_buf_str(&sentence));
	kv_buf_release(&sentence);
	return err != 0 ? -EINVAL : 0;
}

/*
 * Keep copies, because start-up wipes secrets from the environment. Paths become absolute, because kvfs changes its
 * directory.
 */
static int
keep_variables(struct kv_settings *s, struct kv_buf *why)
{
	const struct kv_credential_variable *variable;
	const char *value;
	int err = 0;

	for (size_t i = 0; err == 0 && (variable = kv_credential_variable_at(i)) != NULL; i++) {
		err = kv_given_keep_environment(&s->given, variable->name, &value, why);
		if (err != 0 || value == NULL)
			continue;
		if (kv_credential_names_file(variable->name))
			value = kv_value_absolute(value, &s->given);
		err = value != NULL ? kv_credential_set_variable(&s->auth.credential, variable->name, value) :
				      -ENOMEM;
	}
	return err;
}

/*
 * Whoever gives an option that belongs to one credential means that credential, whatever the environment says, unless
 * auth= says otherwise. Sets *option to such an option that was given, or to NULL.
 */
static int
find_meant(const struct kv_settings *s, const struct kv_option **option, struct kv_buf *why)
{
	const struct kv_option *o;

	*option = NULL;
	for (size_t i = 0; (o = kv_options_at(i)) != NULL; i++) {
		if (o->credential == NULL || s->given.values[i] == NULL)
			continue;
		if (*option != NULL && strcmp((*option)->credential, o->credential) != 0) {
			kv_buf_say(why,
			    "%s= belongs to the credential %s, and %s= to %s: leave one out, or name the credential "
			    "with -o auth=",
			    (*option)->name, (*option)->credential, o->name, o->credential);
			return -EINVAL;
		}
		*option = o;
	}
	return 0;
}

/* Without an order of the user's, AZURE_TOKEN_CREDENTIALS narrows auto, as it does for the SDKs. */
static int
choose_auth(struct kv_settings *s, struct kv_buf *why)
{
	const char *narrowed = kv_given_environment(TOKEN_CREDENTIALS);
	struct kv_auth_order *order = &s->auth.credential.order;
	const struct kv_option *meant = NULL;

	if (kv_auth_order_parse(s->auth_words, order) != 0)
		return kv_given_refuse(
		    &s->given, "auth", "auto, or a list as in env:cli of these: " KV_CREDENTIAL_WORDS, why);
	if (kv_given_where(&s->given, "auth") == NULL && find_meant(s, &meant, why) != 0)
		return -EINVAL;
	if (meant != NULL)
		return kv_auth_order_parse(meant->credential, order);
	return order->n == 0 && narrowed != NULL ? kv_auth_order_narrow(narrowed, order, why) : 0;
}

/* The characters that the SDKs allow, because both become parts of a URL or arguments of a program. */
static int
check_names(struct kv_settings *s, struct kv_buf *why)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.- ";
	const char *tenant = s->auth.credential.tenant, *subscription = s->auth.credential.subscription;

	s->auth.is_single_tenant =
	    kv_given_environment(SINGLE_TENANT) != NULL || (tenant != NULL && strcmp(tenant, "adfs") == 0);
	if (tenant != NULL && !kv_challenge_is_tenant(tenant))
		return kv_given_refuse(&s->given, "tenant", "a tenant's id or domain", why);
	if (subscription != NULL &&
	    (subscription[0] == '-' || subscription[strspn(subscription, allowed)] != '\0'))
		return kv_given_refuse(
		    &s->given, "subscription", "the name or the id of a subscription", why);
	return 0;
}

static int
take_credential(struct kv_settings *s, struct kv_buf *why)
{
	int err = keep_variables(s, why);

	s->auth.credential.auto_s = (int)(s->retry_ms / 1000);
	if (err == 0)
		err = check_names(s, why);
	if (err == 0)
		err = choose_auth(s, why);
	return err == 0 ? kv_settings_read_secret(s, why) : err;
}

/* ---- the rest ---- */

/* A Managed HSM has only keys; and newer versions of the API show which of them are outside of it. */
static int
take_kind(struct kv_settings *s, struct kv_buf *why)
{
	const bool has_types = kv_given_where(&s->given, "types") != NULL;

	s->is_hsm = s->is_hsm || kv_cloud_is_hsm(s->public_vault.host);
	if (s->is_hsm && has_types && (s->types[KV_SECRETS] || s->types[KV_CERTIFICATES]))
		return kv_given_refuse(&s->given, "types", "keys, because a Managed HSM has only these", why);
	for (int t = 0; t < KV_TYPES && !has_types; t++)
		s->types[t] = !s->is_hsm || t == KV_KEYS;
	if (s->is_listless && kv_given_where(&s->given, "size") == NULL)
		s->size = KV_SIZE_OPEN; /* a stat of any name would be a backup */
	if (s->api_version != NULL)
		return 0;
	s->api_version = s->is_hsm ? "2026-04-01" : "7.4";
	s->older_api_version = s->is_hsm ? "7.6" : NULL;
	return 0;
}

/* The first cache directory that applies: the option, XDG_CACHE_HOME, the home directory, the system's. */
static int
take_cache(struct kv_settings *s)
{
	const char *xdg = kv_given_environment("XDG_CACHE_HOME"), *home = kv_given_home();
	char *path = NULL;
	int n;

	if (s->cache == KV_CACHE_NONE)
		s->spill = 0;
	if (s->cache_dir != NULL)
		return 0;
	if (xdg != NULL && xdg[0] == '/')
		n = asprintf(&path, "%s/kvfs", xdg);
	else if (home != NULL && home[1] != '\0')
		n = asprintf(&path, "%s/.cache/kvfs", home);
	else
		n = asprintf(&path, "/var/cache/kvfs");
	s->cache_dir = kv_given_keep(&s->given, n >= 0 ? path : NULL);
	return s->cache_dir != NULL ? 0 : -ENOMEM;
}

static int
take_access(struct kv_settings *s, struct kv_buf *why)
{
	s->kernel = kv_buf_str(&s->given.kernel);
	if (!s->allow_other || !s->allow_root)
		return 0;
	kv_buf_say(why, "allow_other and allow_root cannot be used together");
	return -EINVAL;
}

/* ---- several vaults ---- */

/* Everything about one vault. Without needs_vault none may be given. */
static int
complete_vault(struct kv_settings *s, bool needs_vault, struct kv_buf *why)
{
	int err = kv_network_take_authority(s, why);

	if (err == 0 && (needs_vault || s->vault_given != NULL))
		err = take_vault(s, why);
	if (err == 0)
		err = take_credential(s, why);
	if (err == 0)
		err = kv_network_take(s, why);
	if (err == 0 && s->auth.credential.authority == NULL)
		/* where secrets are sent: never what a server names */
		s->auth.credential.authority = kv_cloud_authority(s->public_vault.host);
	return err == 0 ? take_kind(s, why) : err;
}

static int
parse_vault(
    struct kv_settings *s, const struct kv_given_vault *vault, struct kv_settings *v, struct kv_buf *why)
{
	struct kv_buf sentence;
	int err;

	kv_buf_init(&sentence, 4096);
	err = kv_given_read_vault(&s->given, vault, &v->given, &sentence);
	if (err == 0)
		err = take_options(v, &sentence);
	if (err == 0)
		err = complete_vault(v, true, &sentence);
	if (err == 0)
		err = take_cache(v);
	v->is_read_only = v->is_read_only || s->is_read_only;
	v->folder = vault->folder;
	if (err == -EINVAL)
		kv_buf_say(why, "vault %s: %s", vault->folder, kv_buf_str(&sentence));
	kv_buf_release(&sentence);
	return err;
}

static int
parse_vaults(struct kv_settings *s, struct kv_buf *why)
{
	struct kv_vault_list *list = &s->given.vaults;
	int err = 0;

	if (list->n == 0 && s->vault_given == NULL)
		return refuse_missing_vault(&s->given, why);
	if (list->n == 0)
		err = kv_vault_list_add(
		    list, s->vault_given, strlen(s->vault_given), kv_given_where(&s->given, "vault"), why);
	if (err == 0)
		err = kv_vault_list_check(list, why);
	if (err != 0)
		return err;
	s->vaults = calloc(list->n, sizeof(*s->vaults));
	if (s->vaults == NULL)
		return -ENOMEM;
	s->n_vaults = list->n;
	for (size_t i = 0; err == 0 && i < list->n; i++)
		err = parse_vault(s, &list->vaults[i], &s->vaults[i], why);
	return err == 0 ? kv_number_vaults(s, why) : err;
}

#define MOST_SOURCE 256

/* The source of a mount of several vaults: the section, or the vaults as they were given. */
static int
take_source(struct kv_settings *s)
{
	const struct kv_vault_list *list = &s->given.vaults;
	struct kv_buf text;
	int err = 0;

	s->source = s->given.source != NULL ? s->given.source : s->given.section;
	if (s->source != NULL)
		return 0;
	kv_buf_init(&text, MOST_SOURCE);
	for (size_t i = 0; i < list->n && text.len + strlen(list->vaults[i].text) + 3 < MOST_SOURCE; i++)
		kv_buf_say(&text, "%s%s", i > 0 ? "," : "", list->vaults[i].text);
	s->source = kv_given_keep(&s->given, strdup(kv_buf_str(&text)));
	if (s->source == NULL)
		err = -ENOMEM;
	kv_buf_release(&text);
	return err;
}

/* The mount itself, without its vaults. */
static int
complete_mount(struct kv_settings *s, struct kv_buf *why)
{
	int err = s->given.print == KV_PRINT_CONFIG ? 0 : take_mountpoint(s, why);

	if (err == 0)
		err = take_cache(s);
	return err == 0 ? take_access(s, why) : err;
}

int
kv_settings_parse(int argc, char *const argv[], struct kv_settings *s, struct kv_buf *why)
{
	bool is_printed;
	int err;

	*s = (struct kv_settings){ .umask = 0 };
	err = kv_given_read(argc, argv, &s->given, why);
	is_printed = s->given.print == KV_PRINT_CONFIG;
	if (err == 0 && s->given.print != KV_PRINT_NOTHING && !is_printed)
		return 0;
	if (err == 0)
		err = take_options(s, why);
	s->is_each = s->is_each || s->given.is_each;
	if (err == 0 && s->is_each) {
		err = parse_vaults(s, why);
		if (err == 0)
			err = take_source(s);
		if (err == 0)
			err = kv_network_take(s, why);
		if (err == 0)
			err = take_kind(s, why);
	} else if (err == 0) {
		err = complete_vault(s, !is_printed, why);
		if (err == 0 && s->given.section != NULL && s->given.source == NULL)
			s->source = s->given.section;
	}
	if (err == 0)
		err = complete_mount(s, why);
	if (err == -ENOMEM)
		kv_buf_say(why, "out of memory");
	return err;
}
