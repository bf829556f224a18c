#ifndef KV_CLIENT_CREDENTIAL_TOKEN_SERVICE_H
#define KV_CLIENT_CREDENTIAL_TOKEN_SERVICE_H
/*
 * The tenant's token service (Microsoft Entra ID), for the credentials that send it an OAuth 2.0 client
 * credentials request. They differ in how the client proves who it is.
 */
#include "client/auth/ask.h"

/* What differs. Constant, one for each kind. */
struct kv_token_client {
	/* The client's id; NULL for the option client_id (AZURE_CLIENT_ID). */
	const char *(*id)(const struct kv_ask *ask);
	/*
	 * Append the proof to form with kv_ask_add_field(): a secret, or an assertion by
	 * kv_token_service_add_assertion(). Called for each attempt. -errno and a sentence in the ask's why.
	 */
	int (*prove)(struct kv_ask *ask, struct kv_buf *form);
	const char *tenant_variable; /* has the tenant if neither the user nor the vault names one; or NULL */
	const char *remedy;	     /* what to check after a refusal: "AZURE_CLIENT_ID, …" */
};

/* An endpoint for kv_ask_endpoint(). client is a const struct kv_token_client *. */
#define KV_TOKEN_SERVICE(client)                                                                    \
	{                                                                                           \
		.who = "the token service", .is_authority = true, .attempts = 4, .pause_ms = 800,   \
		.arg = (client), .send = kv_token_service_send, .refused = kv_token_service_refused \
	}
int kv_token_service_send(struct kv_ask *ask) KV_MUST_CHECK;
int kv_token_service_refused(struct kv_ask *ask, const struct kv_http_answer *answer) KV_MUST_CHECK;

/*
 * Whether client and tenant are given; if not, why gets what is missing. The SDKs need the tenant. Without it, kvfs
 * takes the one that the vault names, but only if nothing else can be meant: in a chain this set of variables is
 * incomplete, as it is for the SDKs.
 */
bool kv_token_service_presence(const struct kv_credential_options *o, const char *client_id,
    const char *tenant, struct kv_buf *why) KV_MUST_CHECK;

int kv_token_service_add_assertion(struct kv_buf *form, const char *assertion) KV_MUST_CHECK;
/*
 * The URL to which the request goes, the audience of an assertion. -EACCES and a sentence in the ask's why if
 * no tenant is known; -ENOMEM.
 */
int kv_token_service_url(struct kv_ask *ask, struct kv_buf *url) KV_MUST_CHECK;
/* The request's client id. */
const char *kv_token_service_client_id(const struct kv_ask *ask);
#endif
