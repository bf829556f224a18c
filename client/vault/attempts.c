#include "client/vault/attempts.h"

#include <string.h>

#define CLAIMS "insufficient_claims" /* the challenge's error */

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

static bool
requires_claims(const char *challenge)
{
	return strstr(challenge, CLAIMS) != NULL;
}

void
kv_attempts_mark_claims(const char *challenge, struct kv_fault *fault)
{
	if (requires_claims(challenge))
		memcpy(fault->inner, CLAIMS, sizeof(CLAIMS));
}

bool
kv_attempts_again(struct kv_attempts *a, const char *challenge)
{
	if (a->had_claims)
		return false;
	a->had_claims = requires_claims(challenge);
	return a->had_claims || a->n_refused++ == 0;
}
