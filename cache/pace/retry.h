#ifndef KV_CACHE_PACE_RETRY_H
#define KV_CACHE_PACE_RETRY_H
/*
 * Which failed attempts are retried, and when.
 */
#include <stdbool.h>
#include "client/vault/vault.h"

/*
 * Whether to retry call after that many attempts, the last of which ended with reply. A restore whose
 * answer was lost is not retried, so that the vault sees it once. is_patient: retry connection and token
 * failures too.
 */
bool kv_retry_is_worth(
    const struct kv_call *call, const struct kv_reply *reply, int attempts, bool is_patient);
/*
 * The longest that a Retry-After is obeyed, and how often one request probes the vault meanwhile: a proxy's
 * "come back tomorrow" must not stop an archive while the vault is healthy.
 */
#define KV_RETRY_AFTER_MS 60000
#define KV_RETRY_PROBE_MS 10000
/*
 * How long to wait before the retry: up to 0.1, 0.4, 1.6, 6.4, 16 s with full jitter; longer if reply has a
 * Retry-After, but then KV_RETRY_PROBE_MS at most.
 */
int64_t kv_retry_rest_ms(const struct kv_reply *reply, int attempts);
#endif
