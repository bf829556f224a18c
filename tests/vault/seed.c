/*
 * Vaults filled with objects.
 *
 * Names, versions, times, tags and values follow from the numbers alone. Key material does not,
 * and as RSA keys take long to make, all seeded keys and certificates share a small pool of them:
 * mostly EC P-256, one in four RSA-2048, or all of the kind that kty= names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/material.h"
#include "tests/vault/mem.h"
#include "tests/vault/pair.h"
#include "tests/vault/policy.h"
#include "tests/vault/seed.h"

#define FIRST_MADE 1704067200 /* 1 January 2024 */
#define FAR	   2082758400 /* 1 January 2036 */
#define POOL	   8

struct plan {
	struct lv_service *service;
	const struct lv_vault *vault;
	int64_t counts[LV_TYPES];
	int64_t versions, value;
	const char *kty;
	struct lv_material rsa[POOL], ec[POOL];
	int rsa_count, ec_count;
};

static const char *const prefixes[] = { "app", "web", "Payments", "batch", "CRM", "erp", "mail", "iot",
	"Portal", "search", "auth", "ETL" };
static const char *const suffixes[] = { "db", "api-key", "Password", "token", "conn", "cert", "tls",
	"Signing", "smtp", "storage", "sas", "root" };

static uint64_t
mix(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t x = a * 0x9e3779b97f4a7c15U + b * 0xbf58476d1ce4e5b9U + c * 0x94d049bb133111ebU;

	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9U;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebU;
	return x ^ x >> 31;
}

static void
make_name(char name[LV_NAME_MAX + 1], enum lv_type type, int64_t i)
{
	uint64_t h = mix(1, type, (uint64_t)i);

	/* certificates bring a key and a secret, whose names must be free */
	snprintf(name, LV_NAME_MAX + 1, "%s%s-%03lld-%s", type == LV_CERTIFICATES ? "c-" : "",
	    prefixes[h % 12], (long long)i, suffixes[(h >> 8) % 12]);
}

static void
make_version_id(char id[LV_VERSION_SIZE], enum lv_type type, int64_t i, int64_t version)
{
	uint64_t high = mix(2, (uint64_t)i, (uint64_t)version * 4 + type);

	snprintf(id, LV_VERSION_SIZE, "%016llx%016llx", (unsigned long long)high,
	    (unsigned long long)mix(3, high, (uint64_t)i));
}

/* Half have tags, some an expiry, a few are disabled or not valid yet. */
static void
make_facts(struct lv_version *v, enum lv_type type, int64_t i, int64_t version)
{
	uint64_t h = mix(4, type, (uint64_t)i);
	struct lv_text tags = { 0 };

	*v = (struct lv_version){ .is_enabled = h % 29 != 0, .nbf = LV_NEVER, .exp = LV_NEVER };
	v->created = FIRST_MADE + i * 61 + version * 86400;
	v->updated = v->created + (h % 3 == 0 ? 3600 : 0);
	if (h % 5 == 0)
		v->exp = FAR + i;
	if (h % 7 == 0)
		v->nbf = v->created - 86400;
	make_version_id(v->id, type, i, version);
	if (h % 2 == 0) {
		lv_text_printf(&tags, "{\"env\":\"%s\",\"owner\":\"team-%d\"}", h % 4 == 0 ? "prod" : "test",
		    (int)(h >> 16 & 7));
		v->tags = lv_text_take(&tags);
	}
}

static char *
make_value(int64_t i, int64_t version, int64_t bytes)
{
	static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789+/=._-!";
	uint64_t h = mix(5, (uint64_t)i, (uint64_t)version);
	int64_t len = bytes > 0 ? bytes : 16 + (int64_t)(h % 48), at;
	char *value = lv_mem_alloc((size_t)len + 1);

	for (at = 0; at < len; at++) {
		if (at % 10 == 0)
			h = mix(6, h, (uint64_t)at);
		value[at] = alphabet[h >> (6 * (at % 10)) & 63];
	}
	return value;
}

static const struct lv_material *
pick(const struct plan *p, int64_t i, int64_t version)
{
	int64_t n = i + version * 3;

	if (p->ec_count == 0 || (p->rsa_count > 0 && mix(7, (uint64_t)i, 0) % 4 == 0))
		return &p->rsa[n % p->rsa_count];
	return &p->ec[n % p->ec_count];
}

/* Fill a part of the pool; the material of an earlier start is used again. */
static int
fill(struct plan *p, struct lv_material *pool, int *count, const struct lv_material_wish *wish, int size)
{
	struct lv_store *store = p->service->store;
	struct lv_text name = { 0 }, why = { 0 };
	EVP_PKEY *key;
	char *secret;
	int err = 0;

	for (*count = 0; *count < size && err == 0; (*count)++) {
		lv_text_clear(&name);
		lv_text_printf(&name, "pool/%s/%d/%d", wish->kty, wish->bits, *count);
		secret = lv_store_fact(store, name.data);
		key = secret != NULL ? lv_material_key(secret) : NULL;
		if (key != NULL)
			lv_material_of(&pool[*count], key, wish->kty);
		else
			err = lv_material_make(&pool[*count], wish, &why);
		if (key == NULL && err == 0)
			lv_store_set_fact(store, name.data, pool[*count].secret);
		EVP_PKEY_free(key);
		free(secret);
	}
	lv_text_release(&name);
	lv_text_release(&why);
	return err;
}

static int
fill_pool(struct plan *p)
{
	bool is_hsm = p->service->options->is_hsm;
	struct lv_material_wish rsa = { .kty = is_hsm ? "RSA-HSM" : "RSA", .bits = 2048 };
	struct lv_material_wish ec = { .kty = is_hsm ? "EC-HSM" : "EC", .curve = "P-256" };
	bool only_rsa = false, only_ec = false;

	if (p->counts[LV_KEYS] == 0 && p->counts[LV_CERTIFICATES] == 0)
		return 0;
	if (p->kty != NULL) {
		only_rsa = strncmp(p->kty, "RSA", 3) == 0;
		only_ec = strncmp(p->kty, "EC", 2) == 0;
		if (strstr(p->kty, "-HSM") != NULL) {
			rsa.kty = "RSA-HSM";
			ec.kty = "EC-HSM";
		}
		if (strstr(p->kty, "4096") != NULL || strstr(p->kty, "3072") != NULL)
			rsa.bits = strstr(p->kty, "4096") != NULL ? 4096 : 3072;
		if (!only_rsa && !only_ec)
			return -EINVAL;
	}
	if (!only_ec && fill(p, p->rsa, &p->rsa_count, &rsa, rsa.bits > 2048 ? 3 : POOL) != 0)
		return -EINVAL;
	return only_rsa ? 0 : fill(p, p->ec, &p->ec_count, &ec, POOL);
}

static void
fill_key(const struct plan *p, struct lv_version *v, int64_t i, int64_t version)
{
	const struct lv_material *m = pick(p, i, version);
	const bool is_hsm = p->service->options->is_hsm;

	v->kind = lv_mem_dup(m->kty);
	v->public = lv_mem_dup(m->members);
	v->secret = lv_mem_dup(m->secret);
	v->detail = lv_mem_dup(m->kty[0] == 'R' ?
		"[\"encrypt\",\"decrypt\",\"sign\",\"verify\",\"wrapKey\",\"unwrapKey\"]" :
		is_hsm ? "[\"sign\",\"verify\",\"deriveKey\"]" :
			 "[\"sign\",\"verify\"]");
}

static void
fill_secret(const struct plan *p, struct lv_version *v, int64_t i, int64_t version)
{
	static const char *const types[] = { NULL, "text/plain", NULL, "application/json", NULL, "password",
		NULL, NULL };

	v->secret = make_value(i, version, p->value);
	v->kind = lv_mem_dup(types[mix(8, (uint64_t)i, 0) % 8]);
}

static int
put_plain(struct plan *p, enum lv_type type, int64_t i, struct lv_object *o)
{
	struct lv_store *store = p->service->store;
	struct lv_version v;
	int64_t version;
	int err;

	make_version_id(o->current, type, i, p->versions - 1);
	err = lv_store_add(store, p->vault->name, o);
	for (version = 0; version < p->versions && err == 0; version++) {
		make_facts(&v, type, i, version);
		if (type == LV_KEYS)
			fill_key(p, &v, i, version);
		else
			fill_secret(p, &v, i, version);
		err = lv_store_put(store, o->id, &v);
		lv_store_release_version(&v);
	}
	return err;
}

static void
put_certificate(struct plan *p, int64_t i, struct lv_object *o)
{
	cJSON *policy, *given = cJSON_CreateObject(), *x509;
	const struct lv_material *m;
	struct lv_version base;
	struct lv_pair pair;
	struct lv_text subject = { 0 };
	int64_t version;
	char *cer;

	lv_text_printf(&subject, "CN=%s.example.com", o->name);
	x509 = cJSON_AddObjectToObject(given, "x509_props");
	cJSON_AddStringToObject(x509, "subject", subject.data);
	cJSON_AddNumberToObject(x509, "validity_months", 240);
	policy = lv_policy_new(given, NULL, FIRST_MADE + i);
	o->policy = cJSON_PrintUnformatted(policy);
	for (version = 0; version < p->versions; version++) {
		m = pick(p, i, version);
		make_facts(&base, LV_CERTIFICATES, i, version);
		cer = lv_policy_self_sign(policy, m->secret, base.created);
		pair = (struct lv_pair){ 0 };
		if (cer == NULL ||
		    lv_pair_make(&pair, m->secret, cer, lv_policy_content_type(policy), &base) != 0 ||
		    lv_pair_store(p->service->store, p->vault->name, o, &pair) != 0)
			version = p->versions;
		free(cer);
		lv_pair_release(&pair);
		lv_store_release_version(&base);
	}
	cJSON_Delete(policy);
	cJSON_Delete(given);
	lv_text_release(&subject);
}

static void
put_all(struct plan *p, enum lv_type type)
{
	struct lv_store *store = p->service->store;
	struct lv_object o;
	int64_t i;

	for (i = 0; i < p->counts[type]; i++) {
		char name[LV_NAME_MAX + 1];

		make_name(name, type, i);
		if (lv_store_find(store, p->vault->name, type, name, &o) != 0) {
			o = (struct lv_object){ .type = type };
			memcpy(o.name, name, sizeof(o.name));
			if (type == LV_CERTIFICATES)
				put_certificate(p, i, &o);
			else
				put_plain(p, type, i, &o);
		}
		lv_store_release_object(&o);
	}
}

static int
set_member(struct plan *p, const char *name, const char *value)
{
	enum lv_type type = lv_route_type(name);
	int i;

	if (type != LV_TYPES)
		return lv_options_number(value, &p->counts[type]);
	if (strcmp(name, "versions") == 0)
		return lv_options_number(value, &p->versions);
	if (strcmp(name, "value") == 0)
		return lv_options_number(value, &p->value);
	if (strcmp(name, "kty") == 0) {
		p->kty = value;
		return 0;
	}
	for (i = 0; strcmp(name, "vault") == 0 && i < p->service->vault_count; i++)
		if (strcmp(p->service->vaults[i].name, value) == 0) {
			p->vault = &p->service->vaults[i];
			return 0;
		}
	return -EINVAL;
}

static int
parse(struct plan *p, char *text, struct lv_text *why)
{
	char *name, *value;

	while ((value = strsep(&text, ",")) != NULL) {
		name = strsep(&value, "=");
		if (value == NULL || set_member(p, name, value) != 0) {
			lv_text_printf(why, "--seed does not take %s=%s", name, value ? value : "");
			return -EINVAL;
		}
	}
	return 0;
}

int
lv_seed(struct lv_service *s, const char *text, struct lv_text *why)
{
	struct plan *p = lv_mem_alloc(sizeof(*p));
	char *copy = lv_mem_dup(text);
	int err, i;
	unsigned type;

	p->service = s;
	p->vault = &s->vaults[0];
	p->versions = 1;
	err = parse(p, copy, why);
	if (err == 0 && (err = fill_pool(p)) != 0)
		lv_text_printf(why, "--seed cannot make keys of kind %s", p->kty ? p->kty : "RSA");
	if (err == 0) {
		lv_store_begin(s->store);
		for (type = 0; type < LV_TYPES; type++)
			put_all(p, (enum lv_type)type);
		lv_store_commit(s->store);
	}
	for (i = 0; i < POOL; i++) {
		lv_material_release(&p->rsa[i]);
		lv_material_release(&p->ec[i]);
	}
	free(copy);
	free(p);
	return err;
}
