#ifndef KV_CLIENT_VAULT_REFUSAL_H
#define KV_CLIENT_VAULT_REFUSAL_H
/*
 * The reason that a WWW-Authenticate header gives for refusing a token (RFC 6750, 3).
 */
struct kv_fault;

/* error and error_description into fault's code and message; "" where the header has none. */
void kv_refusal_read(const char *header, struct kv_fault *fault);
#endif
