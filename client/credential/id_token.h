#ifndef KV_CLIENT_CREDENTIAL_ID_TOKEN_H
#define KV_CLIENT_CREDENTIAL_ID_TOKEN_H
/*
 * Tokens of another issuer that identify a workload or a job of a pipeline, and are exchanged at the token service
 * (workload identity federation). The application has a federated credential that names issuer and subject.
 */
#include "client/auth/ask.h"

#define KV_ID_TOKEN_AUDIENCE "api://AzureADTokenExchange"

/* Whether text looks like one: three parts of base64url. */
bool kv_id_token_is(const char *text);

/* Where a job of a pipeline gets its token. */
struct kv_id_token_source {
	const char *url, *bearer; /* names of the variables that have them */
	const char *method, *const *headers;
	/* Append to the URL's query with kv_ask_add_field(). */
	int (*add_query)(struct kv_ask *ask, struct kv_buf *query);
	const char *member; /* of the answer, that is the token */
	const char *remedy; /* after a refusal */
	const struct kv_ask_endpoint
	    *token_service; /* which exchanges the token: its client uses kv_id_token_prove() */
};
/*
 * An endpoint for kv_ask_endpoint(). source is a const struct kv_id_token_source *, who a noun. The URL must be https,
 * and only its host gets the bearer token.
 */
#define KV_ID_TOKEN_ENDPOINT(noun, source)                                                                \
	{                                                                                                 \
		.who = (noun), .attempts = 4, .pause_ms = 800, .arg = (source), .send = kv_id_token_send, \
		.answered = kv_id_token_answered, .refused = kv_id_token_refused                          \
	}
int kv_id_token_send(struct kv_ask *ask) KV_MUST_CHECK;
int kv_id_token_answered(struct kv_ask *ask, const struct kv_http_answer *answer) KV_MUST_CHECK;
int kv_id_token_refused(struct kv_ask *ask, const struct kv_http_answer *answer) KV_MUST_CHECK;

/* The proof of a struct kv_token_client: the token of the ask. */
int kv_id_token_prove(struct kv_ask *ask, struct kv_buf *form) KV_MUST_CHECK;
#endif
