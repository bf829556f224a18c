/*
 * base64url and base64. Decoding looks up each character in one of four tables, by its place in a
 * group of four: every backup passes through here.
 */
#include "client/base/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "client/base/buf.h"

#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
static const char url_alphabet[] = LETTERS_AND_DIGITS "-_";
static const char standard_alphabet[] = LETTERS_AND_DIGITS "+/";

/* The value of a character of either alphabet, plus 1; 0 for any other character. */
static const unsigned char sixes[256] = {
	// clang-format off
	['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	['-'] = 63, ['+'] = 63, ['_'] = 64, ['/'] = 64,
	// clang-format on
};

/* The value of a character of either alphabet, or -1. */
static int
bits_of(unsigned char c)
{
	return sixes[c] - 1;
}

/* Returns the end of what was written. */
static unsigned char *
write_text(unsigned char *to, const unsigned char *p, size_t len, const char *alphabet)
{
	while (len > 0) {
		const size_t k = len < 3 ? len : 3;
		const unsigned int bits =
		    (unsigned int)p[0] << 16 | (k > 1 ? (unsigned int)p[1] << 8 : 0) | (k > 2 ? p[2] : 0);

		for (size_t i = 0; i <= k; i++)
			*to++ = (unsigned char)alphabet[bits >> (18 - 6 * i) & 63];
		p += k;
		len -= k;
	}
	return to;
}

static int
encode(const void *data, size_t len, bool is_padded, const char *alphabet, struct kv_buf *text)
{
	const size_t room = text->max - text->len, rest = len % 3;
	const size_t last = rest == 0 ? 0 : is_padded ? 4 : rest + 1;
	size_t n;
	unsigned char *to, *end;
	int err;

	if (len / 3 > room / 4)
		return -EFBIG;
	n = len / 3 * 4 + last;
	if (n > room)
		return -EFBIG;
	err = kv_buf_reserve(text, text->len + n);
	if (err != 0 || n == 0)
		return err;
	end = text->data + text->len + n;
	to = write_text(text->data + text->len, data, len, alphabet);
	memset(to, '=', (size_t)(end - to));
	*end = '\0';
	text->len += n;
	return 0;
}

int
kv_base64_encode(const void *data, size_t len, struct kv_buf *text)
{
	return encode(data, len, false, url_alphabet, text);
}

int
kv_base64_encode_standard(const void *data, size_t len, struct kv_buf *text)
{
	return encode(data, len, true, standard_alphabet, text);
}

/* The last two or three characters, which decode to one or two bytes; the unused bits must be 0. */
static int
decode_rest(const unsigned char *text, size_t n, unsigned char *to)
{
	int bits = 0;

	for (size_t i = 0; i < n; i++) {
		if (bits_of(text[i]) < 0)
			return -EINVAL;
		bits = bits << 6 | bits_of(text[i]);
	}
	if (n == 2) {
		to[0] = (unsigned char)(bits >> 4);
		return (bits & 15) == 0 ? 0 : -EINVAL;
	}
	to[0] = (unsigned char)(bits >> 10);
	to[1] = (unsigned char)(bits >> 2);
	return (bits & 3) == 0 ? 0 : -EINVAL;
}

/*
 * A character's contribution to the 24 bits of a group of four, by its place in the group; BAD for a
 * character of neither alphabet.
 */
#define BAD ((uint32_t)1 << 31)
static uint32_t parts[4][256];

static void
make_parts(void)
{
	for (int c = 0; c < 256; c++)
		for (int place = 0; place < 4; place++)
			parts[place][c] = sixes[c] == 0 ? BAD : (sixes[c] - 1u) << (18 - 6 * place);
}

int
kv_base64_decode_to(const unsigned char *text, size_t n, unsigned char *to)
{
	const unsigned char *end = text + n / 4 * 4;

	if (n % 4 == 1)
		return -EINVAL;
	if (parts[0][0] != BAD)
		make_parts();
	for (; text < end; text += 4, to += 3) {
		const uint32_t bits =
		    parts[0][text[0]] | parts[1][text[1]] | parts[2][text[2]] | parts[3][text[3]];

		if (bits & BAD)
			return -EINVAL;
		to[0] = (unsigned char)(bits >> 16);
		to[1] = (unsigned char)(bits >> 8);
		to[2] = (unsigned char)bits;
	}
	return n % 4 == 0 ? 0 : decode_rest(text, n % 4, to);
}

int
kv_base64_decode(const char *text, size_t len, struct kv_buf *data)
{
	size_t n = len, room;
	int err;

	if (n > 0 && n % 4 == 0 && text[n - 1] == '=') {
		n--;
		if (text[n - 1] == '=')
			n--;
	}
	if (n == 0)
		return len == 0 ? 0 : -EINVAL;
	room = n / 4 * 3 + (n % 4 > 0 ? n % 4 - 1 : 0);
	if (room > data->max - data->len)
		return -EFBIG;
	err = kv_buf_reserve(data, data->len + room);
	if (err != 0)
		return err;
	err = kv_base64_decode_to((const unsigned char *)text, n, data->data + data->len);
	if (err != 0) {
		explicit_bzero(data->data + data->len, room);
		return err;
	}
	data->len += room;
	data->data[data->len] = '\0';
	return 0;
}

/*
 * 16 characters at a time, with the compiler's vector types: every backup passes through here, and
 * this takes a third of the instructions of a table.
 */
typedef unsigned char characters __attribute__((vector_size(16)));

/* 0 for each character of the alphabet, non-zero for any other. */
static characters
find_others(characters c)
{
	const characters letter = (c | 0x20) - 'a', digit = c - '0';

	return ~(characters)((letter < 26) | (digit < 10) | (c == '-') | (c == '_'));
}

bool
kv_base64_is_url(const unsigned char *text, size_t len)
{
	characters c, others = { 0 };
	unsigned char other = 0;

	for (; len >= sizeof(c); text += sizeof(c), len -= sizeof(c)) {
		memcpy(&c, text, sizeof(c));
		others |= find_others(c);
	}
	memset(&c, 'A', sizeof(c));
	memcpy(&c, text, len);
	others |= find_others(c);
	for (size_t i = 0; i < sizeof(c); i++)
		other |= others[i];
	return other == 0;
}
