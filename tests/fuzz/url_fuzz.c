/*
 * A URL that is taken is read by libcurl in the same way: what kvfs compares is where libcurl connects.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <curl/curl.h>

#include "client/http/proxy.h"
#include "client/http/resolve.h"
#include "client/http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void
compare_host(const char *curls, const char *ours)
{
	char host[300];
	const size_t n = strlen(curls);

	CHECK(n < sizeof(host));
	if (curls[0] == '[') /* two spellings of an IPv6 address */
		return;
	memcpy(host, curls, n + 1);
	if (n > 1 && host[n - 1] == '.')
		host[n - 1] = '\0';
	CHECK(strcasecmp(host, ours) == 0);
}

static void
compare(const char *url, const struct kv_url *origin)
{
	char *host = NULL, *port = NULL, *scheme = NULL, *user = NULL;
	CURLU *u = curl_url();

	CHECK(u != NULL);
	if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK) {
		CHECK(curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK);
		CHECK(curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK);
		CHECK(curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK);
		CHECK(curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_NO_USER);
		compare_host(host, origin->host);
		CHECK(strtol(port, NULL, 10) == origin->port);
		CHECK(strcmp(scheme, origin->is_https ? "https" : "http") == 0);
	}
	curl_free(host);
	curl_free(port);
	curl_free(scheme);
	curl_url_cleanup(u);
}

/* Parsed again from its parts, an origin is the same. */
static void
rebuild(const struct kv_url *origin)
{
	struct kv_url again;
	char url[300];

	snprintf(url, sizeof(url), strchr(origin->host, ':') != NULL ? "%s://[%s]:%u" : "%s://%s:%u",
	    origin->is_https ? "https" : "http", origin->host, origin->port);
	CHECK(kv_url_parse(url, &again, NULL) == 0);
	CHECK(kv_url_is_same_origin(origin, &again));
	CHECK(kv_url_is_within(origin, &again) == again.is_https); /* a token is for an https resource */
}

/* What users give as the options proxy and resolve. */
static void
other_parsers(const char *text)
{
	struct curl_slist *list;
	bool has_user;

	(void)!kv_proxy_check(text, &has_user);
	CHECK(kv_resolve_parse(text, NULL) == kv_resolve_parse(text, &list));
	for (const struct curl_slist *one = list; one != NULL; one = one->next)
		CHECK(one->data[0] != '\0' && one->data[strlen(one->data) - 1] == ':');
	curl_slist_free_all(list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kv_url origin;
	const char *path;
	char *url = malloc(size + 1);

	CHECK(url != NULL);
	memcpy(url, data, size);
	url[size] = '\0';
	if (kv_url_parse(url, &origin, &path) == 0) {
		CHECK(path >= url && path <= url + strlen(url));
		CHECK(*path == '\0' || *path == '/' || *path == '?');
		CHECK(origin.port != 0 && origin.host[0] != '\0');
		compare(url, &origin);
		rebuild(&origin);
	}
	other_parsers(url);
	free(url);
	return 0;
}
