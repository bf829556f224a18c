#ifndef KV_CACHE_PACE_TOTAL_H
#define KV_CACHE_PACE_TOTAL_H
/*
 * The common rate of several vaults: the service has a limit per subscription and region, too, five times that of one
 * vault. For each class of requests there is one more bucket (cache/pace/bucket), which each vault asks after its own.
 * Vaults that wait for it are served in turns, a request each, so none can use up the rate of the others.
 *
 * A 429 does not tell whose limit was reached. While at least two vaults, and at least half of those that send, get one
 * within three seconds, it is taken for the common one: the common bucket closes, probes, and reopens with its share of
 * what was served; and what these vaults have concluded about their own limits is taken back.
 *
 * A probe of the common bucket is sent by whichever vault has its turn. One that is not answered within two seconds is
 * given up, so that a vault that hangs cannot keep the others waiting.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include "cache/pace/outcome.h"

struct kv_loop;
struct kv_total;

#define KV_TOTAL_CLASSES 3 /* as the classes of a vault */

struct kv_total_options {
	double
	    rate; /* requests per second of all vaults and classes together; 0: 2.5 times the start of one vault */
	double vault_rate; /* the configured rate of each vault; 0: each class starts with its own */
	double share;	   /* fraction of a discovered limit to use, 0 to 1 */
};
/* NULL: out of memory. */
struct kv_total *kv_total_new(struct kv_loop *loop, const struct kv_total_options *options);
/* All members must have left. NULL does nothing. */
void kv_total_free(struct kv_total *total);

/* A vault; its throttle embeds it. */
struct kv_total_member {
	LIST_ENTRY(kv_total_member) all;
	struct kv_total *total;
	struct {
		TAILQ_ENTRY(kv_total_member) link; /* while it waits */
		bool is_waiting;
		int64_t mono_taken, mono_limited; /* its last request, and its last 429; 0: none */
	} classes[KV_TOTAL_CLASSES];
	void (*wake)(void *arg);   /* it is its turn: it may send one request now */
	void (*excuse)(void *arg); /* its recent 429s were not its own vault's */
	void *arg;
};
void kv_total_join(struct kv_total *total, struct kv_total_member *member, void (*wake)(void *),
    void (*excuse)(void *), void *arg);
/* Does nothing if member has not joined. */
void kv_total_leave(struct kv_total_member *member);

/* Whether member may send a request of class now. If not, it waits, and wake is called. */
bool kv_total_may_send(struct kv_total_member *member, int class, int64_t mono_now);
/* It sends one. Whether this is a probe of the common bucket. */
bool kv_total_take(struct kv_total_member *member, int class, int64_t mono_now);
/* How the request ended. True: a 429 of the common limit, which says nothing about the vault's own. */
bool kv_total_ended(struct kv_total_member *member, int class, enum kv_outcome outcome, bool was_probe,
    int64_t mono_sent, int64_t retry_after_ms);

struct kv_total_state {
	const char *name;   /* "all", or as the classes of a vault */
	double rate, limit; /* requests per second; limit 0: none discovered */
	double served;	    /* requests per second in the last 10 s */
	bool is_closed;	    /* only probes are sent */
	int n_waiting;	    /* vaults */
};
int kv_total_classes(const struct kv_total *total);
void kv_total_state(const struct kv_total *total, int class, struct kv_total_state *state);

void kv_total_check(const struct kv_total *total);
#endif
