#ifndef KV_CLIENT_BASE_CLOCK_H
#define KV_CLIENT_BASE_CLOCK_H
/*
 * The two clocks. Unit tests link tests/unit/fake_clock.c in the place of clock.c.
 */
#include <stdint.h>

/* Milliseconds of CLOCK_BOOTTIME: goes on while the machine sleeps, so that tokens and listings age. */
int64_t kv_clock_mono_ms(void);
/* Unix seconds. */
int64_t kv_clock_wall_s(void);
#endif
