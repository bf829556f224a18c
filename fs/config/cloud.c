#include <stddef.h>
#include <string.h>

#include "fs/config/cloud.h"

static const struct {
	const char *vaults, *hsms, *authority;
} clouds[] = {
	{ ".vault.azure.net", ".managedhsm.azure.net", "https://login.microsoftonline.com" },
	{ ".vault.azure.cn", ".managedhsm.azure.cn", "https://login.chinacloudapi.cn" },
	{ ".vault.usgovcloudapi.net", ".managedhsm.usgovcloudapi.net", "https://login.microsoftonline.us" },
};
#define CLOUDS (sizeof(clouds) / sizeof(clouds[0]))

static int
ends_with(const char *host, const char *suffix)
{
	const size_t n = strlen(suffix), len = strlen(host);

	return len > n && strcmp(host + len - n, suffix) == 0;
}

const char *
kv_cloud_authority(const char *host)
{
	for (size_t i = 0; i < CLOUDS; i++)
		if (ends_with(host, clouds[i].vaults) || ends_with(host, clouds[i].hsms))
			return clouds[i].authority;
	return clouds[0].authority;
}

const char *
kv_cloud_suffix(const char *authority)
{
	for (size_t i = 0; authority != NULL && i < CLOUDS; i++)
		if (strstr(authority, clouds[i].authority + strlen("https://")) != NULL)
			return clouds[i].vaults;
	return clouds[0].vaults;
}
