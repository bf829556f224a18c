#ifndef KV_CACHE_PACE_SCHEDULE_H
#define KV_CACHE_PACE_SCHEDULE_H
/*
 * Which call goes next, and when.
 *
 * Each class of requests has a rate (cache/pace/bucket), an in-flight limit (cache/pace/window) and a queue
 * for each priority; one more in-flight limit is for all classes together. Metadata needs no slot of its class,
 * and the last slots of all are reserved for it: ls must answer while all reads are hung. When more than half of
 * the last 20 attempts found the vault down, all classes close and probe until it serves again.
 *
 * What nobody waits for goes in batches: once the rate is used up it rests for 20 ms. The answers come together
 * then, and the loop and the program that reads wake less often (measured: 13 % less processor time for an
 * archive at 400 a second). Below 50 a second each goes alone anyway.
 *
 * No clock and no timer of its own: mono_now is the caller's, in milliseconds, and never goes back.
 */
#include <stdbool.h>
#include <sys/queue.h>
#include "cache/pace/window.h"
#include "client/vault/vault.h"

struct kv_bucket;
struct kv_schedule;

/* Served in this order, the highest first. */
enum kv_priority { KV_AHEAD, KV_REFRESH, KV_RESTORE, KV_READ, KV_METADATA };
#define KV_PRIORITIES	    5

#define KV_SCHEDULE_CLASSES KV_PACES

struct kv_schedule_options {
	double rate;	  /* requests per second for all classes together; 0: each its own */
	double share;	  /* of a limit that was found, 0 to 1; the rest is others' */
	int max_inflight; /* requests, of all classes */
	bool is_hsm;	  /* a Managed HSM */
};

/* A call that waits or is in flight; embedded in what the caller has of it. */
struct kv_schedule_entry {
	TAILQ_ENTRY(kv_schedule_entry) link; /* while it is queued */
	int class;
	enum kv_priority priority;
	bool is_queued, is_in_flight;
	bool is_probe;		    /* while it is in flight: of a class that is closed */
	struct kv_window_slot slot; /* while it is in flight */
};

/* NULL: out of memory. */
struct kv_schedule *kv_schedule_new(const struct kv_schedule_options *options, int64_t mono_now);
/* All entries must be out. */
void kv_schedule_free(struct kv_schedule *schedule);

/* Behind the others of that priority, in the class of such calls. */
void kv_schedule_add(struct kv_schedule *schedule, struct kv_schedule_entry *entry, enum kv_op op,
    enum kv_type type, enum kv_priority priority);
/* In front of the others; it has its class and priority. */
void kv_schedule_put_back(struct kv_schedule *schedule, struct kv_schedule_entry *entry);
/* Never lowers it. */
void kv_schedule_raise(
    struct kv_schedule *schedule, struct kv_schedule_entry *entry, enum kv_priority priority);
/* Take it out of its queue. */
void kv_schedule_remove(struct kv_schedule *schedule, struct kv_schedule_entry *entry);

/*
 * Take out the first entry of the highest priority whose class lets it go; it is in flight from now on. NULL:
 * none may go, and *wait_ms is the time until one may, -1 where that depends on an answer.
 */
struct kv_schedule_entry *kv_schedule_next(struct kv_schedule *schedule, int64_t mono_now, int64_t *wait_ms);

/* How an entry in flight has ended. */
enum kv_outcome {
	KV_SERVED,   /* by the service itself, well or ill */
	KV_LIMITED,  /* 429 */
	KV_DOWN,     /* 408, 5xx, or no answer */
	KV_ABANDONED /* nobody waits for it any more */
};
/* retry_after_ms: of a KV_LIMITED one, -1 for none. */
void kv_schedule_ended(struct kv_schedule *schedule, struct kv_schedule_entry *entry, enum kv_outcome outcome,
    int64_t retry_after_ms, int64_t mono_now);

/* The number of the class of such calls, from 0 on. With a rate there is one class. */
int kv_schedule_class(const struct kv_schedule *schedule, enum kv_op op, enum kv_type type);
int kv_schedule_classes(const struct kv_schedule *schedule);
/* "light" (secrets, certificates, lists), "keys", "restores"; or "all". */
const char *kv_schedule_class_name(const struct kv_schedule *schedule, int class);
struct kv_bucket *kv_schedule_bucket(struct kv_schedule *schedule, int class);
const struct kv_window *kv_schedule_window(const struct kv_schedule *schedule, int class);
int kv_schedule_queued(const struct kv_schedule *schedule, int class);
/* All classes are closed because the vault is down. */
bool kv_schedule_is_paused(const struct kv_schedule *schedule);

/* Asserts the invariants at the top of schedule.c, and those of the buckets and windows. */
void kv_schedule_check(const struct kv_schedule *schedule);
#endif
