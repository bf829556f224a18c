/*
 * Backup blobs: RSA-OAEP-256 (on a Managed HSM: dir) and A256CBC-HS512, RFC 7516 and RFC 7518.
 * The content key is 64 bytes, the first half for the HMAC, the second for AES.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/vault/blob.h"
#include "tests/vault/encode.h"
#include "tests/vault/mem.h"

enum { CONTENT_KEY = 64, WRAPPED = 256, IV = 16, TAG = 32, PARTS = 5 };

static const char key_magic[] = "\x26"
				"AzureKeyVaultKeyBackupV1.microsoft.com";
static const char secret_magic[] = "\x29"
				   "AzureKeyVaultSecretBackupV1.microsoft.com";

struct lv_blob {
	EVP_PKEY *key;
	bool is_hsm;
	unsigned char direct[CONTENT_KEY]; /* the content key of a Managed HSM */
	unsigned char public[32];	   /* digest of the public key */
};

static EVP_PKEY *
read_key(const char *file)
{
	FILE *f = fopen(file, "re");
	EVP_PKEY *key = NULL;

	if (f != NULL) {
		key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
	}
	return key;
}

/* Two processes may start at once: the one whose link() comes first gives the key to both. */
static EVP_PKEY *
make_key(const char *file)
{
	struct lv_text own = { 0 };
	EVP_PKEY *key = EVP_RSA_gen(2048);
	FILE *f = NULL;
	int fd;

	lv_text_printf(&own, "%s.%d", file, (int)getpid());
	fd = open(own.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0)
		f = fdopen(fd, "w");
	if (f != NULL) {
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
		if (fclose(f) == 0 && link(own.data, file) != 0 && errno != EEXIST)
			fd = -1;
		unlink(own.data);
	}
	lv_text_release(&own);
	EVP_PKEY_free(key);
	return fd < 0 ? NULL : read_key(file);
}

static void
derive(struct lv_blob *b)
{
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(b->key, &der);

	EVP_Digest(der, (size_t)len, b->direct, NULL, EVP_sha512(), NULL);
	OPENSSL_clear_free(der, (size_t)len);
	der = NULL;
	len = i2d_PUBKEY(b->key, &der);
	EVP_Digest(der, (size_t)len, b->public, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
}

int
lv_blob_new(struct lv_blob **out, const char *file, bool is_hsm, struct lv_text *why)
{
	struct lv_blob *b = lv_mem_alloc(sizeof(*b));

	*out = NULL;
	b->is_hsm = is_hsm;
	b->key = read_key(file);
	if (b->key == NULL)
		b->key = make_key(file);
	if (b->key == NULL || EVP_PKEY_get_size(b->key) != WRAPPED) {
		lv_text_printf(why, "cannot read or write the protection key %s", file);
		lv_blob_free(b);
		return -EIO;
	}
	derive(b);
	*out = b;
	return 0;
}

void
lv_blob_free(struct lv_blob *b)
{
	if (b == NULL)
		return;
	EVP_PKEY_free(b->key);
	OPENSSL_cleanse(b, sizeof(*b));
	free(b);
}

static EVP_PKEY_CTX *
oaep(struct lv_blob *b, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(b->key, NULL);

	if (ctx != NULL && init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static int
wrap(struct lv_blob *b, unsigned char wrapped[WRAPPED], const unsigned char *content_key)
{
	EVP_PKEY_CTX *ctx = oaep(b, EVP_PKEY_encrypt_init);
	size_t len = WRAPPED;
	int ok = ctx != NULL && EVP_PKEY_encrypt(ctx, wrapped, &len, content_key, CONTENT_KEY) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

static int
unwrap(struct lv_blob *b, unsigned char *content_key, const struct lv_text *wrapped)
{
	EVP_PKEY_CTX *ctx = oaep(b, EVP_PKEY_decrypt_init);
	unsigned char plain[WRAPPED];
	size_t len = sizeof(plain);
	int ok = ctx != NULL &&
	    EVP_PKEY_decrypt(ctx, plain, &len, (unsigned char *)wrapped->data, wrapped->len) == 1 &&
	    len == CONTENT_KEY;

	if (ok)
		memcpy(content_key, plain, CONTENT_KEY);
	OPENSSL_cleanse(plain, sizeof(plain));
	ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -EACCES;
}

/* AES-256-CBC with padding, one way or the other; the result appended to out. */
static int
crypt_cbc(struct lv_text *out, const unsigned char *key, const unsigned char *iv, int encrypt,
    const struct lv_text *in)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t start = out->len;
	unsigned char *to = (unsigned char *)lv_text_room(out, in->len + 16);
	int len = 0, last = 0;
	int ok = EVP_CipherInit_ex(ctx, EVP_aes_256_cbc(), NULL, key, iv, encrypt) == 1 &&
	    EVP_CipherUpdate(ctx, to, &len, (const unsigned char *)lv_text_str(in), (int)in->len) == 1 &&
	    EVP_CipherFinal_ex(ctx, to + len, &last) == 1;

	EVP_CIPHER_CTX_free(ctx);
	out->len = ok ? start + (size_t)len + (size_t)last : start;
	out->data[out->len] = '\0';
	return ok ? 0 : -EACCES;
}

/* The first half of an HMAC-SHA-512 over header, IV, ciphertext and the header's length in bits. */
static void
authenticate(unsigned char tag[TAG], const unsigned char *key, const char *header, size_t header_len,
    const struct lv_text *iv_and_cipher)
{
	unsigned char full[EVP_MAX_MD_SIZE], bits[8];
	struct lv_text all = { 0 };
	unsigned len = 0;
	size_t i;

	for (i = 0; i < sizeof(bits); i++)
		bits[i] = (unsigned char)(((uint64_t)header_len * 8) >> (56 - 8 * i));
	lv_text_add(&all, header, header_len);
	lv_text_add(&all, iv_and_cipher->data, iv_and_cipher->len);
	lv_text_add(&all, bits, sizeof(bits));
	HMAC(EVP_sha512(), key, CONTENT_KEY / 2, (unsigned char *)all.data, all.len, full, &len);
	memcpy(tag, full, TAG);
	lv_text_release(&all);
}

static void
write_header(struct lv_blob *b, const char *group, struct lv_text *out)
{
	unsigned char digest[32];
	char guid[LV_GUID_SIZE];
	struct lv_text t = { 0 };

	if (b->is_hsm) {
		lv_text_puts(&t,
		    "{\"alg\":\"dir\",\"enc\":\"A256CBC-HS512\","
		    "\"kid\":\"backup-protection-key\"}");
	} else {
		lv_text_add(&t, b->public, sizeof(b->public));
		lv_text_puts(&t, group);
		EVP_Digest(t.data, t.len, digest, NULL, EVP_sha256(), NULL);
		lv_encode_guid_of(guid, digest);
		lv_text_clear(&t);
		lv_text_printf(
		    &t, "{\"kid\":\"%s\",\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256CBC-HS512\"}", guid);
	}
	lv_encode_base64url(out, t.data, t.len);
	lv_text_release(&t);
}

int
lv_blob_seal(
    struct lv_blob *b, enum lv_type type, const char *group, const struct lv_text *plain, struct lv_text *out)
{
	unsigned char key[CONTENT_KEY], iv[IV], wrapped[WRAPPED], tag[TAG];
	struct lv_text cipher = { 0 };
	size_t start;
	int err = 0;

	if (!b->is_hsm)
		lv_text_puts(out, type == LV_SECRETS ? secret_magic : key_magic);
	start = out->len;
	write_header(b, group, out);
	lv_encode_random(key, sizeof(key));
	lv_encode_random(iv, sizeof(iv));
	if (b->is_hsm)
		memcpy(key, b->direct, sizeof(key));
	else
		err = wrap(b, wrapped, key);
	lv_text_add(&cipher, iv, sizeof(iv));
	if (err == 0)
		err = crypt_cbc(&cipher, key + CONTENT_KEY / 2, iv, 1, plain);
	authenticate(tag, key, out->data + start, out->len - start, &cipher);
	OPENSSL_cleanse(key, sizeof(key));
	lv_text_puts(out, ".");
	if (!b->is_hsm)
		lv_encode_base64url(out, wrapped, sizeof(wrapped));
	lv_text_puts(out, ".");
	lv_encode_base64url(out, iv, sizeof(iv));
	lv_text_puts(out, ".");
	lv_encode_base64url(out, cipher.data + IV, cipher.len - IV);
	lv_text_puts(out, ".");
	lv_encode_base64url(out, tag, sizeof(tag));
	lv_text_release(&cipher);
	return err;
}

/* Behind the magic; NULL where a vault's blob has none, or a Managed HSM's has one. */
static const char *
skip_magic(const struct lv_blob *b, const char *data, size_t len)
{
	size_t keys = sizeof(key_magic) - 1, secrets = sizeof(secret_magic) - 1;

	if (len > keys && memcmp(data, key_magic, keys) == 0)
		return b->is_hsm ? NULL : data + keys;
	if (len > secrets && memcmp(data, secret_magic, secrets) == 0)
		return b->is_hsm ? NULL : data + secrets;
	return b->is_hsm ? data : NULL;
}

/* The five parts of a compact JWE, decoded; the first one is left as it stands, too. */
static int
split(const char *jwe, size_t len, struct lv_text parts[PARTS], size_t *header_len)
{
	const char *at = jwe, *end = jwe + len, *dot;
	int i;

	for (i = 0; i < PARTS; i++) {
		dot = memchr(at, '.', (size_t)(end - at));
		if ((dot == NULL) != (i == PARTS - 1))
			return -EINVAL;
		if (dot == NULL)
			dot = end;
		if (i == 0)
			*header_len = (size_t)(dot - at);
		if (lv_encode_decode(&parts[i], at, (size_t)(dot - at)) != 0)
			return -EINVAL;
		at = dot + 1;
	}
	return parts[2].len == IV && parts[3].len > 0 && parts[4].len == TAG ? 0 : -EINVAL;
}

static int
decrypt(struct lv_blob *b, const char *header, size_t header_len, struct lv_text parts[PARTS],
    struct lv_text *plain)
{
	unsigned char key[CONTENT_KEY], tag[TAG];
	int err = 0;

	if (b->is_hsm)
		memcpy(key, b->direct, sizeof(key));
	else
		err = unwrap(b, key, &parts[1]);
	if (err != 0)
		return err;
	lv_text_add(&parts[2], parts[3].data, parts[3].len);
	authenticate(tag, key, header, header_len, &parts[2]);
	if (CRYPTO_memcmp(tag, parts[4].data, TAG) != 0)
		err = -EACCES;
	else
		err = crypt_cbc(plain, key + CONTENT_KEY / 2, (unsigned char *)parts[2].data, 0, &parts[3]);
	OPENSSL_cleanse(key, sizeof(key));
	return err;
}

int
lv_blob_unseal(struct lv_blob *b, const char *data, size_t len, struct lv_text *plain)
{
	const char *jwe = skip_magic(b, data, len);
	struct lv_text parts[PARTS] = { 0 };
	size_t header_len = 0;
	int err = -ENOMSG, i;

	if (jwe != NULL)
		err = split(jwe, len - (size_t)(jwe - data), parts, &header_len);
	if (err == 0)
		err = decrypt(b, jwe, header_len, parts, plain);
	for (i = 0; i < PARTS; i++)
		lv_text_release(&parts[i]);
	return err;
}
