#ifndef LV_WRITE_H
#define LV_WRITE_H
/* Making keys and secrets: create, import, set; and encrypting with a key. */
#include "tests/vault/service.h"

void lv_write_create_key(struct lv_call *c);
void lv_write_import_key(struct lv_call *c);
void lv_write_set_secret(struct lv_call *c);
void lv_write_crypt(struct lv_call *c);
#endif
