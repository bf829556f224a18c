#ifndef KV_CLIENT_BASE_BUF_H
#define KV_CLIENT_BASE_BUF_H
/*
 * A growing byte buffer with a maximum. Its memory is wiped before it is freed, because tokens,
 * secrets and blobs pass through it. data[len] is always a NUL that len does not count, so content
 * without a NUL can be used as a C string; data is never NULL.
 */
#include <stddef.h>
#include <stdint.h>
#include "client/base/err.h"

struct kv_buf {
	unsigned char *data;
	size_t len;
	size_t size; /* allocated, 0 while data is a constant "" */
	size_t max;  /* of len */
};

/* max: the maximum size in bytes. Allocates nothing. */
void kv_buf_init(struct kv_buf *b, size_t max);
/* Wipes and frees; b is then as after kv_buf_init(). */
void kv_buf_release(struct kv_buf *b);
/* Empties and wipes, keeps the memory. */
void kv_buf_clear(struct kv_buf *b);

/* -EFBIG beyond max, -ENOMEM; b is then unchanged. */
int kv_buf_append(struct kv_buf *b, const void *data, size_t len) KV_MUST_CHECK;
int kv_buf_puts(struct kv_buf *b, const char *s) KV_MUST_CHECK;
int kv_buf_printf(struct kv_buf *b, const char *fmt, ...) KV_PRINTF(2, 3) KV_MUST_CHECK;
/*
 * Writes n in decimal, without a NUL, so that it ends before end. Returns where it begins, at most
 * KV_BUF_DECIMAL characters earlier. Much faster than printf(3).
 */
#define KV_BUF_DECIMAL 20
char *kv_buf_decimal(uint64_t n, char *end);
/*
 * Append s with everything but A-Z a-z 0-9 - . _ ~ percent-encoded (RFC 3986), for a form field or a
 * path segment.
 */
int kv_buf_put_encoded(struct kv_buf *b, const char *s) KV_MUST_CHECK;

/* Write at an offset as pwrite() does: a gap is filled with zeros. */
int kv_buf_write_at(struct kv_buf *b, const void *data, size_t len, size_t offset) KV_MUST_CHECK;
/* Cut to len, or grow to len with zeros. */
int kv_buf_resize(struct kv_buf *b, size_t len) KV_MUST_CHECK;

/* Make room for len bytes in total. The caller may then write to data, and must set len and data[len] = 0. */
int kv_buf_reserve(struct kv_buf *b, size_t len) KV_MUST_CHECK;

/* The content as a C string, valid until the next change. */
const char *kv_buf_str(const struct kv_buf *b);
/*
 * Hands the memory to the caller, who frees it with kv_buf_free_taken(); b is then empty. NULL: out of
 * memory.
 */
unsigned char *kv_buf_take(struct kv_buf *b, size_t *len) KV_MUST_CHECK;

/* Wipe a C string or memory and free it; NULL does nothing. */
void kv_buf_free_string(char *s);
void kv_buf_free_taken(unsigned char *data, size_t len);

/* Append to a sentence for the user; what does not fit is cut. Never fails. why may be NULL. */
void kv_buf_say(struct kv_buf *why, const char *fmt, ...) KV_PRINTF(2, 3);
#endif
