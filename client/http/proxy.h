#ifndef KV_CLIENT_HTTP_PROXY_H
#define KV_CLIENT_HTTP_PROXY_H
/*
 * The proxy named in the environment, for messages; libcurl reads the same variables itself.
 */
#include <stddef.h>

/*
 * The proxy for https://host into address, as "proxy.example.com:3128", without user name and
 * password. Returns the variable that names it ("https_proxy"), or NULL and "" if there is none.
 */
const char *kv_proxy_of(const char *host, char *address, size_t size);
#endif
