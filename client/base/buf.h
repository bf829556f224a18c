#ifndef KV_CLIENT_BASE_BUF_H
#define KV_CLIENT_BASE_BUF_H
/*
 * A growing byte buffer with a maximum, wiped before its memory goes back: tokens, secrets and
 * blobs pass through it. data[len] is always a NUL that len does not count, so the content can be
 * used as a C string where it has no NUL of its own; data is never NULL.
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

/* max is the most that the buffer may ever hold, in bytes. Allocates nothing. */
void kv_buf_init(struct kv_buf *b, size_t max);
/* Wipes and frees; b is as after kv_buf_init(). */
void kv_buf_release(struct kv_buf *b);
/* Empties and wipes, keeps the memory. */
void kv_buf_clear(struct kv_buf *b);

/* -EFBIG beyond max, -ENOMEM; b is then unchanged. */
int kv_buf_append(struct kv_buf *b, const void *data, size_t len) KV_MUST_CHECK;
int kv_buf_puts(struct kv_buf *b, const char *s) KV_MUST_CHECK;
int kv_buf_printf(struct kv_buf *b, const char *fmt, ...) KV_PRINTF(2, 3) KV_MUST_CHECK;
/*
 * n in decimal, without a NUL, before end: where it begins, at most KV_BUF_DECIMAL characters before. Much faster than
 * printf(3), for what is written thousands of times a second.
 */
#define KV_BUF_DECIMAL 20
char *kv_buf_decimal(uint64_t n, char *end);
/* s percent-encoded but for A-Z a-z 0-9 - . _ ~ (RFC 3986), as a form field or a path segment. */
int kv_buf_put_encoded(struct kv_buf *b, const char *s) KV_MUST_CHECK;

/* Write at an offset as pwrite() does: a gap is filled with zeros. */
int kv_buf_write_at(struct kv_buf *b, const void *data, size_t len, size_t offset) KV_MUST_CHECK;
/* Cut, or grow with zeros, to len. */
int kv_buf_resize(struct kv_buf *b, size_t len) KV_MUST_CHECK;

/* Make room so that len bytes in all can be written into data by the caller, who then sets len and data[len] = 0. */
int kv_buf_reserve(struct kv_buf *b, size_t len) KV_MUST_CHECK;

/* The content as a C string, valid until the next change. */
const char *kv_buf_str(const struct kv_buf *b);
/* The memory leaves to the caller, to be freed with kv_buf_free_taken(); b is empty. NULL: ENOMEM. */
unsigned char *kv_buf_take(struct kv_buf *b, size_t *len) KV_MUST_CHECK;

/* Wipe a C string or memory and free it; NULL does nothing. */
void kv_buf_free_string(char *s);
void kv_buf_free_taken(unsigned char *data, size_t len);

/* A sentence for people is appended to why; what does not fit is cut. Never fails. */
void kv_buf_say(struct kv_buf *why, const char *fmt, ...) KV_PRINTF(2, 3);
#endif
