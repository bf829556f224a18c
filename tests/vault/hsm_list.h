#ifndef LV_HSM_LIST_H
#define LV_HSM_LIST_H
/*
 * The lists of a Managed HSM, page by page: keys, deleted keys and versions in the order in which
 * they were added, never an empty or a short page before the last one, and a nextLink without an
 * api-version, which the last page does not have.
 */
#include "tests/vault/service.h"

void lv_hsm_list(struct lv_call *c, bool is_deleted);
void lv_hsm_list_versions(struct lv_call *c, const struct lv_object *o);
#endif
