/*
 * Parses URLs into scheme, host and port with libcurl's parser, so that what is compared here is where
 * libcurl connects. What libcurl accepts too generously is refused before (a missing or a third slash,
 * an empty port, %-escapes or non-ASCII characters in the host), and what is not a valid host name
 * after.
 */
#include "client/http/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/base/buf.h"

#define MAX_LABEL 63
#define MAX_NAME  253
#define MAX_PORT  5 /* digits */

/* ---- before libcurl ---- */

/* Printable ASCII and bytes of UTF-8; no fragment, because it is never sent. */
static bool
is_clean(const char *url)
{
	for (; *url != '\0'; url++) {
		const unsigned char c = (unsigned char)*url;

		if (c <= ' ' || c == 0x7f || c == '#' || c == '\\')
			return false;
	}
	return true;
}

/* Whether the characters are those of "host", "host:port", "[address]" or "[address]:port". */
static bool
is_authority(const char *s, size_t len)
{
	static const char characters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:[]";
	const char *bracket = memrchr(s, ']', len), *from = bracket != NULL ? bracket : s;
	const char *colon = memchr(from, ':', len - (size_t)(from - s));

	if (len == 0 || strspn(s, characters) < len)
		return false;
	return colon == NULL || (s + len - colon > 1 && s + len - colon <= MAX_PORT + 1);
}

/* The authority of a URL that passes these checks, or NULL. */
static const char *
find_authority(const char *url)
{
	const char *authority;

	if (strncasecmp(url, "https://", 8) != 0 && strncasecmp(url, "http://", 7) != 0)
		return NULL;
	authority = strstr(url, "//") + 2;
	return is_clean(url) && is_authority(authority, strcspn(authority, "/?")) ? authority : NULL;
}

/* ---- after it ---- */

static bool
is_address(const char *host)
{
	struct in_addr address;

	return strchr(host, ':') != NULL || inet_aton(host, &address) != 0;
}

/* Labels of 1 to 63 characters and an optional final dot, which is removed; lower case into host. */
static int
take_name(const char *s, struct kv_url *origin)
{
	size_t len = strlen(s), label = 0;

	if (len > 1 && s[len - 1] == '.')
		len--;
	if (len == 0 || len > MAX_NAME)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		label = s[i] == '.' ? 0 : label + 1;
		if (label > MAX_LABEL || (s[i] == '.' && (i == 0 || s[i - 1] == '.')))
			return -EINVAL;
		origin->host[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] - 'A' + 'a') : s[i];
	}
	origin->host[len] = '\0';
	/*
	 * libcurl rewrites "127.1" as an address but takes "127.1." for a name, which would be an
	 * address without its dot
	 */
	if (s[len] == '.' && is_address(origin->host))
		return -EINVAL;
	return label > 0 ? 0 : -EINVAL;
}

/* "[address]", in the form of inet_ntop(), because an address can be written in many ways. */
static int
take_ipv6(const char *s, struct kv_url *origin)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	const size_t len = strlen(s);

	if (len < 2 || len - 2 >= sizeof(text))
		return -EINVAL;
	memcpy(text, s + 1, len - 2);
	text[len - 2] = '\0';
	if (inet_pton(AF_INET6, text, &address) != 1)
		return -EINVAL;
	return inet_ntop(AF_INET6, &address, origin->host, sizeof(origin->host)) != NULL ? 0 : -EINVAL;
}

static int
take_host(const char *host, struct kv_url *origin)
{
	return host[0] == '[' ? take_ipv6(host, origin) : take_name(host, origin);
}

static int
take_port(const char *port, struct kv_url *origin)
{
	const unsigned long n = strtoul(port, NULL, 10);

	origin->port = (uint16_t)n;
	return n > 0 && n <= UINT16_MAX ? 0 : -EINVAL;
}

static int
take_scheme(const char *scheme, struct kv_url *origin)
{
	origin->is_https = strcmp(scheme, "https") == 0;
	return 0;
}

static int
take_parts(CURLU *u, struct kv_url *origin)
{
	static const struct {
		CURLUPart part;
		unsigned int flags;
		int (*take)(const char *, struct kv_url *);
	} rows[] = {
		{ CURLUPART_SCHEME, 0, take_scheme },
		{ CURLUPART_HOST, 0, take_host },
		{ CURLUPART_PORT, CURLU_DEFAULT_PORT, take_port },
	};
	int err = 0;

	for (size_t i = 0; err == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = NULL;
		const CURLUcode code = curl_url_get(u, rows[i].part, &text, rows[i].flags);

		err = code == CURLUE_OK		 ? rows[i].take(text, origin) :
		    code == CURLUE_OUT_OF_MEMORY ? -ENOMEM :
						   -EINVAL;
		curl_free(text);
	}
	return err;
}

/* ---- the whole ---- */

int
kv_url_parse(const char *url, struct kv_url *origin, const char **path)
{
	const char *authority = find_authority(url);
	CURLU *u = NULL;
	CURLUcode code = CURLUE_OUT_OF_MEMORY;
	int err = -EINVAL;

	memset(origin, 0, sizeof(*origin));
	if (path != NULL)
		*path = NULL;
	if (authority == NULL)
		return -EINVAL;
	u = curl_url();
	if (u != NULL)
		code = curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS);
	if (code == CURLUE_OK)
		err = take_parts(u, origin);
	else if (code == CURLUE_OUT_OF_MEMORY)
		err = -ENOMEM;
	curl_url_cleanup(u);
	if (err != 0)
		memset(origin, 0, sizeof(*origin));
	else if (path != NULL)
		*path = authority + strcspn(authority, "/?");
	return err;
}

void
kv_url_say_host(const struct kv_url *origin, struct kv_buf *text)
{
	kv_buf_say(text, strchr(origin->host, ':') != NULL ? "[%s]" : "%s", origin->host);
	if (origin->port != (origin->is_https ? 443 : 80))
		kv_buf_say(text, ":%u", origin->port);
}

const char *
kv_url_path_within(const char *url, const struct kv_url *origin)
{
	const size_t n = strlen(origin->host);
	char *end;

	if (!origin->is_https || strncmp(url, "https://", 8) != 0 || strncmp(url + 8, origin->host, n) != 0 ||
	    strchr(origin->host, ':') != NULL) /* an IPv6 address needs brackets */
		return NULL;
	url += 8 + n;
	if (*url != ':')
		return *url == '/' ? url : NULL;
	return strtoul(url + 1, &end, 10) == origin->port && url[1] >= '1' && *end == '/' ? end : NULL;
}

bool
kv_url_is_same_origin(const struct kv_url *a, const struct kv_url *b)
{
	return a->is_https == b->is_https && a->port == b->port && strcmp(a->host, b->host) == 0;
}

bool
kv_url_is_within(const struct kv_url *vault, const struct kv_url *resource)
{
	const size_t n = strlen(vault->host), tail = strlen(resource->host);

	if (tail == 0 || !resource->is_https)
		return false;
	if (strcmp(vault->host, resource->host) == 0)
		return true;
	/* an address has no parent domain, though "0.0.1" is a tail of "127.0.0.1" */
	return n > tail + 1 && vault->host[n - tail - 1] == '.' &&
	    strcmp(vault->host + n - tail, resource->host) == 0 && !is_address(vault->host);
}
