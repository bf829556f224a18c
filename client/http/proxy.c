/*
 * The option proxy, and https_proxy, all_proxy and no_proxy as libcurl reads them (its documentation,
 * "libcurl-env").
 */
#include "client/http/proxy.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/base/buf.h"

#define MAX_ENTRY 64 /* of an address range in no_proxy */

static const char none[] = "none";

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

static const char *
proxy_of(const struct kv_proxy *proxy, const char **from)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL };

	if (proxy == NULL || proxy->url == NULL)
		return find_variable(names, from);
	*from = proxy->from;
	return strcmp(proxy->url, none) != 0 ? proxy->url : NULL;
}

const char *
kv_proxy_url(const struct kv_proxy *proxy)
{
	return proxy->url != NULL && strcmp(proxy->url, none) == 0 ? "" : proxy->url;
}

/* ---- exceptions ---- */

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

/* Whether host is an address in the range "10.0.0.0/8" or "fd00::/8"; brackets are allowed. */
static bool
is_in_range(const char *host, const char *range, size_t len)
{
	unsigned char address[16], base[16];
	char text[MAX_ENTRY];
	const char *slash;
	unsigned long bits, size;
	int family;

	len -= len > 0 && range[len - 1] == ']';
	if (len > 0 && *range == '[') {
		range++;
		len--;
	}
	if (len >= sizeof(text))
		return false;
	memcpy(text, range, len);
	text[len] = '\0';
	family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
	size = family == AF_INET6 ? 128 : 32;
	slash = strchr(text, '/');
	bits = slash != NULL ? strtoul(slash + 1, NULL, 10) : size;
	text[strcspn(text, "/]")] = '\0';
	if (bits > size || inet_pton(family, host, address) != 1 || inet_pton(family, text, base) != 1)
		return false;
	for (unsigned long i = 0; i < bits; i++)
		if ((address[i / 8] ^ base[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

static bool
is_excepted(const char *host, const char *list)
{
	static const char between[] = " ,\t";

	if (strcmp(list, "*") == 0)
		return true;
	while (*(list += strspn(list, between)) != '\0') {
		const size_t n = strcspn(list, between), dot = *list == '.';

		if (is_below(host, list + dot, n - dot) || is_in_range(host, list, n))
			return true;
		list += n;
	}
	return false;
}

/* ---- its URL ---- */

/* As libcurl takes it apart. -EINVAL, -ENOMEM. */
static int
parse(const char *url, CURLU **out)
{
	CURLU *u = curl_url();
	CURLUcode code = CURLUE_OUT_OF_MEMORY;

	if (u != NULL)
		code = curl_url_set(u, CURLUPART_URL, url,
		    CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME | CURLU_NO_AUTHORITY);
	*out = u;
	if (code == CURLUE_OK)
		return 0;
	curl_url_cleanup(u);
	*out = NULL;
	return code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
}

/* A libcurl that cannot use a proxy would repeat its URL, with the password, in its message. */
static bool
is_scheme_known(const char *scheme)
{
	static const char *const schemes[] = { "http", "socks4", "socks4a", "socks5", "socks5h" };

	if (strcasecmp(scheme, "https") == 0)
		return (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTPS_PROXY) != 0;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strcasecmp(scheme, schemes[i]) == 0)
			return true;
	return false;
}

int
kv_proxy_check(const char *url, bool *has_user)
{
	char *scheme = NULL, *host = NULL, *user = NULL;
	CURLU *u;
	int err = parse(url, &u);

	if (has_user != NULL)
		*has_user = strchr(url, '@') != NULL;
	if (err != 0)
		return err;
	if (strstr(url, "://") != NULL &&
	    (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK || !is_scheme_known(scheme)))
		err = -EINVAL;
	if (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK || host[0] == '\0')
		err = -EINVAL;
	if (curl_url_get(u, CURLUPART_USER, &user, 0) != CURLUE_OK && strchr(url, '@') != NULL)
		err = -EINVAL;
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_url_cleanup(u);
	return err;
}

int
kv_proxy_check_environment(const struct kv_proxy *proxy, struct kv_buf *why)
{
	const char *from, *value = proxy->url == NULL ? proxy_of(NULL, &from) : NULL;
	int err = value != NULL ? kv_proxy_check(value, NULL) : 0;

	if (err == -EINVAL)
		kv_buf_say(why,
		    "%s must be the URL of a proxy, as http://proxy.example.com:3128; special characters in "
		    "its password are written as %%40 and the like",
		    from);
	else if (err != 0)
		kv_buf_say(why, "out of memory");
	return err;
}

bool
kv_proxy_find(const struct kv_proxy *proxy, const char *host, struct kv_proxy_used *used)
{
	static const char *const exceptions[] = { "no_proxy", "NO_PROXY", NULL };
	const char *from = NULL, *exception, *value = proxy_of(proxy, &from);
	const char *list = find_variable(exceptions, &exception);
	char *name = NULL, *port = NULL, *scheme = NULL;
	CURLU *u;

	*used = (struct kv_proxy_used){ .from = NULL };
	if (value == NULL || (list != NULL && is_excepted(host, list)) || parse(value, &u) != 0)
		return false;
	if (curl_url_get(u, CURLUPART_HOST, &name, 0) == CURLUE_OK) {
		used->from = from;
		used->has_user = strchr(value, '@') != NULL;
		(void)curl_url_get(u, CURLUPART_PORT, &port, 0);
		used->is_https = strstr(value, "://") != NULL &&
		    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		    strcmp(scheme, "https") == 0;
		snprintf(used->address, sizeof(used->address), port != NULL ? "%s:%s" : "%s", name,
		    port != NULL ? port : "");
	}
	curl_free(name);
	curl_free(port);
	curl_free(scheme);
	curl_url_cleanup(u);
	return used->from != NULL;
}
