/* JSON Web Keys. OpenSSL checks that a point is on its curve; for RSA there is nothing but sizes to check. */
#include "client/keypair/jwk.h"

#include <errno.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/keypair/material.h"

#define MAX_BYTES 2048 /* of a number: RSA with 16,384 bits */
#define MAX_POINT (1 + 2 * 66)

struct curve {
	const char *crv, *group; /* in a JWK; in OpenSSL */
	size_t bytes;		 /* of a coordinate */
};

static const struct curve curves[] = {
	{ "P-256", "prime256v1", 32 },
	{ "P-384", "secp384r1", 48 },
	{ "P-521", "secp521r1", 66 },
	{ "P-256K", "secp256k1", 32 },
	{ "SECP256K1", "secp256k1", 32 },
};

/* A failed function of OpenSSL: either memory is short or the key is invalid. */
static int
refuse(struct kv_buf *why, const char *sentence)
{
	if (kv_material_lacks_memory())
		return -ENOMEM;
	kv_buf_say(why, "%s", sentence);
	return -EBADMSG;
}

/* The member's bytes, without leading zeros. */
static int
read_number(const struct kv_json *jwk, const char *name, struct kv_buf *number, struct kv_buf *why)
{
	const char *text = NULL;
	int err = kv_json_string(jwk, name, &text);
	size_t zeros = 0;

	if (err == 0 && text != NULL)
		err = kv_base64_decode(text, strlen(text), number);
	while (zeros < number->len && number->data[zeros] == 0)
		zeros++;
	if (err == -ENOMEM)
		return err;
	if (err != 0 || zeros == number->len) {
		kv_buf_say(why, "has no valid member \"%s\"", name);
		return -EBADMSG;
	}
	memmove(number->data, number->data + zeros, number->len - zeros);
	return kv_buf_resize(number, number->len - zeros);
}

static int
make_key(const char *type, OSSL_PARAM_BLD *builder, EVP_PKEY **key, struct kv_buf *why)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	int err = 0;

	if (params == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1)
		err = -ENOMEM;
	else if (EVP_PKEY_fromdata(context, key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		err = refuse(why, "is not a valid public key: its numbers do not fit together");
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	ERR_clear_error();
	return err;
}

static int
build_rsa(const struct kv_buf *modulus, const struct kv_buf *exponent, EVP_PKEY **key, struct kv_buf *why)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus->data, (int)modulus->len, NULL);
	BIGNUM *e = BN_bin2bn(exponent->data, (int)exponent->len, NULL);
	int err = -ENOMEM;

	if (builder != NULL && n != NULL && e != NULL &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		err = make_key("RSA", builder, key, why);
	BN_free(n);
	BN_free(e);
	OSSL_PARAM_BLD_free(builder);
	ERR_clear_error();
	return err;
}

static int
read_rsa(const struct kv_json *jwk, EVP_PKEY **key, struct kv_buf *why)
{
	struct kv_buf n, e;
	int err;

	kv_buf_init(&n, MAX_BYTES);
	kv_buf_init(&e, MAX_BYTES);
	err = read_number(jwk, "n", &n, why);
	if (err == 0)
		err = read_number(jwk, "e", &e, why);
	if (err == 0)
		err = build_rsa(&n, &e, key, why);
	kv_buf_release(&n);
	kv_buf_release(&e);
	return err;
}

/* The uncompressed form: 4, x, y. */
static int
put_coordinate(const struct kv_buf *number, size_t bytes, struct kv_buf *point, struct kv_buf *why)
{
	int err;

	if (number->len > bytes) {
		kv_buf_say(why, "has a coordinate that is too large for its curve");
		return -EBADMSG;
	}
	err = kv_buf_resize(point, point->len + bytes - number->len);
	return err == 0 ? kv_buf_append(point, number->data, number->len) : err;
}

static int
read_point(const struct kv_json *jwk, const struct curve *curve, struct kv_buf *point, struct kv_buf *why)
{
	static const char *const coordinates[] = { "x", "y" };
	int err = kv_buf_append(point, "\4", 1);

	for (size_t i = 0; err == 0 && i < 2; i++) {
		struct kv_buf number;

		kv_buf_init(&number, MAX_BYTES);
		err = read_number(jwk, coordinates[i], &number, why);
		if (err == 0)
			err = put_coordinate(&number, curve->bytes, point, why);
		kv_buf_release(&number);
	}
	return err;
}

static int
build_ec(const struct curve *curve, const struct kv_buf *point, EVP_PKEY **key, struct kv_buf *why)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	int err = -ENOMEM;

	if (builder != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point->data, point->len) == 1)
		err = make_key("EC", builder, key, why);
	OSSL_PARAM_BLD_free(builder);
	ERR_clear_error();
	return err;
}

static const struct curve *
find_curve(const char *crv)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (strcmp(crv, curves[i].crv) == 0)
			return &curves[i];
	return NULL;
}

static int
read_ec(const struct kv_json *jwk, EVP_PKEY **key, struct kv_buf *why)
{
	const struct curve *curve;
	const char *crv = NULL;
	struct kv_buf point;
	int err = kv_json_string(jwk, "crv", &crv);

	if (err != 0 || crv == NULL)
		return refuse(why, "has no valid member \"crv\"");
	curve = find_curve(crv);
	if (curve == NULL) {
		kv_buf_say(why, "is on the curve %.20s, which kvfs does not support", crv);
		return -EOPNOTSUPP;
	}
	kv_buf_init(&point, MAX_POINT);
	err = read_point(jwk, curve, &point, why);
	if (err == 0)
		err = build_ec(curve, &point, key, why);
	kv_buf_release(&point);
	return err;
}

/* Symmetric keys: the service never returns them. */
static int
refuse_secret(const struct kv_json *jwk, EVP_PKEY **key, struct kv_buf *why)
{
	(void)jwk;
	(void)key;
	kv_buf_say(why, "has no public part, because it is symmetric");
	return -EOPNOTSUPP;
}

int
kv_jwk_key(const struct kv_json *jwk, EVP_PKEY **key, struct kv_buf *why)
{
	static const struct {
		const char *kty;
		int (*read)(const struct kv_json *jwk, EVP_PKEY **key, struct kv_buf *why);
	} types[] = {
		{ "RSA", read_rsa },
		{ "RSA-HSM", read_rsa },
		{ "EC", read_ec },
		{ "EC-HSM", read_ec },
		{ "oct", refuse_secret },
		{ "oct-HSM", refuse_secret },
	};
	const char *kty = NULL;
	const int err = kv_json_string(jwk, "kty", &kty);

	*key = NULL;
	if (err != 0 || kty == NULL)
		return refuse(why, "has no valid member \"kty\"");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(kty, types[i].kty) == 0)
			return types[i].read(jwk, key, why);
	kv_buf_say(why, "has the type %.20s, which kvfs does not support", kty);
	return -EOPNOTSUPP;
}

int
kv_jwk_pem(const struct kv_json *jwk, struct kv_buf *pem, struct kv_buf *why)
{
	EVP_PKEY *key;
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;
	int err = kv_jwk_key(jwk, &key, why);

	if (err == 0 && (bio == NULL || PEM_write_bio_PUBKEY(bio, key) != 1))
		err = -ENOMEM;
	if (err == 0) {
		len = BIO_get_mem_data(bio, &text);
		err = kv_buf_append(pem, text, (size_t)len);
	}
	BIO_free(bio);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return err;
}
