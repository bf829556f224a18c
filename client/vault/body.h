#ifndef KV_CLIENT_VAULT_BODY_H
#define KV_CLIENT_VAULT_BODY_H
/*
 * {"value":"<base64url>"}: the answer to a backup and the body of a restore.
 */
#include <stddef.h>
#include "client/base/err.h"

struct kv_buf;

/* Appends the decoded value to blob. -EBADMSG for another shape, -EFBIG beyond blob's maximum, -ENOMEM. */
int kv_body_decode(const char *text, size_t len, struct kv_buf *blob) KV_MUST_CHECK;
/* Appends a body with data to body. -EFBIG, -ENOMEM: body is unchanged. */
int kv_body_encode(const void *data, size_t len, struct kv_buf *body) KV_MUST_CHECK;
#endif
