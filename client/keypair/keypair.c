/* A private key and its certificates. pem and pkcs12 read them; this picks the certificate, and signs. */
#include "client/keypair/keypair.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "client/base/buf.h"
#include "client/keypair/material.h"
#include "client/keypair/pem.h"
#include "client/keypair/pkcs12.h"

struct der {
	unsigned char *data;
	size_t len;
};

struct kv_keypair {
	EVP_PKEY *key;
	struct der *chain;
	size_t n;
	unsigned char thumbprint[KV_DIGEST_LEN];
	int64_t wall_from, wall_until;
};

static int64_t
seconds_of(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0;
}

/* The certificate that belongs to the key, as an index; -1 without one. */
static int
find_leaf(const struct kv_material *m)
{
	for (int i = 0; i < sk_X509_num(m->certificates); i++) {
		EVP_PKEY *public = X509_get0_pubkey(sk_X509_value(m->certificates, i));

		if (public != NULL && EVP_PKEY_eq(public, m->key) == 1)
			return i;
	}
	return -1;
}

static int
encode(X509 *certificate, struct der *der)
{
	const int len = i2d_X509(certificate, &der->data);

	if (len <= 0)
		return -ENOMEM;
	der->len = (size_t)len;
	return 0;
}

static int
encode_chain(struct kv_keypair *pair, const struct kv_material *m, int leaf)
{
	const int n = sk_X509_num(m->certificates);
	int err;

	pair->chain = calloc((size_t)n, sizeof(*pair->chain));
	if (pair->chain == NULL)
		return -ENOMEM;
	err = encode(sk_X509_value(m->certificates, leaf), &pair->chain[pair->n++]);
	for (int i = 0; err == 0 && i < n; i++)
		if (i != leaf)
			err = encode(sk_X509_value(m->certificates, i), &pair->chain[pair->n++]);
	return err;
}

static int
fill(struct kv_keypair *pair, struct kv_material *m)
{
	const X509 *certificate;
	int leaf, err;

	if (m->key == NULL)
		return kv_material_refuse(
		    m, "contains no private key: the certificate and its key must be in one file");
	if (sk_X509_num(m->certificates) == 0)
		return kv_material_refuse(
		    m, "contains no certificate: the key and its certificate must be in one file");
	leaf = find_leaf(m);
	if (leaf < 0)
		return kv_material_refuse(m,
		    "contains a private key that belongs to none of its certificates: add the certificate of this key");
	certificate = sk_X509_value(m->certificates, leaf);
	pair->wall_from = seconds_of(X509_get0_notBefore(certificate));
	pair->wall_until = seconds_of(X509_get0_notAfter(certificate));
	err = encode_chain(pair, m, leaf);
	if (err == 0)
		err = kv_crypto_sha256(pair->chain[0].data, pair->chain[0].len, pair->thumbprint);
	if (err == 0) {
		pair->key = m->key;
		m->key = NULL;
	}
	return err;
}

static int
read_file(struct kv_material *m, const void *data, size_t len)
{
	if (len == 0)
		return kv_material_refuse(m, "is empty");
	return kv_pem_is(data, len) ? kv_pem_read(m, data, len) : kv_pkcs12_read(m, data, len);
}

int
kv_keypair_parse(
    const void *data, size_t len, const char *password, struct kv_keypair **pair, struct kv_buf *why)
{
	struct kv_keypair *made = calloc(1, sizeof(*made));
	struct kv_material m;
	int err;

	*pair = NULL;
	if (made == NULL)
		return -ENOMEM;
	kv_crypto_wipe_freed(true);
	err = kv_material_init(&m, password != NULL && *password != '\0' ? password : NULL, why);
	if (err == 0)
		err = read_file(&m, data, len);
	if (err == 0)
		err = fill(made, &m);
	kv_material_release(&m);
	kv_crypto_wipe_freed(false);
	if (err == 0)
		*pair = made;
	else
		kv_keypair_free(made);
	return err;
}

void
kv_keypair_free(struct kv_keypair *pair)
{
	if (pair == NULL)
		return;
	kv_crypto_wipe_freed(true);
	EVP_PKEY_free(pair->key);
	kv_crypto_wipe_freed(false);
	for (size_t i = 0; i < pair->n; i++)
		OPENSSL_free(pair->chain[i].data);
	free(pair->chain);
	free(pair);
}

static int
start_ps256(EVP_MD_CTX *context, EVP_PKEY *key)
{
	EVP_PKEY_CTX *options;

	if (EVP_DigestSignInit(context, &options, EVP_sha256(), NULL, key) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(options, EVP_sha256()) != 1 ||
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1)
		return -EACCES;
	return 0;
}

int
kv_keypair_sign(const struct kv_keypair *pair, const void *data, size_t len, struct kv_buf *signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t n = (size_t)EVP_PKEY_get_size(pair->key);
	int err = context != NULL ? kv_buf_reserve(signature, signature->len + n) : -ENOMEM;

	if (err == 0)
		err = start_ps256(context, pair->key);
	if (err == 0 && EVP_DigestSign(context, signature->data + signature->len, &n, data, len) != 1)
		err = -EACCES;
	if (err == 0) {
		signature->len += n;
		signature->data[signature->len] = '\0';
	}
	EVP_MD_CTX_free(context);
	if (kv_material_lacks_memory())
		err = -ENOMEM;
	return err;
}

const unsigned char *
kv_keypair_thumbprint(const struct kv_keypair *pair)
{
	return pair->thumbprint;
}

size_t
kv_keypair_count(const struct kv_keypair *pair)
{
	return pair->n;
}

const unsigned char *
kv_keypair_der(const struct kv_keypair *pair, size_t i, size_t *len)
{
	*len = pair->chain[i].len;
	return pair->chain[i].data;
}

static void
say_date(struct kv_buf *why, const char *what, int64_t wall_s)
{
	const time_t at = wall_s;
	struct tm tm;

	if (gmtime_r(&at, &tm) != NULL)
		kv_buf_say(why, "the certificate %s %04d-%02d-%02d", what, tm.tm_year + 1900, tm.tm_mon + 1,
		    tm.tm_mday);
}

bool
kv_keypair_is_valid(const struct kv_keypair *pair, int64_t wall_s, struct kv_buf *why)
{
	if (wall_s < pair->wall_from)
		say_date(why, "is not valid before", pair->wall_from);
	else if (wall_s > pair->wall_until)
		say_date(why, "expired on", pair->wall_until);
	return wall_s >= pair->wall_from && wall_s <= pair->wall_until;
}
