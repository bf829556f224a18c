#ifndef LV_LIST_H
#define LV_LIST_H
/* The lists: objects, deleted objects, versions; in pages, with nextLink and $skiptoken. */
#include "tests/vault/service.h"

void lv_list_objects(struct lv_call *c);
void lv_list_deleted(struct lv_call *c);
void lv_list_versions(struct lv_call *c);
#endif
