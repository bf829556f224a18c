/*
 * The rate of one class of requests.
 *
 * Unused tokens are saved for a late turn of the loop: as many as a tenth of a second adds, at least two.
 * So the loop can make up for lost time, and the limit per 10 s still holds, because sent requests are
 * counted. While no request waits, fewer tokens are saved: a burst would open connections that the rate
 * does not need later.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cache/pace/bucket.h"
#include "cache/pace/retry.h"

#define WINDOW_S	10
#define WINDOW_MS	(WINDOW_S * 1000)
#define DEPTH		2.0
#define DEPTH_S		0.1
#define BELOW		0.995 /* fill rate / ceiling; in the long run the count over 10.2 s decides */
#define GROWTH		1.5
#define USED		0.8
#define FOUND		0.4 /* of the rate: if this much was served, a 429 shows the limit (simulated: fairest) */
#define PROBE_MS	250
#define CLIMB		0.02
#define LEAST_SHARE	0.05 /* of the start: a 429 that we did not cause must not stop us for minutes */
#define LEAST		1.0
#define LIMIT_GROWTH	1.01
#define LIMIT_GROWTH_MS ((int64_t)60 * 1000)
#define EXCUSED_MS	3000

static double
min(double a, double b)
{
	return a < b ? a : b;
}

static double
max(double a, double b)
{
	return a > b ? a : b;
}

static int64_t
min_time(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
max_time(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void
kv_bucket_init(struct kv_bucket *b, double start, double ceiling, double share, int64_t mono_now)
{
	*b = (struct kv_bucket){ .ceiling = ceiling,
		.rate = start,
		.least = min(max(start * LEAST_SHARE, LEAST), ceiling),
		.share = share,
		.tokens = DEPTH };
	b->mono_filled = b->mono_climbed = b->mono_limit = b->mono_served = b->mono_opened = mono_now;
	b->slot = mono_now / KV_BUCKET_SLOT_MS;
}

void
kv_bucket_resume(struct kv_bucket *b, double rate, double limit, int64_t age_ms, int64_t mono_now)
{
	b->rate = min(max(rate, b->least), b->ceiling);
	b->limit = limit > 0 ? limit : 0;
	b->mono_limit = mono_now - (age_ms > 0 ? age_ms : 0);
}

/* ---- counts of sent and served requests ---- */

static void
forget_old_counts(struct kv_bucket *b, int64_t mono_now)
{
	const int64_t slot = mono_now / KV_BUCKET_SLOT_MS;
	int64_t old = slot - b->slot;

	for (old = old < KV_BUCKET_SLOTS ? old : KV_BUCKET_SLOTS; old > 0; old--) {
		const int64_t i = (slot - old + 1) % KV_BUCKET_SLOTS;

		b->n_sent -= b->sent[i];
		b->sent[i] = b->served[i] = 0;
	}
	b->slot = slot;
}

/* Requests served in the last 10 s; *first_ms: the age of the first of them. */
static unsigned int
served_lately(const struct kv_bucket *b, int64_t mono_now, int64_t *first_ms)
{
	const int64_t oldest = mono_now / KV_BUCKET_SLOT_MS - WINDOW_MS / KV_BUCKET_SLOT_MS;
	unsigned int sum = 0;

	*first_ms = 0;
	for (int64_t s = b->slot; s > oldest && s > b->slot - KV_BUCKET_SLOTS; s--) {
		sum += b->served[s % KV_BUCKET_SLOTS];
		if (b->served[s % KV_BUCKET_SLOTS] > 0)
			*first_ms = mono_now - s * KV_BUCKET_SLOT_MS;
	}
	return sum;
}

static double
served_per_second(const struct kv_bucket *b, int64_t mono_now)
{
	int64_t first_ms;

	return (double)served_lately(b, mono_now, &first_ms) / WINDOW_S;
}

double
kv_bucket_throughput(const struct kv_bucket *b, int64_t mono_now)
{
	int64_t first_ms;
	const double sum = served_lately(b, mono_now, &first_ms);

	return sum / (double)(first_ms > 1000 ? first_ms : 1000) * 1000;
}

/* ---- the rate ---- */

static double
goal(const struct kv_bucket *b)
{
	return b->limit > 0 ? min(b->share * b->limit, b->ceiling) : b->ceiling;
}

static void
raise_limit(struct kv_bucket *b, int64_t mono_now)
{
	while (b->limit > 0 && goal(b) < b->ceiling && mono_now - b->mono_limit >= LIMIT_GROWTH_MS) {
		b->limit *= LIMIT_GROWTH;
		b->mono_limit += LIMIT_GROWTH_MS;
	}
}

static void
climb(struct kv_bucket *b, int64_t mono_now)
{
	raise_limit(b, mono_now);
	if (mono_now - b->mono_climbed < WINDOW_MS || b->n_sent < USED * WINDOW_S * b->rate)
		return;
	b->mono_climbed = mono_now;
	if (b->rate < goal(b))
		b->rate = min(b->limit > 0 ? b->rate + CLIMB * b->ceiling : b->rate * GROWTH, goal(b));
}

static double
fill_rate(const struct kv_bucket *b)
{
	return min(b->rate, BELOW * b->ceiling);
}

static void
fill(struct kv_bucket *b, int64_t mono_now)
{
	double depth;

	forget_old_counts(b, mono_now);
	climb(b, mono_now);
	depth = max((b->is_awaited ? DEPTH_S : KV_BUCKET_IDLE_MS / 1000.0) * b->rate, DEPTH);
	if (b->tokens < depth)
		b->tokens = min(b->tokens + (double)(mono_now - b->mono_filled) / 1000 * fill_rate(b), depth);
	b->mono_filled = mono_now;
}

int64_t
kv_bucket_wait_ms(struct kv_bucket *b, int64_t mono_now)
{
	int64_t wait_ms = 0;

	if (b->is_closed && b->is_probing)
		return -1;
	if (b->is_closed)
		return b->mono_probe > mono_now ? b->mono_probe - mono_now : 0;
	fill(b, mono_now);
	if (b->n_sent + 1 > WINDOW_S * b->ceiling - 1)
		wait_ms = KV_BUCKET_SLOT_MS - mono_now % KV_BUCKET_SLOT_MS;
	else if (b->tokens < 1)
		wait_ms = (int64_t)((1 - b->tokens) / fill_rate(b) * 1000) + 1;
	b->is_awaited = wait_ms > 0;
	return wait_ms;
}

bool
kv_bucket_take(struct kv_bucket *b, int64_t mono_now)
{
	forget_old_counts(b, mono_now);
	b->sent[b->slot % KV_BUCKET_SLOTS]++;
	b->n_sent++;
	b->tokens -= 1;
	b->is_probing = b->is_closed;
	return b->is_closed;
}

/* ---- answers ---- */

/*
 * The rate after a 429. The longer the bucket was closed, the less the throughput reveals about the limit:
 * after 10 s our own requests have left the window, and others filled it. So one closing costs at most half
 * of the rate; the next one halves it again.
 */
static double
rate_after_limit(const struct kv_bucket *b, int64_t mono_now)
{
	const double found = (b->full + served_per_second(b, mono_now)) / 2;
	const double half = min(b->rate, goal(b)) / 2;

	return min(max(b->was_used ? max(b->share * found, half) : half, b->least), goal(b));
}

static void
reopen(struct kv_bucket *b, int64_t mono_now)
{
	if (b->is_limited)
		b->rate = rate_after_limit(b, mono_now);
	b->is_closed = b->is_probing = b->is_limited = false;
	b->mono_asked = mono_now;
	b->tokens = 0;
	b->mono_filled = b->mono_climbed = b->mono_opened = mono_now;
}

void
kv_bucket_served(struct kv_bucket *b, bool was_probe, int64_t mono_now)
{
	forget_old_counts(b, mono_now);
	b->served[b->slot % KV_BUCKET_SLOTS]++;
	b->mono_served = mono_now;
	if (was_probe)
		reopen(b, mono_now);
}

void
kv_bucket_limited(struct kv_bucket *b, int64_t mono_sent, int64_t retry_after_ms, int64_t mono_now)
{
	if (!b->is_closed && mono_sent < b->mono_opened)
		return;
	b->full = served_per_second(b, mono_now);
	if (!b->is_limited) { /* the first 429: what the window holds is the limit */
		b->old_rate = b->rate;
		b->old_limit = b->limit;
		b->was_used = b->full >= FOUND * b->rate;
		if (b->was_used)
			b->limit = max(b->full, b->least / b->share);
	}
	b->is_limited = true;
	b->mono_limit = mono_now;
	b->mono_asked = max_time(b->mono_asked, mono_now + min_time(retry_after_ms, KV_RETRY_AFTER_MS));
	kv_bucket_close(b, mono_now);
}

void
kv_bucket_excuse(struct kv_bucket *b, int64_t mono_now)
{
	if (b->old_rate == 0 || mono_now - b->mono_limit >= EXCUSED_MS || (b->is_closed && !b->is_limited))
		return;
	b->rate = b->old_rate;
	b->limit = b->old_limit;
	b->old_rate = 0;
	b->is_closed = b->is_probing = b->is_limited = false;
	b->tokens = 0;
	b->mono_asked = b->mono_filled = b->mono_climbed = b->mono_opened = mono_now;
}

void
kv_bucket_close(struct kv_bucket *b, int64_t mono_now)
{
	const int64_t asked_ms = min_time(b->mono_asked - mono_now, KV_RETRY_PROBE_MS);

	b->is_closed = true;
	b->is_probing = false;
	b->mono_probe = mono_now + max_time(PROBE_MS / 2 + arc4random_uniform(PROBE_MS), asked_ms);
}

void
kv_bucket_check(const struct kv_bucket *b)
{
	unsigned int n_sent = 0;

	for (int i = 0; i < KV_BUCKET_SLOTS; i++)
		n_sent += b->sent[i];
	assert(n_sent == b->n_sent);
	assert(b->least <= b->rate && b->rate <= b->ceiling);
	assert(b->limit >= 0 && b->share > 0 && b->share <= 1);
	assert(b->is_closed || (!b->is_probing && !b->is_limited));
}
