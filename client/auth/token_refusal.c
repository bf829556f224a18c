#include "client/auth/token_refusal.h"

#include <string.h>

#include "client/base/buf.h"
#include "client/base/fault.h"
#include "client/base/refusal.h"

void
kv_token_refusal_of_text(const char *text, struct kv_fault *fault)
{
	*fault = (struct kv_fault){ .code = "" };
	if (kv_refusal_find_aadsts(text, fault->inner, sizeof(fault->inner))) {
		text = strstr(text, fault->inner);
		kv_fault_line(fault->message, sizeof(fault->message), text, strlen(text));
	}
}

int
kv_token_refusal_say(
    const struct kv_audience *audience, const struct kv_token_refused *refused, struct kv_buf *why)
{
	const struct kv_refusal refusal = { .fault = refused->fault,
		.who = "the token service",
		.client = refused->client,
		.tenant = audience->tenant,
		.audience = audience->resource,
		.login = refused->login,
		.wall_date = refused->wall_date };

	if (!kv_refusal_is_aadsts(refused->fault->inner))
		return 0;
	kv_buf_say(why, ": ");
	kv_refusal_say(&refusal, why);
	kv_buf_say(why, " (%s)", refused->fault->inner);
	return -kv_refusal_find(0, refused->fault)->err;
}
