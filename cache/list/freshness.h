#ifndef KV_CACHE_LIST_FRESHNESS_H
#define KV_CACHE_LIST_FRESHNESS_H
/*
 * Which listings of a type may be used: the rules about age and failures, without the listings themselves.
 *
 * A complete listing serves until twice its time to live, which is at least ten times as long as its pages
 * took together. When used after 80 % of its time to live, it is renewed. If a listing fails after some of
 * its names were returned to a reader, the type is banned:
 *
 *	banned: everything fails -> after 10 s: a lookup waits for a complete listing -> lifted
 *
 * The reason: shell globs, zip and python ignore an error of readdir and would archive only the first
 * names. A lookup waits for the complete listing, not only for its name: otherwise a program that ignored
 * the failure would get the remaining names one by one from a list that may be incomplete.
 */
#include <stdbool.h>
#include <stdint.h>
#include "client/base/err.h"

struct kv_freshness {
	int64_t ttl_ms;
	/* the last complete listing; serial 0: none */
	uint64_t serial;
	int64_t mono_started, valid_ms;
	/* the last failed listing; last_err 0: none */
	int last_err;
	int64_t mono_failed;
	bool is_banned;
	uint64_t banned_serial;
	int64_t mono_ban_end;
};

void kv_freshness_init(struct kv_freshness *freshness, int64_t ttl_ms);
/*
 * The listing with this serial is complete, or has failed, now. Each listing has a higher serial than the
 * last. took_ms: the sum of its pages' times, which is more than the time since mono_started if several were
 * read at once.
 */
void kv_freshness_complete(
    struct kv_freshness *freshness, uint64_t serial, int64_t mono_started, int64_t took_ms);
void kv_freshness_failed(struct kv_freshness *freshness, uint64_t serial, int err, bool was_handed_out);

/* Whether the last complete listing serves. */
bool kv_freshness_is_serving(const struct kv_freshness *freshness);
/*
 * Call at each use of the type: lifts a ban that is over. Whether to begin a new listing, unless one is
 * loading.
 */
bool kv_freshness_use(struct kv_freshness *freshness);
/* 0, or the -errno with which all requests about the type fail. is_loading: a listing is loading. */
int kv_freshness_refusal(const struct kv_freshness *freshness, bool is_loading) KV_MUST_CHECK;
/* 0, or the -errno of a listing that failed in the last 10 s if none serves. */
int kv_freshness_failure(const struct kv_freshness *freshness) KV_MUST_CHECK;
/* How long an answer given now may be cached. mono_loading: when the loading listing began, or -1. */
int64_t kv_freshness_left_ms(const struct kv_freshness *freshness, int64_t mono_loading);
/* Milliseconds since the last complete listing began; -1: there is none. */
int64_t kv_freshness_age_ms(const struct kv_freshness *freshness);

/* Asserts the invariants of the fields. */
void kv_freshness_check(const struct kv_freshness *freshness);
#endif
