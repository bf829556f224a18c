#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/http/resolve.h"
#include "fs/config/cloud.h"
#include "fs/config/network.h"
#include "fs/config/settings.h"
#include "fs/config/value.h"

/* ---- clouds ---- */

/* A copy without blanks around it and slashes at its end, owned by settings. NULL: out of memory. */
static char *
trim(struct kv_settings *s, const char *text)
{
	size_t n;

	text += strspn(text, " \t\r\n");
	n = strlen(text);
	while (n > 0 && strchr(" \t\r\n/", text[n - 1]) != NULL)
		n--;
	return kv_given_keep(&s->given, strndup(text, n));
}

int
kv_network_take_authority(struct kv_settings *s, struct kv_buf *why)
{
	const char *given = s->auth.credential.authority;
	struct kv_url origin;
	char *text, *url;

	if (given == NULL)
		return 0;
	text = trim(s, given);
	if (text == NULL || asprintf(&url, "%s%s", strstr(text, "://") != NULL ? "" : "https://", text) < 0)
		return -ENOMEM;
	s->auth.credential.authority = kv_given_keep(&s->given, url);
	if (s->auth.credential.authority == NULL)
		return -ENOMEM;
	if (kv_url_parse(url, &origin, NULL) != 0 || !origin.is_https)
		return kv_given_refuse(
		    &s->given, "authority", "an https URL such as https://login.microsoftonline.com", why);
	return 0;
}

int
kv_network_take_suffix(struct kv_settings *s, const char **suffix, struct kv_buf *why)
{
	const char *given = s->suffix;
	struct kv_url origin;
	char *text, *url;
	int err;

	if (given == NULL) {
		*suffix = kv_cloud_suffix(s->auth.credential.authority, s->is_hsm);
		if (*suffix != NULL)
			return 0;
		kv_buf_say(why,
		    "the %s suffix of the cloud of %s is not known: give the vault's host, or "
		    "-o suffix=.vault.example.com",
		    s->is_hsm ? "Managed HSM" : "vault", s->auth.credential.authority);
		return -EINVAL;
	}
	if (asprintf(&text, "%s%s", given[0] == '.' ? "" : ".", given) < 0)
		return -ENOMEM;
	*suffix = kv_given_keep(&s->given, text);
	if (*suffix == NULL || asprintf(&url, "https://vault%s", *suffix) < 0)
		return -ENOMEM;
	err = strpbrk(text, ":/?[") == NULL ? kv_url_parse(url, &origin, NULL) : -EINVAL;
	free(url);
	return err == -EINVAL ? kv_given_refuse(&s->given, "suffix",
				    "the end of a host's name, such as .vault.example.com", why) :
				err;
}

static int
take_resource(struct kv_settings *s, struct kv_buf *why)
{
	struct kv_url origin;

	if (s->auth.resource == NULL)
		return 0;
	s->auth.resource = trim(s, s->auth.resource);
	if (s->auth.resource == NULL)
		return -ENOMEM;
	if (kv_url_parse(s->auth.resource, &origin, NULL) == 0 && origin.is_https)
		return 0;
	return kv_given_refuse(&s->given, "resource", "an https URL such as https://vault.azure.net", why);
}

/* ---- hosts ---- */

static int
take_public_host(struct kv_settings *s, struct kv_buf *why)
{
	char *url;
	int err;

	s->public_vault = s->vault;
	if (s->public_host == NULL)
		return 0;
	if (asprintf(&url, "https://%s", s->public_host) < 0)
		return -ENOMEM;
	err = strpbrk(s->public_host, ":/?") == NULL ? kv_url_parse(url, &s->public_vault, NULL) : -EINVAL;
	free(url);
	return err == -EINVAL ? kv_given_refuse(&s->given, "public_host",
				    "the name of a host, such as myvault.vault.azure.net", why) :
				err;
}

static int
take_resolve(struct kv_settings *s, struct kv_buf *why)
{
	const int err = s->resolve != NULL ? kv_resolve_parse(s->resolve, NULL) : 0;

	return err == -EINVAL ?
	    kv_given_refuse(&s->given, "resolve",
		"HOST:ADDRESS or HOST:PORT:ADDRESS, with an IPv6 address in brackets, and "
		"several joined by +",
		why) :
	    err;
}

/* ---- the proxy ---- */

/* A password in the arguments can be seen by everybody, and one in a file by whoever may read it. */
static int
check_place(struct kv_settings *s, const char *where, struct kv_buf *why)
{
	const bool is_argument = strcmp(where, "-o") == 0;
	const char *fault = s->given.faults[kv_options_find("proxy", strlen("proxy"))];

	if (!is_argument && fault == NULL)
		return 0;
	if (is_argument)
		kv_buf_say(why,
		    "-o: proxy must not contain a user name or a password, because other users can see the "
		    "arguments of a program: put it into the variable https_proxy, or into the configuration "
		    "file");
	else
		kv_buf_say(why, "%s: this file has the user name of a proxy, and %s", where, fault);
	return -EINVAL;
}

static int
take_proxy(struct kv_settings *s, struct kv_buf *why)
{
	const char *where = kv_given_where(&s->given, "proxy");
	bool has_user;
	int err;

	if (s->proxy.url == NULL)
		return 0;
	s->proxy.from = strcmp(where, "-o") == 0 ? "-o proxy" : where;
	if (strcmp(s->proxy.url, "none") == 0)
		return 0;
	err = kv_proxy_check(s->proxy.url, &has_user);
	if (err == -ENOMEM)
		return err;
	if (has_user && check_place(s, where, why) != 0)
		return -EINVAL;
	return err == 0 ? 0 :
			  kv_given_refuse(&s->given, "proxy",
			      "the URL of a proxy, such as http://proxy.example.com:3128, or none", why);
}

/* ---- CA certificates ---- */

/* Absolute, because kvfs changes its directory. A list of directories stays as it is. */
static int
keep_path(struct kv_settings *s, const char *path, const char **kept)
{
	char *copy = kv_given_keep(&s->given, strdup(path));

	*kept = copy == NULL || strchr(copy, ':') != NULL ? copy : kv_value_absolute(copy, &s->given);
	return *kept != NULL ? 0 : -ENOMEM;
}

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The first variable of these that is set. requests(3) takes a directory in its variable, too. */
static int
take_ca(struct kv_settings *s)
{
	static const char *const files[] = { "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE" };
	static const char folder[] = "SSL_CERT_DIR";
	const char *value = kv_given_environment(folder);
	int err = value != NULL ? keep_path(s, value, &s->ca.folder) : 0;

	s->ca.folder_from = folder;
	for (size_t i = 0; err == 0 && i < sizeof(files) / sizeof(files[0]); i++) {
		value = kv_given_environment(files[i]);
		if (value == NULL)
			continue;
		if (i == 2 && s->ca.folder == NULL && is_directory(value)) {
			s->ca.folder_from = files[i];
			return keep_path(s, value, &s->ca.folder);
		}
		s->ca.file_from = files[i];
		return keep_path(s, value, &s->ca.file);
	}
	return err;
}

const char *
kv_network_variable_at(size_t i)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
		"no_proxy", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
		"REQUESTS_CA_BUNDLE" };

	return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}

int
kv_network_take(struct kv_settings *s, struct kv_buf *why)
{
	int err = take_public_host(s, why);

	if (err == 0)
		err = take_resource(s, why);
	if (err == 0)
		err = take_resolve(s, why);
	if (err == 0)
		err = take_proxy(s, why);
	return err == 0 ? take_ca(s) : err;
}
