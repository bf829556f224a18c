#ifndef LV_BACKUP_H
#define LV_BACKUP_H
/* Backup and restore of one object with all its versions. */
#include "tests/vault/service.h"

void lv_backup_make(struct lv_call *c);
void lv_backup_restore(struct lv_call *c);
#endif
