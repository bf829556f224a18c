#ifndef KV_CLIENT_VAULT_DIALECT_H
#define KV_CLIENT_VAULT_DIALECT_H
/*
 * The version of the API with which a vault is asked: a newer one, and an older one until the vault has accepted
 * the newer one. A vault that refuses the newer one is asked with the older one from then on.
 */
#include <stdbool.h>
#include "client/vault/operations.h"

struct kv_fault;

struct kv_dialect {
	char version[32]; /* in use */
	char older[32];	  /* "" if there is none, or if it is not needed any more */
};

/* older may be NULL. */
void kv_dialect_init(struct kv_dialect *dialect, const char *version, const char *older);
/* The vault has answered a request with this version: there is no way back. */
void kv_dialect_accepted(struct kv_dialect *dialect);
/*
 * Whether this answer refuses the version, so that the request is to be repeated with the older one. A list has
 * nothing else that could be refused; of any other operation the message must name the version, because a
 * damaged blob is a 400, too.
 */
bool kv_dialect_is_refused(
    const struct kv_dialect *dialect, enum kv_op op, long status, const struct kv_fault *fault);
/* Use the older version. vault is for the warning, which is logged once. */
void kv_dialect_fall_back(struct kv_dialect *dialect, const char *vault);
#endif
