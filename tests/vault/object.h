#ifndef LV_OBJECT_H
#define LV_OBJECT_H
/* The operations that are alike for all types: get, update, delete, recover, purge; and settling. */
#include "tests/vault/service.h"

void lv_object_get(struct lv_call *c);
void lv_object_update(struct lv_call *c);
void lv_object_delete(struct lv_call *c);
void lv_object_get_deleted(struct lv_call *c);
void lv_object_recover(struct lv_call *c);
void lv_object_purge(struct lv_call *c);

/*
 * Make the call's object, or a new version of it: 0, or -errno with the answer written (409 for a
 * deleted name, 403 for what belongs to a certificate). The version is the current one afterwards.
 */
int lv_object_store(struct lv_call *c, const struct lv_version *v, struct lv_object *o);

/* Let every deletion and purge that is due take effect, and every certificate that is. */
void lv_object_settle(struct lv_service *s);
#endif
