#ifndef LV_JWT_H
#define LV_JWT_H
/* JSON Web Tokens in compact form, signed with RSA. */
#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdbool.h>

#include "tests/vault/text.h"

struct lv_jwt {
	cJSON *header, *claims;
	const char *text; /* borrowed */
	size_t signed_len;
	struct lv_text signature;
};

/* 0, or -EINVAL; to be released in both cases. text must live as long. */
int lv_jwt_parse(struct lv_jwt *jwt, const char *text);
void lv_jwt_release(struct lv_jwt *jwt);

/* A member as text, "" without it; as a number, 0 without it. */
const char *lv_jwt_string(const cJSON *object, const char *name);
int64_t lv_jwt_number(const cJSON *object, const char *name);

/* Whether the algorithm is RS256 or PS256 and key has signed it. */
bool lv_jwt_is_signed_by(const struct lv_jwt *jwt, EVP_PKEY *key);

/* Append a token with these claims (JSON), signed RS256. */
void lv_jwt_sign(EVP_PKEY *key, const char *claims, struct lv_text *out);
#endif
