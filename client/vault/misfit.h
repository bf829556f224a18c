#ifndef KV_CLIENT_VAULT_MISFIT_H
#define KV_CLIENT_VAULT_MISFIT_H
/*
 * Describes an answer that is not Key Vault's but a proxy's, a login page's or another server's.
 */
#include <stddef.h>

struct kv_buf;
struct kv_proxy;

/*
 * Appends to why what the body looks like and who may have sent it instead of host: "an HTML page
 * titled "Access denied", from the proxy proxy.example.com:3128 (https_proxy)?". Never the content,
 * which may be a backup. proxy is kv_http_proxy()'s.
 */
void kv_misfit_say(
    const char *body, size_t len, const char *host, const struct kv_proxy *proxy, struct kv_buf *why);
#endif
