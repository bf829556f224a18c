#ifndef LV_MATERIAL_H
#define LV_MATERIAL_H
/*
 * Key material: made, imported from a JSON Web Key, and kept as text (PKCS#8 DER in base64, with
 * the public members of the JSON Web Key beside it).
 */
#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stddef.h>

#include "tests/vault/text.h"

struct lv_material {
	char *kty;     /* as the service spells it: RSA, RSA-HSM, EC, EC-HSM, oct-HSM */
	char *members; /* "n":"...","e":"AQAB" or "crv":"P-256","x":"...","y":"..."; "" for oct */
	char *secret;  /* PKCS#8 DER in base64; the bytes themselves for oct */
};

/* The facts that a create request gives; bits 0 and curve NULL mean the service's defaults. */
struct lv_material_wish {
	const char *kty;
	int bits;
	const char *curve;
};

/* 0, or -EINVAL and a sentence in why. */
int lv_material_make(struct lv_material *m, const struct lv_material_wish *wish, struct lv_text *why);
int lv_material_import(struct lv_material *m, const cJSON *jwk, struct lv_text *why);
void lv_material_of(struct lv_material *m, EVP_PKEY *key, const char *kty);
void lv_material_copy(struct lv_material *to, const struct lv_material *from);
void lv_material_release(struct lv_material *m);

EVP_PKEY *lv_material_key(const char *secret); /* NULL if it is none; EVP_PKEY_free() */

/* The size class of a public key as the service's limits tell them apart: 2048, 3072, 4096; 0 EC. */
int lv_material_bits(const char *members);

/*
 * RSA encryption or decryption with an algorithm as the service calls it (RSA-OAEP, ...): the
 * result appended to out, or -EINVAL.
 */
int lv_material_crypt(
    struct lv_text *out, const char *secret, const char *alg, int encrypt, const struct lv_text *in);
#endif
