#ifndef KV_TESTS_UNIT_FAKE_CLOCK_H
#define KV_TESTS_UNIT_FAKE_CLOCK_H
/* Replaces the clocks of client/base/clock.h. They move only when a test moves them. */
#include <stdint.h>

void fake_clock_set(int64_t mono_ms, int64_t wall_s);
/* Advance both; wall time by the whole seconds of the sum of all advances. */
void fake_clock_advance(int64_t ms);
#endif
