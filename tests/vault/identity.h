#ifndef LV_IDENTITY_H
#define LV_IDENTITY_H
/*
 * The endpoints of managed identities: the Instance Metadata Service, App Service, Azure Machine Learning and
 * the agent of Azure Arc.
 */
#include "tests/vault/service.h"

bool lv_identity_is_path(const char *path);
/* Answers a request to one of them; false for any other, whose answer is then a 404 so far. */
bool lv_identity_handle(struct lv_service *s, const struct lv_request *r, struct lv_answer *a);
#endif
