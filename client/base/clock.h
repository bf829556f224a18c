#ifndef KV_CLIENT_BASE_CLOCK_H
#define KV_CLIENT_BASE_CLOCK_H
/*
 * The two clocks. Unit tests link tests/unit/fake_clock.c instead of clock.c.
 */
#include <stdint.h>

/*
 * Milliseconds of CLOCK_BOOTTIME, which also counts while the machine is suspended, so that tokens and
 * listings expire.
 */
int64_t kv_clock_mono_ms(void);
/* Unix seconds. */
int64_t kv_clock_wall_s(void);
#endif
