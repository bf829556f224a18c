#ifndef KV_CLIENT_VAULT_ATTEMPTS_H
#define KV_CLIENT_VAULT_ATTEMPTS_H
/*
 * Which 401s to a token permit another attempt of the call. A restore that was answered with 401 was not
 * processed, so it is repeated like any other call.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"

struct kv_attempts {
	int n_refused;	     /* 401s that a new token may mend */
	bool had_claims;     /* a 401 that requires claims in the token */
	size_t n_unresolved; /* 401s because the vault cannot resolve the key of the token */
};

/*
 * AKV10046: a server of the vault may not have the key yet that signed a valid token, so the call is repeated
 * with the same token.
 */
bool kv_attempts_is_unresolved(const struct kv_fault *fault);
/* Makes "insufficient_claims" the inner code of fault if the challenge requires claims. */
void kv_attempts_mark_claims(const char *challenge, struct kv_fault *fault);
/* The pause before that; -1: this 401 is the answer. */
int kv_attempts_pause_ms(struct kv_attempts *attempts);
/*
 * Whether any other 401, with this challenge, permits an attempt with a new token: the first one does, and
 * after that one that requires claims.
 */
bool kv_attempts_again(struct kv_attempts *attempts, const char *challenge);
#endif
