/* Bytes as text. */
#include <sys/random.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/clock.h"
#include "tests/vault/encode.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
encode(struct lv_text *out, const unsigned char *in, size_t len, const char *alphabet)
{
	size_t chars = (len * 4 + 2) / 3, i;
	char *to = lv_text_room(out, chars);

	for (i = 0; i + 2 < len; i += 3) {
		*to++ = alphabet[in[i] >> 2];
		*to++ = alphabet[(in[i] & 3) << 4 | in[i + 1] >> 4];
		*to++ = alphabet[(in[i + 1] & 15) << 2 | in[i + 2] >> 6];
		*to++ = alphabet[in[i + 2] & 63];
	}
	if (len - i == 1) {
		*to++ = alphabet[in[i] >> 2];
		*to = alphabet[(in[i] & 3) << 4];
	} else if (len - i == 2) {
		*to++ = alphabet[in[i] >> 2];
		*to++ = alphabet[(in[i] & 3) << 4 | in[i + 1] >> 4];
		*to = alphabet[(in[i + 1] & 15) << 2];
	}
}

void
lv_encode_base64(struct lv_text *out, const void *data, size_t len)
{
	encode(out, data, len, standard);
	if (len % 3 != 0)
		lv_text_add(out, "==", 3 - len % 3);
}

void
lv_encode_base64url(struct lv_text *out, const void *data, size_t len)
{
	encode(out, data, len, url);
}

void
lv_encode_hex(char *out, const unsigned char *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		*out++ = digits[data[i] >> 4];
		*out++ = digits[data[i] & 15];
	}
	*out = '\0';
}

/* The value of a character, -1 where it is none. */
static int
value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

int
lv_encode_decode(struct lv_text *out, const char *text, size_t len)
{
	uint32_t bits = 0;
	size_t i, digits = 0;
	char *start = lv_text_room(out, len / 4 * 3 + 3), *to = start;

	for (i = 0; i < len && text[i] != '='; i++) {
		int v = value(text[i]);

		if (text[i] == '\r' || text[i] == '\n')
			continue;
		if (v < 0)
			break;
		bits = bits << 6 | (uint32_t)v;
		if (++digits % 4 != 1)
			*to++ = (char)(bits >> (6 - 2 * ((digits - 1) % 4)));
	}
	while (i < len && (text[i] == '=' || text[i] == '\n' || text[i] == '\r'))
		i++;
	out->len -= len / 4 * 3 + 3 - (size_t)(to - start);
	out->data[out->len] = '\0';
	return i == len && digits % 4 != 1 ? 0 : -EINVAL;
}

void
lv_encode_random(void *data, size_t len)
{
	unsigned char *at = data;
	ssize_t got;

	while (len > 0) {
		got = getrandom(at, len, 0);
		if (got < 0 && errno != EINTR)
			abort();
		if (got > 0) {
			at += got;
			len -= (size_t)got;
		}
	}
}

void
lv_encode_guid_of(char out[LV_GUID_SIZE], const unsigned char bytes[16])
{
	static const unsigned char lengths[] = { 4, 2, 2, 2, 6 };
	size_t i;

	for (i = 0; i < sizeof(lengths); i++) {
		lv_encode_hex(out, bytes, lengths[i]);
		bytes += lengths[i];
		out += 2 * lengths[i];
		*out++ = i + 1 < sizeof(lengths) ? '-' : '\0';
	}
}

void
lv_encode_new_guid(char out[LV_GUID_SIZE])
{
	unsigned char bytes[16];

	lv_encode_random(bytes, sizeof(bytes));
	bytes[6] = (bytes[6] & 0x0f) | 0x40;
	bytes[8] = (bytes[8] & 0x3f) | 0x80;
	lv_encode_guid_of(out, bytes);
}

void
lv_encode_new_time_guid(char out[LV_GUID_SIZE])
{
	static const unsigned char rest[] = { 0xab, 0x67, 0x00, 0x22, 0x48, 0xe0, 0x91, 0x39 };
	static uint64_t last; /* no two of one time */
	/* units of 100 ns since 15 October 1582 */
	uint64_t time = (uint64_t)lv_clock_wall_ms() * 10000 + 0x01b21dd213814000;
	unsigned char bytes[16];
	int i;

	last = time = time > last ? time : last + 1;
	time = (time & 0xffffffff) << 32 | (time >> 32 & 0xffff) << 16 | time >> 48 | 0x1000;
	for (i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(time >> (56 - 8 * i));
	memcpy(bytes + 8, rest, sizeof(rest));
	lv_encode_guid_of(out, bytes);
}

void
lv_encode_new_version(char out[LV_VERSION_SIZE])
{
	unsigned char bytes[16];

	lv_encode_random(bytes, sizeof(bytes));
	lv_encode_hex(out, bytes, sizeof(bytes));
}
