/* Key transfer: the KEK, the key, and the encryption of the one with the other. */
#include "client/keypair/wrap.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "client/base/crypto.h"
#include "client/keypair/jwk.h"
#include "client/keypair/material.h"
#include "client/keypair/pem.h"
#include "client/keypair/pkcs12.h"
#include "client/keypair/pkcs8.h"

#define AES_KEY 32  /* bytes */
#define MODULUS 512 /* bytes of the largest KEK's */

struct kv_kek {
	EVP_PKEY *key;
};

/* ---- the KEK ---- */

static bool
is_size(int bits)
{
	return bits == 2048 || bits == 3072 || bits == 4096;
}

/* Takes key over, also on failure. */
static int
take_kek(EVP_PKEY *key, struct kv_kek **kek, struct kv_buf *why)
{
	const int bits = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? EVP_PKEY_get_bits(key) : 0;

	*kek = is_size(bits) ? calloc(1, sizeof(**kek)) : NULL;
	if (*kek != NULL) {
		(*kek)->key = key;
		return 0;
	}
	EVP_PKEY_free(key);
	if (is_size(bits))
		return -ENOMEM;
	kv_buf_say(why, "is no key exchange key: that is an RSA key of 2048, 3072 or 4096 bits");
	return -EINVAL;
}

int
kv_kek_of_jwk(const struct kv_json *jwk, struct kv_kek **kek, struct kv_buf *why)
{
	EVP_PKEY *key;
	const int err = kv_jwk_key(jwk, &key, why);

	*kek = NULL;
	if (err != 0)
		return err == -ENOMEM ? err : -EINVAL;
	return take_kek(key, kek, why);
}

int
kv_kek_of_pem(const void *pem, size_t len, struct kv_kek **kek, struct kv_buf *why)
{
	BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	EVP_PKEY *key = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

	*kek = NULL;
	BIO_free(bio);
	if (bio == NULL || (key == NULL && kv_material_lacks_memory()))
		return -ENOMEM;
	ERR_clear_error();
	if (key != NULL)
		return take_kek(key, kek, why);
	kv_buf_say(why, "contains no block \"PUBLIC KEY\", as az keyvault key download writes it");
	return -EINVAL;
}

void
kv_kek_free(struct kv_kek *kek)
{
	if (kek == NULL)
		return;
	EVP_PKEY_free(kek->key);
	free(kek);
}

int
kv_kek_bits(const struct kv_kek *kek)
{
	return EVP_PKEY_get_bits(kek->key);
}

/* ---- the key to be transferred ---- */

/* DER is a private key in one of four forms, or PKCS#12. */
static int
read_der(struct kv_material *m, const unsigned char *der, size_t len)
{
	const unsigned char *p = der;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)len);
	X509_SIG *encrypted = NULL;
	EVP_PKEY *key = NULL;
	int err;

	if (info == NULL && (p = der, encrypted = d2i_X509_SIG(NULL, &p, (long)len)) == NULL &&
	    (p = der, key = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &p, (long)len)) == NULL)
		(void)(p = der, key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &p, (long)len));
	ERR_clear_error();
	if (info != NULL)
		err = kv_pkcs8_read(m, der, len);
	else if (encrypted != NULL)
		err = kv_pkcs8_read_encrypted(m, der, len);
	else if (key != NULL)
		err = kv_material_take_key(m, key);
	else
		err = kv_pkcs12_read(m, der, len);
	PKCS8_PRIV_KEY_INFO_free(info);
	X509_SIG_free(encrypted);
	return err;
}

static int
read_file(struct kv_material *m, const void *data, size_t len)
{
	int err;

	if (len == 0)
		return kv_material_refuse(m, "is empty");
	if (len > INT_MAX)
		return kv_material_refuse(m, "is too large");
	err = kv_pem_is(data, len) ? kv_pem_read(m, data, len) : read_der(m, data, len);
	if (err == 0 && m->key == NULL)
		err = kv_material_refuse(m, "contains no private key");
	return err;
}

static int
judge_rsa(struct kv_material *m, struct kv_wrap_target *target)
{
	BIGNUM *factor = NULL;
	const bool is_whole = EVP_PKEY_get_bn_param(m->key, OSSL_PKEY_PARAM_RSA_FACTOR1, &factor) == 1;

	BN_clear_free(factor);
	ERR_clear_error();
	target->kty = "RSA-HSM";
	if (!is_size(target->bits))
		return kv_material_refuse(
		    m, "contains an RSA key of %d bits; a vault imports 2048, 3072 and 4096", target->bits);
	if (!is_whole)
		return kv_material_refuse(m, "contains an RSA key without its prime factors");
	return 0;
}

static int
judge_ec(struct kv_material *m, struct kv_wrap_target *target)
{
	static const struct {
		const char *group, *crv;
	} curves[] = { { "prime256v1", "P-256" }, { "secp384r1", "P-384" }, { "secp521r1", "P-521" },
		{ "secp256k1", "P-256K" } };
	char group[80] = "";

	target->kty = "EC-HSM";
	if (EVP_PKEY_get_group_name(m->key, group, sizeof(group), NULL) != 1)
		return kv_material_refuse(m, "contains a key on a curve without a name");
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (strcmp(group, curves[i].group) == 0)
			target->crv = curves[i].crv;
	if (target->crv == NULL)
		return kv_material_refuse(m,
		    "contains a key on the curve %s; a vault imports P-256, P-384, P-521 and P-256K", group);
	/* a file may spell out the curve's numbers; an HSM wants its name */
	if (EVP_PKEY_set_utf8_string_param(
		m->key, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_GROUP) != 1)
		return -ENOMEM;
	return 0;
}

/* Whether the private and the public half belong together: the vault would refuse it, or worse, would not. */
static int
check_pair(struct kv_material *m)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(m->key, NULL);
	int err = context == NULL ? -ENOMEM : 0;

	if (err == 0 && EVP_PKEY_pairwise_check(context) != 1)
		err = kv_material_lacks_memory() ?
		    -ENOMEM :
		    kv_material_refuse(m, "contains a private key whose numbers do not fit together");
	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	return err;
}

static int
encode(const struct kv_material *m, struct kv_buf *plain)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(m->key);
	unsigned char *der = NULL;
	const int len = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
	const int err = len > 0 ? kv_buf_append(plain, der, (size_t)len) : -ENOMEM;

	OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	return err;
}

int
kv_wrap_read(
    const void *data, size_t len, const char *password, struct kv_wrap_target *target, struct kv_buf *why)
{
	struct kv_material m;
	int err;

	*target = (struct kv_wrap_target){ .bits = 0 };
	kv_buf_init(&target->plain, KV_WRAP_TARGET_MAX);
	kv_crypto_wipe_freed(true);
	err = kv_material_init(&m, password != NULL && *password != '\0' ? password : NULL, why);
	m.takes_ec = true;
	if (err == 0)
		err = read_file(&m, data, len);
	if (err == 0) {
		target->bits = EVP_PKEY_get_bits(m.key);
		err =
		    EVP_PKEY_get_base_id(m.key) == EVP_PKEY_EC ? judge_ec(&m, target) : judge_rsa(&m, target);
	}
	if (err == 0)
		err = check_pair(&m);
	if (err == 0)
		err = encode(&m, &target->plain);
	kv_material_release(&m);
	kv_crypto_wipe_freed(false);
	return err;
}

static bool
is_hexadecimal(const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isxdigit(data[i]))
			return false;
	return true;
}

int
kv_wrap_read_oct(const void *data, size_t len, struct kv_wrap_target *target, struct kv_buf *why)
{
	*target = (struct kv_wrap_target){ .kty = "oct-HSM", .bits = (int)len * 8 };
	kv_buf_init(&target->plain, KV_WRAP_TARGET_MAX);
	if (len != 16 && len != 24 && len != 32) {
		kv_buf_say(why,
		    "has %zu bytes: an AES key has 16, 24 or 32, and the file contains nothing else, not even a line end",
		    len);
		return -EACCES;
	}
	if (is_hexadecimal(data, len)) {
		kv_buf_say(why, "is hexadecimal text, and not the bytes of a key: convert it with xxd -r -p");
		return -EACCES;
	}
	return kv_buf_append(&target->plain, data, len);
}

void
kv_wrap_target_release(struct kv_wrap_target *target)
{
	kv_buf_release(&target->plain);
}

/* ---- encryption ---- */

static int
put_oaep(EVP_PKEY *kek, const unsigned char aes[AES_KEY], struct kv_buf *out)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(kek, NULL);
	unsigned char text[MODULUS];
	size_t n = sizeof(text);
	int err = -EIO;

	if (context != NULL && EVP_PKEY_encrypt_init(context) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha1()) == 1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha1()) == 1 &&
	    EVP_PKEY_encrypt(context, text, &n, aes, AES_KEY) == 1)
		err = kv_buf_append(out, text, n);
	EVP_PKEY_CTX_free(context);
	return err;
}

static int
put_kwp(const unsigned char aes[AES_KEY], const struct kv_buf *plain, struct kv_buf *out)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	unsigned char text[KV_WRAP_TARGET_MAX + 16];
	int n = 0, err = -EIO;

	if (context != NULL) {
		EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
		if (EVP_EncryptInit_ex(context, EVP_aes_256_wrap_pad(), NULL, aes, NULL) == 1 &&
		    EVP_EncryptUpdate(context, text, &n, plain->data, (int)plain->len) == 1 && n > 0)
			err = kv_buf_append(out, text, (size_t)n);
	}
	EVP_CIPHER_CTX_free(context);
	return err;
}

int
kv_wrap(const struct kv_kek *kek, const struct kv_wrap_target *target, struct kv_buf *ciphertext)
{
	unsigned char aes[AES_KEY];
	int err = 0;

	kv_crypto_wipe_freed(true);
	if (getrandom(aes, sizeof(aes), 0) != sizeof(aes))
		err = -EIO;
	if (err == 0)
		err = put_oaep(kek->key, aes, ciphertext);
	if (err == 0)
		err = put_kwp(aes, &target->plain, ciphertext);
	if (err == -EIO && kv_material_lacks_memory())
		err = -ENOMEM;
	ERR_clear_error();
	explicit_bzero(aes, sizeof(aes));
	kv_crypto_wipe_freed(false);
	return err;
}
