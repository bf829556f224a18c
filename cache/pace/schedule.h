#ifndef KV_CACHE_PACE_SCHEDULE_H
#define KV_CACHE_PACE_SCHEDULE_H
/*
 * Which call is sent next, and when.
 *
 * Each class of requests has a rate (cache/pace/bucket), an in-flight limit (cache/pace/window) and a queue
 * per priority; one more in-flight limit covers all classes together. Metadata requests are exempt from the
 * limit of their class, and the last slots of the common limit are reserved for them: ls must answer while
 * all reads are hung. When more than half of the last 20 attempts found the vault down, all classes close
 * and send only probes until it serves again.
 *
 * Prefetches are sent in batches: once the rate of a class is used up, they pause for 50 ms. The answers
 * then arrive together, and the loop and the reading program wake less often (measured for an archive at 400
 * requests per second: 13 % less CPU time with 20 ms, and 5 % less than that with 50; not measurably less with
 * 100). Below 20 requests per second each is sent alone anyway.
 *
 * With a member of a kv_total, a request also needs the common rate of several vaults.
 *
 * It has no clock and no timer: the caller passes mono_now in milliseconds, which must never decrease.
 */
#include <stdbool.h>
#include <sys/queue.h>
#include "cache/pace/outcome.h"
#include "cache/pace/total.h"
#include "cache/pace/window.h"
#include "client/vault/vault.h"

struct kv_bucket;
struct kv_schedule;

/* In ascending order: KV_METADATA is sent first. */
enum kv_priority { KV_AHEAD, KV_REFRESH, KV_RESTORE, KV_READ, KV_METADATA };
#define KV_PRIORITIES	    5

#define KV_SCHEDULE_CLASSES KV_PACES

struct kv_schedule_options {
	double rate;	  /* requests per second for all classes together; 0: each class has its own */
	double share;	  /* fraction of a discovered limit to use, 0 to 1; the rest is for other clients */
	int max_inflight; /* requests in flight, all classes together */
	bool is_hsm;	  /* a Managed HSM */
	struct kv_total_member *member; /* of the common rate of several vaults; or NULL */
};

/* A call that is queued or in flight; the caller embeds it in its own struct. */
struct kv_schedule_entry {
	TAILQ_ENTRY(kv_schedule_entry) link; /* while queued */
	int class;
	enum kv_priority priority;
	bool is_queued, is_in_flight;
	bool is_probe;		    /* while in flight: it probes a closed class */
	bool is_total_probe;	    /* while in flight: it probes the closed common rate */
	struct kv_window_slot slot; /* while in flight */
};

/* NULL: out of memory. */
struct kv_schedule *kv_schedule_new(const struct kv_schedule_options *options, int64_t mono_now);
/* No entry may be queued or in flight. */
void kv_schedule_free(struct kv_schedule *schedule);

/* Queues entry behind the others of that priority, in the class of op and type. */
void kv_schedule_add(struct kv_schedule *schedule, struct kv_schedule_entry *entry, enum kv_op op,
    enum kv_type type, enum kv_priority priority);
/* Queues entry before the others; it keeps its class and priority. */
void kv_schedule_put_back(struct kv_schedule *schedule, struct kv_schedule_entry *entry);
/* Never lowers the priority. */
void kv_schedule_raise(
    struct kv_schedule *schedule, struct kv_schedule_entry *entry, enum kv_priority priority);
/* Takes a queued entry out of its queue. */
void kv_schedule_remove(struct kv_schedule *schedule, struct kv_schedule_entry *entry);

/*
 * Takes the first entry of the highest priority that its class allows to be sent; it is in flight from now
 * on. NULL: none may be sent, and *wait_ms is the time until one may, -1 if that depends on an answer.
 */
struct kv_schedule_entry *kv_schedule_next(struct kv_schedule *schedule, int64_t mono_now, int64_t *wait_ms);

/* How a request with this reply ended. */
enum kv_outcome kv_schedule_outcome(const struct kv_reply *reply);
/* retry_after_ms: with KV_LIMITED, from the answer; -1: none. */
void kv_schedule_ended(struct kv_schedule *schedule, struct kv_schedule_entry *entry, enum kv_outcome outcome,
    int64_t retry_after_ms, int64_t mono_now);

/* How class begins in a vault that is no Managed HSM and has no configured rate. */
struct kv_schedule_start {
	const char *name;
	double rate, ceiling; /* requests per second */
};
void kv_schedule_start(int class, struct kv_schedule_start *start);

/*
 * The 429s of the last seconds were the common limit's: classes that closed for them reopen, and what was concluded
 * from them about the vault's own limit is taken back.
 */
void kv_schedule_excuse(struct kv_schedule *schedule, int64_t mono_now);

/* The class of such calls, numbered from 0. With a configured rate there is one class. */
int kv_schedule_class(const struct kv_schedule *schedule, enum kv_op op, enum kv_type type);
int kv_schedule_classes(const struct kv_schedule *schedule);
/* "light" (secrets, certificates, lists), "keys", "restores"; or "all". */
const char *kv_schedule_class_name(const struct kv_schedule *schedule, int class);
struct kv_bucket *kv_schedule_bucket(struct kv_schedule *schedule, int class);
const struct kv_window *kv_schedule_window(const struct kv_schedule *schedule, int class);
int kv_schedule_queued(const struct kv_schedule *schedule, int class);
/* Entries in flight, of all classes. */
int kv_schedule_in_flight(const struct kv_schedule *schedule);
/* Whether all classes are closed because the vault is down. */
bool kv_schedule_is_paused(const struct kv_schedule *schedule);

/* Asserts the invariants at the top of schedule.c, and those of the buckets and windows. */
void kv_schedule_check(const struct kv_schedule *schedule);
#endif
