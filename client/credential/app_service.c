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
	static const struct kv_managed_names names = { "client_id", "object_id", "mi_res_id" };
	struct kv_buf url, header;
	int err;

	kv_buf_init(&url, 8192);
	kv_buf_init(&header, 8192);
	err = kv_buf_printf(&url, "%s?api-version=2019-08-01", kv_credential_variable(ask->o, ENDPOINT));
	if (err == 0)
		err = kv_buf_printf(&header, "X-IDENTITY-HEADER: %s", kv_credential_variable(ask->o, HEADER));
	if (err == 0)
		err = kv_managed_get(ask, kv_buf_str(&url), kv_buf_str(&header), &names, 0);
	kv_buf_release(&header);
	kv_buf_release(&url);
	return err;
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
