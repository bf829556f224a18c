/*
 * https_proxy, all_proxy and no_proxy, as libcurl reads them (its documentation, "libcurl-env").
 * libcurl uses them itself. This module only names the proxy in messages, so address ranges
 * (10.0.0.0/8) in no_proxy are not supported.
 */
#include "client/http/proxy.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The value of the first variable that is not empty, and its name. */
static const char *
find_variable(const char *const *names, const char **name)
{
	for (; *names != NULL; names++) {
		const char *value = getenv(*names);

		if (value != NULL && *value != '\0') {
			*name = *names;
			return value;
		}
	}
	return NULL;
}

/* Whether host is domain or in it. */
static bool
is_below(const char *host, const char *domain, size_t len)
{
	const size_t n = strlen(host);

	if (len > 0 && domain[len - 1] == '.')
		len--;
	if (len == 0 || n < len || strncasecmp(host + n - len, domain, len) != 0)
		return false;
	return n == len || host[n - len - 1] == '.';
}

static bool
is_excepted(const char *host, const char *list)
{
	static const char between[] = " ,\t";

	if (strcmp(list, "*") == 0)
		return true;
	while (*(list += strspn(list, between)) != '\0') {
		const size_t n = strcspn(list, between), dot = *list == '.';

		if (is_below(host, list + dot, n - dot))
			return true;
		list += n;
	}
	return false;
}

const char *
kv_proxy_of(const char *host, char *address, size_t size)
{
	static const char *const proxies[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL };
	static const char *const exceptions[] = { "no_proxy", "NO_PROXY", NULL };
	const char *variable, *exception, *value = find_variable(proxies, &variable), *list, *at;
	size_t len;

	address[0] = '\0';
	if (value == NULL)
		return NULL;
	list = find_variable(exceptions, &exception);
	if (list != NULL && is_excepted(host, list))
		return NULL;
	at = strstr(value, "://");
	if (at != NULL)
		value = at + 3;
	at = strrchr(value, '@'); /* a password may contain '@', a host may not */
	if (at != NULL)
		value = at + 1;
	len = strcspn(value, "/?#");
	if (len >= size)
		len = size - 1;
	memcpy(address, value, len);
	address[len] = '\0';
	return variable;
}
