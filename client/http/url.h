#ifndef KV_CLIENT_HTTP_URL_H
#define KV_CLIENT_HTTP_URL_H
/*
 * Scheme, host and port of a URL, which decide where a token may be sent. The default port equals no port;
 * host names are case-insensitive.
 */
#include <stdbool.h>
#include <stdint.h>
#include "client/base/err.h"

struct kv_buf;

struct kv_url {
	char host[256]; /* lower case, without brackets or a final dot */
	uint16_t port;
	bool is_https;
};

/*
 * url must be http or https, without a user name; otherwise -EINVAL. -ENOMEM. path (may be NULL) is
 * set to the start of the path inside url ("/…", "?…" or "").
 */
int kv_url_parse(const char *url, struct kv_url *origin, const char **path) KV_MUST_CHECK;
/* Appends "host", "host:8443" or "[::1]" to text, without the scheme's own port. */
void kv_url_say_host(const struct kv_url *origin, struct kv_buf *text);
/*
 * A fast check without parsing: the path of a URL that begins with "https://", origin's host in the
 * form of kv_url_parse(), optionally ":" and origin's port, and "/". NULL for any other URL, which may
 * still be on this host. The path itself is not checked.
 */
const char *kv_url_path_within(const char *url, const struct kv_url *origin);
bool kv_url_is_same_origin(const struct kv_url *a, const struct kv_url *b);
/*
 * Whether a challenge's resource covers vault's host: it is equal, or vault's host ends in "." +
 * resource. The port does not count, because a resource names a service and the user gave the vault's
 * port. (The SDKs compare the port too: Azure SDK for Python, azure-keyvault-keys
 * _shared/challenge_auth_policy.py.)
 */
bool kv_url_is_within(const struct kv_url *vault, const struct kv_url *resource);
#endif
