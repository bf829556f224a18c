/*
 * Suffixes are those of the Azure CLI (azure.cli.core.cloud), the other names of the authorities those of MSAL
 * (its lists of known authority hosts).
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "fs/config/cloud.h"

#define MOST_HOSTS 6

static const struct cloud {
	const char *vaults, *hsms; /* NULL: not published */
	const char *authority;
	const char *hosts[MOST_HOSTS]; /* of the authority, with its other names */
} clouds[] = {
	{ ".vault.azure.net", ".managedhsm.azure.net", "https://login.microsoftonline.com",
	    { "login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net" } },
	{ ".vault.azure.cn", ".managedhsm.azure.cn", "https://login.chinacloudapi.cn",
	    { "login.chinacloudapi.cn", "login.partner.microsoftonline.cn" } },
	{ ".vault.usgovcloudapi.net", ".managedhsm.usgovcloudapi.net", "https://login.microsoftonline.us",
	    { "login.microsoftonline.us", "login-us.microsoftonline.com", "login.usgovcloudapi.net" } },
	/* Bleu, France */
	{ ".vault.sovcloud-api.fr", ".managedhsm.sovcloud-api.fr", "https://login.sovcloud-identity.fr",
	    { "login.sovcloud-identity.fr" } },
	/* Delos, Germany */
	{ ".vault.sovcloud-api.de", ".managedhsm.sovcloud-api.de", "https://login.sovcloud-identity.de",
	    { "login.sovcloud-identity.de" } },
	/* Singapore, and the US clouds for secrets: only their authorities are known */
	{ NULL, NULL, NULL,
	    { "login.sovcloud-identity.sg", "login.microsoftonline.microsoft.scloud",
		"login.microsoftonline.eaglex.ic.gov" } },
};
#define CLOUDS (sizeof(clouds) / sizeof(clouds[0]))

static bool
ends_with(const char *host, const char *suffix)
{
	const size_t n = suffix != NULL ? strlen(suffix) : 0, len = strlen(host);

	return n > 0 && len > n && strcmp(host + len - n, suffix) == 0;
}

const char *
kv_cloud_authority(const char *host)
{
	for (size_t i = 0; i < CLOUDS; i++)
		if (ends_with(host, clouds[i].vaults) || ends_with(host, clouds[i].hsms))
			return clouds[i].authority;
	return clouds[0].authority;
}

static bool
has_host(const struct cloud *cloud, const char *host, size_t len)
{
	for (size_t i = 0; i < MOST_HOSTS && cloud->hosts[i] != NULL; i++)
		if (strlen(cloud->hosts[i]) == len && strncasecmp(cloud->hosts[i], host, len) == 0)
			return true;
	return false;
}

bool
kv_cloud_is_hsm(const char *host)
{
	const char *dot = strchr(host, '.');

	for (size_t i = 0; i < CLOUDS; i++)
		if (ends_with(host, clouds[i].hsms))
			return true;
	return dot != NULL && strncmp(dot, ".managedhsm.", strlen(".managedhsm.")) == 0;
}

const char *
kv_cloud_suffix(const char *authority, bool is_hsm)
{
	const char *scheme = authority != NULL ? strstr(authority, "://") : NULL;
	const char *host = scheme != NULL ? scheme + 3 : authority;

	for (size_t i = 0; host != NULL && i < CLOUDS; i++)
		if (has_host(&clouds[i], host, strcspn(host, ":/?")))
			return is_hsm ? clouds[i].hsms : clouds[i].vaults;
	return is_hsm ? clouds[0].hsms : clouds[0].vaults;
}
