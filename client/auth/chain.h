#ifndef KV_CLIENT_AUTH_CHAIN_H
#define KV_CLIENT_AUTH_CHAIN_H
/*
 * Chooses the credential for a token: the one that -o auth= names or, with auto, the first configured one in
 * the order of the SDKs' DefaultAzureCredential. If a credential is unavailable, the next one is tried. If it
 * fails, the fetch ends: a wrong secret is an error, not a reason to ask the az CLI.
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
/* Cancels a fetch in progress without calling its completion. NULL does nothing. */
void kv_chain_free(struct kv_chain *chain);
/*
 * The credentials may have changed: the next fetch chooses again. Without this, it asks the one that gave the
 * last token.
 */
void kv_chain_reload(struct kv_chain *chain);

/*
 * err 0: the token and its lifetime in seconds (0: unknown). Otherwise a sentence in why and -EACCES
 * (refused, or no credential), -EIO, -EBUSY, -EHOSTUNREACH, -ECONNREFUSED, -EPROTO, -ETIMEDOUT, -EBADMSG or
 * -ENOMEM. Temporary failures have already been retried (client/auth/ask). Called once, from the loop, never
 * before kv_chain_fetch() has returned.
 */
typedef void kv_chain_done(void *arg, int err, const char *token, int64_t life_s, const char *why);
/* audience must live until done. -EBUSY while another fetch is in progress, -ENOMEM: done is not called. */
int kv_chain_fetch(
    struct kv_chain *chain, const struct kv_audience *audience, kv_chain_done *done, void *arg) KV_MUST_CHECK;
#endif
