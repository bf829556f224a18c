/* Signatures. ECDSA's are two numbers side by side in JOSE, and a DER sequence in OpenSSL. */
#include <errno.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "tests/vault/sign.h"

#define MAX_SIGNATURE 1024

static const EVP_MD *
digest_of(const char *alg)
{
	const char *bits = alg + 2;

	return strncmp(bits, "256", 3) == 0 ? EVP_sha256() :
	    strcmp(bits, "384") == 0	    ? EVP_sha384() :
	    strcmp(bits, "512") == 0	    ? EVP_sha512() :
					      NULL;
}

static int
set_up(EVP_PKEY_CTX *ctx, EVP_PKEY *key, const char *alg)
{
	const EVP_MD *md = digest_of(alg);
	const int is_rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
	const int padding = alg[0] == 'P' ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;

	if (md == NULL || alg[1] != 'S' || is_rsa != (alg[0] == 'R' || alg[0] == 'P') ||
	    EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
		return -EINVAL;
	if (is_rsa && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) != 1)
		return -EINVAL;
	if (alg[0] == 'P' && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) != 1)
		return -EINVAL;
	return 0;
}

static int
coordinate(const EVP_PKEY *key)
{
	return (EVP_PKEY_get_bits(key) + 7) / 8;
}

static int
put_pair(const EVP_PKEY *key, const unsigned char *der, size_t len, struct lv_text *out)
{
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
	const int n = coordinate(key);
	unsigned char bytes[132];
	const int ok = pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes, n) == n &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(pair), bytes + n, n) == n;

	if (ok)
		lv_text_add(out, bytes, 2 * (size_t)n);
	ECDSA_SIG_free(pair);
	return ok ? 0 : -EINVAL;
}

static int
get_pair(const EVP_PKEY *key, const struct lv_text *in, unsigned char *der, size_t *len)
{
	const unsigned char *bytes = (const unsigned char *)lv_text_str(in);
	const int n = coordinate(key);
	ECDSA_SIG *pair = ECDSA_SIG_new();
	int written = 0;

	if (pair != NULL && in->len == 2 * (size_t)n) {
		ECDSA_SIG_set0(pair, BN_bin2bn(bytes, n, NULL), BN_bin2bn(bytes + n, n, NULL));
		written = i2d_ECDSA_SIG(pair, &der);
	}
	ECDSA_SIG_free(pair);
	*len = written > 0 ? (size_t)written : 0;
	return written > 0 ? 0 : -EINVAL;
}

int
lv_sign(struct lv_text *out, const char *secret, const char *alg, const struct lv_text *digest)
{
	EVP_PKEY *key = lv_material_key(secret);
	EVP_PKEY_CTX *ctx = key != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	unsigned char signature[MAX_SIGNATURE];
	size_t n = sizeof(signature);
	int err = -EINVAL;

	if (ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 && set_up(ctx, key, alg) == 0 &&
	    EVP_PKEY_sign(ctx, signature, &n, (const unsigned char *)lv_text_str(digest), digest->len) == 1)
		err = 0;
	if (err == 0 && alg[0] == 'E')
		err = put_pair(key, signature, n, out);
	else if (err == 0)
		lv_text_add(out, signature, n);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return err;
}

int
lv_sign_verify(const char *secret, const char *alg, const struct lv_text *digest,
    const struct lv_text *signature, int *is_valid)
{
	EVP_PKEY *key = lv_material_key(secret);
	EVP_PKEY_CTX *ctx = key != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	unsigned char der[MAX_SIGNATURE];
	size_t n = 0;
	int err = -EINVAL;

	*is_valid = 0;
	if (ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 && set_up(ctx, key, alg) == 0)
		err = 0;
	if (err == 0 && alg[0] == 'E' && get_pair(key, signature, der, &n) == 0)
		*is_valid = EVP_PKEY_verify(
				ctx, der, n, (const unsigned char *)lv_text_str(digest), digest->len) == 1;
	else if (err == 0 && alg[0] != 'E')
		*is_valid = EVP_PKEY_verify(ctx, (const unsigned char *)lv_text_str(signature),
				signature->len, (const unsigned char *)lv_text_str(digest), digest->len) == 1;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return err;
}
