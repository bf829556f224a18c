/*
 * Parses the option resolve. CURLOPT_CONNECT_TO, not CURLOPT_RESOLVE, because an entry for all ports is
 * possible, and because a proxy is then given the address too, which its DNS may not have.
 */
#include "client/http/resolve.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client/http/url.h"

#define MAX_ENTRY 400

/* "192.0.2.1" or "[2001:db8::1]" */
static bool
is_address(const char *text)
{
	const size_t n = strlen(text);
	unsigned char address[16];
	char inner[INET6_ADDRSTRLEN];

	if (inet_pton(AF_INET, text, address) == 1)
		return true;
	if (text[0] != '[' || text[n - 1] != ']' || n - 2 >= sizeof(inner))
		return false;
	memcpy(inner, text + 1, n - 2);
	inner[n - 2] = '\0';
	return inet_pton(AF_INET6, inner, address) == 1;
}

/* The last ':' outside of brackets, which begins the address. */
static char *
find_address(char *entry)
{
	char *bracket = strrchr(entry, '[');

	if (bracket == NULL || entry[strlen(entry) - 1] != ']')
		return strrchr(entry, ':');
	return bracket > entry && bracket[-1] == ':' ? bracket - 1 : NULL;
}

static int
add_entry(const char *host, const char *address, struct curl_slist **list)
{
	const char *end = strrchr(host, ']'), *colon = strchr(end != NULL ? end : host, ':');
	struct kv_url origin;
	struct curl_slist *more;
	char url[MAX_ENTRY + 16], entry[2 * MAX_ENTRY];
	int err;

	snprintf(url, sizeof(url), "https://%s", host);
	err = kv_url_parse(url, &origin, NULL);
	if (err != 0)
		return err;
	snprintf(entry, sizeof(entry),
	    strchr(origin.host, ':') != NULL ? "[%s]:%s:%s:" : "%s:%s:%s:", origin.host,
	    colon != NULL ? colon + 1 : "", address);
	more = curl_slist_append(*list, entry);
	if (more == NULL)
		return -ENOMEM;
	*list = more;
	return 0;
}

int
kv_resolve_parse(const char *text, struct curl_slist **out)
{
	struct curl_slist *list = NULL;
	int err = *text != '\0' ? 0 : -EINVAL;

	while (err == 0 && *text != '\0') {
		const size_t n = strcspn(text, "+");
		char entry[MAX_ENTRY], *colon;

		if (n == 0 || n >= sizeof(entry) || (text[n] == '+' && text[n + 1] == '\0')) {
			err = -EINVAL;
			break;
		}
		memcpy(entry, text, n);
		entry[n] = '\0';
		colon = find_address(entry);
		if (colon == NULL || colon == entry || strchr("/?", entry[0]) != NULL ||
		    !is_address(colon + 1)) {
			err = -EINVAL;
			break;
		}
		*colon = '\0';
		err = strpbrk(entry, "/?") == NULL ? add_entry(entry, colon + 1, &list) : -EINVAL;
		text += n + (text[n] == '+');
	}
	if (err != 0 || out == NULL) {
		curl_slist_free_all(list);
		list = NULL;
	}
	if (out != NULL)
		*out = list;
	return err;
}
