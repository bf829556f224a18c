/* The certificate authority of a state folder. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/vault/ca.h"
#include "tests/vault/encode.h"
#include "tests/vault/mem.h"

struct authority {
	EVP_PKEY *key;
	X509 *certificate;
};

static FILE *
open_file(const char *dir, const char *name, int flags, mode_t mode)
{
	struct lv_text path = { 0 };
	FILE *f = NULL;
	int fd;

	lv_text_printf(&path, "%s/%s", dir, name);
	fd = open(path.data, flags | O_CLOEXEC, mode);
	if (fd >= 0)
		f = fdopen(fd, flags == O_RDONLY ? "r" : "w");
	lv_text_release(&path);
	return f;
}

static void
add_extension(X509 *x, X509 *issuer, int nid, const char *text)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
	if (e != NULL)
		X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

static X509 *
new_certificate(EVP_PKEY *key, const char *name, long days)
{
	X509 *x = X509_new();
	unsigned char serial[8];
	uint64_t number = 0;
	size_t i;

	lv_encode_random(serial, sizeof(serial));
	for (i = 0; i < sizeof(serial); i++)
		number = number << 8 | serial[i];
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), number >> 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -86400);
	X509_gmtime_adj(X509_getm_notAfter(x), days * 86400);
	X509_NAME_add_entry_by_txt(
	    X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_pubkey(x, key);
	return x;
}

static void
make_authority(struct authority *a)
{
	a->key = EVP_EC_gen("prime256v1");
	a->certificate = new_certificate(a->key, "localvault test authority", 3650);
	X509_set_issuer_name(a->certificate, X509_get_subject_name(a->certificate));
	add_extension(a->certificate, a->certificate, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(a->certificate, a->certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
	add_extension(a->certificate, a->certificate, NID_subject_key_identifier, "hash");
	X509_sign(a->certificate, a->key, EVP_sha256());
}

static int
write_authority(const struct authority *a, const char *dir)
{
	FILE *key = open_file(dir, "ca.key", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	FILE *certificate = open_file(dir, "ca.pem", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	int ok = key != NULL && certificate != NULL &&
	    PEM_write_PrivateKey(key, a->key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    PEM_write_X509(certificate, a->certificate) == 1;

	if (key != NULL && fclose(key) != 0)
		ok = 0;
	if (certificate != NULL && fclose(certificate) != 0)
		ok = 0;
	return ok ? 0 : -EIO;
}

static int
read_authority(struct authority *a, const char *dir)
{
	FILE *key = open_file(dir, "ca.key", O_RDONLY, 0);
	FILE *certificate = open_file(dir, "ca.pem", O_RDONLY, 0);

	if (key != NULL && certificate != NULL) {
		a->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
		a->certificate = PEM_read_X509(certificate, NULL, NULL, NULL);
	}
	if (key != NULL)
		fclose(key);
	if (certificate != NULL)
		fclose(certificate);
	if (a->key != NULL && a->certificate != NULL)
		return 0;
	EVP_PKEY_free(a->key);
	X509_free(a->certificate);
	return -ENOENT;
}

static X509 *
issue(const struct authority *a, EVP_PKEY *key, const char *const *names)
{
	struct lv_text san = { 0 };
	X509 *x = new_certificate(key, "localhost", 800);

	lv_text_puts(&san, "IP:127.0.0.1,IP:::1");
	for (; *names != NULL; names++)
		lv_text_printf(&san, ",DNS:%s", *names);
	X509_set_issuer_name(x, X509_get_subject_name(a->certificate));
	add_extension(x, a->certificate, NID_basic_constraints, "critical,CA:FALSE");
	add_extension(x, a->certificate, NID_key_usage, "critical,digitalSignature");
	add_extension(x, a->certificate, NID_ext_key_usage, "serverAuth");
	add_extension(x, a->certificate, NID_subject_alt_name, san.data);
	add_extension(x, a->certificate, NID_subject_key_identifier, "hash");
	add_extension(x, a->certificate, NID_authority_key_identifier, "keyid");
	X509_sign(x, a->key, EVP_sha256());
	lv_text_release(&san);
	return x;
}

static char *
take_pem(BIO *bio)
{
	char *data, *text;
	long len = BIO_get_mem_data(bio, &data);

	text = lv_mem_ndup(data, (size_t)len);
	BIO_free(bio);
	return text;
}

int
lv_ca_open(const char *dir, const char *const *names, char **certificate, char **key, struct lv_text *why)
{
	struct authority a = { 0 };
	EVP_PKEY *server;
	X509 *x;
	BIO *bio;
	int err = 0;

	if (read_authority(&a, dir) != 0) {
		make_authority(&a);
		err = write_authority(&a, dir);
	}
	if (err != 0)
		lv_text_printf(why, "cannot write the certificate authority into %s", dir);
	server = EVP_EC_gen("prime256v1");
	x = issue(&a, server, names);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, x);
	*certificate = take_pem(bio);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PKCS8PrivateKey(bio, server, NULL, NULL, 0, NULL, NULL);
	*key = take_pem(bio);
	X509_free(x);
	EVP_PKEY_free(server);
	X509_free(a.certificate);
	EVP_PKEY_free(a.key);
	return err;
}
