#ifndef LV_SIGN_H
#define LV_SIGN_H
/* Signatures with a key of the vault: POST /keys/NAME/VERSION/sign and verify. */
#include "tests/vault/material.h"
#include "tests/vault/text.h"

/*
 * Sign a digest with an algorithm as the service calls it (RS256, PS512, ES384, ...): the signature appended to out, in
 * the form of RFC 7518. -EINVAL if it does not fit the key.
 */
int lv_sign(struct lv_text *out, const char *secret, const char *alg, const struct lv_text *digest);
/* Likewise; *is_valid says whether the signature is. */
int lv_sign_verify(const char *secret, const char *alg, const struct lv_text *digest,
    const struct lv_text *signature, int *is_valid);
#endif
