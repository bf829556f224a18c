#include "cache/pace/silence.h"

void
kv_silence_init(struct kv_silence *s, int64_t mono_now)
{
	*s = (struct kv_silence){ .mono_answered = mono_now };
}

void
kv_silence_answered(struct kv_silence *s, int64_t mono_now)
{
	s->mono_answered = mono_now;
	s->mono_until = 0;
}

void
kv_silence_timed_out(struct kv_silence *s, int64_t mono_begun, int64_t timeout_ms, int64_t mono_now)
{
	if (s->mono_answered <= mono_begun)
		s->mono_until = mono_now + timeout_ms;
}

bool
kv_silence_is_on(const struct kv_silence *s, int64_t mono_now)
{
	return mono_now < s->mono_until;
}
