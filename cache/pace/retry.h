#ifndef KV_CACHE_PACE_RETRY_H
#define KV_CACHE_PACE_RETRY_H
/*
 * Which failed attempt is repeated, and when.
 */
#include <stdbool.h>
#include "client/vault/vault.h"

/*
 * After so many attempts, the last of which ended with reply. A restore whose answer was lost is not
 * tried again, so that the vault sees it once. is_patient: also where the host cannot be reached.
 */
bool kv_retry_is_worth(
    const struct kv_call *call, const struct kv_reply *reply, int attempts, bool is_patient);
/*
 * How long a Retry-After is obeyed at most, and how often one request goes meanwhile to see whether the
 * vault serves again: a proxy's "come back tomorrow" must not stop an archive whose vault is well.
 */
#define KV_RETRY_AFTER_MS 60000
#define KV_RETRY_PROBE_MS 10000
/*
 * How long to rest before it: 0.1, 0.4, 1.6, 6.4, 16 s with full jitter, or longer where reply has a Retry-After,
 * but then KV_RETRY_PROBE_MS at most.
 */
int64_t kv_retry_rest_ms(const struct kv_reply *reply, int attempts);
#endif
