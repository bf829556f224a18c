#ifndef LV_CLOCK_H
#define LV_CLOCK_H
/* The two clocks: monotonic for waiting, wall for what the service tells (Unix seconds). */
#include <stdint.h>

int64_t lv_clock_mono_us(void);
int64_t lv_clock_wall_ms(void);
int64_t lv_clock_wall_s(void);
#endif
