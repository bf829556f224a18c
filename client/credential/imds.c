/*
 * The managed identity of a virtual machine, from its Instance Metadata Service. During an update IMDS
 * answers 404 or 410 for up to 70 s (Microsoft's "how-to-use-vm-token", retry guidance). If IMDS is only a
 * guess, something else may answer at its address, such as a proxy or a portal: any other answer means that
 * IMDS is unavailable.
 */
#include "client/auth/ask.h"
#include "client/base/buf.h"

#define IMDS	   "http://169.254.169.254"
#define OTHER_HOST "AZURE_POD_IDENTITY_AUTHORITY_HOST"

static enum kv_presence
presence(const struct kv_credential_options *o)
{
	(void)o;
	return KV_PERHAPS;
}

static int
send_get(struct kv_ask *ask)
{
	const char *other = kv_credential_variable(ask->o, OTHER_HOST);
	struct kv_buf url;
	int err;

	kv_buf_init(&url, 8192);
	err = kv_buf_printf(
	    &url, "%s/metadata/identity/oauth2/token?api-version=2018-02-01", other != NULL ? other : IMDS);
	if (err == 0)
		err = kv_ask_send_get(ask, kv_buf_str(&url), "Metadata: true");
	kv_buf_release(&url);
	return err;
}

static int
ask_imds(struct kv_ask *ask)
{
	static const struct kv_ask_endpoint imds = { .who = "the managed identity's endpoint",
		.absent = "no managed identity answers",
		.attempts = 7,
		.guess_attempts = 3,
		.pause_ms = 1340,
		.may_be_away = true,
		.send = send_get,
		.refusal = "the managed identity got no token" };

	return kv_ask_endpoint(ask, &imds);
}

const struct kv_credential_kind kv_imds = {
	.variables = { { OTHER_HOST, false } },
	.presence = presence,
	.ask = ask_imds,
};
