/*
 * A client secret: the environment of the SDKs, or -o client_secret_file=.
 */
#include "client/base/buf.h"
#include "client/credential/token_service.h"

#define SECRET "AZURE_CLIENT_SECRET"

static const char *
secret_of(const struct kv_credential_options *o)
{
	return o->client_secret != NULL ? o->client_secret : kv_credential_variable(o, SECRET);
}

/*
 * The SDKs need the tenant too. Without it, kvfs takes the one that the vault names, but only if nothing else
 * can be meant: in a chain this set of variables is incomplete, as it is for the SDKs.
 */
static enum kv_presence
presence(const struct kv_credential_options *o, struct kv_buf *why)
{
	const bool is_meant = o->client_secret != NULL || o->order.n == 1;

	if (secret_of(o) == NULL)
		kv_credential_lacks(why, SECRET);
	else if (o->client_id == NULL)
		kv_credential_lacks(why, "AZURE_CLIENT_ID (or -o client_id=)");
	else if (o->tenant == NULL && !is_meant)
		kv_credential_lacks(why, "AZURE_TENANT_ID");
	else
		return KV_CONFIGURED;
	return KV_NOT_CONFIGURED;
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
	.variables = { { SECRET, true } },
	.takes_claims = true,
	.presence = presence,
	.ask = ask_token_service,
};
