#ifndef KV_CLIENT_VAULT_CALL_COPY_H
#define KV_CLIENT_VAULT_CALL_COPY_H
/*
 * Copies of a struct kv_call, whose strings are borrowed.
 */
#include "client/base/err.h"

struct kv_call;

/* A copy that owns its strings and a reference to its blob. -ENOMEM; release it in any case. */
int kv_call_copy(struct kv_call *to, const struct kv_call *from) KV_MUST_CHECK;
void kv_call_copy_release(struct kv_call *copy);
#endif
