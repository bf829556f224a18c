/* A version of a certificate, with its key and its secret. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/material.h"
#include "tests/vault/mem.h"
#include "tests/vault/pair.h"
#include "tests/vault/x509.h"

static void
copy_base(struct lv_version *to, const struct lv_version *base, const struct lv_x509_facts *facts)
{
	*to = *base;
	to->tags = lv_mem_dup(base->tags);
	to->kind = to->detail = to->public = to->secret = NULL;
	to->nbf = facts->nbf;
	to->exp = facts->exp;
}

static void
fill_key(struct lv_version *v, const char *secret)
{
	EVP_PKEY *key = lv_material_key(secret);
	struct lv_material m = { 0 };

	lv_material_of(&m, key, NULL);
	v->kind = m.kty;
	v->public = m.members;
	v->secret = m.secret;
	v->detail = lv_mem_dup(strcmp(m.kty, "RSA") == 0 ? "[\"sign\",\"verify\",\"wrapKey\",\"unwrapKey\"]" :
							   "[\"sign\",\"verify\"]");
	EVP_PKEY_free(key);
}

int
lv_pair_make(struct lv_pair *p, const char *key, const char *cer, const char *content_type,
    const struct lv_version *base)
{
	struct lv_version *secret = &p->versions[LV_SECRETS];
	struct lv_version *certificate = &p->versions[LV_CERTIFICATES];
	struct lv_x509_facts facts = { 0 };
	int type;

	if (lv_x509_facts(cer, &facts) != 0)
		return -EINVAL;
	for (type = 0; type < LV_TYPES; type++)
		copy_base(&p->versions[type], base, &facts);
	fill_key(&p->versions[LV_KEYS], key);
	secret->kind = lv_mem_dup(content_type);
	secret->secret = strcmp(content_type, "application/x-pem-file") == 0 ? lv_x509_pem(key, cer) :
									       lv_x509_pfx(key, cer);
	certificate->kind = lv_mem_dup(facts.x5t);
	certificate->public = lv_mem_dup(cer);
	lv_x509_facts_release(&facts);
	return secret->secret != NULL ? 0 : -EINVAL;
}

void
lv_pair_release(struct lv_pair *p)
{
	int type;

	for (type = 0; type < LV_TYPES; type++)
		lv_store_release_version(&p->versions[type]);
}

static int
store_one(struct lv_store *s, const char *vault, struct lv_object *o, const struct lv_version *v)
{
	int err = 0;

	memcpy(o->current, v->id, sizeof(o->current));
	if (o->id == 0)
		err = lv_store_add(s, vault, o);
	else
		lv_store_save(s, o);
	return err == 0 ? lv_store_put(s, o->id, v) : err;
}

int
lv_pair_store(struct lv_store *s, const char *vault, struct lv_object *o, const struct lv_pair *p)
{
	int err = store_one(s, vault, o, &p->versions[LV_CERTIFICATES]);
	struct lv_object half;
	enum lv_type type;

	for (type = LV_KEYS; type <= LV_SECRETS && err == 0; type++) {
		if (lv_store_find(s, vault, type, o->name, &half) != 0) {
			half = (struct lv_object){ .type = type, .is_managed = true };
			memcpy(half.name, o->name, sizeof(half.name));
		}
		err = store_one(s, vault, &half, &p->versions[type]);
		lv_store_release_object(&half);
	}
	return err;
}

bool
lv_pair_is_blocked(struct lv_store *s, const char *vault, const char *name)
{
	bool is_blocked = false;
	struct lv_object half;
	enum lv_type type;

	for (type = LV_KEYS; type <= LV_SECRETS; type++) {
		if (lv_store_find(s, vault, type, name, &half) == 0 && !half.is_managed)
			is_blocked = true;
		lv_store_release_object(&half);
	}
	return is_blocked;
}
