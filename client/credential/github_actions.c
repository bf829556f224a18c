/*
 * A job of GitHub Actions. GitHub issues a token that identifies repository and branch or environment; it is asked for
 * at each token request, and lives for some minutes.
 */
#include "client/base/buf.h"
#include "client/credential/id_token.h"
#include "client/credential/token_service.h"

#define URL    "ACTIONS_ID_TOKEN_REQUEST_URL"
#define BEARER "ACTIONS_ID_TOKEN_REQUEST_TOKEN"

static enum kv_presence
presence(const struct kv_credential_options *o, struct kv_buf *why)
{
	const bool is_job =
	    kv_credential_variable(o, URL) != NULL && kv_credential_variable(o, BEARER) != NULL;

	if (!is_job) {
		kv_credential_lacks(why, kv_credential_variable(o, URL) == NULL ? URL : BEARER);
		kv_buf_say(why, " (the job needs \"permissions: id-token: write\")");
	}
	return kv_token_service_presence(o, o->client_id, o->tenant, why) && is_job ? KV_CONFIGURED :
										      KV_NOT_CONFIGURED;
}

static int
add_query(struct kv_ask *ask, struct kv_buf *query)
{
	(void)ask;
	return kv_ask_add_field(query, "audience", KV_ID_TOKEN_AUDIENCE);
}

static int
ask_github(struct kv_ask *ask)
{
	static const struct kv_token_client client = { .prove = kv_id_token_prove,
		.remedy = "AZURE_CLIENT_ID, AZURE_TENANT_ID and the application's federated credentials" };
	static const struct kv_ask_endpoint token_service = KV_TOKEN_SERVICE(&client);
	static const struct kv_id_token_source source = { .url = URL,
		.bearer = BEARER,
		.method = "GET",
		.add_query = add_query,
		.member = "value",
		.remedy = "the job needs \"permissions: id-token: write\", and the variables " URL
			  " and " BEARER " of this job",
		.token_service = &token_service };
	static const struct kv_ask_endpoint github = KV_ID_TOKEN_ENDPOINT("GitHub Actions", &source);

	return kv_ask_endpoint(ask, &github);
}

const struct kv_credential_kind kv_github_actions = {
	.variables = { { URL, false }, { BEARER, true } },
	.takes_claims = true,
	.presence = presence,
	.ask = ask_github,
};
