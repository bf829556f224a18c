#ifndef KV_CLIENT_KEYPAIR_JWK_H
#define KV_CLIENT_KEYPAIR_JWK_H
/*
 * The public part of a JSON Web Key (RFC 7517, 7518) as the service returns it: kty RSA or RSA-HSM with n and e, EC or
 * EC-HSM with crv, x and y. The curves are P-256, P-384, P-521 and P-256K, which az writes SECP256K1.
 */
#include <openssl/types.h>
#include "client/base/err.h"

struct kv_buf;
struct kv_json;

/*
 * Append the key as PEM, a block "PUBLIC KEY" (SubjectPublicKeyInfo, RFC 5280), as "az keyvault key download" writes it.
 * -EOPNOTSUPP: a key of its kty has no public part (oct) or it is of a kind that kvfs does not support; -EBADMSG: it is
 * no valid key. Both append a sentence to why, whose subject is the key: "has no public part …". -ENOMEM, -EFBIG.
 */
int kv_jwk_pem(const struct kv_json *jwk, struct kv_buf *pem, struct kv_buf *why) KV_MUST_CHECK;
/* Likewise as a key of OpenSSL, for this folder; the caller frees it. */
int kv_jwk_key(const struct kv_json *jwk, EVP_PKEY **key, struct kv_buf *why) KV_MUST_CHECK;
#endif
