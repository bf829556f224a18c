#ifndef KV_CLIENT_HTTP_URL_H
#define KV_CLIENT_HTTP_URL_H
/*
 * Scheme, host and port of a URL: what decides where a token may go. The default port and no port
 * are the same; hosts are compared without case.
 */
#include <stdbool.h>
#include <stdint.h>
#include "client/base/err.h"

struct kv_url {
	char host[256]; /* lower case, without brackets or a final dot */
	uint16_t port;
	bool is_https;
};

/*
 * url: http or https, no user name. -EINVAL for anything else, -ENOMEM. *path (may be NULL) is set to
 * where the path begins inside url ("/…", "?…" or "").
 */
int kv_url_parse(const char *url, struct kv_url *origin, const char **path) KV_MUST_CHECK;
/*
 * The path of a URL that begins with "https://", origin's host as kv_url_parse() writes it, perhaps ":" and origin's
 * port, and "/": found without parsing. NULL for any other, which may be on this host all the same. What follows
 * is not looked at.
 */
const char *kv_url_path_within(const char *url, const struct kv_url *origin);
bool kv_url_is_same_origin(const struct kv_url *a, const struct kv_url *b);
/*
 * Whether vault's host is covered by a challenge's resource: equal, or a "." + resource tail. The
 * port does not count: a resource names a service, and the vault's port is what the user said. (The
 * SDKs compare the port too: Azure SDK for Python, azure-keyvault-keys _shared/challenge_auth_policy.py.)
 */
bool kv_url_is_within(const struct kv_url *vault, const struct kv_url *resource);
#endif
