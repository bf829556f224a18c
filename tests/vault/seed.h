#ifndef LV_SEED_H
#define LV_SEED_H
/* Vaults filled with objects: many, quickly, and the same for the same numbers. */
#include "tests/vault/service.h"

/*
 * As in "keys=N,secrets=N,certificates=N,versions=V,value=BYTES,kty=RSA-4096,vault=NAME". Objects
 * that are there already stay as they are. 0, or -errno and a sentence in why.
 */
int lv_seed(struct lv_service *s, const char *text, struct lv_text *why);
#endif
