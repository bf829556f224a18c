/*
 * The retry policy.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/pace/retry.h"

#define TLS_ATTEMPTS  3
#define ONCE_ATTEMPTS 5 /* of a restore answered with 500: some servers use that for a name in use */

bool
kv_retry_is_worth(const struct kv_call *call, const struct kv_reply *reply, int attempts, bool is_patient)
{
	const struct kv_operation *op = kv_operation(call->op);
	const bool is_once = op->is_once;

	if (reply->err == 0)
		return false;
	if (op->makes_another && reply->status != 0 && !reply->is_of_token)
		return reply->status == 429; /* which was certainly not processed */
	if (reply->status != 0 && !reply->is_of_token)
		return kv_err_is_temporary(reply->status) &&
		    (!is_once || reply->status != 500 || attempts < ONCE_ATTEMPTS);
	if (is_once && reply->was_sent)
		return false;
	switch (reply->err) {
	case -EIO:
	case -EBUSY:
	case -ETIMEDOUT:
	case -EHOSTUNREACH:
	case -ECONNREFUSED:
		return is_patient;
	case -EPROTO:
		return is_patient && attempts < TLS_ATTEMPTS;
	default:
		return false;
	}
}

int64_t
kv_retry_rest_ms(const struct kv_reply *reply, int attempts)
{
	static const uint32_t most_ms[] = { 100, 400, 1600, 6400, 16000 };
	const int n = sizeof(most_ms) / sizeof(most_ms[0]);
	const int64_t ms = arc4random_uniform(most_ms[attempts <= n ? attempts - 1 : n - 1]) + 1;

	if (reply->retry_after_ms <= ms)
		return ms;
	return reply->retry_after_ms < KV_RETRY_PROBE_MS ? reply->retry_after_ms : KV_RETRY_PROBE_MS;
}
