#ifndef LV_BYOK_H
#define LV_BYOK_H
/* Imports of key-transfer packages: key_hsm is decrypted with a KEK of the vault itself. */
#include <stdbool.h>

#include "tests/vault/material.h"
#include "tests/vault/service.h"

/* 0, or -EINVAL and the message of a 400 in why. */
int lv_byok_import(struct lv_call *c, const cJSON *jwk, struct lv_material *m, struct lv_text *why);
#endif
