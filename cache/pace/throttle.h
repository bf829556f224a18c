#ifndef KV_CACHE_PACE_THROTTLE_H
#define KV_CACHE_PACE_THROTTLE_H
/*
 * Calls to the vault: rate-limited, prioritized and retried. The interface is that of client/vault/call: a
 * call, and one completion with its result, after as many attempts as it needs.
 */
#include <stdbool.h>
#include "cache/pace/schedule.h"
#include "client/vault/vault.h"

struct kv_throttle;
struct kv_ticket; /* a call that has not completed */

/* The most connections or streams that one client should open to a service. */
#define KV_THROTTLE_MOST_INFLIGHT 1000

struct kv_throttle_options {
	double rate;	  /* requests per second for all classes together; 0: each class has its own */
	double share;	  /* fraction of a discovered limit to use, 0 to 1; the rest is for other clients */
	int max_inflight; /* most requests in flight; 0: KV_THROTTLE_MOST_INFLIGHT */
	bool is_hsm;	  /* a Managed HSM */
	struct kv_total *total; /* the common rate of several vaults; or NULL */
	int64_t timeout_ms;	/* for a call without its own deadline, from its first attempt on */
};
/* NULL: out of memory. */
struct kv_throttle *kv_throttle_new(
    struct kv_loop *loop, struct kv_vault *vault, const struct kv_throttle_options *options);
/* Cancels all calls without calling their completions. */
void kv_throttle_free(struct kv_throttle *throttle);
struct kv_vault *kv_throttle_vault(const struct kv_throttle *throttle);
int64_t kv_throttle_timeout_ms(const struct kv_throttle *throttle);

/* The caller and the deadline of a question, which may take several calls. */
struct kv_question {
	struct kv_caller caller;
	/*
	 * When the answer is due. 0: one time-out after the first attempt of the first call; follow-up
	 * calls share its deadline (kv_throttle_deadline()), so that the whole question takes no longer
	 * than one time-out.
	 */
	int64_t mono_deadline;
};

struct kv_task {
	struct kv_call call;
	enum kv_priority priority;
	bool is_quiet;	       /* the caller expects a failure, and logs it itself */
	int64_t mono_deadline; /* as in struct kv_question */
};
/*
 * As kv_call_send(): copies the call's content and calls done once, never before this function has
 * returned. Retries 408, 429, 5xx and broken connections until timeout_ms, or the task's own deadline, is
 * over; then the reply has the errno of docs/errors.md: that of the last attempt, or the reason why the
 * call was not sent (429: -EBUSY). A restore is not retried if its answer was lost (reply->was_sent and no
 * status), so that the vault sees it once. Each failure is logged here in one line, except with is_quiet:
 * then the caller logs it.
 */
int kv_throttle_send(struct kv_throttle *throttle, const struct kv_task *task, kv_vault_done *done, void *arg,
    struct kv_ticket **ticket) KV_MUST_CHECK;
/* For the completion: the deadline of the call. Follow-up calls share it. */
int64_t kv_throttle_deadline(const struct kv_ticket *ticket);
/* Sends a queued call before those of a lower priority; never lowers the priority. */
void kv_throttle_raise(struct kv_ticket *ticket, enum kv_priority priority);
/* Whether the vault has, or may have, a request of this call: it is in flight, or was sent and not refused by a 429. */
bool kv_throttle_is_sent(const struct kv_ticket *ticket);
/* done is not called; a request that was sent may still take effect. NULL does nothing. */
void kv_throttle_cancel(struct kv_ticket *ticket);

/* The current rate of such calls, requests per second. */
double kv_throttle_rate(const struct kv_throttle *throttle, enum kv_op op, enum kv_type type);

/*
 * If is_patient is false, a host that cannot be reached fails at once, 408, 429 and 5xx fail after 10 s,
 * and no failure is logged: at start-up a user waits for the error message, which contains the failure.
 */
void kv_throttle_set_patient(struct kv_throttle *throttle, bool is_patient);

/*
 * The number of classes of requests, each with its own rate. Classes are numbered from 0; their names never
 * change, so they may be stored. With a configured rate there is one class, "all", and kv_throttle_resume()
 * does nothing.
 */
int kv_throttle_classes(const struct kv_throttle *throttle);
struct kv_learned {
	double rate;	/* requests per second */
	double limit;	/* discovered; 0: none */
	int64_t age_ms; /* of that limit */
};
void kv_throttle_learned(const struct kv_throttle *throttle, int class, struct kv_learned *learned);
/* Continues with what another mount has learned. Call it before the first request of that class. */
void kv_throttle_resume(struct kv_throttle *throttle, int class, const struct kv_learned *learned);

struct kv_throttle_state {
	const char *name;   /* "light" (secrets, certificates, lists), "keys", "restores"; or "all" */
	double rate, limit; /* requests per second; limit 0: none discovered */
	double served;	    /* requests per second in the last 10 s */
	bool is_closed;	    /* only probes are sent */
	int in_flight;	    /* including hung ones */
	int hung;	    /* in flight for much longer than the usual latency */
	int queued, window; /* calls waiting to be sent; in-flight limit, hung ones excluded */
	int64_t latency_ms; /* smoothed; 0: unknown */
};
void kv_throttle_state(const struct kv_throttle *throttle, int class, struct kv_throttle_state *state);
/* Whether all calls have completed. */
bool kv_throttle_is_idle(const struct kv_throttle *throttle);
/* Whether more than half of the last 20 attempts found the vault down: then all classes send only probes. */
bool kv_throttle_is_paused(const struct kv_throttle *throttle);

/* Asserts the invariants at the top of throttle.c, and those of the schedule. */
void kv_throttle_check(const struct kv_throttle *throttle);
#endif
