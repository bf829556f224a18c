#ifndef KV_CLIENT_AUTH_CHAIN_H
#define KV_CLIENT_AUTH_CHAIN_H
/*
 * Chooses the credential for a token: the only one in the order that the user gave, or the first of several
 * that gives one. If a credential is unavailable, the next one is asked. If it fails, the fetch ends: a wrong
 * secret is an error, not a reason to ask the az CLI.
 */
#include "client/auth/credential.h"

struct kv_audience; /* client/auth/ask.h */
struct kv_chain;
struct kv_http;
struct kv_loop;
struct kv_token_answer; /* client/auth/token_answer.h */

/* options must live as long as the result. NULL: out of memory. */
struct kv_chain *kv_chain_new(
    struct kv_loop *loop, struct kv_http *http, const struct kv_credential_options *options);
/* Cancels a fetch in progress without calling its completion. NULL does nothing. */
void kv_chain_free(struct kv_chain *chain);
/*
 * The credentials may have changed: the next fetch chooses again. Without this, it asks the one that gave the
 * last token.
 */
void kv_chain_reload(struct kv_chain *chain);

/* Cancels a fetch in progress without calling its completion. */
void kv_chain_cancel(struct kv_chain *chain);

/*
 * err 0 and the token, borrowed for the call. Otherwise a sentence in why (several lines if several
 * credentials were asked) and -EACCES (refused, or no credential), -EIO, -EBUSY, -EHOSTUNREACH,
 * -ECONNREFUSED, -EPROTO, -ETIMEDOUT, -EBADMSG or -ENOMEM. If no credential is available, it is the first
 * errno of those that time may mend, else -EACCES. Temporary failures have already been retried
 * (client/auth/ask). Called once, from the loop, never before kv_chain_fetch() has returned.
 */
typedef void kv_chain_done(void *arg, int err, const struct kv_token_answer *token, const char *why);
/* Whether the last fetch that failed asked a service or a program, and did not only fail to read a file. */
bool kv_chain_has_asked(const struct kv_chain *chain);
/* audience must live until done. -EBUSY while another fetch is in progress, -ENOMEM: done is not called. */
int kv_chain_fetch(
    struct kv_chain *chain, const struct kv_audience *audience, kv_chain_done *done, void *arg) KV_MUST_CHECK;
#endif
