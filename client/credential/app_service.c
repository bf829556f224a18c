/*
 * The managed identity of App Service, Functions and Container Apps, whose endpoint is in the environment.
 */
#include "client/base/buf.h"
#include "client/credential/managed.h"

#define ENDPOINT "IDENTITY_ENDPOINT"
#define HEADER	 "IDENTITY_HEADER"

static enum kv_presence
presence(const struct kv_credential_options *o, struct kv_buf *why)
{
	(void)why; /* most machines are not of App Service */
	return kv_credential_variable(o, ENDPOINT) != NULL && kv_credential_variable(o, HEADER) != NULL ?
	    KV_CONFIGURED :
	    KV_NOT_CONFIGURED;
}

static int
send_get(struct kv_ask *ask)
{
	static const struct kv_managed_source source = {
		.version = "2019-08-01", .client = "client_id", .object = "object_id", .resource = "mi_res_id"
	};

	return kv_managed_get(ask, kv_credential_variable(ask->o, ENDPOINT), "X-IDENTITY-HEADER",
	    kv_credential_variable(ask->o, HEADER), &source);
}

static int
ask_app_service(struct kv_ask *ask)
{
	static const struct kv_ask_endpoint app_service = {
		.who = "the managed identity endpoint of App Service (IDENTITY_ENDPOINT)",
		.attempts = 7,
		.pause_ms = 1340,
		.may_be_away = true,
		.send = send_get
	};

	return kv_ask_endpoint(ask, &app_service);
}

const struct kv_credential_kind kv_app_service = {
	.variables = { { ENDPOINT, false }, { HEADER, true } },
	.presence = presence,
	.ask = ask_app_service,
};
