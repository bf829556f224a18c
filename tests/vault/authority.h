#ifndef LV_AUTHORITY_H
#define LV_AUTHORITY_H
/* The token services: Entra's endpoints, the instance metadata service and App Service's. */
#include "tests/vault/service.h"

void lv_authority_handle(struct lv_service *s, const struct lv_request *r, struct lv_answer *a);
#endif
