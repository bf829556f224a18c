#ifndef KV_CLIENT_AUTH_CHALLENGE_H
#define KV_CLIENT_AUTH_CHALLENGE_H
/*
 * The challenge in a WWW-Authenticate header (RFC 6750, RFC 9110): which token the vault requires, or
 * why it refused one. The challenge decides what a token is for, so it is checked before any
 * credential is used: its resource must cover the vault's own host. Otherwise a malicious server could
 * request a token for another service and use it there.
 */
#include <stdbool.h>
#include "client/base/err.h"

struct kv_buf;
struct kv_url;

/* A string is NULL if the challenge lacks it. */
struct kv_challenge {
	char *authorization; /* URL of the authority, used only for the tenant */
	char *resource;	     /* "https://vault.azure.net"; derived from the scope if only that is given */
	char *scope; /* "https://vault.azure.net/.default"; derived from the resource if only that is given */
	char *tenant; /* from authorization: an id or a domain, not "common" or an emulator's placeholder */
	char *claims; /* base64 of JSON (continuous access evaluation) */
	char *error, *description;
};
/*
 * Parse the Bearer challenge in header. Other challenges are ignored, and so are repeated parameters.
 * -EBADMSG if there is none, -ENOMEM. Release challenge in any case.
 */
int kv_challenge_parse(const char *header, struct kv_challenge *challenge) KV_MUST_CHECK;
void kv_challenge_release(struct kv_challenge *challenge);

/* What a challenge is checked against. */
struct kv_challenge_rules {
	const struct kv_url *vault;
	const char *tenant; /* the configured one, or NULL */
	/* Other tenants to accept, separated by ';' or ':'; "*": any; or NULL. */
	const char *allow_tenant;
	const char *resource; /* the only one to accept, without a final slash; NULL: one that covers vault */
	bool is_single_tenant; /* the tenant in the challenge does not matter */
	bool no_verify;	       /* do not check the resource, for an emulator */
};
/*
 * The resource must be the configured one or cover the vault, and the tenant must be the configured one.
 * -EACCES and a sentence in why if it is refused; -EBADMSG if it names neither resource nor scope.
 */
int kv_challenge_check(const struct kv_challenge *challenge, const struct kv_challenge_rules *rules,
    struct kv_buf *why) KV_MUST_CHECK;
/* Whether it has only the characters of a tenant's id or domain, as the SDKs require. */
bool kv_challenge_is_tenant(const char *tenant);
/* Whether two tenants certainly differ: both are ids, and not equal. Names cannot be compared with ids. */
bool kv_challenge_is_another_tenant(const char *tenant, const char *other);

/* Copies error and error_description into fault's code and message; "" if the header has none. */
void kv_challenge_fault(const char *header, struct kv_fault *fault);
#endif
