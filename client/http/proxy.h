#ifndef KV_CLIENT_HTTP_PROXY_H
#define KV_CLIENT_HTTP_PROXY_H
/*
 * The proxy: checked at the start, and named in messages. libcurl finds it by the same rules.
 */
#include <stdbool.h>
#include "client/base/err.h"

struct kv_buf;

/* The option proxy; NULL or a zeroed struct: as the environment says. */
struct kv_proxy {
	const char *url;  /* NULL: as the environment says; "none": none */
	const char *from; /* where it was given, for messages: "-o proxy" */
};
/* For libcurl: the option's URL, "" for none, NULL for that of the environment. */
const char *kv_proxy_url(const struct kv_proxy *proxy);
/* A proxy in a message; never with user name and password. */
struct kv_proxy_used {
	char address[256]; /* "proxy.example.com:3128" */
	const char *from;  /* "https_proxy" */
	bool is_https;	   /* the connection to the proxy itself uses TLS */
	bool has_user;	   /* a user name was given for it */
};
/* The proxy for https://host. False if there is none; used is then zeroed. */
bool kv_proxy_find(const struct kv_proxy *proxy, const char *host, struct kv_proxy_used *used);

/*
 * Whether url is a proxy's: an optional scheme (http, https, socks4, socks4a, socks5, socks5h), optional user
 * information, a host and an optional port. -EINVAL, -ENOMEM. has_user (may be NULL): it has user information.
 */
int kv_proxy_check(const char *url, bool *has_user) KV_MUST_CHECK;
/*
 * The same for the variable in effect, if the option is not given. -EINVAL, and a sentence without the value:
 * libcurl's own message would repeat the password.
 */
int kv_proxy_check_environment(const struct kv_proxy *proxy, struct kv_buf *why) KV_MUST_CHECK;
#endif
