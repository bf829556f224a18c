#ifndef LV_HSM_H
#define LV_HSM_H
/*
 * What the answers of a Managed HSM have and those of a vault have not: members in the alphabet's
 * order, a request's id behind the message of an error, no inner codes, no Date. Lists have an
 * order and a form of nextLink of their own, see hsm_list.h.
 */
#include "tests/vault/service.h"

void lv_hsm_finish(struct lv_call *c); /* the body and headers of an answer that is otherwise whole */
#endif
