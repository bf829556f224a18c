/* X.509: the certificates that the vaults hold. */
#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/encode.h"
#include "tests/vault/material.h"
#include "tests/vault/mem.h"
#include "tests/vault/x509.h"

static char *
base64_of(unsigned char *der, int len)
{
	struct lv_text t = { 0 };

	if (len > 0)
		lv_encode_base64(&t, der, (size_t)len);
	OPENSSL_free(der);
	return len > 0 ? lv_text_take(&t) : NULL;
}

static X509 *
certificate_of(const char *cer)
{
	struct lv_text der = { 0 };
	const unsigned char *at;
	X509 *x = NULL;

	if (lv_encode_decode(&der, cer, strlen(cer)) == 0) {
		at = (const unsigned char *)lv_text_str(&der);
		x = d2i_X509(NULL, &at, (long)der.len);
	}
	lv_text_release(&der);
	return x;
}

/* "CN=a, O=b": parts that are not NAME=VALUE are left out. */
static void
set_subject(X509_NAME *name, const char *subject)
{
	char *copy = lv_mem_dup(subject), *rest = copy, *part, *equals;

	while ((part = strsep(&rest, ",")) != NULL) {
		part += strspn(part, " ");
		equals = strchr(part, '=');
		if (equals == NULL)
			continue;
		*equals = '\0';
		X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8, (unsigned char *)equals + 1, -1, -1, 0);
	}
	free(copy);
}

static void
add_extension(X509 *x, int nid, const char *text)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
	if (e != NULL)
		X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

/* A list joined by commas, each with its prefix, as OpenSSL's extensions are written. */
static void
add_list(X509 *x, int nid, const char *prefix, const char *const *list)
{
	struct lv_text t = { 0 };

	for (; list != NULL && *list != NULL; list++)
		lv_text_printf(&t, "%s%s%s", t.len > 0 ? "," : "", prefix, *list);
	if (t.len > 0)
		add_extension(x, nid, t.data);
	lv_text_release(&t);
}

char *
lv_x509_self_sign(const char *secret, const struct lv_x509_wish *wish)
{
	EVP_PKEY *key = lv_material_key(secret);
	X509 *x = X509_new();
	unsigned char serial[16], *der = NULL;
	BIGNUM *n;
	int len = 0;

	if (key == NULL)
		goto out;
	X509_set_version(x, X509_VERSION_3);
	lv_encode_random(serial, sizeof(serial));
	serial[0] &= 0x7f;
	n = BN_bin2bn(serial, sizeof(serial), NULL);
	BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	/* the service's begin ten minutes ago */
	ASN1_TIME_set(X509_getm_notBefore(x), wish->wall_start - 600);
	ASN1_TIME_set(X509_getm_notAfter(x), wish->wall_start + (int64_t)wish->months * 2629800);
	set_subject(X509_get_subject_name(x), wish->subject);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	if (wish->key_usage != NULL && *wish->key_usage != '\0')
		add_extension(x, NID_key_usage, wish->key_usage);
	add_extension(x, NID_basic_constraints, "CA:FALSE");
	add_list(x, NID_ext_key_usage, "", wish->usages);
	add_list(x, NID_subject_alt_name, "DNS:", wish->names);
	add_extension(x, NID_subject_key_identifier, "hash");
	if (X509_sign(x, key, EVP_sha256()) > 0)
		len = i2d_X509(x, &der);
out:
	X509_free(x);
	EVP_PKEY_free(key);
	return base64_of(der, len);
}

char *
lv_x509_request(const char *secret, const char *subject)
{
	EVP_PKEY *key = lv_material_key(secret);
	X509_REQ *r = X509_REQ_new();
	unsigned char *der = NULL;
	int len = 0;

	if (key != NULL) {
		set_subject(X509_REQ_get_subject_name(r), subject);
		X509_REQ_set_pubkey(r, key);
		if (X509_REQ_sign(r, key, EVP_sha256()) > 0)
			len = i2d_X509_REQ(r, &der);
	}
	X509_REQ_free(r);
	EVP_PKEY_free(key);
	return base64_of(der, len);
}

char *
lv_x509_pfx(const char *secret, const char *cer)
{
	EVP_PKEY *key = lv_material_key(secret);
	X509 *x = certificate_of(cer);
	unsigned char *der = NULL;
	PKCS12 *p = NULL;
	int len = 0;

	/* no password, as the service hands it out, so no encryption either */
	if (key != NULL && x != NULL)
		p = PKCS12_create("", NULL, key, x, NULL, -1, -1, 1, 1, 0);
	if (p != NULL)
		len = i2d_PKCS12(p, &der);
	PKCS12_free(p);
	X509_free(x);
	EVP_PKEY_free(key);
	return base64_of(der, len);
}

char *
lv_x509_pem(const char *secret, const char *cer)
{
	EVP_PKEY *key = lv_material_key(secret);
	X509 *x = certificate_of(cer);
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text = NULL;
	long len;

	if (key != NULL && x != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) &&
	    PEM_write_bio_X509(bio, x)) {
		len = BIO_get_mem_data(bio, &data);
		text = lv_mem_ndup(data, (size_t)len);
	}
	BIO_free(bio);
	X509_free(x);
	EVP_PKEY_free(key);
	return text;
}

static int
open_pem(const char *value, EVP_PKEY **key, X509 **x)
{
	BIO *bio = BIO_new_mem_buf(value, -1);

	*x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bio = BIO_new_mem_buf(value, -1);
	*key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return *x != NULL && *key != NULL ? 0 : -EINVAL;
}

static int
open_pfx(const char *value, const char *password, EVP_PKEY **key, X509 **x)
{
	struct lv_text der = { 0 };
	const unsigned char *at;
	PKCS12 *p = NULL;
	int err = -EINVAL;
	/* files from Windows are still encrypted with RC2 */
	OSSL_PROVIDER *legacy = OSSL_PROVIDER_try_load(NULL, "legacy", 1);

	if (lv_encode_decode(&der, value, strlen(value)) == 0) {
		at = (const unsigned char *)lv_text_str(&der);
		p = d2i_PKCS12(NULL, &at, (long)der.len);
	}
	if (p != NULL && PKCS12_parse(p, password, key, x, NULL) == 1 && *key != NULL && *x != NULL)
		err = 0;
	PKCS12_free(p);
	if (legacy != NULL)
		OSSL_PROVIDER_unload(legacy);
	lv_text_release(&der);
	ERR_clear_error();
	return err;
}

int
lv_x509_open(const char *value, const char *password, char **secret, char **cer)
{
	EVP_PKEY *key = NULL;
	X509 *x = NULL;
	struct lv_material m = { 0 };
	unsigned char *der = NULL;
	int err;

	if (strstr(value, "-----BEGIN") != NULL)
		err = open_pem(value, &key, &x);
	else
		err = open_pfx(value, password != NULL ? password : "", &key, &x);
	if (err == 0) {
		lv_material_of(&m, key, NULL);
		*secret = lv_mem_dup(m.secret);
		*cer = base64_of(der, i2d_X509(x, &der));
		lv_material_release(&m);
	}
	EVP_PKEY_free(key);
	X509_free(x);
	return err;
}

static int64_t
seconds_of(const ASN1_TIME *t)
{
	int days = 0, seconds = 0;
	ASN1_TIME *zero = ASN1_TIME_set(NULL, 0);

	ASN1_TIME_diff(&days, &seconds, zero, t);
	ASN1_TIME_free(zero);
	return (int64_t)days * 86400 + seconds;
}

int
lv_x509_facts(const char *cer, struct lv_x509_facts *facts)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct lv_text t = { 0 };
	unsigned len = 0;
	char *data;
	X509 *x = certificate_of(cer);
	BIO *bio;

	if (x == NULL)
		return -EINVAL;
	X509_digest(x, EVP_sha1(), digest, &len);
	lv_encode_base64url(&t, digest, len);
	facts->x5t = lv_text_take(&t);
	facts->nbf = seconds_of(X509_get0_notBefore(x));
	facts->exp = seconds_of(X509_get0_notAfter(x));
	bio = BIO_new(BIO_s_mem());
	X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_SEP_CPLUS_SPC);
	len = (unsigned)BIO_get_mem_data(bio, &data);
	facts->subject = lv_mem_ndup(data, len);
	BIO_free(bio);
	X509_free(x);
	return 0;
}

void
lv_x509_facts_release(struct lv_x509_facts *facts)
{
	free(facts->x5t);
	free(facts->subject);
	*facts = (struct lv_x509_facts){ 0 };
}

int
lv_x509_matches(const char *cer, const char *secret)
{
	X509 *x = certificate_of(cer);
	EVP_PKEY *key = lv_material_key(secret);
	int matches = x != NULL && key != NULL && X509_check_private_key(x, key) == 1;

	X509_free(x);
	EVP_PKEY_free(key);
	return matches;
}
