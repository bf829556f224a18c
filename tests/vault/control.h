#ifndef LV_CONTROL_H
#define LV_CONTROL_H
/* What is below /_local: counters, faults, settings and a dump, for tests. */
#include "tests/vault/service.h"

void lv_control_handle(struct lv_service *s, const struct lv_request *r, struct lv_answer *a);
#endif
