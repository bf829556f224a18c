/* The two clocks. */
#include <time.h>

#include "tests/vault/clock.h"

static int64_t
read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
lv_clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
lv_clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

int64_t
lv_clock_wall_s(void)
{
	return read_us(CLOCK_REALTIME) / 1000000;
}
