/*
 * Digests from OpenSSL's EVP, random bytes from the kernel. Looking up the algorithm and allocating a context
 * cost more than the digest of a list item, so both are done once and kept until the process ends. OpenSSL's functions
 * for memory belong to the process too.
 */
#include "client/base/crypto.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

static bool is_wiping;

static void *
allocate(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(size);
}

static void
wipe_and_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (is_wiping && p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* realloc() would leave the old bytes where they were. OpenSSL itself treats NULL and 0. */
static void *
resize(void *p, size_t size, const char *file, int line)
{
	const size_t old = p != NULL ? malloc_usable_size(p) : 0;
	void *q = is_wiping ? malloc(size) : realloc(p, size);

	if (!is_wiping || q == NULL)
		return q;
	if (p != NULL)
		memcpy(q, p, old < size ? old : size);
	wipe_and_free(p, file, line);
	return q;
}

bool
kv_crypto_begin(void)
{
	return CRYPTO_set_mem_functions(allocate, resize, wipe_and_free) == 1;
}

void
kv_crypto_wipe_freed(bool is_on)
{
	is_wiping = is_on;
}

static EVP_MD_CTX *
sha256_context(void)
{
	static EVP_MD_CTX *context;
	static EVP_MD *sha256;

	if (sha256 == NULL)
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (context == NULL)
		context = EVP_MD_CTX_new();
	if (sha256 == NULL || context == NULL || EVP_DigestInit_ex2(context, sha256, NULL) != 1)
		return NULL;
	return context;
}

const char *
kv_crypto_library(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}

int
kv_crypto_sha256(const void *data, size_t len, unsigned char digest[KV_DIGEST_LEN])
{
	EVP_MD_CTX *context = sha256_context();

	if (context == NULL || EVP_DigestUpdate(context, data, len) != 1 ||
	    EVP_DigestFinal_ex(context, digest, NULL) != 1)
		return -ENOMEM;
	return 0;
}

int
kv_crypto_uuid(char uuid[37])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char b[16];
	char *to = uuid;

	uuid[0] = '\0';
	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return -EIO;
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < sizeof(b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = hex[b[i] >> 4];
		*to++ = hex[b[i] & 15];
	}
	*to = '\0';
	return 0;
}
