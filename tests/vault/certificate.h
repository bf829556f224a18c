#ifndef LV_CERTIFICATE_H
#define LV_CERTIFICATE_H
/* Certificates: create, import, policy, the pending operation; the key and secret behind them. */
#include "tests/vault/service.h"

void lv_certificate_create(struct lv_call *c);
void lv_certificate_import(struct lv_call *c);
void lv_certificate_get_policy(struct lv_call *c); /* and PATCH */
void lv_certificate_pending(struct lv_call *c);	   /* GET, PATCH, DELETE */
void lv_certificate_merge(struct lv_call *c);

/* Put the members of policy (may be NULL) over the object's: 0, or -EINVAL with the answer written. */
int lv_certificate_merge_policy(struct lv_call *c, struct lv_object *o, const cJSON *policy);

/* Issue the certificate that is pending; the caller is in a transaction. */
void lv_certificate_complete(struct lv_service *s, const char *vault, struct lv_object *o);
#endif
