#ifndef LV_DUMP_H
#define LV_DUMP_H
/* A vault's whole content as JSON, so that two vaults can be compared version by version. */
#include "tests/vault/store.h"

/*
 * [{"type","name","state","managed","current","policy","versions":[{"id","enabled","created",
 * "updated","nbf","exp","tags","kind","detail","public","secret_sha256"}]}], ordered by type,
 * name in upper case, and version; the value and the key material only as a digest.
 */
void lv_dump_vault(struct lv_store *s, const char *vault, struct lv_text *out);
#endif
