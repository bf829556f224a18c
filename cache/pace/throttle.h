#ifndef KV_CACHE_PACE_THROTTLE_H
#define KV_CACHE_PACE_THROTTLE_H
/*
 * Calls to the vault: rate-limited, ordered and repeated. The same seam as client/vault/vault: a call, and one
 * completion with what became of it, after as many attempts as that took.
 */
#include <stdbool.h>
#include "cache/pace/schedule.h"
#include "client/vault/vault.h"

struct kv_throttle;
struct kv_ticket; /* a call that is waiting or under way */

/* What a client may ask of one service: as many connections or streams as that. */
#define KV_THROTTLE_MOST_INFLIGHT 1000

struct kv_throttle_options {
	double rate;	    /* requests per second for all classes together; 0: each its own */
	double share;	    /* of a limit that was found, 0 to 1; the rest is others' */
	int max_inflight;   /* requests under way at most; 0: KV_THROTTLE_MOST_INFLIGHT */
	bool is_hsm;	    /* a Managed HSM */
	int64_t timeout_ms; /* of a call without a deadline of its own, from its first attempt on */
};
/* NULL: out of memory. */
struct kv_throttle *kv_throttle_new(
    struct kv_loop *loop, struct kv_vault *vault, const struct kv_throttle_options *options);
/* Waiting calls are dropped without their completions. */
void kv_throttle_free(struct kv_throttle *throttle);
struct kv_vault *kv_throttle_vault(const struct kv_throttle *throttle);
int64_t kv_throttle_timeout_ms(const struct kv_throttle *throttle);

/* Who asks a question that may take several calls, and until when. */
struct kv_question {
	struct kv_caller caller;
	/*
	 * When it must be answered. 0: the time-out counts from the first attempt of the first call; follow-up calls share
	 * its deadline (kv_throttle_deadline()), so that the whole question takes no longer than one time-out.
	 */
	int64_t mono_deadline;
};

struct kv_task {
	struct kv_call call;
	enum kv_priority priority;
	bool is_quiet;	       /* the caller expects a failure, and logs it */
	int64_t mono_deadline; /* as that of a question */
};
/*
 * As kv_vault_send(): call's content is copied, done comes once, never before this has returned.
 * 408, 429, 5xx and broken connections are tried again until timeout_ms, or call's own deadline, is
 * over; then the reply has the errno of docs/errors.md: what the last attempt met, or what kept the
 * call from being sent (429: -EBUSY). A restore is not tried again when its answer was
 * lost (reply->was_sent and no status), so that the vault sees it once. A failure is logged here, one
 * line each, unless quiet: then the caller logs it.
 */
int kv_throttle_send(struct kv_throttle *throttle, const struct kv_task *task, kv_vault_done *done, void *arg,
    struct kv_ticket **ticket) KV_MUST_CHECK;
/* For the completion: the deadline of the call, which a follow-up call shares. */
int64_t kv_throttle_deadline(const struct kv_ticket *ticket);
/* Let a waiting call go before those of a lower priority; never lowers it. */
void kv_throttle_raise(struct kv_ticket *ticket, enum kv_priority priority);
/* done is not called; what was sent is sent. NULL does nothing. */
void kv_throttle_cancel(struct kv_ticket *ticket);

/* The rate of such calls now, requests per second. */
double kv_throttle_rate(const struct kv_throttle *throttle, enum kv_op op, enum kv_type type);

/*
 * At the start a person waits for an error message: not patient, a host that cannot be reached fails at
 * once, and 408, 429 and 5xx after 10 s; no failure is logged, because that message has it.
 */
void kv_throttle_set_patient(struct kv_throttle *throttle, bool is_patient);

/*
 * The classes of requests, each with a rate of its own: numbers from 0 on, with names that stay. With a
 * configured rate there is one, "all", and nothing to resume: kv_throttle_resume() does nothing then.
 */
int kv_throttle_classes(const struct kv_throttle *throttle);
struct kv_learned {
	double rate;	/* requests per second */
	double limit;	/* that was found, 0 while none was */
	int64_t age_ms; /* of that limit */
};
void kv_throttle_learned(const struct kv_throttle *throttle, int class, struct kv_learned *learned);
/* Continue with what another mount has learned. Before the first request of that class. */
void kv_throttle_resume(struct kv_throttle *throttle, int class, const struct kv_learned *learned);

struct kv_throttle_state {
	const char *name;   /* "light" (secrets, certificates, lists), "keys", "restores"; or "all" */
	double rate, limit; /* requests per second; limit 0: none was found */
	double served;	    /* a second, lately */
	bool is_closed;	    /* only probes go */
	int in_flight;	    /* hung ones too */
	int hung;	    /* in flight for much longer than the others took */
	int queued, window; /* window: the limit of in_flight without hung */
	int64_t latency_ms; /* smoothed; 0: unknown */
};
void kv_throttle_state(const struct kv_throttle *throttle, int class, struct kv_throttle_state *state);
/* No call is waiting or under way. */
bool kv_throttle_is_idle(const struct kv_throttle *throttle);
/* More than half of the last attempts failed: the whole vault is only probed. */
bool kv_throttle_is_paused(const struct kv_throttle *throttle);

/* Asserts the invariants at the top of throttle.c, and those of the schedule. */
void kv_throttle_check(const struct kv_throttle *throttle);
#endif
