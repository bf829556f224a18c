#ifndef LV_VAULT_H
#define LV_VAULT_H
/* A request to a vault: who asks, whether it may pass, what it meets, what it does. */
#include "tests/vault/service.h"

/* The vault that a Host header names; NULL if there is none. */
struct lv_vault *lv_vault_of_host(struct lv_service *s, const char *host);

/* https://NAME.SUFFIX[:PORT] */
void lv_vault_url(const struct lv_service *s, const struct lv_vault *v, struct lv_text *out);

void lv_vault_handle(
    struct lv_service *s, struct lv_vault *v, const struct lv_request *r, struct lv_answer *a);
#endif
