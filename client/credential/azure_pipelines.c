/*
 * A job of Azure Pipelines with a service connection that uses workload identity federation: Azure DevOps issues a token
 * that identifies the connection. The tasks AzureCLI and AzurePowerShell set AZURESUBSCRIPTION_* for their connection.
 */
#include "client/base/buf.h"
#include "client/credential/id_token.h"
#include "client/credential/token_service.h"

#define URL	   "SYSTEM_OIDCREQUESTURI"
#define BEARER	   "SYSTEM_ACCESSTOKEN"
#define CLIENT	   "AZURESUBSCRIPTION_CLIENT_ID"
#define TENANT	   "AZURESUBSCRIPTION_TENANT_ID"
#define CONNECTION "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"

static const char *
client_of(const struct kv_credential_options *o)
{
	return o->client_id != NULL ? o->client_id : kv_credential_variable(o, CLIENT);
}

static const char *
connection_of(const struct kv_credential_options *o)
{
	return o->service_connection != NULL ? o->service_connection : kv_credential_variable(o, CONNECTION);
}

static enum kv_presence
presence(const struct kv_credential_options *o, struct kv_buf *why)
{
	const char *tenant = o->tenant != NULL ? o->tenant : kv_credential_variable(o, TENANT);
	bool is_there = kv_token_service_presence(o, client_of(o), tenant, why);

	if (kv_credential_variable(o, URL) == NULL) {
		kv_credential_lacks(why, URL);
		is_there = false;
	}
	if (kv_credential_variable(o, BEARER) == NULL) {
		kv_credential_lacks(why, BEARER);
		kv_buf_say(why, " (map it in the step: env: " BEARER ": $(System.AccessToken))");
		is_there = false;
	}
	if (connection_of(o) == NULL) {
		kv_credential_lacks(why, "service_connection=");
		is_there = false;
	}
	return is_there ? KV_CONFIGURED : KV_NOT_CONFIGURED;
}

static int
add_query(struct kv_ask *ask, struct kv_buf *query)
{
	const int err = kv_ask_add_field(query, "api-version", "7.1");

	return err == 0 ? kv_ask_add_field(query, "serviceConnectionId", connection_of(ask->o)) : err;
}

static const char *
client_id(const struct kv_ask *ask)
{
	return client_of(ask->o);
}

static int
ask_pipelines(struct kv_ask *ask)
{
	/* without the second one, who is not signed in is sent to a page to sign in */
	static const char *const headers[] = { "Content-Type: application/json",
		"X-TFS-FedAuthRedirect: Suppress", NULL };
	static const struct kv_token_client client = { .id = client_id,
		.prove = kv_id_token_prove,
		.tenant_variable = TENANT,
		.remedy = "AZURE_CLIENT_ID, AZURE_TENANT_ID and the application's federated credentials" };
	static const struct kv_ask_endpoint token_service = KV_TOKEN_SERVICE(&client);
	static const struct kv_id_token_source source = { .url = URL,
		.bearer = BEARER,
		.method = "POST",
		.headers = headers,
		.add_query = add_query,
		.member = "oidcToken",
		.remedy = "map " BEARER
			  ": $(System.AccessToken) in the step that runs kvfs, and check service_connection=",
		.token_service = &token_service };
	static const struct kv_ask_endpoint pipelines = KV_ID_TOKEN_ENDPOINT("Azure Pipelines", &source);

	return kv_ask_endpoint(ask, &pipelines);
}

const struct kv_credential_kind kv_azure_pipelines = {
	.variables = { { URL, false }, { BEARER, true }, { CLIENT, false }, { TENANT, false },
	    { CONNECTION, false } },
	.takes_claims = true,
	.presence = presence,
	.ask = ask_pipelines,
};
