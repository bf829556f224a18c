/*
 * The managed identity of a compute instance of Azure Machine Learning, whose endpoint is in the environment.
 * Its interface is that of App Service before 2019.
 */
#include "client/base/buf.h"
#include "client/credential/managed.h"

#define ENDPOINT "MSI_ENDPOINT"
#define SECRET	 "MSI_SECRET"

static enum kv_presence
presence(const struct kv_credential_options *o, struct kv_buf *why)
{
	(void)why; /* most machines are not of Machine Learning */
	return kv_credential_variable(o, ENDPOINT) != NULL && kv_credential_variable(o, SECRET) != NULL ?
	    KV_CONFIGURED :
	    KV_NOT_CONFIGURED;
}

static int
send_get(struct kv_ask *ask)
{
	static const struct kv_managed_source source = { .version = "2017-09-01", .client = "clientid" };

	return kv_managed_get(ask, kv_credential_variable(ask->o, ENDPOINT), "secret",
	    kv_credential_variable(ask->o, SECRET), &source);
}

static int
ask_machine_learning(struct kv_ask *ask)
{
	static const struct kv_ask_endpoint endpoint = {
		.who = "the managed identity endpoint of Azure Machine Learning (MSI_ENDPOINT)",
		.attempts = 7,
		.pause_ms = 1340,
		.may_be_away = true,
		.send = send_get
	};

	return kv_ask_endpoint(ask, &endpoint);
}

const struct kv_credential_kind kv_azure_ml = {
	.variables = { { ENDPOINT, false }, { SECRET, true } },
	.presence = presence,
	.ask = ask_machine_learning,
};
