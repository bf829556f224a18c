/*
 * A client secret: the environment of the SDKs, or -o client_secret_file=.
 */
#include "client/base/buf.h"
#include "client/credential/token_service.h"

#define SECRET "AZURE_CLIENT_SECRET"

/* An option takes precedence over the environment: with a certificate by option, the secret is not meant. */
static const char *
secret_of(const struct kv_credential_options *o)
{
	if (o->client_secret != NULL || o->client_certificate != NULL)
		return o->client_secret;
	return kv_credential_variable(o, SECRET);
}

static enum kv_presence
presence(const struct kv_credential_options *o, struct kv_buf *why)
{
	if (secret_of(o) == NULL) {
		kv_credential_lacks(why, SECRET);
		return KV_NOT_CONFIGURED;
	}
	return kv_token_service_presence(o, o->client_id, o->tenant, why) ? KV_CONFIGURED : KV_NOT_CONFIGURED;
}

static int
prove(struct kv_ask *ask, struct kv_buf *form)
{
	return kv_ask_add_field(form, "client_secret", secret_of(ask->o));
}

static int
ask_token_service(struct kv_ask *ask)
{
	static const struct kv_token_client client = { .prove = prove,
		.remedy = "AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID" };
	static const struct kv_ask_endpoint token_service = KV_TOKEN_SERVICE(&client);

	return kv_ask_endpoint(ask, &token_service);
}

const struct kv_credential_kind kv_client_secret = {
	/* the SDKs' password of a user is not supported, but it is a secret all the same */
	.variables = { { SECRET, true }, { "AZURE_PASSWORD", true } },
	.noun = "client secret",
	.takes_claims = true,
	.presence = presence,
	.ask = ask_token_service,
};
