/* Collects the key and the certificates of a file. */
#include "client/keypair/material.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <openssl/err.h>

#include "client/base/buf.h"

int
kv_material_init(struct kv_material *m, const char *password, struct kv_buf *why)
{
	*m = (struct kv_material){ .password = password, .why = why };
	m->certificates = sk_X509_new_null();
	m->context = OSSL_LIB_CTX_new();
	if (m->context != NULL)
		m->defaults = OSSL_PROVIDER_load(m->context, "default");
	ERR_clear_error();
	return m->certificates != NULL && m->defaults != NULL ? 0 : -ENOMEM;
}

void
kv_material_release(struct kv_material *m)
{
	EVP_PKEY_free(m->key);
	sk_X509_pop_free(m->certificates, X509_free);
	if (m->legacy != NULL)
		OSSL_PROVIDER_unload(m->legacy);
	if (m->defaults != NULL)
		OSSL_PROVIDER_unload(m->defaults);
	OSSL_LIB_CTX_free(m->context);
	ERR_clear_error();
}

bool
kv_material_load_legacy(struct kv_material *m)
{
	if (m->legacy == NULL)
		m->legacy = OSSL_PROVIDER_load(m->context, "legacy");
	ERR_clear_error();
	return m->legacy != NULL;
}

int
kv_material_refuse(struct kv_material *m, const char *format, ...)
{
	char sentence[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	kv_buf_say(m->why, "%s", sentence);
	ERR_clear_error();
	return -EACCES;
}

int
kv_material_refuse_password(struct kv_material *m)
{
	if (kv_material_lacks_memory())
		return -ENOMEM;
	kv_buf_say(m->why, "%s",
	    m->password == NULL ? "needs a password, and none is given" :
				  "cannot be decrypted: the password is wrong, or the file is damaged");
	return -EPERM;
}

bool
kv_material_lacks_memory(void)
{
	const unsigned long e = ERR_peek_error();

	ERR_clear_error();
	return ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE;
}

/* A larger key would take seconds for each signature. */
#define MAX_BITS 16384

const char *
kv_material_wanted(const struct kv_material *m)
{
	return m->takes_ec ?
	    "only RSA keys, and keys on a curve of NIST or on secp256k1, can be transferred" :
	    "the token service accepts only RSA keys";
}

static bool
is_wanted(const struct kv_material *m, const EVP_PKEY *key)
{
	const int type = EVP_PKEY_get_base_id(key);

	return type == EVP_PKEY_RSA || (m->takes_ec && type == EVP_PKEY_EC);
}

int
kv_material_take_key(struct kv_material *m, EVP_PKEY *key)
{
	const char *type = key != NULL ? OBJ_nid2sn(EVP_PKEY_get_base_id(key)) : NULL;
	int err = 0;

	if (key == NULL)
		err = kv_material_lacks_memory() ?
		    -ENOMEM :
		    kv_material_refuse(m, "contains a private key that is damaged");
	else if (!is_wanted(m, key))
		err = kv_material_refuse(m, "contains a key of type %s; %s",
		    EVP_PKEY_get_base_id(key) == EVP_PKEY_EC ? "EC" : type, kv_material_wanted(m));
	else if (EVP_PKEY_get_bits(key) > MAX_BITS)
		err = kv_material_refuse(
		    m, "contains an RSA key of %d bits; the maximum is %d", EVP_PKEY_get_bits(key), MAX_BITS);
	else if (m->key != NULL && EVP_PKEY_eq(m->key, key) != 1)
		err = kv_material_refuse(m, "contains several private keys: leave only the one to use");
	if (err != 0 || m->key != NULL)
		EVP_PKEY_free(key);
	else
		m->key = key;
	return err;
}

int
kv_material_add_pkcs8(struct kv_material *m, const PKCS8_PRIV_KEY_INFO *info)
{
	/* Not in the file's own context, which does not live as long as the key. */
	return kv_material_take_key(m, info != NULL ? EVP_PKCS82PKEY(info) : NULL);
}

int
kv_material_take_certificate(struct kv_material *m, X509 *certificate)
{
	int err = 0;

	if (certificate == NULL)
		err = kv_material_lacks_memory() ?
		    -ENOMEM :
		    kv_material_refuse(m, "contains a certificate that is damaged");
	else if (sk_X509_push(m->certificates, certificate) == 0)
		err = -ENOMEM;
	if (err != 0)
		X509_free(certificate);
	return err;
}
