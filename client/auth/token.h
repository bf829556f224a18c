#ifndef KV_CLIENT_AUTH_TOKEN_H
#define KV_CLIENT_AUTH_TOKEN_H
/*
 * The token for a vault: the challenge of a 401 is checked against the vault, a token for it is requested from the
 * credential and kept until shortly before its end. One token request at a time; after one that failed, none
 * for a second, after a refusal none for 30 s. A token is never logged.
 */
#include <stdbool.h>
#include <stdint.h>
#include "client/auth/credential.h"

struct kv_buf;
struct kv_http;
struct kv_loop;
struct kv_token_cache;
struct kv_token_wait;
struct kv_url;

struct kv_token_options {
	struct kv_credential_options credential;
	const char *allow_tenant; /* a challenge may name this one too, "*" any; or NULL */
	bool no_challenge_verify;
};

/* options' strings and vault must live as long as the result. NULL: out of memory. */
struct kv_token_cache *kv_token_new(struct kv_loop *loop, struct kv_http *http, const struct kv_url *vault,
    const struct kv_token_options *options);
void kv_token_free(struct kv_token_cache *cache);

/*
 * Read a WWW-Authenticate header: the resource must cover the vault, the tenant be the configured
 * one. The authority that it names is not used: a secret goes only where the user said. -EACCES with
 * a sentence in why where it is refused, -EBADMSG where it is no challenge that kvfs knows.
 */
int kv_token_challenge(struct kv_token_cache *cache, const char *header, struct kv_buf *why) KV_MUST_CHECK;
bool kv_token_has_challenge(const struct kv_token_cache *cache);

/*
 * err 0 and the token, borrowed for the call; or -EACCES (refused), -EIO, -ETIMEDOUT … and a
 * sentence. From the loop, exactly once, never before kv_token_get() has returned.
 */
typedef void kv_token_done(void *arg, int err, const char *token, const char *why);
int kv_token_get(
    struct kv_token_cache *cache, kv_token_done *done, void *arg, struct kv_token_wait **wait) KV_MUST_CHECK;
void kv_token_cancel(struct kv_token_wait *wait);
/* The credentials may have changed: the next call asks them for a token, and the present one serves until it is there. */
void kv_token_reload(struct kv_token_cache *cache);
/* How many tokens were got, or could not be. */
uint64_t kv_token_count(const struct kv_token_cache *cache, bool got);
/* The service answered 401 to this token: forget it, if it is still the one that is kept. */
void kv_token_reject(struct kv_token_cache *cache, const char *token);
#endif
