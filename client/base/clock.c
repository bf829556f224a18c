/* The two clocks. */
#include "client/base/clock.h"

#include <time.h>

int64_t
kv_clock_mono_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail: the clock exists */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
kv_clock_wall_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}
