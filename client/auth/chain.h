#ifndef KV_CLIENT_AUTH_CHAIN_H
#define KV_CLIENT_AUTH_CHAIN_H
/*
 * Which credential is asked for a token: the one that -o auth= names, or with auto the first that is configured, in the
 * order of the SDKs' DefaultAzureCredential. One that is unavailable is followed by the next; one that fails
 * ends the fetch, because a wrong secret is an error and no reason to ask the az CLI.
 */
#include <stdint.h>
#include "client/auth/credential.h"

struct kv_audience; /* client/auth/ask.h */
struct kv_chain;
struct kv_http;
struct kv_loop;

/* options must live as long as the result. NULL: out of memory. */
struct kv_chain *kv_chain_new(
    struct kv_loop *loop, struct kv_http *http, const struct kv_credential_options *options);
/* A fetch under way is dropped without its completion. NULL does nothing. */
void kv_chain_free(struct kv_chain *chain);
/* The credentials may have changed: the next fetch chooses anew. Else it asks the one that gave the last token. */
void kv_chain_reload(struct kv_chain *chain);

/*
 * err 0: the token and its life in seconds (0: not known). Else a sentence in why: -EACCES (refused, or there is no
 * credential), -EIO, -EBUSY, -EHOSTUNREACH, -ECONNREFUSED, -EPROTO, -ETIMEDOUT, -EBADMSG, -ENOMEM. Failures that
 * pass have been repeated before (client/auth/ask). From the loop, once, never before kv_chain_fetch() has returned.
 */
typedef void kv_chain_done(void *arg, int err, const char *token, int64_t life_s, const char *why);
/* audience must live until done. -EBUSY while another fetch is under way, -ENOMEM: done is not called. */
int kv_chain_fetch(
    struct kv_chain *chain, const struct kv_audience *audience, kv_chain_done *done, void *arg) KV_MUST_CHECK;
#endif
