#include "tests/unit/fake_clock.h"

#include "client/base/clock.h"

static int64_t mono_now = 1000000, wall_now_ms = 1700000000000;

int64_t
kv_clock_mono_ms(void)
{
	return mono_now;
}

int64_t
kv_clock_wall_s(void)
{
	return wall_now_ms / 1000;
}

void
fake_clock_set(int64_t mono_ms, int64_t wall_s)
{
	mono_now = mono_ms;
	wall_now_ms = wall_s * 1000;
}

void
fake_clock_advance(int64_t ms)
{
	mono_now += ms;
	wall_now_ms += ms;
}
