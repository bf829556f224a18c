#ifndef KV_CLIENT_AUTH_CREDENTIAL_H
#define KV_CLIENT_AUTH_CREDENTIAL_H
/*
 * Where a token comes from: a client secret, a managed identity (App Service's endpoint or a virtual
 * machine's IMDS), the az CLI, or a file. AUTO takes the first one that is configured, in the order
 * of the SDKs' DefaultAzureCredential.
 */
#include <stdint.h>
#include "client/base/err.h"

struct kv_buf;
struct kv_loop;
struct kv_http;
struct kv_credential;

enum kv_credential_kind { KV_AUTH_AUTO, KV_AUTH_ENV, KV_AUTH_MANAGED, KV_AUTH_CLI, KV_AUTH_TOKEN };

/* Strings are NULL where not given. */
struct kv_credential_options {
	enum kv_credential_kind kind;
	const char *authority; /* https URL; the only place where a secret is sent */
	const char *tenant;
	const char *client_id;
	const char *client_secret;
	const char *token_file;
	const char *identity_endpoint; /* IDENTITY_ENDPOINT, with */
	const char *identity_header;   /* IDENTITY_HEADER */
	const char *imds;	       /* http://HOST[:PORT] in the place of http://169.254.169.254 */
	const char *sudo_user;	       /* who called sudo, for the sentence about az login */
};

/* options' strings must live as long as the result. NULL: out of memory. */
struct kv_credential *kv_credential_new(
    struct kv_loop *loop, struct kv_http *http, const struct kv_credential_options *options);
/* options or the machine's identities may have changed: the next fetch chooses anew. */
void kv_credential_reload(struct kv_credential *credential);
/* A fetch under way is dropped without its completion. */
void kv_credential_free(struct kv_credential *credential);

/* What a token is wanted for. */
struct kv_audience {
	const char *resource; /* "https://vault.azure.net" */
	const char *scope;    /* resource + "/.default", or what the challenge says */
	const char
	    *tenant; /* in which it is asked for; NULL where neither the user nor the challenge names one */
	const char *claims; /* JSON of a continuous-access challenge, or NULL */
};
/*
 * err 0: the token and its life in seconds (0: not known). Else a sentence in why: -EACCES (refused, or no
 * credential there is), -EIO, -EHOSTUNREACH, -ECONNREFUSED, -EPROTO, -ETIMEDOUT, -EBADMSG. Passing failures of the
 * token service (429, 5xx; IMDS: 404 and 410 too) have been tried again before. One request takes at most
 * 30 s, az 60 s. One fetch at a time;
 * audience's strings must live until done, which comes once, from the loop, never before
 * kv_credential_fetch() has returned.
 */
typedef void kv_credential_done(void *arg, int err, const char *token, int64_t life_s, const char *why);
int kv_credential_fetch(struct kv_credential *credential, const struct kv_audience *audience,
    kv_credential_done *done, void *arg) KV_MUST_CHECK;
#endif
