#ifndef KV_CLIENT_BASE_QUOTE_H
#define KV_CLIENT_BASE_QUOTE_H
/*
 * Text in JSON (RFC 8259).
 */
#include "client/base/err.h"

struct kv_buf;

/*
 * text as a JSON string with its quotes is appended: controls, quotes and backslashes are escaped, and
 * a byte that is no UTF-8 becomes U+FFFD, so that any parser takes it. NULL is null. -EFBIG, -ENOMEM.
 */
int kv_quote_json(struct kv_buf *out, const char *text) KV_MUST_CHECK;
#endif
