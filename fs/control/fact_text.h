#ifndef KV_FS_CONTROL_FACT_TEXT_H
#define KV_FS_CONTROL_FACT_TEXT_H
/*
 * The members of vault.json, from the vault's answers, which client/vault/operations has checked. Each appends to out;
 * -EBADMSG, -EFBIG, -ENOMEM.
 */
#include "client/base/err.h"

struct kv_buf;
struct kv_json;

int kv_fact_text_contacts(const struct kv_json *answer, struct kv_buf *out) KV_MUST_CHECK;
/* Without its password, which the service returns to nobody. */
int kv_fact_text_issuer(const struct kv_json *issuer, struct kv_buf *out) KV_MUST_CHECK;
/* Appends nothing if the key was given no policy: the service's own has no time of its creation. */
int kv_fact_text_policy(const struct kv_json *policy, struct kv_buf *out) KV_MUST_CHECK;
#endif
