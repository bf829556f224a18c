#ifndef KV_CLIENT_CREDENTIAL_MANAGED_H
#define KV_CLIENT_CREDENTIAL_MANAGED_H
/*
 * What the sources of managed identities have in common: a GET with the resource and, for a user-assigned
 * identity, its id in the query.
 */
#include <stdbool.h>
#include "client/auth/ask.h"

/* What a source calls the ids of a user-assigned identity in its query; NULL if it does not support one. */
struct kv_managed_names {
	const char *client, *object, *resource;
};

/* Whether the user named an identity, by -o client_id=, object_id= or resource_id=. */
bool kv_managed_is_named(const struct kv_credential_options *options);
/*
 * GET url, which must have a query, with the resource and the id added. header: "Name: value". No proxy is
 * used, and plain http is allowed, because the endpoint is on this machine or in its network. connect_ms: 0
 * for 10 s. -EACCES and a sentence in the ask's why if the source does not support the kind of id.
 */
int kv_managed_get(struct kv_ask *ask, const char *url, const char *header,
    const struct kv_managed_names *names, unsigned int connect_ms) KV_MUST_CHECK;
#endif
