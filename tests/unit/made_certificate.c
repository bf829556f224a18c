#include "tests/unit/unit.h"
#include "tests/unit/made_certificate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "client/base/buf.h"

EVP_PKEY *
made_rsa(unsigned int bits)
{
	EVP_PKEY *key = EVP_RSA_gen(bits);

	assert_non_null(key);
	return key;
}

EVP_PKEY *
made_ec(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	assert_non_null(key);
	return key;
}

X509 *
made_certificate(EVP_PKEY *key, const char *name, int days)
{
	X509 *c = X509_new();
	X509_NAME *subject = X509_get_subject_name(c);

	assert_non_null(c);
	assert_int_equal(X509_set_version(c, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), 1), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(c), days < 0 ? 2L * 86400 * days : -86400L));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(c), 86400L * days));
	assert_int_equal(
	    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0),
	    1);
	assert_int_equal(X509_set_issuer_name(c, subject), 1);
	assert_int_equal(X509_set_pubkey(c, key), 1);
	assert_true(X509_sign(c, key, EVP_sha256()) > 0);
	return c;
}

static void
move(struct kv_buf *file, BIO *bio)
{
	char *data;
	const long len = BIO_get_mem_data(bio, &data);

	assert_int_equal(kv_buf_append(file, data, (size_t)len), 0);
	BIO_free(bio);
}

void
made_pem_certificate(struct kv_buf *file, X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
	move(file, bio);
}

void
made_pem_key(struct kv_buf *file, EVP_PKEY *key, const char *password)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, password != NULL ? EVP_aes_256_cbc() : NULL,
			     password, password != NULL ? (int)strlen(password) : 0, NULL, NULL),
	    1);
	move(file, bio);
}

void
made_pem_rsa(struct kv_buf *file, EVP_PKEY *key, const char *password)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(
	    PEM_write_bio_PrivateKey_traditional(bio, key, password != NULL ? EVP_aes_128_cbc() : NULL,
		(const unsigned char *)password, password != NULL ? (int)strlen(password) : 0, NULL, NULL),
	    1);
	move(file, bio);
}

void
made_pkcs12(struct kv_buf *file, const struct made_pkcs12 *of)
{
	OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
	OSSL_PROVIDER *defaults = OSSL_PROVIDER_load(context, "default");
	OSSL_PROVIDER *legacy = OSSL_PROVIDER_load(context, "legacy");
	STACK_OF(X509) *others = sk_X509_new_null();
	const int rounds = of->rounds != 0 ? of->rounds : 100;
	BIO *bio = BIO_new(BIO_s_mem());
	PKCS12 *p12;

	if (of->other != NULL)
		assert_true(sk_X509_push(others, of->other) > 0);
	p12 = PKCS12_create_ex(of->password, "name", of->key, of->certificate, others, of->cipher, of->cipher,
	    rounds, of->has_no_mac ? -1 : rounds, 0, context, NULL);
	assert_non_null(p12);
	assert_int_equal(i2d_PKCS12_bio(bio, p12), 1);
	move(file, bio);
	PKCS12_free(p12);
	sk_X509_free(others);
	OSSL_PROVIDER_unload(legacy);
	OSSL_PROVIDER_unload(defaults);
	OSSL_LIB_CTX_free(context);
}
