#ifndef KV_CLIENT_VAULT_BUNDLE_H
#define KV_CLIENT_VAULT_BUNDLE_H
/*
 * Answers that describe one object. text need not end in NUL; -EBADMSG for another shape, -ENOMEM. On
 * failure the out-parameter is zeroed.
 */
#include <stddef.h>
#include <stdint.h>
#include "client/vault/item.h"

struct kv_buf;
struct kv_json;

/*
 * The request that is answered. An answer about another vault's object, or about another object, is -EBADMSG, and why
 * names both: it is a gateway's or proxy's, and proves nothing about this vault.
 */
struct kv_bundle_asked {
	enum kv_type type;
	const char *name;	    /* of the object, in any spelling; NULL: only the answer names it */
	const struct kv_url *vault; /* the host in ids; NULL: any (no_challenge_verify, for emulators) */
	struct kv_buf *why;	    /* may be NULL */
};
/*
 * A key, secret or certificate bundle, as the answer to a restore. item is the object with the version named in the
 * answer; its fingerprint is zero, because a bundle is not a list item. A certificate's bundle may lack everything but
 * its id.
 */
int kv_bundle_parse(
    const char *text, size_t len, const struct kv_bundle_asked *asked, struct kv_item *item) KV_MUST_CHECK;
/*
 * The answer to GET /deletedTYPE/NAME. wall_purge: when the service will purge the object, Unix seconds; 0
 * if not given. It must have an id or a recovery id.
 */
int kv_bundle_parse_deleted(
    const char *text, size_t len, const struct kv_bundle_asked *asked, int64_t *wall_purge) KV_MUST_CHECK;
/*
 * The id of an answer that describes no object: a rotation policy (of the key name, part "rotationpolicy"), an issuer
 * (name "issuers", part the issuer), the contacts (name "contacts", part ""). -ENOENT: it has no id.
 */
int kv_bundle_check_id(
    const struct kv_json *answer, const struct kv_bundle_asked *asked, const char *part) KV_MUST_CHECK;
/*
 * Find an id of that type in single quotes in a fault's message: "… restoring the key
 * 'https://v…/keys/N/VERSION'. …". Its host is ignored. -ENOENT if there is none.
 */
int kv_bundle_find_id(const struct kv_fault *fault, enum kv_type type, struct kv_item *item) KV_MUST_CHECK;
#endif
