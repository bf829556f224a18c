#ifndef KV_CLIENT_AUTH_ASSERTION_H
#define KV_CLIENT_AUTH_ASSERTION_H
/*
 * A client assertion: a JWT (RFC 7523), signed with the client's private key, that takes the place of a client secret in
 * a token request. The form is the one that Microsoft Entra documents for a certificate: PS256 and x5t#S256.
 */
#include <stdbool.h>
#include "client/base/err.h"

struct kv_buf;
struct kv_keypair;

#define KV_ASSERTION_LIFE_S 600

struct kv_assertion {
	const struct kv_keypair *pair;
	const char *token_url; /* of the token service, to which the assertion is sent */
	const char *client_id;
	bool
	    sends_chain; /* for a service that trusts the issuer and name of the certificate instead of itself */
};

/*
 * Append a new assertion to text, valid from now for KV_ASSERTION_LIFE_S. Each token request needs one of its own.
 * -EACCES: the key cannot sign. -ENOMEM, -EFBIG, -EIO (no random bytes).
 */
int kv_assertion_make(const struct kv_assertion *assertion, struct kv_buf *text) KV_MUST_CHECK;
#endif
