#ifndef KV_CACHE_LIST_FRESHNESS_H
#define KV_CACHE_LIST_FRESHNESS_H
/*
 * Which listings of a type may be used: the rules of time and failure, without the listings.
 *
 * A complete listing serves until twice its time to live, and is renewed from 80 % of it on, when it is used.
 * What took long to list is fresh for longer. If a listing fails after names of it were handed out, the type is
 * banned:
 *
 *	banned: everything fails -> 10 s are over: whoever asks waits for a complete listing -> lifted
 *
 * because shell globs, zip and python swallow an error of readdir and would archive the first names only. And
 * for the complete one, not only for a name in it: a program that swallowed the failure would be given the rest
 * of its names otherwise, one by one, while the list may not be whole.
 */
#include <stdbool.h>
#include <stdint.h>
#include "client/base/err.h"

struct kv_freshness {
	int64_t ttl_ms;
	/* of the last complete listing; serial 0: there was none */
	uint64_t serial;
	int64_t mono_started, valid_ms;
	/* of the last one that failed; last_err 0: there was none */
	int last_err;
	int64_t mono_failed;
	bool is_banned;
	uint64_t banned_serial;
	int64_t mono_ban_end;
};

void kv_freshness_init(struct kv_freshness *freshness, int64_t ttl_ms);
/* The listing of serial, which grows from listing to listing, is complete or has failed now. */
void kv_freshness_complete(struct kv_freshness *freshness, uint64_t serial, int64_t mono_started);
void kv_freshness_failed(struct kv_freshness *freshness, uint64_t serial, int err, bool was_handed_out);

/* Whether the complete listing serves. */
bool kv_freshness_is_serving(const struct kv_freshness *freshness);
/* The type is used: lifts a ban that is over. Whether a new listing must be begun, unless one is loading. */
bool kv_freshness_use(struct kv_freshness *freshness);
/* 0, or why nothing can be answered; is_loading: a listing is. */
int kv_freshness_refusal(const struct kv_freshness *freshness, bool is_loading) KV_MUST_CHECK;
/* 0, or the failure of a listing in the last 10 s while none serves. */
int kv_freshness_failure(const struct kv_freshness *freshness) KV_MUST_CHECK;
/* How long what is answered now stays true; mono_loading: when the listing that is loading began, or -1. */
int64_t kv_freshness_left_ms(const struct kv_freshness *freshness, int64_t mono_loading);
/* Since the complete listing was begun; -1 while there is none. */
int64_t kv_freshness_age_ms(const struct kv_freshness *freshness);

/* Asserts what the fields must be to each other. */
void kv_freshness_check(const struct kv_freshness *freshness);
#endif
