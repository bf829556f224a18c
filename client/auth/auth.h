#ifndef KV_CLIENT_AUTH_AUTH_H
#define KV_CLIENT_AUTH_AUTH_H
/*
 * Tokens for the vault: what a 401's challenge asks for is checked against the vault, a token for it
 * is got from the credential and kept until shortly before its end. One token request at a time, and after
 * one that failed none for a second; a credential that was refused is left alone for 30 s. A token is never
 * logged.
 */
#include <stdbool.h>
#include "client/auth/credential.h"

struct kv_auth;
struct kv_auth_wait;
struct kv_url;

struct kv_auth_options {
	struct kv_credential_options credential;
	const char *allow_tenant; /* a challenge may name this one too, "*" any; or NULL */
	bool no_challenge_verify;
};

/* options' strings and vault must live as long as the result. NULL: out of memory. */
struct kv_auth *kv_auth_new(struct kv_loop *loop, struct kv_http *http, const struct kv_url *vault,
    const struct kv_auth_options *options);
void kv_auth_free(struct kv_auth *auth);

/*
 * Read a WWW-Authenticate header: the resource must cover the vault, the tenant be the configured
 * one. The authority that it names is not used: a secret goes only where the user said. -EACCES with
 * a sentence in why where it is refused, -EBADMSG where it is no challenge that kvfs knows.
 */
int kv_auth_challenge(struct kv_auth *auth, const char *header, struct kv_buf *why) KV_MUST_CHECK;
bool kv_auth_has_challenge(const struct kv_auth *auth);

/*
 * err 0 and the token, borrowed for the call; or -EACCES (refused), -EIO, -ETIMEDOUT … and a
 * sentence. From the loop, exactly once, never before kv_auth_token() has returned.
 */
typedef void kv_auth_done(void *arg, int err, const char *token, const char *why);
int kv_auth_token(
    struct kv_auth *auth, kv_auth_done *done, void *arg, struct kv_auth_wait **wait) KV_MUST_CHECK;
void kv_auth_cancel(struct kv_auth_wait *wait);
/* The credentials may have changed: the next call asks them for a token, and the present one serves until it is there. */
void kv_auth_reload(struct kv_auth *auth);
/* How many tokens were got, or could not be. */
uint64_t kv_auth_count(const struct kv_auth *auth, bool got);
/* The service answered 401 to this token: forget it, if it is still the one that is kept. */
void kv_auth_reject(struct kv_auth *auth, const char *token);
#endif
