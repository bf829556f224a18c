/* JSON Web Tokens. */
#include <errno.h>
#include <openssl/rsa.h>
#include <string.h>

#include "tests/vault/encode.h"
#include "tests/vault/jwt.h"

static cJSON *
parse_part(const char *text, size_t len)
{
	struct lv_text json = { 0 };
	cJSON *parsed = NULL;

	if (lv_encode_decode(&json, text, len) == 0)
		parsed = cJSON_Parse(lv_text_str(&json));
	lv_text_release(&json);
	return parsed;
}

int
lv_jwt_parse(struct lv_jwt *jwt, const char *text)
{
	const char *first = strchr(text, '.'), *last = strrchr(text, '.');

	*jwt = (struct lv_jwt){ .text = text };
	if (first == NULL || first == last || strpbrk(text, " \r\n") != NULL)
		return -EINVAL;
	jwt->header = parse_part(text, (size_t)(first - text));
	jwt->claims = parse_part(first + 1, (size_t)(last - first - 1));
	jwt->signed_len = (size_t)(last - text);
	return cJSON_IsObject(jwt->header) && cJSON_IsObject(jwt->claims) ?
	    lv_encode_decode(&jwt->signature, last + 1, strlen(last + 1)) :
	    -EINVAL;
}

void
lv_jwt_release(struct lv_jwt *jwt)
{
	cJSON_Delete(jwt->header);
	cJSON_Delete(jwt->claims);
	lv_text_release(&jwt->signature);
}

const char *
lv_jwt_string(const cJSON *object, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return s != NULL ? s : "";
}

int64_t
lv_jwt_number(const cJSON *object, const char *name)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNumber(n) ? (int64_t)n->valuedouble : 0;
}

static bool
set_padding(EVP_PKEY_CTX *options, const char *algorithm)
{
	if (strcmp(algorithm, "RS256") == 0)
		return EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PADDING) == 1;
	return strcmp(algorithm, "PS256") == 0 &&
	    EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool
lv_jwt_is_signed_by(const struct lv_jwt *jwt, EVP_PKEY *key)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options;
	const bool is_signed = EVP_DigestVerifyInit(c, &options, EVP_sha256(), NULL, key) == 1 &&
	    set_padding(options, lv_jwt_string(jwt->header, "alg")) &&
	    EVP_DigestVerify(c, (const unsigned char *)lv_text_str(&jwt->signature), jwt->signature.len,
		(const unsigned char *)jwt->text, jwt->signed_len) == 1;

	EVP_MD_CTX_free(c);
	return is_signed;
}

void
lv_jwt_sign(EVP_PKEY *key, const char *claims, struct lv_text *out)
{
	static const char header[] = "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"localvault\"}";
	const size_t start = out->len;
	unsigned char signature[512];
	size_t len = sizeof(signature);
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	lv_encode_base64url(out, header, strlen(header));
	lv_text_puts(out, ".");
	lv_encode_base64url(out, claims, strlen(claims));
	if (EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(c, signature, &len, (const unsigned char *)out->data + start, out->len - start) !=
		1)
		len = 0;
	EVP_MD_CTX_free(c);
	lv_text_puts(out, ".");
	lv_encode_base64url(out, signature, len);
}
