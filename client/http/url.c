/*
 * URLs down to scheme, host and port. What is not surely one of ours is refused: a URL that another
 * parser (libcurl's) could read in another way must not pass a comparison here.
 */
#include "client/http/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#define HTTP_PORT  80
#define HTTPS_PORT 443
#define MAX_LABEL  63

/* Graphic ASCII and bytes of UTF-8; no fragment, which is never sent. */
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

static bool
is_host_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Labels of 1 to 63 characters, one final dot; lower-cased without it into host. */
static int
parse_name(const char *s, size_t len, struct kv_url *origin)
{
	size_t label = 0;

	if (len > 1 && s[len - 1] == '.')
		len--;
	if (len == 0 || len > 253)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		const char c = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] - 'A' + 'a') : s[i];

		label = c == '.' ? 0 : label + 1;
		if (label > MAX_LABEL || (c == '.' && (i == 0 || s[i - 1] == '.')))
			return -EINVAL;
		if (c != '.' && !is_host_character(c))
			return -EINVAL;
		origin->host[i] = c;
	}
	origin->host[len] = '\0';
	return label > 0 ? 0 : -EINVAL;
}

/* The address between brackets, as inet_ntop() writes it: it has many spellings. */
static int
parse_ipv6(const char *s, size_t len, struct kv_url *origin)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, len);
	text[len] = '\0';
	if (inet_pton(AF_INET6, text, &address) != 1)
		return -EINVAL;
	return inet_ntop(AF_INET6, &address, origin->host, sizeof(origin->host)) != NULL ? 0 : -EINVAL;
}

static int
parse_port(const char *s, size_t len, uint16_t *port)
{
	unsigned long n = 0;

	if (len == 0 || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		n = n * 10 + (unsigned long)(s[i] - '0');
	}
	if (n == 0 || n > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)n;
	return 0;
}

/* "host", "host:port", "[address]" or "[address]:port" */
static int
parse_authority(const char *s, size_t len, struct kv_url *origin)
{
	const char *end = s + len, *host_end;
	int err;

	if (len > 0 && *s == '[') {
		host_end = memchr(s, ']', len);
		if (host_end == NULL)
			return -EINVAL;
		err = parse_ipv6(s + 1, (size_t)(host_end - s) - 1, origin);
		host_end++;
	} else {
		host_end = memchr(s, ':', len);
		if (host_end == NULL)
			host_end = end;
		err = parse_name(s, (size_t)(host_end - s), origin);
	}
	if (err != 0 || host_end == end)
		return err;
	return *host_end == ':' ? parse_port(host_end + 1, (size_t)(end - host_end) - 1, &origin->port) :
				  -EINVAL;
}

int
kv_url_parse(const char *url, struct kv_url *origin, const char **path)
{
	const char *authority;
	size_t len;

	memset(origin, 0, sizeof(*origin));
	if (path != NULL)
		*path = NULL;
	if (strncasecmp(url, "https://", 8) == 0) {
		authority = url + 8;
		origin->is_https = true;
		origin->port = HTTPS_PORT;
	} else if (strncasecmp(url, "http://", 7) == 0) {
		authority = url + 7;
		origin->port = HTTP_PORT;
	} else {
		return -EINVAL;
	}
	len = strcspn(authority, "/?");
	if (!is_clean(url) || parse_authority(authority, len, origin) != 0) {
		memset(origin, 0, sizeof(*origin));
		return -EINVAL;
	}
	if (path != NULL)
		*path = authority + len;
	return 0;
}

bool
kv_url_is_same_origin(const struct kv_url *a, const struct kv_url *b)
{
	return a->is_https == b->is_https && a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* An address has no parent domain, though "0.0.1" is a tail of "127.0.0.1". */
static bool
is_address(const char *host)
{
	struct in_addr address;

	return strchr(host, ':') != NULL || inet_aton(host, &address) != 0;
}

bool
kv_url_is_within(const struct kv_url *vault, const struct kv_url *resource)
{
	const size_t n = strlen(vault->host), tail = strlen(resource->host);

	if (tail == 0 || !resource->is_https)
		return false;
	if (strcmp(vault->host, resource->host) == 0)
		return true;
	return n > tail + 1 && vault->host[n - tail - 1] == '.' &&
	    strcmp(vault->host + n - tail, resource->host) == 0 && !is_address(vault->host);
}
