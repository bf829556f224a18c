#ifndef LV_ACCESS_H
#define LV_ACCESS_H
/* Who may do what: principals with a secret and rights, and the tokens that prove them. */
#include <stdbool.h>
#include <stdint.h>

#include "tests/vault/options.h"
#include "tests/vault/route.h"
#include "tests/vault/text.h"

struct lv_access;

struct lv_principal {
	char *id;
	char *secret;
	unsigned rights[LV_TYPES]; /* a bit per lv_op */
	enum lv_deny deny;
	struct lv_principal *next;
};

enum lv_token { LV_TOKEN_GOOD, LV_TOKEN_MISSING, LV_TOKEN_BAD, LV_TOKEN_EXPIRED };

/* What a client requests of a token for continuous access evaluation. */
struct lv_evaluation {
	bool is_handled;    /* "xms_cc": the client handles a challenge that requires claims */
	int64_t not_before; /* "nbf" of such a challenge; 0: none */
};

struct lv_claims {
	const struct lv_principal *principal;
	char audience[256];
	struct lv_evaluation evaluation;
};

/* key signs the tokens; tenant stands in them. Both are copied. */
struct lv_access *lv_access_new(const char *key, const char *tenant);
void lv_access_free(struct lv_access *a);

/* rights as in "keys=list,get;secrets=*", "*" for all. 0, or -EINVAL and a sentence in why. */
int lv_access_add(
    struct lv_access *a, const char *id, const char *secret, const char *rights, struct lv_text *why);
int lv_access_set_rights(struct lv_access *a, const char *id, const char *rights, struct lv_text *why);
void lv_access_set_deny(struct lv_access *a, const char *id, enum lv_deny deny); /* NULL: all */

struct lv_principal *lv_access_find(struct lv_access *a, const char *id); /* NULL: the first */
bool lv_access_is_secret(const struct lv_principal *p, const char *secret);

/* The "claims" of a token request; NULL without any. */
struct lv_evaluation lv_access_evaluation(const char *claims);
void lv_access_issue(struct lv_access *a, const struct lv_principal *p, const char *audience, int64_t life_s,
    const struct lv_evaluation *evaluation, struct lv_text *token);
enum lv_token lv_access_check(struct lv_access *a, const char *header, struct lv_claims *claims);

/* The right that an operation needs; method tells reading from writing where both are one. */
enum lv_op lv_access_right(const struct lv_route *route, const char *method);
bool lv_access_may(const struct lv_principal *p, enum lv_type type, enum lv_op right);
#endif
