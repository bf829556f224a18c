#ifndef LV_CONTACTS_H
#define LV_CONTACTS_H
/* What a vault has for its certificates beside them: contacts and issuers. */
#include "tests/vault/service.h"

void lv_contacts(struct lv_call *c);
void lv_issuers(struct lv_call *c); /* the list, and one of it */
#endif
