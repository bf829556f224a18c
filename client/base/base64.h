#ifndef KV_CLIENT_BASE_BASE64_H
#define KV_CLIENT_BASE_BASE64_H
/*
 * base64url without padding (RFC 4648, 5). Decoding also accepts the ordinary alphabet and padding.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"

struct kv_buf;

/* Appends data as text. -EFBIG, -ENOMEM: text is unchanged. */
int kv_base64_encode(const void *data, size_t len, struct kv_buf *text) KV_MUST_CHECK;
/* Likewise, in the ordinary alphabet and with padding (RFC 4648, 4). */
int kv_base64_encode_standard(const void *data, size_t len, struct kv_buf *text) KV_MUST_CHECK;
/*
 * Appends the decoded bytes to data. -EINVAL for a character of neither alphabet, a wrong length or unused
 * bits that are not zero; -EFBIG, -ENOMEM. On failure data is unchanged.
 */
int kv_base64_decode(const char *text, size_t len, struct kv_buf *data) KV_MUST_CHECK;
/* Decodes n characters without padding into to, which must have room for n * 3 / 4 bytes. 0 or -EINVAL. */
int kv_base64_decode_to(const unsigned char *text, size_t n, unsigned char *to) KV_MUST_CHECK;
/* Whether all len characters are in base64url's alphabet. */
bool kv_base64_is_url(const unsigned char *text, size_t len);
#endif
