/* Key material. */
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/encode.h"
#include "tests/vault/material.h"
#include "tests/vault/mem.h"

static const struct curve {
	const char *name, *group;
	int size; /* bytes of a coordinate */
} curves[] = {
	{ "P-256", "prime256v1", 32 },
	{ "P-384", "secp384r1", 48 },
	{ "P-521", "secp521r1", 66 },
	{ "P-256K", "secp256k1", 32 },
};

static const struct curve *
curve_named(const char *name, const char *group)
{
	size_t i;

	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if ((name != NULL && strcmp(name, curves[i].name) == 0) ||
		    (group != NULL && strcmp(group, curves[i].group) == 0))
			return &curves[i];
	return NULL;
}

void
lv_material_release(struct lv_material *m)
{
	free(m->kty);
	free(m->members);
	free(m->secret);
	*m = (struct lv_material){ 0 };
}

void
lv_material_copy(struct lv_material *to, const struct lv_material *from)
{
	to->kty = lv_mem_dup(from->kty);
	to->members = lv_mem_dup(from->members);
	to->secret = lv_mem_dup(from->secret);
}

static void
add_number(struct lv_text *t, const char *name, const EVP_PKEY *key, const char *param, int size)
{
	unsigned char bytes[1024];
	BIGNUM *n = NULL;
	int len;

	if (EVP_PKEY_get_bn_param(key, param, &n) != 1)
		return;
	len = size > 0 ? size : BN_num_bytes(n);
	if (len <= (int)sizeof(bytes) && BN_bn2binpad(n, bytes, len) == len) {
		lv_text_comma(t);
		lv_text_printf(t, "\"%s\":\"", name);
		lv_encode_base64url(t, bytes, (size_t)len);
		lv_text_puts(t, "\"");
	}
	BN_free(n);
}

static char *
members_of(EVP_PKEY *key)
{
	struct lv_text t = { 0 };
	char group[64];
	const struct curve *c;

	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
		add_number(&t, "n", key, OSSL_PKEY_PARAM_RSA_N, 0);
		add_number(&t, "e", key, OSSL_PKEY_PARAM_RSA_E, 0);
		return lv_text_take(&t);
	}
	if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
	    (c = curve_named(NULL, group)) == NULL)
		return lv_mem_dup("");
	lv_text_printf(&t, "\"crv\":\"%s\"", c->name);
	add_number(&t, "x", key, OSSL_PKEY_PARAM_EC_PUB_X, c->size);
	add_number(&t, "y", key, OSSL_PKEY_PARAM_EC_PUB_Y, c->size);
	return lv_text_take(&t);
}

void
lv_material_of(struct lv_material *m, EVP_PKEY *key, const char *kty)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	struct lv_text secret = { 0 };
	unsigned char *der = NULL;
	int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);

	if (len > 0)
		lv_encode_base64(&secret, der, (size_t)len);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	if (kty == NULL)
		kty = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? "RSA" : "EC";
	m->kty = lv_mem_dup(kty);
	m->members = members_of(key);
	m->secret = lv_text_take(&secret);
}

EVP_PKEY *
lv_material_key(const char *secret)
{
	struct lv_text der = { 0 };
	const unsigned char *at;
	EVP_PKEY *key = NULL;

	if (lv_encode_decode(&der, secret, strlen(secret)) == 0) {
		at = (const unsigned char *)lv_text_str(&der);
		key = d2i_AutoPrivateKey(NULL, &at, (long)der.len);
	}
	lv_text_release(&der);
	return key;
}

int
lv_material_bits(const char *members)
{
	const char *n = strstr(members, "\"n\":\""), *end;

	if (n == NULL || (end = strchr(n + 5, '"')) == NULL)
		return 0;
	return (int)((end - n - 5) * 6 / 8) * 8; /* 342 characters are 2048 bits */
}

static int
make_oct(struct lv_material *m, const struct lv_material_wish *wish, struct lv_text *why)
{
	int bits = wish->bits == 0 ? 256 : wish->bits;
	struct lv_text secret = { 0 };
	unsigned char bytes[32];

	if (bits != 128 && bits != 192 && bits != 256) {
		lv_text_printf(why, "Key size is not supported: %d", bits);
		return -EINVAL;
	}
	lv_encode_random(bytes, sizeof(bytes));
	lv_encode_base64(&secret, bytes, (size_t)bits / 8);
	m->kty = lv_mem_dup(wish->kty);
	m->members = lv_mem_dup("");
	m->secret = lv_text_take(&secret);
	return 0;
}

static EVP_PKEY *
generate(const struct lv_material_wish *wish, struct lv_text *why)
{
	int bits = wish->bits == 0 ? 2048 : wish->bits;
	const struct curve *c = curve_named(wish->curve == NULL ? "P-256" : wish->curve, NULL);

	if (strncmp(wish->kty, "RSA", 3) == 0) {
		if (bits == 2048 || bits == 3072 || bits == 4096)
			return EVP_RSA_gen((unsigned)bits);
		lv_text_printf(why, "Key size is not supported: %d", bits);
	} else if (c != NULL) {
		return EVP_EC_gen(c->group);
	} else {
		lv_text_printf(why, "Unsupported curve: %s", wish->curve);
	}
	return NULL;
}

static int
is_known_type(const char *kty)
{
	static const char *const known[] = { "RSA", "RSA-HSM", "EC", "EC-HSM", "oct-HSM" };
	size_t i;

	for (i = 0; kty != NULL && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(kty, known[i]) == 0)
			return 1;
	return 0;
}

int
lv_material_make(struct lv_material *m, const struct lv_material_wish *wish, struct lv_text *why)
{
	EVP_PKEY *key;

	if (!is_known_type(wish->kty)) {
		lv_text_printf(
		    why, "The key type '%s' is not supported.", wish->kty != NULL ? wish->kty : "");
		return -EINVAL;
	}
	if (strcmp(wish->kty, "oct-HSM") == 0)
		return make_oct(m, wish, why);
	key = generate(wish, why);
	if (key == NULL)
		return -EINVAL;
	lv_material_of(m, key, wish->kty);
	EVP_PKEY_free(key);
	return 0;
}

static BIGNUM *
number(const cJSON *jwk, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(jwk, name));
	struct lv_text bytes = { 0 };
	BIGNUM *n = NULL;

	if (text != NULL && lv_encode_decode(&bytes, text, strlen(text)) == 0)
		n = BN_bin2bn((const unsigned char *)lv_text_str(&bytes), (int)bytes.len, NULL);
	lv_text_release(&bytes);
	return n;
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *
import_rsa(const cJSON *jwk)
{
	static const char *const fields[][2] = { { "n", OSSL_PKEY_PARAM_RSA_N },
		{ "e", OSSL_PKEY_PARAM_RSA_E }, { "d", OSSL_PKEY_PARAM_RSA_D },
		{ "p", OSSL_PKEY_PARAM_RSA_FACTOR1 }, { "q", OSSL_PKEY_PARAM_RSA_FACTOR2 },
		{ "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1 }, { "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2 },
		{ "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1 } };
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n[8] = { NULL };
	EVP_PKEY *key = NULL;
	size_t i;

	for (i = 0; i < 8; i++) {
		n[i] = number(jwk, fields[i][0]);
		if (n[i] != NULL)
			OSSL_PARAM_BLD_push_BN(build, fields[i][1], n[i]);
	}
	if (n[0] != NULL && n[1] != NULL && n[2] != NULL)
		key = from_params("RSA", build);
	for (i = 0; i < 8; i++)
		BN_clear_free(n[i]);
	OSSL_PARAM_BLD_free(build);
	return key;
}

static EVP_PKEY *
import_ec(const cJSON *jwk)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(jwk, "crv"));
	const struct curve *c = curve_named(name, NULL);
	BIGNUM *x = number(jwk, "x"), *y = number(jwk, "y"), *d = number(jwk, "d");
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	unsigned char point[2 * 66 + 1] = { 4 };
	EVP_PKEY *key = NULL;

	if (c != NULL && x != NULL && y != NULL && d != NULL &&
	    BN_bn2binpad(x, point + 1, c->size) == c->size &&
	    BN_bn2binpad(y, point + 1 + c->size, c->size) == c->size) {
		OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, c->group, 0);
		OSSL_PARAM_BLD_push_octet_string(
		    build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * (size_t)c->size);
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d);
		key = from_params("EC", build);
	}
	BN_free(x);
	BN_free(y);
	BN_clear_free(d);
	OSSL_PARAM_BLD_free(build);
	return key;
}

int
lv_material_import(struct lv_material *m, const cJSON *jwk, struct lv_text *why)
{
	const char *kty = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(jwk, "kty"));
	EVP_PKEY *key = NULL;

	if (is_known_type(kty))
		key = strncmp(kty, "RSA", 3) == 0 ? import_rsa(jwk) : import_ec(jwk);
	if (key == NULL) {
		lv_text_puts(why, "The property \"key\" must be a valid JsonWebKey object.");
		return -EINVAL;
	}
	lv_material_of(m, key, kty);
	EVP_PKEY_free(key);
	return 0;
}

/* -1 for an algorithm that is not RSA encryption. */
static int
set_padding(EVP_PKEY_CTX *ctx, const char *alg)
{
	const EVP_MD *md = strcmp(alg, "RSA-OAEP-256") == 0 ? EVP_sha256() : EVP_sha1();

	if (strcmp(alg, "RSA1_5") == 0)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING);
	if (strncmp(alg, "RSA-OAEP", 8) != 0)
		return -1;
	if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) != 1)
		return -1;
	return EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md);
}

int
lv_material_crypt(
    struct lv_text *out, const char *secret, const char *alg, int encrypt, const struct lv_text *in)
{
	EVP_PKEY *key = lv_material_key(secret);
	EVP_PKEY_CTX *ctx = key != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	int (*crypt)(EVP_PKEY_CTX *, unsigned char *, size_t *, const unsigned char *, size_t) =
	    encrypt ? EVP_PKEY_encrypt : EVP_PKEY_decrypt;
	const unsigned char *data = (const unsigned char *)lv_text_str(in);
	unsigned char result[1024];
	size_t len = sizeof(result);
	int err = -EINVAL;

	if (ctx != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	    (encrypt ? EVP_PKEY_encrypt_init(ctx) : EVP_PKEY_decrypt_init(ctx)) == 1 &&
	    set_padding(ctx, alg) == 1 && crypt(ctx, result, &len, data, in->len) == 1) {
		lv_text_add(out, result, len);
		err = 0;
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return err;
}
