#ifndef KV_CLIENT_CREDENTIAL_MANAGED_H
#define KV_CLIENT_CREDENTIAL_MANAGED_H
/*
 * What the sources of managed identities have in common: a GET with the resource and, for a user-assigned
 * identity, its id in the query.
 */
#include <stdbool.h>
#include "client/auth/ask.h"

/* What a source calls the ids of a user-assigned identity in its query; NULL if it does not support one. */
struct kv_managed_source {
	const char *version; /* of its API */
	const char *client, *object, *resource;
	bool has_metadata; /* requires "Metadata: true" */
};

/* The id that the user gave, by -o client_id= (AZURE_CLIENT_ID), object_id= or resource_id=. */
struct kv_managed_id {
	const char *option; /* "client_id" */
	const char *value;  /* NULL: none, so the system-assigned identity or the only one */
};
struct kv_managed_id kv_managed_id(const struct kv_credential_options *options);

/*
 * GET url, with api-version, the resource and the id added to its query, and the header name: value (NULL: none). No proxy
 * is used, and plain http is allowed, because the endpoint is on this machine or in its network. -EACCES and
 * a sentence in the ask's why if the source does not support the kind of id.
 */
int kv_managed_get(struct kv_ask *ask, const char *url, const char *name, const char *value,
    const struct kv_managed_source *source) KV_MUST_CHECK;
#endif
