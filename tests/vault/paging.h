#ifndef LV_PAGING_H
#define LV_PAGING_H
/*
 * Lists of servers that page otherwise than Key Vault, in Key Vault's form: by offset, by insertion, by a cursor
 * into a snapshot; and links that are refused when they are old. A client that reads a list in several places
 * at once must not lose names there.
 */
#include "tests/vault/service.h"

int lv_paging_parse(const char *text, enum lv_paging *paging); /* name, offset, insertion, snapshot */

/* Answers a list of objects, with c->service->options->paging, which is not LV_BY_NAME. */
void lv_paging_list(struct lv_call *c);

/*
 * Whether token (NULL: none) was issued since the option refuse_links was set, or that is 0. Else the answer is
 * written.
 */
bool lv_paging_accepts(struct lv_call *c, const char *token);
void lv_paging_issued(struct lv_service *s, const char *token);

void lv_paging_release(struct lv_service *s);
#endif
