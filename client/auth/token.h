#ifndef KV_CLIENT_AUTH_TOKEN_H
#define KV_CLIENT_AUTH_TOKEN_H
/*
 * The token for a vault. The challenge of a 401 is checked against the vault; then a token is requested from
 * the credential, cached, and renewed before it expires: when the service says (refresh_in), else after half
 * of a life of 2 hours or more, else 5 minutes before its end. There is one token request at a time, none for
 * 1 s after a failure, and none for 30 s after a refusal or after a failed renewal, which is not an error
 * while the old token is valid. Tokens are never logged.
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
	const char
	    *allow_tenant;     /* other tenants that a challenge may name, or NULL (client/auth/challenge) */
	bool is_single_tenant; /* always use the configured tenant, whatever the challenge names */
	const char *resource;  /* what tokens are for, without a final slash; NULL: what covers the vault */
	bool no_challenge_verify;
};

/* options' strings and vault must live as long as the result. NULL: out of memory. */
struct kv_token_cache *kv_token_new(struct kv_loop *loop, struct kv_http *http, const struct kv_url *vault,
    const struct kv_token_options *options);
/* Does nothing to those that it shares tokens with. */
void kv_token_free(struct kv_token_cache *cache);
/*
 * Share tokens: cache and with, two vaults', have the same credential options. Where their challenges name the same
 * scope and tenant too, one token request is enough for both.
 */
void kv_token_share(struct kv_token_cache *cache, struct kv_token_cache *with);

/*
 * Check and store the challenge of a WWW-Authenticate header: the resource must cover the vault, and the
 * tenant must be the configured one. The authority in it is not used, because a secret is sent only to the
 * authority that the user configured. -EACCES and a sentence in why if it is refused, -EBADMSG if it is not a
 * Key Vault challenge.
 */
int kv_token_challenge(struct kv_token_cache *cache, const char *header, struct kv_buf *why) KV_MUST_CHECK;
bool kv_token_has_challenge(const struct kv_token_cache *cache);
/* A token was refused without a challenge: the next call must get one. Does nothing during a token request. */
void kv_token_forget_challenge(struct kv_token_cache *cache);

/*
 * err 0 and the token, borrowed for the call; or -EACCES (refused), -EIO, -ETIMEDOUT … and a sentence.
 * Called exactly once, from the loop, never before kv_token_get() has returned.
 */
typedef void kv_token_done(void *arg, int err, const char *token, const char *why);
int kv_token_get(
    struct kv_token_cache *cache, kv_token_done *done, void *arg, struct kv_token_wait **wait) KV_MUST_CHECK;
void kv_token_cancel(struct kv_token_wait *wait);
/*
 * The credentials may have changed: the next call requests a new token, and the old one is used until
 * it arrives. A request in progress is begun anew. Call it from the loop: short of memory, it ends at once.
 */
void kv_token_reload(struct kv_token_cache *cache);
/* How many token requests succeeded (got) or failed. */
uint64_t kv_token_count(const struct kv_token_cache *cache, bool got);
/*
 * The vault answered 401 to this token: drop it if it is still cached. Those that share it keep it, because a gateway
 * before this vault may refuse what is good for the others; one that was revoked is refused by each.
 */
void kv_token_reject(struct kv_token_cache *cache, const char *token);
#endif
