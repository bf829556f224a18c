/*
 * Growing byte buffers. Memory is never handed to realloc(), which would leave an unwiped copy
 * behind: a larger piece is allocated, filled, and the old one wiped.
 */
#include "client/base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST 64

/* The data of a buffer without memory; never written to. */
static unsigned char nothing[1];

void
kv_buf_init(struct kv_buf *b, size_t max)
{
	/* room for the NUL must not overflow */
	*b = (struct kv_buf){ .data = nothing, .max = max < SIZE_MAX ? max : SIZE_MAX - 1 };
}

void
kv_buf_release(struct kv_buf *b)
{
	if (b->size > 0) {
		explicit_bzero(b->data, b->size);
		free(b->data);
	}
	kv_buf_init(b, b->max);
}

void
kv_buf_clear(struct kv_buf *b)
{
	if (b->size > 0)
		explicit_bzero(b->data, b->size);
	b->len = 0;
}

int
kv_buf_reserve(struct kv_buf *b, size_t len)
{
	unsigned char *data;
	size_t size;

	if (len > b->max)
		return -EFBIG;
	if (len < b->size)
		return 0;
	size = b->size > b->max / 2 ? b->max + 1 : b->size * 2;
	if (size < SMALLEST && SMALLEST <= b->max)
		size = SMALLEST;
	if (size < len + 1)
		size = len + 1;
	data = malloc(size);
	if (data == NULL)
		return -ENOMEM;
	memcpy(data, b->data, b->len);
	data[b->len] = '\0';
	if (b->size > 0) {
		explicit_bzero(b->data, b->size);
		free(b->data);
	}
	b->data = data;
	b->size = size;
	return 0;
}

/* Make room for len bytes more. */
static int
reserve_more(struct kv_buf *b, size_t len)
{
	return len > b->max - b->len ? -EFBIG : kv_buf_reserve(b, b->len + len);
}

int
kv_buf_append(struct kv_buf *b, const void *data, size_t len)
{
	int err;

	if (len == 0)
		return 0;
	err = reserve_more(b, len);
	if (err != 0)
		return err;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int
kv_buf_puts(struct kv_buf *b, const char *s)
{
	return kv_buf_append(b, s, strlen(s));
}

/* At most `most` bytes of the text are appended; the rest is cut. */
static int KV_PRINTF(3, 0) append_formatted(struct kv_buf *b, size_t most, const char *fmt, va_list args)
{
	const size_t spare = b->size > b->len ? b->size - b->len : 0; /* with the NUL's byte */
	const size_t room = most < spare ? most + 1 : spare;
	va_list again;
	size_t len;
	int n, err = 0;

	va_copy(again, args);
	n = vsnprintf(room > 0 ? (char *)b->data + b->len : NULL, room, fmt, again);
	va_end(again);
	if (n < 0)
		return -EINVAL;
	len = (size_t)n < most ? (size_t)n : most;
	if (len >= room && len > 0) { /* it did not fit */
		if (room > 0)
			b->data[b->len] = '\0';
		err = reserve_more(b, len);
		if (err == 0)
			(void)vsnprintf((char *)b->data + b->len, len + 1, fmt, args);
	}
	if (err == 0)
		b->len += len;
	return err;
}

int
kv_buf_printf(struct kv_buf *b, const char *fmt, ...)
{
	va_list args;
	int err;

	va_start(args, fmt);
	err = append_formatted(b, SIZE_MAX, fmt, args);
	va_end(args);
	return err;
}

char *
kv_buf_decimal(uint64_t n, char *end)
{
	do {
		*--end = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	return end;
}

void
kv_buf_say(struct kv_buf *why, const char *fmt, ...)
{
	va_list args;

	if (why == NULL || why->len == why->max)
		return;
	va_start(args, fmt);
	(void)append_formatted(why, why->max - why->len, fmt, args);
	va_end(args);
}

static int
is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	    c == '.' || c == '_' || c == '~';
}

int
kv_buf_put_encoded(struct kv_buf *b, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char *to;
	size_t len = 0;
	int err;

	for (const char *p = s; *p != '\0'; p++) {
		const size_t n = is_unreserved((unsigned char)*p) ? 1 : 3;

		if (n > b->max - b->len - len)
			return -EFBIG;
		len += n;
	}
	if (len == 0)
		return 0;
	err = reserve_more(b, len);
	if (err != 0)
		return err;
	to = b->data + b->len;
	for (const char *p = s; *p != '\0'; p++) {
		const unsigned char c = (unsigned char)*p;

		if (is_unreserved(c)) {
			*to++ = c;
		} else {
			*to++ = '%';
			*to++ = (unsigned char)hex[c >> 4];
			*to++ = (unsigned char)hex[c & 15];
		}
	}
	*to = '\0';
	b->len += len;
	return 0;
}

int
kv_buf_resize(struct kv_buf *b, size_t len)
{
	int err;

	if (len == b->len)
		return 0;
	if (len < b->len) {
		explicit_bzero(b->data + len, b->len - len);
		b->len = len;
		return 0;
	}
	err = kv_buf_reserve(b, len);
	if (err != 0)
		return err;
	memset(b->data + b->len, 0, len - b->len + 1);
	b->len = len;
	return 0;
}

int
kv_buf_write_at(struct kv_buf *b, const void *data, size_t len, size_t offset)
{
	int err;

	if (len == 0)
		return 0;
	if (offset > b->max || len > b->max - offset)
		return -EFBIG;
	if (offset + len > b->len) {
		err = kv_buf_resize(b, offset + len);
		if (err != 0)
			return err;
	}
	memcpy(b->data + offset, data, len);
	return 0;
}

const char *
kv_buf_str(const struct kv_buf *b)
{
	return (const char *)b->data;
}

unsigned char *
kv_buf_take(struct kv_buf *b, size_t *len)
{
	unsigned char *data;

	*len = 0;
	if (kv_buf_reserve(b, b->len) != 0) /* an empty buffer has no memory yet */
		return NULL;
	data = b->data;
	*len = b->len;
	b->size = 0;
	kv_buf_init(b, b->max);
	return data;
}

void
kv_buf_free_string(char *s)
{
	if (s != NULL)
		kv_buf_free_taken((unsigned char *)s, strlen(s));
}

void
kv_buf_free_taken(unsigned char *data, size_t len)
{
	if (data == NULL)
		return;
	explicit_bzero(data, len);
	free(data);
}
