#include "client/vault/attempts.h"

#include <string.h>

bool
kv_attempts_is_unresolved(const struct kv_fault *fault)
{
	return strncmp(fault->message, "AKV10046", 8) == 0;
}

int
kv_attempts_pause_ms(struct kv_attempts *a)
{
	static const int pauses_ms[] = { 2000, 5000, 10000 };

	return a->n_unresolved < sizeof(pauses_ms) / sizeof(pauses_ms[0]) ? pauses_ms[a->n_unresolved++] : -1;
}

bool
kv_attempts_again(struct kv_attempts *a, const char *challenge)
{
	if (a->had_claims)
		return false;
	a->had_claims = strstr(challenge, "insufficient_claims") != NULL;
	return a->had_claims || a->n_refused++ == 0;
}
