/* Who may do what. The tokens are JSON Web Tokens, signed with HMAC-SHA-256. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/vault/access.h"
#include "tests/vault/clock.h"
#include "tests/vault/encode.h"
#include "tests/vault/mem.h"

enum { SIGNATURE = 32 };

struct lv_access {
	char *key, *tenant;
	struct lv_principal *first, **end;
};

struct lv_access *
lv_access_new(const char *key, const char *tenant)
{
	struct lv_access *a = lv_mem_alloc(sizeof(*a));

	a->key = lv_mem_dup(key);
	a->tenant = lv_mem_dup(tenant);
	a->end = &a->first;
	return a;
}

void
lv_access_free(struct lv_access *a)
{
	struct lv_principal *p;

	if (a == NULL)
		return;
	while ((p = a->first) != NULL) {
		a->first = p->next;
		free(p->id);
		free(p->secret);
		free(p);
	}
	free(a->key);
	free(a->tenant);
	free(a);
}

/* "list,get" or "*" for one type. */
static int
parse_list(unsigned *bits, char *list, struct lv_text *why)
{
	char *word;
	enum lv_op op;

	*bits = 0;
	while ((word = strsep(&list, ",")) != NULL) {
		op = lv_route_op(word);
		if (strcmp(word, "*") == 0)
			*bits = ~0U;
		else if (op != LV_OPS)
			*bits |= 1U << op;
		else if (*word != '\0') {
			lv_text_printf(why, "there is no right called %s", word);
			return -EINVAL;
		}
	}
	return 0;
}

static int
parse_rights(unsigned rights[LV_TYPES], const char *text, struct lv_text *why)
{
	char *copy = lv_mem_dup(text), *rest = copy, *part, *list;
	unsigned parsed[LV_TYPES] = { 0 };
	enum lv_type type;
	int err = 0;

	if (strcmp(text, "*") == 0) {
		parsed[LV_KEYS] = parsed[LV_SECRETS] = parsed[LV_CERTIFICATES] = ~0U;
		rest = NULL;
	}
	while (err == 0 && (part = strsep(&rest, ";")) != NULL) {
		if (*part == '\0')
			continue;
		list = part;
		strsep(&list, "=");
		type = lv_route_type(part);
		if (type == LV_TYPES || list == NULL) {
			lv_text_printf(why, "%s is not TYPE=RIGHT,...", part);
			err = -EINVAL;
		} else {
			err = parse_list(&parsed[type], list, why);
		}
	}
	free(copy);
	if (err == 0)
		memcpy(rights, parsed, sizeof(parsed));
	return err;
}

int
lv_access_add(
    struct lv_access *a, const char *id, const char *secret, const char *rights, struct lv_text *why)
{
	struct lv_principal *p = lv_mem_alloc(sizeof(*p));

	p->id = lv_mem_dup(id);
	p->secret = lv_mem_dup(secret);
	*a->end = p;
	a->end = &p->next;
	return parse_rights(p->rights, rights, why);
}

struct lv_principal *
lv_access_find(struct lv_access *a, const char *id)
{
	struct lv_principal *p;

	for (p = a->first; p != NULL && id != NULL; p = p->next)
		if (strcasecmp(p->id, id) == 0)
			return p;
	return id == NULL ? a->first : NULL;
}

int
lv_access_set_rights(struct lv_access *a, const char *id, const char *rights, struct lv_text *why)
{
	struct lv_principal *p = lv_access_find(a, id);

	if (p == NULL) {
		lv_text_printf(why, "there is no principal %s", id);
		return -ENOENT;
	}
	return parse_rights(p->rights, rights, why);
}

void
lv_access_set_deny(struct lv_access *a, const char *id, enum lv_deny deny)
{
	struct lv_principal *p;

	for (p = a->first; p != NULL; p = p->next)
		if (id == NULL || strcasecmp(p->id, id) == 0)
			p->deny = deny;
}

bool
lv_access_is_secret(const struct lv_principal *p, const char *secret)
{
	size_t len = strlen(p->secret);

	return secret != NULL && strlen(secret) == len && CRYPTO_memcmp(p->secret, secret, len) == 0;
}

static void
sign(const struct lv_access *a, const char *text, size_t len, unsigned char out[SIGNATURE])
{
	unsigned size = SIGNATURE;

	HMAC(EVP_sha256(), a->key, (int)strlen(a->key), (const unsigned char *)text, len, out, &size);
}

struct lv_evaluation
lv_access_evaluation(const char *claims)
{
	cJSON *root = claims != NULL ? cJSON_Parse(claims) : NULL;
	const cJSON *token = cJSON_GetObjectItemCaseSensitive(root, "access_token");
	const cJSON *cc = cJSON_GetObjectItemCaseSensitive(token, "xms_cc");
	const cJSON *cp1 = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(cc, "values"), 0);
	const cJSON *nbf = cJSON_GetObjectItemCaseSensitive(token, "nbf");
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(nbf, "value"));
	const char *capability = cJSON_GetStringValue(cp1);
	const struct lv_evaluation evaluation = { .is_handled = capability != NULL &&
		    strcasecmp(capability, "CP1") == 0,
		.not_before = value != NULL ? strtoll(value, NULL, 10) : 0 };

	cJSON_Delete(root);
	return evaluation;
}

void
lv_access_issue(struct lv_access *a, const struct lv_principal *p, const char *audience, int64_t life_s,
    const struct lv_evaluation *evaluation, struct lv_text *token)
{
	static const char header[] = "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"localvault\"}";
	unsigned char signature[SIGNATURE];
	int64_t now = lv_clock_wall_s();
	struct lv_text claims = { 0 };
	char unique[LV_GUID_SIZE];
	size_t start = token->len;

	lv_encode_new_guid(unique);
	lv_text_puts(&claims, "{\"aud\":");
	lv_text_string(&claims, audience);
	lv_text_printf(&claims,
	    ",\"iss\":\"https://sts.windows.net/%s/\",\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld,"
	    "\"appid\":\"%s\",\"oid\":\"%s\",\"sub\":\"%s\",\"tid\":\"%s\",\"uti\":\"%s\","
	    "\"ver\":\"1.0\",\"evaluated\":%lld%s}",
	    a->tenant, (long long)now, (long long)now, (long long)(now + life_s), p->id, p->id, p->id,
	    a->tenant, unique, (long long)evaluation->not_before,
	    evaluation->is_handled ? ",\"xms_cc\":[\"cp1\"]" : "");
	lv_encode_base64url(token, header, sizeof(header) - 1);
	lv_text_puts(token, ".");
	lv_encode_base64url(token, claims.data, claims.len);
	sign(a, token->data + start, token->len - start, signature);
	lv_text_puts(token, ".");
	lv_encode_base64url(token, signature, sizeof(signature));
	lv_text_release(&claims);
}

static bool
is_signed(const struct lv_access *a, const char *token, const char *dot)
{
	unsigned char signature[SIGNATURE];
	struct lv_text given = { 0 };
	bool good;

	sign(a, token, (size_t)(dot - token), signature);
	good = lv_encode_decode(&given, dot + 1, strlen(dot + 1)) == 0 && given.len == SIGNATURE &&
	    CRYPTO_memcmp(given.data, signature, SIGNATURE) == 0;
	lv_text_release(&given);
	return good;
}

static enum lv_token
read_claims(struct lv_access *a, const char *text, size_t len, struct lv_claims *claims)
{
	struct lv_text json = { 0 };
	const cJSON *aud, *exp;
	const char *appid;
	enum lv_token result = LV_TOKEN_BAD;
	cJSON *c = NULL;

	if (lv_encode_decode(&json, text, len) == 0)
		c = cJSON_Parse(lv_text_str(&json));
	lv_text_release(&json);
	aud = cJSON_GetObjectItemCaseSensitive(c, "aud");
	exp = cJSON_GetObjectItemCaseSensitive(c, "exp");
	appid = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c, "appid"));
	if (cJSON_IsString(aud) && cJSON_IsNumber(exp) && appid != NULL) {
		snprintf(claims->audience, sizeof(claims->audience), "%s", aud->valuestring);
		claims->principal = lv_access_find(a, appid);
		claims->evaluation.is_handled = cJSON_HasObjectItem(c, "xms_cc");
		claims->evaluation.not_before =
		    (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(c, "evaluated"));
		if (claims->principal != NULL)
			result =
			    exp->valuedouble <= (double)lv_clock_wall_s() ? LV_TOKEN_EXPIRED : LV_TOKEN_GOOD;
	}
	cJSON_Delete(c);
	return result;
}

enum lv_token
lv_access_check(struct lv_access *a, const char *header, struct lv_claims *claims)
{
	const char *token, *first, *last;

	*claims = (struct lv_claims){ 0 };
	if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0)
		return LV_TOKEN_MISSING;
	token = header + 7;
	first = strchr(token, '.');
	last = strrchr(token, '.');
	if (first == NULL || first == last || !is_signed(a, token, last))
		return LV_TOKEN_BAD;
	return read_claims(a, first + 1, (size_t)(last - first - 1), claims);
}

enum lv_op
lv_access_right(const struct lv_route *route, const char *method)
{
	switch (route->op) {
	case LV_VERSIONS:
		return LV_LIST;
	case LV_DELETED:
		return route->name[0] == '\0' ? LV_LIST : LV_GET;
	case LV_POLICY:
	case LV_PENDING:
	case LV_OTHER:
		return strcmp(method, "GET") == 0 ? LV_GET : LV_UPDATE;
	case LV_MERGE:
		return LV_CREATE;
	default:
		return route->op;
	}
}

bool
lv_access_may(const struct lv_principal *p, enum lv_type type, enum lv_op right)
{
	return type < LV_TYPES && (p->rights[type] & 1U << right) != 0;
}
