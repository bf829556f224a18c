#ifndef LV_ANSWER_H
#define LV_ANSWER_H
/* The service's error bodies and the headers that all its answers carry. */
#include "tests/vault/service.h"

/* {"error":{"code":...,"message":...[,"innererror":{"code":inner}]}}; inner may be NULL. */
void lv_answer_error(struct lv_answer *a, int status, const char *code, const char *inner, const char *format,
    ...) __attribute__((format(printf, 5, 6)));

void lv_answer_not_found(struct lv_call *c);	     /* 404 of the route's object */
void lv_answer_deleted_not_found(struct lv_call *c); /* 404 below /deleted... */
/* The 401 of continuous access evaluation: the token must be requested with wall_revoked as a claim. */
void lv_answer_require_claims(struct lv_call *c);
void lv_answer_challenge(struct lv_call *c, const char *message);
void lv_answer_throttled(struct lv_call *c);

/* An operation on what belongs to a certificate: 403. */
void lv_answer_managed(struct lv_call *c);

/* A name that is deleted or on its way: 409 for operations that would make an object. */
void lv_answer_deleted(struct lv_call *c, const struct lv_object *o);

void lv_answer_headers(struct lv_call *c);

/* Where the tokens for a vault are asked for, without and with the tenant. */
void lv_answer_resource(const struct lv_call *c, struct lv_text *out);
#endif
