#ifndef KV_CLIENT_VAULT_ITEM_H
#define KV_CLIENT_VAULT_ITEM_H
/*
 * An object or one of its versions, as the service describes it.
 */
#include <stdbool.h>
#include <stdint.h>
#include "client/base/err.h"
#include "client/vault/type.h"

struct kv_json;
struct kv_url;

struct kv_item {
	char name[KV_NAME_MAX + 1]; /* the service's spelling */
	char version[64];	    /* "" in a list of objects, as the service gives it */
	int64_t wall_created;	    /* Unix seconds, 0 if not given */
	int64_t wall_updated;
	int64_t wall_expires;
	bool is_enabled; /* true if not given */
	bool
	    is_managed; /* not to be backed up: belongs to a certificate, whose backup holds it, or is external */
	bool is_external;			       /* a reference to a key outside of the Managed HSM */
	unsigned char fingerprint[KV_FINGERPRINT_LEN]; /* of the whole list item, in any order of members */
};

/*
 * Copies name and version of an id ("kid" or "id") into item; its other members are unchanged. An id
 * is https://HOST/TYPE/NAME[/VERSION] with an optional slash at the end. HOST must be vault's host, in
 * any port, because independent servers leave the port out. vault NULL: any host. -EBADMSG for
 * anything else, -ENOMEM.
 */
int kv_item_parse_id(
    const char *id, enum kv_type type, const struct kv_url *vault, struct kv_item *item) KV_MUST_CHECK;
/* Parses the members that list items and bundles share. -EBADMSG if one has the wrong type. */
int kv_item_parse_attributes(const struct kv_json *object, struct kv_item *item) KV_MUST_CHECK;
#endif
