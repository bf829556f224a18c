#ifndef KV_CLIENT_BASE_JSON_QUOTE_H
#define KV_CLIENT_BASE_JSON_QUOTE_H
/* Writes strings of JSON. */
#include "client/base/err.h"

struct kv_buf;

/*
 * Append text as a JSON string (RFC 8259), with quotes: controls, quotes and backslashes are escaped, and a
 * byte that is not UTF-8 becomes U+FFFD. NULL becomes null. -EFBIG, -ENOMEM.
 */
int kv_json_quote(struct kv_buf *out, const char *text) KV_MUST_CHECK;
#endif
