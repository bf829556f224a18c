#ifndef LV_LIST_H
#define LV_LIST_H
/* The lists: objects, deleted objects, versions; in pages, with nextLink and $skiptoken. */
#include "tests/vault/service.h"

void lv_list_objects(struct lv_call *c);
void lv_list_deleted(struct lv_call *c);
void lv_list_versions(struct lv_call *c);

/* maxresults: 0 and the page's size, or -EINVAL with the 400 written. */
int lv_list_limit(struct lv_call *c, int *limit);
#endif
