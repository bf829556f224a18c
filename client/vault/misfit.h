#ifndef KV_CLIENT_VAULT_MISFIT_H
#define KV_CLIENT_VAULT_MISFIT_H
/*
 * An answer that is not Key Vault's, in words: a proxy, a login page or another server sent it.
 */
#include <stddef.h>

struct kv_buf;

/*
 * "an HTML page titled "Access denied", from the proxy proxy.example.com:3128 (https_proxy)?" is
 * appended to why: what the body looks like, never what it holds (a backup may be in it), and who
 * may have sent it instead of host.
 */
void kv_misfit_say(const char *body, size_t len, const char *host, struct kv_buf *why);
#endif
