/*
 * A certificate file is read or refused with a sentence, whatever its bytes. An input whose first byte is even is a
 * file; one that is odd is the list of safes of a PKCS#12 file, which gets a valid MAC, without which nothing of it
 * would be read. Private keys to begin with are made here, because none belongs into the corpus.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "client/base/buf.h"
#include "client/keypair/keypair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

#define PASSWORD "pw"
#define CHECK(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

#define SEEDS 6
static struct {
	unsigned char *data;
	size_t len;
} seeds[SEEDS];

static void
keep(int i, BIO *bio)
{
	char *data;
	const long len = BIO_get_mem_data(bio, &data);

	seeds[i].len = (size_t)len;
	seeds[i].data = malloc((size_t)len);
	CHECK(seeds[i].data != NULL);
	memcpy(seeds[i].data, data, (size_t)len);
	BIO_free(bio);
}

/* The seed of a file with all its blocks; is_safes: only the safes of a PKCS#12 file. */
static void
make_pkcs12(int i, EVP_PKEY *key, X509 *certificate, int cipher, int is_safes)
{
	PKCS12 *p12 = PKCS12_create(PASSWORD, "n", key, certificate, NULL, cipher, cipher, 1, 1, 0);
	STACK_OF(PKCS7) * safes;
	BIO *bio = BIO_new(BIO_s_mem());

	CHECK(p12 != NULL && BIO_write(bio, is_safes ? "\1" : "\0", 1) == 1);
	if (is_safes) {
		safes = PKCS12_unpack_authsafes(p12);
		CHECK(ASN1_item_i2d_bio(ASN1_ITEM_rptr(PKCS12_AUTHSAFES), bio, safes) == 1);
		sk_PKCS7_pop_free(safes, PKCS7_free);
	} else {
		CHECK(i2d_PKCS12_bio(bio, p12) == 1);
	}
	PKCS12_free(p12);
	keep(i, bio);
}

static void
make_pem(int i, EVP_PKEY *key, X509 *certificate, int is_old)
{
	BIO *bio = BIO_new(BIO_s_mem());

	CHECK(BIO_write(bio, "\0", 1) == 1);
	if (is_old)
		CHECK(PEM_write_bio_PrivateKey_traditional(
			  bio, key, EVP_aes_128_cbc(), (const unsigned char *)PASSWORD, 2, NULL, NULL) == 1);
	else
		CHECK(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	CHECK(PEM_write_bio_X509(bio, certificate) == 1);
	keep(i, bio);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	EVP_PKEY *key = EVP_RSA_gen(1024);
	X509 *certificate = X509_new();

	(void)argc;
	(void)argv;
	CHECK(key != NULL && certificate != NULL && X509_set_pubkey(certificate, key) == 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 1000);
	CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
	make_pem(0, key, certificate, 0);
	make_pem(1, key, certificate, 1);
	make_pkcs12(2, key, certificate, 0, 0);
	make_pkcs12(3, key, certificate, -1, 0);
	make_pkcs12(4, key, certificate, 0, 1);
	make_pkcs12(5, key, certificate, -1, 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return 0;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	const size_t i = seed / 64 % SEEDS;

	if ((size < 16 || seed % 64 == 0) && seeds[i].len <= max) {
		memcpy(data, seeds[i].data, seeds[i].len);
		size = seeds[i].len;
	}
	return LLVMFuzzerMutate(data, size, max);
}

/* Append a DER head: tag and length. */
static void
add_head(struct kv_buf *to, unsigned char tag, size_t len)
{
	const unsigned char head[] = { tag, 0x83, (unsigned char)(len >> 16), (unsigned char)(len >> 8),
		(unsigned char)len };

	CHECK(kv_buf_append(to, head, sizeof(head)) == 0);
}

/* A PKCS#12 file with these safes and a MAC. */
static void
add_mac(const uint8_t *safes, size_t size, struct kv_buf *file)
{
	static const unsigned char version[] = { 2, 1, 3 };
	static const unsigned char type[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1 };
	const unsigned char *p;
	unsigned char *der = NULL;
	PKCS12 *p12;
	int len;

	add_head(file, 0x30, size + sizeof(version) + 5 + sizeof(type) + 10);
	CHECK(kv_buf_append(file, version, sizeof(version)) == 0);
	add_head(file, 0x30, size + sizeof(type) + 10);
	CHECK(kv_buf_append(file, type, sizeof(type)) == 0);
	add_head(file, 0xa0, size + 5);
	add_head(file, 4, size);
	CHECK(kv_buf_append(file, safes, size) == 0);
	p = file->data;
	p12 = d2i_PKCS12(NULL, &p, (long)file->len);
	CHECK(p12 != NULL && PKCS12_set_mac(p12, PASSWORD, -1, NULL, 8, 1, NULL) == 1);
	len = i2d_PKCS12(p12, &der);
	CHECK(len > 0);
	kv_buf_clear(file);
	CHECK(kv_buf_append(file, der, (size_t)len) == 0);
	OPENSSL_free(der);
	PKCS12_free(p12);
}

static void
read_file(const uint8_t *data, size_t size)
{
	struct kv_keypair *pair;
	struct kv_buf why;
	size_t len;
	int err;

	kv_buf_init(&why, 4096);
	err = kv_keypair_parse(data, size, PASSWORD, &pair, &why);
	CHECK((err == 0) == (pair != NULL));
	CHECK(err == 0 || why.len > 0);
	CHECK(err == 0 || err == -EPERM || err == -EACCES);
	if (pair != NULL) {
		CHECK(kv_keypair_count(pair) > 0 && kv_keypair_der(pair, 0, &len) != NULL && len > 0);
		(void)kv_keypair_is_valid(pair, 0, &why);
	}
	CHECK(ERR_peek_error() == 0);
	kv_keypair_free(pair);
	kv_buf_release(&why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kv_buf file;

	if (size == 0 || size > 60000)
		return 0;
	kv_buf_init(&file, 1 << 20);
	if (data[0] % 2 != 0)
		add_mac(data + 1, size - 1, &file);
	else
		CHECK(kv_buf_append(&file, data + 1, size - 1) == 0);
	read_file(file.data, file.len);
	kv_buf_release(&file);
	return 0;
}
