/*
 * OpenSSL's PEM functions for a whole key are not used: without a callback they ask for a password on the terminal, and
 * they hide why a file was refused. Here each block is read by its name.
 */
#include "client/keypair/pem.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "client/keypair/material.h"
#include "client/keypair/pkcs8.h"

static const char begin[] = "-----BEGIN ";

/* Wipe blocks before they are freed. */
#define FLAGS (PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE)

struct block {
	char *name, *header;
	unsigned char *data;
	long len;
};

bool
kv_pem_is(const void *data, size_t len)
{
	return memmem(data, len, begin, strlen(begin)) != NULL;
}

static int
read_certificate(struct kv_material *m, const struct block *b)
{
	const unsigned char *p = b->data;

	return kv_material_take_certificate(m, d2i_X509(NULL, &p, b->len));
}

/* With OpenSSL's own notes on whom it trusts. */
static int
read_trusted(struct kv_material *m, const struct block *b)
{
	const unsigned char *p = b->data;

	return kv_material_take_certificate(m, d2i_X509_AUX(NULL, &p, b->len));
}

static int
read_pkcs8(struct kv_material *m, const struct block *b)
{
	return kv_pkcs8_read(m, b->data, (size_t)b->len);
}

static int
read_encrypted_pkcs8(struct kv_material *m, const struct block *b)
{
	return kv_pkcs8_read_encrypted(m, b->data, (size_t)b->len);
}

/* A pem_password_cb; -1 if there is none. */
static int
give_password(char *to, int size, int is_writing, void *arg)
{
	const struct kv_material *m = arg;
	const size_t len = m->password != NULL ? strlen(m->password) : 0;

	(void)is_writing;
	if (m->password == NULL || len > (size_t)size)
		return -1;
	memcpy(to, m->password, len);
	return (int)len;
}

/* The forms that are older than PKCS#8. */
static int
read_traditional(struct kv_material *m, const struct block *b, int type)
{
	EVP_CIPHER_INFO cipher;
	const unsigned char *p = b->data;
	EVP_PKEY *key;
	long len = b->len;

	if (PEM_get_EVP_CIPHER_INFO(b->header, &cipher) != 1)
		return kv_material_refuse(m,
		    "contains a private key that is encrypted with an algorithm that is not supported; convert it: "
		    "openssl rsa -aes256 -in FILE -out FILE.pem");
	if (cipher.cipher == NULL)
		return kv_material_take_key(m, d2i_PrivateKey(type, NULL, &p, len));
	if (PEM_do_header(&cipher, b->data, &len, give_password, m) != 1)
		return kv_material_refuse_password(m);
	key = d2i_PrivateKey(type, NULL, &p, len);
	/* of 256 wrong passwords, one seems to decrypt it, to something that is no key */
	return key != NULL ? kv_material_take_key(m, key) : kv_material_refuse_password(m);
}

static int
read_rsa(struct kv_material *m, const struct block *b)
{
	return read_traditional(m, b, EVP_PKEY_RSA);
}

static int
refuse_type(struct kv_material *m, const struct block *b)
{
	return kv_material_refuse(m, "contains a block \"%s\"; %s", b->name, kv_material_wanted(m));
}

static int
read_ec(struct kv_material *m, const struct block *b)
{
	return m->takes_ec ? read_traditional(m, b, EVP_PKEY_EC) : refuse_type(m, b);
}

static int
read_block(struct kv_material *m, const struct block *b)
{
	static const struct {
		const char *name;
		int (*read)(struct kv_material *m, const struct block *b);
	} names[] = {
		{ PEM_STRING_X509, read_certificate },
		{ PEM_STRING_X509_OLD, read_certificate },
		{ PEM_STRING_X509_TRUSTED, read_trusted },
		{ PEM_STRING_PKCS8INF, read_pkcs8 },
		{ PEM_STRING_PKCS8, read_encrypted_pkcs8 },
		{ PEM_STRING_RSA, read_rsa },
		{ PEM_STRING_ECPRIVATEKEY, read_ec },
		{ PEM_STRING_DSA, refuse_type },
		{ "OPENSSH PRIVATE KEY", refuse_type },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(b->name, names[i].name) == 0)
			return names[i].read(m, b);
	return 0; /* parameters, certificate requests, revocation lists */
}

static int
read_blocks(struct kv_material *m, BIO *bio)
{
	struct block b;
	int err = 0;

	while (err == 0 && PEM_read_bio_ex(bio, &b.name, &b.header, &b.data, &b.len, FLAGS) == 1) {
		err = read_block(m, &b);
		OPENSSL_secure_clear_free(b.data, (size_t)b.len);
		OPENSSL_secure_free(b.header);
		OPENSSL_secure_free(b.name);
	}
	if (err == 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		err = kv_material_lacks_memory() ?
		    -ENOMEM :
		    kv_material_refuse(m, "contains a block that is damaged: check that it is complete");
	ERR_clear_error();
	return err;
}

int
kv_pem_read(struct kv_material *m, const void *data, size_t len)
{
	const unsigned char *first = memmem(data, len, begin, strlen(begin));
	const size_t skipped = first != NULL ? (size_t)(first - (const unsigned char *)data) : 0;
	BIO *bio;
	int err;

	if (len > INT_MAX)
		return kv_material_refuse(m, "is too large");
	/* not from the start: an editor of Windows may have put a byte order mark there */
	bio = BIO_new_mem_buf((const char *)data + skipped, (int)(len - skipped));
	if (bio == NULL)
		return -ENOMEM;
	err = read_blocks(m, bio);
	BIO_free(bio);
	return err;
}
