#ifndef KV_CLIENT_HTTP_PROXY_H
#define KV_CLIENT_HTTP_PROXY_H
/*
 * The proxy that the environment names, for sentences: libcurl reads the same variables by itself.
 */
#include <stddef.h>

/*
 * The proxy for https://host into address, as "proxy.example.com:3128", without what may be a
 * password. Returns the variable that names it ("https_proxy"), or NULL and "" where there is none.
 */
const char *kv_proxy_of(const char *host, char *address, size_t size);
#endif
