/*
 * The sources of managed identities that kvfs does not support, so that none of them is taken for another:
 * Azure Service Fabric, whose endpoint is known only by the thumbprint of its certificate, and Azure Cloud
 * Shell, where FUSE does not exist.
 */
#include <errno.h>

#include "client/auth/ask.h"
#include "client/base/buf.h"

#define THUMBPRINT  "IDENTITY_SERVER_THUMBPRINT"
#define ML_ENDPOINT "MSI_ENDPOINT"
#define ML_SECRET   "MSI_SECRET"

static bool
is_service_fabric(const struct kv_credential_options *o)
{
	return kv_credential_variable(o, THUMBPRINT) != NULL;
}

static bool
is_cloud_shell(const struct kv_credential_options *o)
{
	return kv_credential_variable(o, ML_ENDPOINT) != NULL && kv_credential_variable(o, ML_SECRET) == NULL;
}

static enum kv_presence
presence(const struct kv_credential_options *o, struct kv_buf *why)
{
	(void)why;
	return is_service_fabric(o) || is_cloud_shell(o) ? KV_CONFIGURED : KV_NOT_CONFIGURED;
}

static int
refuse(struct kv_ask *ask)
{
	kv_buf_say(kv_ask_why(ask), "the managed identity of %s is not supported",
	    is_service_fabric(ask->o) ? "Azure Service Fabric (" THUMBPRINT " is set)" :
					"Azure Cloud Shell (" ML_ENDPOINT " is set, " ML_SECRET " is not)");
	kv_ask_fail(ask, KV_UNAVAILABLE, -EACCES);
	return 0;
}

const struct kv_credential_kind kv_unsupported = {
	.variables = { { THUMBPRINT, false }, { ML_ENDPOINT, false }, { ML_SECRET, true } },
	.presence = presence,
	.ask = refuse,
};
