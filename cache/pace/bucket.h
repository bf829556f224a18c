#ifndef KV_CACHE_PACE_BUCKET_H
#define KV_CACHE_PACE_BUCKET_H
/*
 * How fast one class of requests may go: a token bucket that learns from 429.
 *
 * While no limit is known the rate grows by half every 10 s, up to the ceiling, but only after 10 s in
 * which it was used: that the service allows a rate is seen only when it is used.
 *
 * The service counts the requests of a sliding window of 10 s and answers 429, without saying when to
 * come again, while that is full. So a 429 closes the bucket and one probe at a time goes out every
 * 0.25 s (+- half) until one is served. Then the rate is share of what was served in 10 s (the mean of
 * when the last 429 came, and the window was full, and of now, when it is not), but at least half of
 * what it was and 5 % of where it started, and climbs by 2 % of the ceiling every 10 s in which it is
 * used, up to share of the limit that was found: what the first 429 found served in 10 s. That limit
 * is assumed to be 1 % higher after every minute without a 429. Where less than 40 % of the rate was served
 * in the 10 s before, a 429 is due to the vault's other users: it shows nothing of the limit, and the
 * rate is halved.
 *
 * A Retry-After, where an answer has one, is obeyed for KV_RETRY_AFTER_MS at most, and a probe goes every
 * KV_RETRY_PROBE_MS meanwhile.
 *
 * In no 10 s go more than 10 x ceiling - 1, whatever was saved up, and with 0.2 s to spare for those
 * that the network holds up.
 *
 * No clock and no timer of its own: mono_now is the caller's, in milliseconds, and never goes back.
 */
#include <stdbool.h>
#include <stdint.h>

#define KV_BUCKET_SLOT_MS 100
#define KV_BUCKET_SLOTS	  103 /* the 10 s, the 0.2 s to spare, and the one that is being filled */

struct kv_bucket {
	double ceiling, rate; /* requests per second; rate <= ceiling */
	double least;	      /* a rate below which no 429 takes it */
	double share;	      /* 0 to 1 */
	double limit;	      /* that was found, requests per second; 0 while none was */
	double full;	      /* served per second when the last 429 came */
	double tokens;
	int64_t mono_filled;
	int64_t mono_climbed;
	int64_t mono_limit;  /* the last 429 */
	int64_t mono_opened; /* a 429 for what was sent before is no news */
	int64_t mono_served; /* the last request that was served */
	int64_t mono_probe;  /* not before */
	int64_t mono_asked;  /* what a Retry-After asked for; until then probes are rare */
	bool is_awaited;     /* something waits for a token */
	bool is_closed;	     /* probing */
	bool is_limited;     /* because of a 429 */
	bool was_used;	     /* the rate, when that came */
	bool is_probing;     /* a probe is under way */
	int64_t slot;	     /* the newest one */
	unsigned int sent[KV_BUCKET_SLOTS], served[KV_BUCKET_SLOTS];
	unsigned int n_sent; /* in all slots */
};

/* start <= ceiling: requests per second. */
void kv_bucket_init(struct kv_bucket *bucket, double start, double ceiling, double share, int64_t mono_now);
/* Go on where an earlier one was: its rate, the limit it had found or 0, and how old that is. */
void kv_bucket_resume(struct kv_bucket *bucket, double rate, double limit, int64_t age_ms, int64_t mono_now);
/* Milliseconds until one may go, 0 for now; -1 until the probe under way has been answered. */
int64_t kv_bucket_wait_ms(struct kv_bucket *bucket, int64_t mono_now);
/* One goes. Whether it is a probe: then kv_bucket_served(), _limited() or _close() must follow. */
bool kv_bucket_take(struct kv_bucket *bucket, int64_t mono_now);
/* A request was answered by the service itself, well or ill, but not with 429. */
void kv_bucket_served(struct kv_bucket *bucket, bool was_probe, int64_t mono_now);
/* So many a second were served in the last 10 s; of these from the first one on that was. */
double kv_bucket_throughput(const struct kv_bucket *bucket, int64_t mono_now);
/* A 429 for what was sent at mono_sent. retry_after_ms: of the answer, or -1. */
void kv_bucket_limited(struct kv_bucket *bucket, int64_t mono_sent, int64_t retry_after_ms, int64_t mono_now);
/* The vault seems to be down, or a probe was lost: only probes from now on, until one is served. */
void kv_bucket_close(struct kv_bucket *bucket, int64_t mono_now);

/* Asserts what the fields must be to each other. */
void kv_bucket_check(const struct kv_bucket *bucket);
#endif
