#ifndef LV_REFUSAL_H
#define LV_REFUSAL_H
/*
 * The service's refusals in its own words, with their CRLFs, by a name of ours: "rbac", "firewall". The texts are
 * from recordings and from issues that quote whole answers.
 */
#include "tests/vault/service.h"

bool lv_refusal_is(const char *name);

/*
 * Answer c with the refusal of that name, which must be one. right: what the caller lacks, where the text names it.
 * A Managed HSM adds the request's id to the message, and has no inner codes.
 */
void lv_refuse(struct lv_call *c, const char *name, enum lv_op right);

/* 403 to a caller without the right, as the principal's deny kind says. */
void lv_refuse_forbidden(struct lv_call *c, enum lv_op right);
#endif
