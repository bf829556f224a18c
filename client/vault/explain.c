#include "client/vault/explain.h"

#include <errno.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/refusal.h"
#include "client/vault/vault.h"

static bool
is_refusal(const struct kv_reply *reply)
{
	return (reply->status < 200 || reply->status > 299) && reply->status != 0 && !reply->is_of_token;
}

/* An answer without a code is a proxy's or another server's, and why describes it and says what to do. */
static bool
is_of_other(const struct kv_reply *reply)
{
	return reply->cause == NULL && reply->fault.code[0] == '\0' && reply->fault.message[0] == '\0' &&
	    !kv_err_is_temporary(reply->status);
}

void
kv_explain(const struct kv_reply *reply, const char *host, struct kv_buf *why)
{
	const char *more = reply->why != NULL ? reply->why : "";
	const struct kv_refusal refusal = { .row = reply->cause,
		.status = reply->status,
		.fault = &reply->fault,
		.who = host,
		.is_bare = is_of_other(reply) && more[0] != '\0',
		.n_versions = reply->n_versions,
		.wall_date = reply->wall_date };

	if (reply->cause != NULL || is_refusal(reply)) {
		kv_refusal_say(&refusal, why);
		if (more[0] != '\0')
			kv_buf_say(why, " (%s)", more);
	} else {
		kv_buf_say(why, "%s", more[0] != '\0' ? more : strerror(-reply->err));
	}
}

void
kv_explain_401(const struct kv_fault *fault, const char *host, int64_t wall_date, struct kv_buf *why)
{
	const struct kv_refusal refusal = {
		.status = 401, .fault = fault, .who = host, .wall_date = wall_date
	};

	kv_refusal_say(&refusal, why);
	if (fault->message[0] != '\0')
		kv_buf_say(why, " (the vault's words: %s)", fault->message);
}

int
kv_explain_refusal(const struct kv_reply *reply)
{
	if (reply->status < 400 || reply->status > 499 || reply->is_of_token ||
	    kv_err_is_temporary(reply->status))
		return 0;
	return reply->fault.code[0] != '\0' ? 1 : -EBADMSG;
}
