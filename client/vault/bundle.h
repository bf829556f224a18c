#ifndef KV_CLIENT_VAULT_BUNDLE_H
#define KV_CLIENT_VAULT_BUNDLE_H
/*
 * Answers that describe one object. text need not end in NUL; -EBADMSG for another shape, -ENOMEM. On
 * failure the out-parameter is zeroed.
 */
#include <stddef.h>
#include <stdint.h>
#include "client/vault/item.h"

/*
 * The answer to a restore: a key, secret or certificate bundle. item is the restored object with the version
 * named in the answer; its fingerprint is zero, because a bundle is not a list item. The host of the id is
 * ignored. A certificate's bundle may lack everything but its id.
 */
int kv_bundle_parse(const char *text, size_t len, enum kv_type type, struct kv_item *item) KV_MUST_CHECK;
/*
 * The answer to GET /deletedTYPE/NAME. wall_purge: when the service will purge the object, Unix seconds; 0
 * if not given. -EBADMSG also for another object's answer.
 */
int kv_bundle_parse_deleted(
    const char *text, size_t len, enum kv_type type, const char *name, int64_t *wall_purge) KV_MUST_CHECK;
/*
 * Find an id of that type in single quotes in a fault's message: "… restoring the key
 * 'https://v…/keys/N/VERSION'. …". Its host is ignored. -ENOENT if there is none.
 */
int kv_bundle_find_id(const struct kv_fault *fault, enum kv_type type, struct kv_item *item) KV_MUST_CHECK;
#endif
