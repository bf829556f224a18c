/*
 * The rules of freshness.
 *
 * Invariants: a ban has a failure that caused it, and ends at most 10 s after the last failure; a complete
 * listing is valid for at least its time to live.
 */
#include <assert.h>

#include "cache/list/freshness.h"
#include "client/base/clock.h"

#define BAN_MS	 10000
#define AGAIN_MS 2000 /* between a failed refresh and the next attempt */

void
kv_freshness_init(struct kv_freshness *f, int64_t ttl_ms)
{
	*f = (struct kv_freshness){ .ttl_ms = ttl_ms, .mono_failed = INT64_MIN / 2 };
}

/* How long a listing that took took_ms is valid. */
static int64_t
valid_ms(const struct kv_freshness *f, int64_t took_ms)
{
	return 10 * took_ms > f->ttl_ms ? 10 * took_ms : f->ttl_ms;
}

void
kv_freshness_complete(struct kv_freshness *f, uint64_t serial, int64_t mono_started, int64_t took_ms)
{
	const int64_t elapsed_ms = kv_clock_mono_ms() - mono_started;

	f->serial = serial;
	f->mono_started = mono_started;
	f->valid_ms = valid_ms(f, took_ms > elapsed_ms ? took_ms : elapsed_ms);
}

void
kv_freshness_failed(struct kv_freshness *f, uint64_t serial, int err, bool was_handed_out)
{
	f->mono_failed = kv_clock_mono_ms();
	f->last_err = err;
	if (!was_handed_out)
		return;
	f->is_banned = true;
	f->banned_serial = serial;
	f->mono_ban_end = f->mono_failed + BAN_MS;
}

/* Whether a listing begun after the failed one is complete. */
static bool
has_recovered(const struct kv_freshness *f)
{
	return f->serial > f->banned_serial;
}

static bool
is_failing(const struct kv_freshness *f)
{
	return f->is_banned && kv_clock_mono_ms() < f->mono_ban_end;
}

int64_t
kv_freshness_age_ms(const struct kv_freshness *f)
{
	return f->serial != 0 ? kv_clock_mono_ms() - f->mono_started : -1;
}

bool
kv_freshness_is_serving(const struct kv_freshness *f)
{
	return f->serial != 0 && kv_freshness_age_ms(f) < 2 * f->valid_ms &&
	    (!f->is_banned || has_recovered(f));
}

bool
kv_freshness_use(struct kv_freshness *f)
{
	bool is_old;

	if (!is_failing(f) && has_recovered(f))
		f->is_banned = false;
	is_old = f->serial == 0 || (f->is_banned && !has_recovered(f)) ||
	    kv_freshness_age_ms(f) >= f->valid_ms / 5 * 4;
	return is_old &&
	    (kv_clock_mono_ms() - f->mono_failed >= AGAIN_MS ||
		!(f->is_banned || kv_freshness_is_serving(f)));
}

int
kv_freshness_refusal(const struct kv_freshness *f, bool is_loading)
{
	return is_failing(f) || (f->is_banned && !is_loading) ? f->last_err : 0;
}

int
kv_freshness_failure(const struct kv_freshness *f)
{
	if (is_failing(f) || (!kv_freshness_is_serving(f) && kv_clock_mono_ms() - f->mono_failed < BAN_MS))
		return f->last_err;
	return 0;
}

int64_t
kv_freshness_left_ms(const struct kv_freshness *f, int64_t mono_loading)
{
	int64_t left_ms = 0, took_ms;

	if (f->is_banned)
		return 0;
	if (kv_freshness_is_serving(f)) {
		left_ms = f->valid_ms - kv_freshness_age_ms(f);
	} else if (mono_loading >= 0) {
		took_ms = kv_clock_mono_ms() - mono_loading;
		left_ms = valid_ms(f, took_ms) - took_ms;
	}
	return left_ms > 0 ? left_ms : 0;
}

void
kv_freshness_check(const struct kv_freshness *f)
{
	assert(!f->is_banned || (f->last_err != 0 && f->mono_ban_end <= f->mono_failed + BAN_MS));
	assert(f->serial == 0 || f->valid_ms >= f->ttl_ms);
}
