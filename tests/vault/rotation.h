#ifndef LV_ROTATION_H
#define LV_ROTATION_H
/* A key's rotation policy. No backup has it. */
#include "tests/vault/service.h"

/* GET and PUT /keys/NAME/rotationpolicy. */
void lv_rotation(struct lv_call *c);
#endif
