#ifndef KV_CLIENT_VAULT_SKIPTOKEN_H
#define KV_CLIENT_VAULT_SKIPTOKEN_H
/*
 * The $skiptoken of a nextLink: where the next page of a list begins.
 *
 * Key Vault's is base64 of {"NextMarker":"2!LEN!MARKER","TargetLocation":0}; MARKER is base64, padded with
 * '-', of "000012!secret/NAME!000028!9999-12-31T23:59:59.9999999Z!", with the name of the next row in upper
 * case (recorded in 2018 to 2026). No other server's tokens are read, nor those of a Managed HSM.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"
#include "client/vault/type.h"

struct kv_buf;

#define KV_SKIPTOKEN_MAX 1000 /* characters */

/* The token's first character in link, and its length; NULL: link has none, or one that is too long. */
const char *kv_skiptoken_find(const char *link, size_t *len);
/* Whether link has exactly this token. */
bool kv_skiptoken_is(const char *link, const char *token);
/*
 * The name in a token of a list of type, in upper case; key has room for KV_NAME_MAX + 1 bytes. False: the
 * token is not Key Vault's, has no such name, or memory is short.
 */
bool kv_skiptoken_key(const char *token, size_t len, enum kv_type type, char *key);
/* Appends link with token instead of its own. -EINVAL: link has none; -EFBIG, -ENOMEM. */
int kv_skiptoken_put(const char *link, const char *token, struct kv_buf *out) KV_MUST_CHECK;
#endif
