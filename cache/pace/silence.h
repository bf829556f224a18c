#ifndef KV_CACHE_PACE_SILENCE_H
#define KV_CACHE_PACE_SILENCE_H
/*
 * A vault that answers nothing. An archive opens its files one after the other, and if each one waited a whole
 * time-out, 2,000 files would take a week to fail. So when a call has waited for its time-out and the vault answered
 * nothing meanwhile, later calls only wait KV_SILENCE_MS, for as long as the time-out, or until any answer arrives. After
 * that the next call waits for its whole time-out again, so that a vault that has become slow is not given up.
 *
 * Like cache/pace/bucket, it has no clock.
 */
#include <stdbool.h>
#include <stdint.h>

#define KV_SILENCE_MS 2000 /* enough for a new connection and a request at usual distances */

struct kv_silence {
	int64_t mono_answered; /* the last answer of any status */
	int64_t mono_until;    /* later calls are short until then */
};

void kv_silence_init(struct kv_silence *silence, int64_t mono_now);
void kv_silence_answered(struct kv_silence *silence, int64_t mono_now);
/* A call that began at mono_begun has waited for its whole time-out without success. */
void kv_silence_timed_out(
    struct kv_silence *silence, int64_t mono_begun, int64_t timeout_ms, int64_t mono_now);
/* Whether a call that begins now is short. */
bool kv_silence_is_on(const struct kv_silence *silence, int64_t mono_now);
#endif
