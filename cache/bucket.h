#ifndef KV_CACHE_BUCKET_H
#define KV_CACHE_BUCKET_H
/*
 * How fast one class of requests may go: a token bucket that learns from 429.
 *
 * The service counts the requests of a sliding window of 10 s and answers 429, without saying when to
 * come again, while that is full. So a 429 closes the bucket and one probe at a time goes out every
 * 0.25 s (+- half) until one is served. Then the rate is share of what was served in the last 10 s,
 * but at least 5 % of the ceiling, and climbs by 2 % of the ceiling every 10 s, up to share of the
 * limit that was found; that limit is believed 10 % higher after every 10 minutes without a 429.
 *
 * No clock and no timer of its own: mono_now is the caller's, in milliseconds, and never goes back.
 */
#include <stdbool.h>
#include <stdint.h>

#define KV_BUCKET_WINDOW_S 10

struct kv_bucket {
	double ceiling, rate; /* requests per second; rate <= ceiling */
	double share;	      /* 0 to 1 */
	double limit;	      /* that was found, requests per second; 0 while none was */
	double tokens;
	int64_t mono_filled, mono_climbed, mono_limit;
	bool is_closed;				 /* a 429 came: probing */
	bool is_probing;			 /* a probe is under way */
	int64_t mono_probe;			 /* not before */
	int64_t mono_served;			 /* the last request that was served */
	int64_t mono_second;			 /* of the newest count */
	unsigned int served[KV_BUCKET_WINDOW_S]; /* in each of the last seconds */
};

void kv_bucket_init(struct kv_bucket *bucket, double rate, double share, int64_t mono_now);
/* Milliseconds until one may go, 0 for now; -1 until the probe under way has been answered. */
int64_t kv_bucket_wait_ms(struct kv_bucket *bucket, int64_t mono_now);
/* One goes. Whether it is a probe, whose end must be told. */
bool kv_bucket_take(struct kv_bucket *bucket);
/* A request was answered by the service itself, well or ill, but not with 429. */
void kv_bucket_served(struct kv_bucket *bucket, bool was_probe, int64_t mono_now);
/* A 429. retry_after_ms: as the answer said, or -1. */
void kv_bucket_limited(struct kv_bucket *bucket, int64_t retry_after_ms, int64_t mono_now);
/* The vault seems to be down, or a probe was lost: only probes from now on, until one is served. */
void kv_bucket_close(struct kv_bucket *bucket, int64_t mono_now);
#endif
