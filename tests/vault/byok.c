/*
 * A package has RSA-OAEP (SHA-1) of an AES-256 key, as long as the KEK's modulus, and behind it AES-KWP (RFC 5649) of the
 * private key: PKCS#8, or the bytes of a symmetric key. What the service answers to a damaged or foreign package is
 * not known; it is a 400 here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "tests/vault/body.h"
#include "tests/vault/byok.h"
#include "tests/vault/encode.h"
#include "tests/vault/mem.h"
#include "tests/vault/store.h"

static int
refuse(struct lv_text *why, const char *message)
{
	lv_text_puts(why, message);
	return -EINVAL;
}

static bool
is(const cJSON *object, const char *name, const char *value)
{
	const char *text = lv_body_string(object, name);

	return text != NULL && strcmp(text, value) == 0;
}

/* ---- the KEK ---- */

/* The path behind this vault's host: "KEK/VERSION". */
static const char *
kek_path(const struct lv_call *c, const char *kid)
{
	const char *host = c->base + strlen("https://"), *path;
	const size_t name = strcspn(host, ":");

	if (kid == NULL || strncasecmp(kid, "https://", 8) != 0)
		return NULL;
	path = strchr(kid + 8, '/');
	if (path == NULL || strncasecmp(kid + 8, host, name) != 0 || strchr(":/", kid[8 + name]) == NULL)
		return NULL;
	return strncmp(path, "/keys/", 6) == 0 ? path + 6 : NULL;
}

static EVP_PKEY *
kek_of(const struct lv_version *v, struct lv_text *why)
{
	if (strcmp(v->kind, "RSA-HSM") != 0 || strcmp(v->detail, "[\"import\"]") != 0) {
		lv_text_puts(why, "The key exchange key does not have the key operation 'import'.");
		return NULL;
	}
	return lv_material_key(v->secret); /* an expired one, too */
}

static EVP_PKEY *
find_kek(struct lv_call *c, const char *kid, struct lv_text *why)
{
	const char *path = kek_path(c, kid), *slash = path != NULL ? strchr(path, '/') : NULL;
	struct lv_store *store = c->service->store;
	struct lv_version v = { 0 };
	struct lv_object o = { 0 };
	EVP_PKEY *key = NULL;
	char *name;

	if (slash == NULL) {
		lv_text_puts(why, "The key exchange key is not a key of this vault.");
		return NULL;
	}
	name = strndup(path, (size_t)(slash - path));
	if (lv_store_find(store, c->vault->name, LV_KEYS, name, &o) == 0 && o.state == LV_ACTIVE &&
	    lv_store_get(store, &o, slash + 1, &v) == 0)
		key = kek_of(&v, why);
	else
		lv_text_printf(why, "The key exchange key was not found: %s", kid);
	lv_store_release_version(&v);
	lv_store_release_object(&o);
	free(name);
	return key;
}

/* ---- decryption ---- */

static int
decrypt_oaep(EVP_PKEY *kek, const unsigned char *in, size_t len, unsigned char *out, size_t *n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(kek, NULL);
	const int ok = ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha1()) == 1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha1()) == 1 && EVP_PKEY_decrypt(ctx, out, n, in, len) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -EINVAL;
}

static int
unwrap_kwp(const unsigned char *key, const unsigned char *in, size_t len, struct lv_text *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char *to = (unsigned char *)lv_text_room(out, len + 16);
	int n = 0, ok;

	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	ok = EVP_DecryptInit_ex(ctx, EVP_aes_256_wrap_pad(), NULL, key, NULL) == 1 &&
	    EVP_DecryptUpdate(ctx, to, &n, in, (int)len) == 1 && n > 0;
	EVP_CIPHER_CTX_free(ctx);
	out->len = ok ? (size_t)n : 0;
	return ok ? 0 : -EINVAL;
}

static int
decrypt(EVP_PKEY *kek, const struct lv_text *ciphertext, struct lv_text *plain)
{
	const unsigned char *data = (const unsigned char *)lv_text_str(ciphertext);
	const size_t modulus = (size_t)EVP_PKEY_get_size(kek);
	unsigned char key[1024];
	size_t n = sizeof(key);

	if (ciphertext->len < modulus + 16 || (ciphertext->len - modulus) % 8 != 0 ||
	    decrypt_oaep(kek, data, modulus, key, &n) != 0 || n != 32)
		return -EINVAL;
	return unwrap_kwp(key, data + modulus, ciphertext->len - modulus, plain);
}

/* ---- the key ---- */

static int
take_oct(const struct lv_text *plain, const char *kty, struct lv_material *m, struct lv_text *why)
{
	struct lv_text secret = { 0 };

	if (plain->len != 16 && plain->len != 24 && plain->len != 32)
		return refuse(why, "JSON Web Key: the size of the symmetric key is not supported");
	lv_encode_base64(&secret, lv_text_str(plain), plain->len);
	*m = (struct lv_material){ lv_mem_dup(kty), lv_mem_dup(""), lv_text_take(&secret) };
	return 0;
}

static int
take_pair(EVP_PKEY *key, const cJSON *jwk, struct lv_material *m, struct lv_text *why)
{
	const char *kty = lv_body_string(jwk, "kty"), *crv = lv_body_string(jwk, "crv");
	const bool is_rsa = strncmp(kty, "RSA", 3) == 0;
	const int bits = EVP_PKEY_get_bits(key);

	if (EVP_PKEY_get_base_id(key) != (is_rsa ? EVP_PKEY_RSA : EVP_PKEY_EC))
		return refuse(why, "The property \"key\" must be a valid JsonWebKey object.");
	if (is_rsa && bits != 2048 && bits != 3072 && bits != 4096) {
		lv_text_printf(why, "Key size is not supported: %d", bits);
		return -EINVAL;
	}
	lv_material_of(m, key, kty);
	if (!is_rsa &&
	    (crv == NULL || strncmp(m->members, "\"crv\":\"", 7) != 0 ||
		strncmp(m->members + 7, crv, strlen(crv)) != 0 || m->members[7 + strlen(crv)] != '"')) {
		lv_material_release(m);
		return refuse(why, "JSON Web Key: the key is not on the curve of the property \"crv\"");
	}
	return 0;
}

static int
take(const struct lv_text *plain, const cJSON *jwk, struct lv_material *m, struct lv_text *why)
{
	const unsigned char *at = (const unsigned char *)lv_text_str(plain), *end = at + plain->len;
	PKCS8_PRIV_KEY_INFO *info;
	EVP_PKEY *key;
	int err;

	if (strncmp(lv_body_string(jwk, "kty"), "oct", 3) == 0)
		return take_oct(plain, lv_body_string(jwk, "kty"), m, why);
	info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)plain->len);
	key = info != NULL && at == end ? EVP_PKCS82PKEY(info) : NULL;
	PKCS8_PRIV_KEY_INFO_free(info);
	err = key != NULL ? take_pair(key, jwk, m, why) :
			    refuse(why, "The property \"key\" must be a valid JsonWebKey object.");
	EVP_PKEY_free(key);
	return err;
}

/* ---- the package ---- */

static int
open_package(struct lv_call *c, const cJSON *package, struct lv_text *plain, struct lv_text *why)
{
	const cJSON *header = lv_body_get(package, "header");
	const char *text = lv_body_string(package, "ciphertext");
	struct lv_text ciphertext = { 0 };
	EVP_PKEY *kek;
	int err;

	if (!is(package, "schema_version", "1.0.0") || !is(header, "alg", "dir") ||
	    !is(header, "enc", "CKM_RSA_AES_KEY_WRAP") || text == NULL ||
	    lv_encode_decode(&ciphertext, text, strlen(text)) != 0)
		return refuse(why, "The key transfer blob is not valid.");
	kek = find_kek(c, lv_body_string(header, "kid"), why);
	err = kek != NULL ? decrypt(kek, &ciphertext, plain) : -EINVAL;
	if (err != 0 && kek != NULL)
		lv_text_puts(why, "The key transfer blob cannot be decrypted with the key exchange key.");
	EVP_PKEY_free(kek);
	lv_text_release(&ciphertext);
	return err;
}

int
lv_byok_import(struct lv_call *c, const cJSON *jwk, struct lv_material *m, struct lv_text *why)
{
	const char *kty = lv_body_string(jwk, "kty"), *text = lv_body_string(jwk, "key_hsm");
	struct lv_text bytes = { 0 }, plain = { 0 };
	cJSON *package = NULL;
	int err;

	if (kty == NULL || (strcmp(kty, "oct-HSM") == 0 && !c->service->options->is_hsm))
		return refuse(why, "Property  has invalid value\r\nProperty  has invalid value\r\n");
	if (lv_encode_decode(&bytes, text, strlen(text)) == 0)
		package = cJSON_ParseWithLength(lv_text_str(&bytes), bytes.len);
	err = package != NULL ? open_package(c, package, &plain, why) :
				refuse(why, "The key transfer blob is not valid.");
	if (err == 0)
		err = take(&plain, jwk, m, why);
	cJSON_Delete(package);
	lv_text_release(&bytes);
	lv_text_release(&plain);
	return err;
}
