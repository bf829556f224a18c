#ifndef KV_CACHE_RETRY_H
#define KV_CACHE_RETRY_H
/*
 * Which attempt that failed is worth another one, and when.
 */
#include <stdbool.h>
#include "client/vault.h"

/*
 * After so many attempts, the last of which ended with reply. A restore whose answer was lost is not
 * tried again, so that the vault sees it once. is_patient: also where the host cannot be reached.
 */
bool kv_retry_is_worth(
    const struct kv_call *call, const struct kv_reply *reply, int attempts, bool is_patient);
/* How long to rest before it: 0.1, 0.4, 1.6, 6.4, 16 s with full jitter, or longer where reply says so. */
int64_t kv_retry_rest_ms(const struct kv_reply *reply, int attempts);
#endif
