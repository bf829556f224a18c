#ifndef LV_PAIR_H
#define LV_PAIR_H
/* A version of a certificate, and the versions of the key and the secret behind it. */
#include "tests/vault/store.h"

struct lv_pair {
	struct lv_version versions[LV_TYPES];
};

/*
 * From a private key (as in material.h) and a certificate (DER in base64). The facts of base
 * (id, times, tags, enabled) are taken over, nbf and exp are the certificate's. 0 or -EINVAL.
 */
int lv_pair_make(struct lv_pair *p, const char *key, const char *cer, const char *content_type,
    const struct lv_version *base);
void lv_pair_release(struct lv_pair *p);

/*
 * Make it the current version of the certificate o (added if its id is 0), its key and its secret;
 * the caller has looked that no other key or secret is in the way, and is in a transaction.
 */
int lv_pair_store(struct lv_store *s, const char *vault, struct lv_object *o, const struct lv_pair *p);

/* Whether a key or a secret of that name is in the way of a certificate. */
bool lv_pair_is_blocked(struct lv_store *s, const char *vault, const char *name);
#endif
