#include "client/vault/dialect.h"

#include <stdio.h>
#include <string.h>

#include "client/base/fault.h"
#include "client/base/log.h"

#define MODULE "vault"

void
kv_dialect_init(struct kv_dialect *d, const char *version, const char *older)
{
	snprintf(d->version, sizeof(d->version), "%s", version);
	snprintf(d->older, sizeof(d->older), "%s", older != NULL ? older : "");
}

static bool
is_older(const struct kv_dialect *d)
{
	return strcmp(d->version, d->older) == 0;
}

void
kv_dialect_accepted(struct kv_dialect *d)
{
	if (!is_older(d))
		d->older[0] = '\0';
}

bool
kv_dialect_is_refused(const struct kv_dialect *d, enum kv_op op, long status, const struct kv_fault *fault)
{
	if (status != 400 || d->older[0] == '\0')
		return false;
	return op == KV_OP_LIST || strstr(fault->message, "specified version") != NULL ||
	    strstr(fault->message, "api-version") != NULL;
}

void
kv_dialect_fall_back(struct kv_dialect *d, const char *vault)
{
	if (is_older(d))
		return;
	kv_log_event(KV_LOG_WARNING, MODULE, "vault=%s event=api_version version=%s before=%s why=%s", vault,
	    d->older, d->version,
	    "the vault does not accept the newer version: external keys cannot be recognized, and a restore of "
	    "the backup of one can degrade a Managed HSM");
	memcpy(d->version, d->older, sizeof(d->version));
}
