#ifndef KV_TESTS_UNIT_FAKE_CLOCK_H
#define KV_TESTS_UNIT_FAKE_CLOCK_H
/* The clocks of client/base/clock.h, which stand still but for what a test does. */
#include <stdint.h>

void fake_clock_set(int64_t mono_ms, int64_t wall_s);
/* Both go on; wall time by the whole seconds of what has passed in all. */
void fake_clock_advance(int64_t ms);
#endif
