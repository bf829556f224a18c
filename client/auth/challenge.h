#ifndef KV_CLIENT_AUTH_CHALLENGE_H
#define KV_CLIENT_AUTH_CHALLENGE_H
/*
 * The challenge in a WWW-Authenticate header (RFC 6750, RFC 9110): which token the vault wants, or why it refused one.
 * It decides what a token is for, so it is checked before any credential is used: its resource must cover the
 * vault's own host. Otherwise a server that a user was lured to could request a token for another service and use
 * it there.
 */
#include <stdbool.h>
#include "client/base/err.h"

struct kv_buf;
struct kv_url;

/* Strings are NULL where the challenge has none. */
struct kv_challenge {
	char *authorization; /* URL of the authority, which is not used but for the tenant */
	char *resource;	     /* "https://vault.azure.net"; follows from the scope, where only that is given */
	char *scope;	     /* "https://vault.azure.net/.default"; follows from the resource */
	char *tenant; /* an id or a domain in authorization; not "common" and what emulators put there */
	char *claims; /* base64 of JSON (continuous access evaluation) */
	char *error, *description;
};
/*
 * The Bearer challenge in header; others are passed over, and of a parameter that is given twice the first counts.
 * -EBADMSG where there is none, -ENOMEM. Release it in any case.
 */
int kv_challenge_parse(const char *header, struct kv_challenge *challenge) KV_MUST_CHECK;
void kv_challenge_release(struct kv_challenge *challenge);

/* What a challenge must fit to. */
struct kv_challenge_rules {
	const struct kv_url *vault;
	const char *tenant;	  /* the configured one, or NULL */
	const char *allow_tenant; /* another one that is accepted, "*" any; or NULL */
	bool no_verify;		  /* of the resource, for an emulator */
};
/*
 * The resource must cover the vault, the tenant be the configured one. -EACCES and a sentence in why where it is refused;
 * -EBADMSG where it names neither resource nor scope.
 */
int kv_challenge_check(const struct kv_challenge *challenge, const struct kv_challenge_rules *rules,
    struct kv_buf *why) KV_MUST_CHECK;
/* Whether two tenants are surely not the same: both ids, and different. Names cannot be compared with ids. */
bool kv_challenge_is_another_tenant(const char *tenant, const char *other);

/* error and error_description into fault's code and message; "" where the header has none. */
void kv_challenge_fault(const char *header, struct kv_fault *fault);
#endif
