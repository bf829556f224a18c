#ifndef KV_CLIENT_AUTH_TOKEN_ANSWER_H
#define KV_CLIENT_AUTH_TOKEN_ANSWER_H
/*
 * Answers of token services, identity endpoints and the az CLI. text need not end in NUL.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/base/err.h"

struct kv_token_answer {
	char *value;	   /* wiped by kv_token_answer_release() */
	int64_t life_s;	   /* seconds from now; 0 if not given */
	int64_t refresh_s; /* renew it after so many seconds; 0 if not given */
};

/*
 * access_token (accessToken of the az CLI, token of azd), with expires_in (number or string of seconds) or
 * expires_on (number or string of Unix seconds, or a date of Azure Machine Learning) or azd's expiresOn, a
 * date in UTC; otherwise the "exp" of a JWT. The az CLI's expiresOn is in local time, and ignored. refresh_in
 * is in seconds.
 * -EBADMSG for anything else, -ENOMEM; answer is then zeroed.
 */
int kv_token_answer_parse(
    const char *text, size_t len, int64_t wall_now, struct kv_token_answer *answer) KV_MUST_CHECK;
void kv_token_answer_release(struct kv_token_answer *answer);
/*
 * A refusal: code = "error", inner = the token service's number as "AADSTS7000222", message =
 * "error_description" as one line; "" for what is missing.
 */
void kv_token_answer_fault(const char *text, size_t len, struct kv_fault *fault);
/* Whether it can be put into a header unchanged. NULL and "" cannot. */
bool kv_token_answer_is_token(const char *token);
/* Unix seconds of "exp" in a JWT's payload, not verified; 0 if it is not a JWT. */
int64_t kv_token_answer_jwt_expiry(const char *token);
#endif
