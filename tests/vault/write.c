/* Making keys and secrets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/answer.h"
#include "tests/vault/body.h"
#include "tests/vault/byok.h"
#include "tests/vault/material.h"
#include "tests/vault/mem.h"
#include "tests/vault/object.h"
#include "tests/vault/refusal.h"
#include "tests/vault/sign.h"
#include "tests/vault/write.h"

#define MAX_VALUE (25 * 1024)

static const char *
default_operations(const char *kty, bool is_hsm)
{
	if (strncmp(kty, "RSA", 3) == 0)
		return "[\"encrypt\",\"decrypt\",\"sign\",\"verify\",\"wrapKey\",\"unwrapKey\"]";
	if (strncmp(kty, "EC", 2) == 0)
		return is_hsm ? "[\"sign\",\"verify\",\"deriveKey\"]" : "[\"sign\",\"verify\"]";
	return "[\"encrypt\",\"decrypt\",\"wrapKey\",\"unwrapKey\"]";
}

/* 0, or -EINVAL with the answer written: operations that the type does not have fail the whole request. */
static int
check_operations(struct lv_call *c, const char *kty, const cJSON *ops)
{
	const bool is_ec = strncmp(kty, "EC", 2) == 0;
	struct lv_text wrong = { 0 };
	bool is_kek = false;
	const cJSON *op;
	int err = 0;

	cJSON_ArrayForEach(op, ops) {
		const char *name = cJSON_IsString(op) ? op->valuestring : "";

		is_kek = is_kek || strcmp(name, "import") == 0;
		if (!is_ec || c->service->options->is_hsm || strcmp(name, "sign") == 0 ||
		    strcmp(name, "verify") == 0)
			continue;
		lv_text_printf(&wrong, "%s\"%s\"", wrong.len > 0 ? ", " : "", name);
		err = -EINVAL;
	}
	if (err != 0)
		lv_body_bad(c, "Unsupported key operation(s): %s. Supported values are \"sign\", \"verify\".",
		    lv_text_str(&wrong));
	else if (is_kek && (cJSON_GetArraySize(ops) != 1 || strcmp(kty, "RSA-HSM") != 0)) {
		lv_body_bad(
		    c, "The key operation \"import\" is exclusive, and only for keys of type RSA-HSM.");
		err = -EINVAL;
	}
	lv_text_release(&wrong);
	return err;
}

/* Store the version as the call's object and answer with the bundle; v is released. */
static void
store_and_answer(struct lv_call *c, struct lv_version *v)
{
	struct lv_store *store = c->service->store;
	struct lv_object o;

	lv_store_begin(store);
	if (lv_object_store(c, v, &o) == 0) {
		lv_store_commit(store);
		lv_body_bundle(c, &o, v, true, &c->answer->body);
		c->answer->status = 200;
		lv_store_release_object(&o);
	} else {
		lv_store_undo(store);
	}
	lv_store_release_version(v);
}

static void
store_key(struct lv_call *c, struct lv_material *m, const cJSON *ops)
{
	struct lv_version v;

	if (c->service->options->is_standard && strstr(m->kty, "-HSM") != NULL) {
		lv_refuse(c, "standard-vault", c->route.op);
		lv_material_release(m);
		return;
	}
	if (check_operations(c, m->kty, ops) != 0) {
		lv_material_release(m);
		return;
	}
	lv_body_new_version(c, &v);
	v.kind = m->kty;
	v.public = m->members;
	v.secret = m->secret;
	if (cJSON_IsArray(ops) && cJSON_GetArraySize(ops) > 0)
		v.detail = lv_body_print(ops);
	else
		v.detail = lv_mem_dup(default_operations(m->kty, c->service->options->is_hsm));
	*m = (struct lv_material){ 0 };
	if (lv_body_read(c, &v) == 0)
		store_and_answer(c, &v);
	else
		lv_store_release_version(&v);
}

/* attributes.external_key.id, for a key that stays outside of the HSM; NULL for any other. */
static const char *
external_id(const struct lv_call *c)
{
	return lv_body_string(lv_body_get(lv_body_get(c->json, "attributes"), "external_key"), "id");
}

static void
store_external(struct lv_call *c, const char *id)
{
	struct lv_text secret = { 0 };
	struct lv_material m = { .kty = lv_mem_dup("oct-HSM"), .members = lv_mem_dup("") };

	lv_text_printf(&secret, LV_EXTERNAL "%s", id);
	m.secret = lv_text_take(&secret);
	store_key(c, &m, lv_body_get(c->json, "key_ops"));
}

void
lv_write_create_key(struct lv_call *c)
{
	const cJSON *size = lv_body_get(c->json, "key_size");
	const char *external = external_id(c);
	struct lv_material_wish wish = { .kty = lv_body_string(c->json, "kty") };
	struct lv_material m = { 0 };
	struct lv_text why = { 0 };
	char kty[16];

	if (c->service->options->is_hsm && wish.kty != NULL && strstr(wish.kty, "-HSM") == NULL) {
		snprintf(kty, sizeof(kty), "%s-HSM", wish.kty);
		wish.kty = kty;
	}
	wish.bits = cJSON_IsNumber(size) ? size->valueint : 0;
	wish.curve = lv_body_string(c->json, "crv");
	if (c->json == NULL || wish.kty == NULL)
		lv_body_bad(c, "The property \"kty\" is required.");
	else if (external != NULL && (!c->service->options->is_hsm || strcmp(wish.kty, "oct-HSM") != 0))
		lv_body_bad(c, "Property  has invalid value\r\nProperty  has invalid value\r\n");
	else if (external != NULL)
		store_external(c, external);
	else if (lv_material_make(&m, &wish, &why) != 0)
		lv_body_bad(c, "%s", lv_text_str(&why));
	else
		store_key(c, &m, lv_body_get(c->json, "key_ops"));
	lv_text_release(&why);
}

void
lv_write_import_key(struct lv_call *c)
{
	const cJSON *jwk = lv_body_get(c->json, "key"), *hsm = lv_body_get(c->json, "Hsm");
	const bool is_hsm = c->service->options->is_hsm;
	const bool is_package = cJSON_IsObject(jwk) && lv_body_string(jwk, "key_hsm") != NULL;
	struct lv_material m = { 0 };
	struct lv_text why = { 0 }, kty = { 0 };

	if (hsm == NULL)
		hsm = lv_body_get(c->json, "hsm");
	if (is_hsm && cJSON_IsObject(jwk) && lv_body_string(jwk, "kty") == NULL) {
		lv_body_bad(c, "JSON Web Key: kty is missing");
	} else if (!cJSON_IsObject(jwk)) {
		lv_body_bad(c, "The property \"key\" must be a valid JsonWebKey object.");
	} else if (c->service->options->is_standard &&
	    (cJSON_IsTrue(hsm) ||
		strstr(lv_body_string(jwk, "kty") != NULL ? lv_body_string(jwk, "kty") : "", "-HSM") !=
		    NULL)) {
		lv_refuse(c, "standard-vault", c->route.op);
	} else if (is_package ? lv_byok_import(c, jwk, &m, &why) != 0 :
				lv_material_import(&m, jwk, &why) != 0) {
		lv_body_bad(c, "%s", lv_text_str(&why));
	} else {
		if ((is_hsm || cJSON_IsTrue(hsm)) && strstr(m.kty, "-HSM") == NULL) {
			lv_text_printf(&kty, "%s-HSM", m.kty);
			free(m.kty);
			m.kty = lv_text_take(&kty);
		}
		store_key(c, &m, lv_body_get(jwk, "key_ops"));
	}
	lv_text_release(&why);
}

void
lv_write_set_secret(struct lv_call *c)
{
	const char *value = lv_body_string(c->json, "value");
	struct lv_version v;

	if (value == NULL) {
		lv_body_bad(c, "The property \"value\" is required.");
		return;
	}
	if (strlen(value) > MAX_VALUE) {
		lv_body_bad(c, "The value of a secret must not exceed %d bytes.", MAX_VALUE);
		return;
	}
	lv_body_new_version(c, &v);
	v.secret = lv_mem_dup(value);
	v.kind = lv_mem_dup(lv_body_string(c->json, "contentType"));
	if (lv_body_read(c, &v) == 0)
		store_and_answer(c, &v);
	else
		lv_store_release_version(&v);
}

/* sign and verify: the digest is "value" or "digest". */
static int
sign_with(struct lv_call *c, const struct lv_version *v, const char *alg, const struct lv_text *in,
    struct lv_text *result)
{
	const char *text = lv_body_string(c->json, "value");
	struct lv_text signature = { 0 };
	int is_valid, err;

	if (strcmp(c->route.word, "sign") == 0) {
		err = lv_sign(&signature, v->secret, alg, in);
		lv_text_puts(result, "\"");
		lv_encode_base64url(result, lv_text_str(&signature), signature.len);
		lv_text_puts(result, "\"");
	} else {
		err = lv_encode_decode(&signature, text, strlen(text));
		if (err == 0)
			err = lv_sign_verify(v->secret, alg, in, &signature, &is_valid);
		if (err == 0)
			lv_text_puts(result, is_valid ? "true" : "false");
	}
	lv_text_release(&signature);
	return err;
}

static int
crypt_value(const struct lv_call *c, const struct lv_version *v, const char *alg, const struct lv_text *in,
    struct lv_text *result)
{
	const int encrypt = strcmp(c->route.word, "encrypt") == 0 || strcmp(c->route.word, "wrapkey") == 0;
	struct lv_text value = { 0 };
	const int err = lv_material_crypt(&value, v->secret, alg, encrypt, in);

	lv_text_puts(result, "\"");
	lv_encode_base64url(result, lv_text_str(&value), value.len);
	lv_text_puts(result, "\"");
	lv_text_release(&value);
	return err;
}

static void
crypt_with(struct lv_call *c, const struct lv_object *o, const struct lv_version *v)
{
	const char *value = lv_body_string(c->json, "value"), *alg = lv_body_string(c->json, "alg");
	const char *digest = lv_body_string(c->json, "digest");
	struct lv_text in = { 0 }, result = { 0 }, *out = &c->answer->body;
	const bool is_verify = strcmp(c->route.word, "verify") == 0;
	int err = -EINVAL;

	if (strcasestr(v->detail, c->route.word) == NULL) {
		lv_answer_error(c->answer, 403, "Forbidden", "KeyOperationForbidden",
		    "Operation %s is not permitted on this key.", c->route.word);
		return;
	}

	if (is_verify && digest != NULL && value != NULL && alg != NULL)
		err = lv_encode_decode(&in, digest, strlen(digest));
	else if (!is_verify && value != NULL && alg != NULL)
		err = lv_encode_decode(&in, value, strlen(value));
	if (err == 0)
		err = is_verify || strcmp(c->route.word, "sign") == 0 ? sign_with(c, v, alg, &in, &result) :
									crypt_value(c, v, alg, &in, &result);
	if (err == 0) {
		lv_text_puts(out, "{");
		if (!is_verify) {
			lv_text_puts(out, "\"kid\":");
			lv_body_id(c, "keys", o->name, v->id, out);
			lv_text_puts(out, ",");
		}
		lv_text_printf(out, "\"value\":%s}", lv_text_str(&result));
		c->answer->status = 200;
	} else {
		lv_body_bad(c, "The algorithm or the value does not fit the key.");
	}
	lv_text_release(&in);
	lv_text_release(&result);
}

void
lv_write_crypt(struct lv_call *c)
{
	struct lv_store *store = c->service->store;
	struct lv_object o;
	struct lv_version v = { 0 };

	if (lv_store_find(store, c->vault->name, LV_KEYS, c->route.name, &o) == 0 && o.state == LV_ACTIVE &&
	    lv_store_get(store, &o, c->route.version, &v) == 0)
		crypt_with(c, &o, &v);
	else
		lv_answer_not_found(c);
	lv_store_release_object(&o);
	lv_store_release_version(&v);
}
