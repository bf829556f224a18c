/*
 * The pace of one class of requests.
 */
#include <stdlib.h>
#include <string.h>

#include "cache/bucket.h"

#define DEPTH	  2.0
#define PROBE_MS  250
#define CLIMB	  0.02
#define MIN_SHARE 0.05 /* of the ceiling: a 429 that is not about our pace must not stop us for minutes */
#define MIN_RATE  1.0
#define BELIEF	  1.1
#define BELIEF_MS ((int64_t)10 * 60 * 1000)
#define WINDOW_MS (KV_BUCKET_WINDOW_S * 1000)

void
kv_bucket_init(struct kv_bucket *b, double rate, double share, int64_t mono_now)
{
	*b = (struct kv_bucket){ .ceiling = rate, .rate = rate, .share = share, .tokens = DEPTH };
	b->mono_filled = b->mono_climbed = b->mono_limit = b->mono_served = mono_now;
	b->mono_second = mono_now / 1000;
}

/* Tokens per second: with a full bucket and the request that starts a window, 10 x rate - 1 in any 10 s. */
static double
fill_rate(const struct kv_bucket *b)
{
	return b->rate - (DEPTH + 1) / KV_BUCKET_WINDOW_S;
}

static double
least(const struct kv_bucket *b)
{
	return b->ceiling * MIN_SHARE > MIN_RATE ? b->ceiling * MIN_SHARE : MIN_RATE;
}

static double
goal(const struct kv_bucket *b)
{
	const double fair = b->share * b->limit;

	return b->limit > 0 && fair < b->ceiling ? fair : b->ceiling;
}

static void
climb(struct kv_bucket *b, int64_t mono_now)
{
	while (b->limit > 0 && mono_now - b->mono_limit >= BELIEF_MS) {
		b->limit *= BELIEF;
		b->mono_limit += BELIEF_MS;
	}
	while (mono_now - b->mono_climbed >= WINDOW_MS) {
		b->mono_climbed += WINDOW_MS;
		if (b->rate < goal(b))
			b->rate =
			    b->rate + CLIMB * b->ceiling < goal(b) ? b->rate + CLIMB * b->ceiling : goal(b);
	}
}

static void
fill(struct kv_bucket *b, int64_t mono_now)
{
	climb(b, mono_now);
	b->tokens += (double)(mono_now - b->mono_filled) / 1000 * fill_rate(b);
	if (b->tokens > DEPTH)
		b->tokens = DEPTH;
	b->mono_filled = mono_now;
}

int64_t
kv_bucket_wait_ms(struct kv_bucket *b, int64_t mono_now)
{
	if (b->is_closed && b->is_probing)
		return -1;
	if (b->is_closed)
		return b->mono_probe > mono_now ? b->mono_probe - mono_now : 0;
	fill(b, mono_now);
	return b->tokens >= 1 ? 0 : (int64_t)((1 - b->tokens) / fill_rate(b) * 1000) + 1;
}

bool
kv_bucket_take(struct kv_bucket *b)
{
	b->tokens -= 1;
	b->is_probing = b->is_closed;
	return b->is_closed;
}

static void
forget_old_counts(struct kv_bucket *b, int64_t mono_second)
{
	if (mono_second - b->mono_second >= KV_BUCKET_WINDOW_S)
		memset(b->served, 0, sizeof(b->served));
	else
		for (int64_t s = b->mono_second + 1; s <= mono_second; s++)
			b->served[s % KV_BUCKET_WINDOW_S] = 0;
	b->mono_second = mono_second;
}

static double
served_per_second(struct kv_bucket *b, int64_t mono_now)
{
	unsigned int sum = 0;

	forget_old_counts(b, mono_now / 1000);
	for (int i = 0; i < KV_BUCKET_WINDOW_S; i++)
		sum += b->served[i];
	return (double)sum / KV_BUCKET_WINDOW_S;
}

static void
reopen(struct kv_bucket *b, int64_t mono_now)
{
	b->is_closed = b->is_probing = false;
	b->tokens = 0;
	b->mono_filled = b->mono_climbed = mono_now;
}

void
kv_bucket_served(struct kv_bucket *b, bool was_probe, int64_t mono_now)
{
	if (was_probe)
		reopen(b, mono_now);
	forget_old_counts(b, mono_now / 1000);
	b->served[mono_now / 1000 % KV_BUCKET_WINDOW_S]++;
	b->mono_served = mono_now;
}

void
kv_bucket_limited(struct kv_bucket *b, int64_t retry_after_ms, int64_t mono_now)
{
	if (!b->is_closed) { /* the first of them: what the window held is the limit */
		b->limit = served_per_second(b, mono_now);
		b->mono_limit = mono_now;
		b->rate = b->share * b->limit;
		if (b->rate < least(b))
			b->rate = least(b);
		if (b->share * b->limit < b->rate)
			b->limit = b->rate / b->share;
	}
	kv_bucket_close(b, mono_now);
	if (mono_now + retry_after_ms > b->mono_probe)
		b->mono_probe = mono_now + retry_after_ms;
}

void
kv_bucket_close(struct kv_bucket *b, int64_t mono_now)
{
	b->is_closed = true;
	b->is_probing = false;
	b->mono_probe = mono_now + PROBE_MS / 2 + arc4random_uniform(PROBE_MS);
}
