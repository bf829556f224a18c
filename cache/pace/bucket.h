#ifndef KV_CACHE_PACE_BUCKET_H
#define KV_CACHE_PACE_BUCKET_H
/*
 * The rate of one class of requests: a token bucket that adapts to 429 responses.
 *
 * While no limit is known, the rate grows by half every 10 s, up to the ceiling, but only after 10 s in
 * which it was used: an unused rate proves nothing about what the service allows.
 *
 * The service counts the requests in a sliding window of 10 s. While that is full it answers 429, without a
 * Retry-After. So a 429 closes the bucket, and one probe at a time is sent every 0.25 s (+- half) until one
 * is served. The new rate is share x the mean of two throughputs over 10 s: when the last 429 came (window
 * full) and now (no longer full); but at least half of the old rate and 5 % of the starting rate. From
 * there it climbs by 2 % of the ceiling after every 10 s in which it is used, up to share x the discovered
 * limit, which is the throughput over the 10 s before the first 429. The limit is assumed to grow by 1 %
 * for every minute without a 429. If less than 40 % of the rate was served in the 10 s before a 429, the
 * vault's other users caused it: it reveals nothing about the limit, and the rate is halved.
 *
 * A Retry-After in an answer is obeyed for KV_RETRY_AFTER_MS at most, with a probe every KV_RETRY_PROBE_MS
 * meanwhile.
 *
 * At most 10 x ceiling - 1 requests are sent in any 10 s, however many tokens were saved, with a margin of
 * 0.2 s for requests that the network delays.
 *
 * It has no clock and no timer: the caller passes mono_now in milliseconds, which must never decrease.
 */
#include <stdbool.h>
#include <stdint.h>

#define KV_BUCKET_SLOT_MS 100
#define KV_BUCKET_SLOTS	  103 /* 10 s, the margin of 0.2 s, and the slot being filled */
/* Tokens of so much time are saved while no request waits; who pauses for longer loses some. */
#define KV_BUCKET_IDLE_MS 50

struct kv_bucket {
	double ceiling, rate;	    /* requests per second; rate <= ceiling */
	double least;		    /* no 429 reduces the rate below this */
	double share;		    /* fraction of the limit to use, 0 to 1 */
	double limit;		    /* discovered, requests per second; 0: none */
	double full;		    /* served per second when the last 429 came */
	double old_rate, old_limit; /* before the last closing by a 429; old_rate 0: there was none */
	double tokens;
	int64_t mono_filled;
	int64_t mono_climbed;
	int64_t mono_limit;  /* the last 429 or growth of the limit */
	int64_t mono_opened; /* a 429 to a request sent before this is ignored */
	int64_t mono_served; /* the last served request */
	int64_t mono_probe;  /* no probe before this */
	int64_t mono_asked;  /* end of a Retry-After; until then probes are rare */
	bool is_awaited;     /* a request waits for a token */
	bool is_closed;	     /* only probes are sent */
	bool is_limited;     /* closed because of a 429 */
	bool was_used;	     /* the rate was used when that 429 came */
	bool is_probing;     /* a probe is in flight */
	int64_t slot;	     /* number of the newest slot */
	unsigned int sent[KV_BUCKET_SLOTS], served[KV_BUCKET_SLOTS];
	unsigned int n_sent; /* sum of sent */
};

/* start <= ceiling, both in requests per second. */
void kv_bucket_init(struct kv_bucket *bucket, double start, double ceiling, double share, int64_t mono_now);
/* Continues with an earlier bucket's rate, its discovered limit (0: none) and the age of that limit. */
void kv_bucket_resume(struct kv_bucket *bucket, double rate, double limit, int64_t age_ms, int64_t mono_now);
/* Milliseconds until a request may be sent, 0: now; -1: not before the probe in flight is answered. */
int64_t kv_bucket_wait_ms(struct kv_bucket *bucket, int64_t mono_now);
/*
 * Counts a request as sent. Whether it is a probe: then kv_bucket_served(), _limited() or _close() must
 * follow.
 */
bool kv_bucket_take(struct kv_bucket *bucket, int64_t mono_now);
/* The service itself answered a request, with success or an error other than 429. */
void kv_bucket_served(struct kv_bucket *bucket, bool was_probe, int64_t mono_now);
/* Requests served per second since the first one of the last 10 s (at least 1 s ago). */
double kv_bucket_throughput(const struct kv_bucket *bucket, int64_t mono_now);
/* A request sent at mono_sent was answered with 429. retry_after_ms: from the answer, or -1. */
void kv_bucket_limited(struct kv_bucket *bucket, int64_t mono_sent, int64_t retry_after_ms, int64_t mono_now);
/*
 * The 429s of the last 3 s were not about this bucket's limit: it reopens, with the rate and the limit from before
 * them. Does nothing if there were none, or if it is closed for another reason.
 */
void kv_bucket_excuse(struct kv_bucket *bucket, int64_t mono_now);
/* Sends only probes until one is served: the vault seems to be down, or a probe was lost. */
void kv_bucket_close(struct kv_bucket *bucket, int64_t mono_now);

/* Asserts the invariants of the fields. */
void kv_bucket_check(const struct kv_bucket *bucket);
#endif
