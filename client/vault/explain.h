#ifndef KV_CLIENT_VAULT_EXPLAIN_H
#define KV_CLIENT_VAULT_EXPLAIN_H
/*
 * Why a call failed, as one sentence with what to do, for the log and for the start.
 */
#include <stdint.h>
#include "client/base/err.h"

struct kv_buf;
struct kv_fault;
struct kv_reply;

/*
 * Append it to why: for an answer that refuses, the sentence of client/base/refusal; for a refused credential
 * or no answer, reply->why. host: the vault's.
 */
void kv_explain(const struct kv_reply *reply, const char *host, struct kv_buf *why);
/*
 * The same for a 401 to a token, with the vault's own words: audience, issuer, expiry. wall_date: the answer's
 * Date, 0 if missing.
 */
void kv_explain_401(const struct kv_fault *fault, const char *host, int64_t wall_date, struct kv_buf *why);
/*
 * Whether an answer refuses what was asked for, and will do so again: 1; 0: it does not. -EBADMSG: it does, but without
 * a code of Key Vault, so it is a proxy's and proves nothing.
 */
int kv_explain_refusal(const struct kv_reply *reply) KV_MUST_CHECK;
#endif
