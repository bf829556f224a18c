/*
 * Backup blobs, base64url, digests; OpenSSL is used for SHA-256.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init() cannot fail, its successor allocates */
#include "client/vault/blob.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <openssl/sha.h>

#include "client/base/buf.h"

static const char key_magic[] = "&AzureKeyVaultKeyBackupV1.microsoft.com";
static const char secret_magic[] = ")AzureKeyVaultSecretBackupV1.microsoft.com";

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* ---- counting ---- */

int
kv_blob_new(struct kv_buf *b, struct kv_blob **blob)
{
	struct kv_blob *new;

	*blob = NULL;
	new = calloc(1, sizeof(*new));
	if (new == NULL)
		return -ENOMEM;
	new->data = kv_buf_take(b, &new->len);
	if (new->data == NULL) {
		free(new);
		return -ENOMEM;
	}
	kv_blob_digest(new->data, new->len, new->digest);
	new->refs = 1;
	*blob = new;
	return 0;
}

struct kv_blob *
kv_blob_ref(struct kv_blob *blob)
{
	blob->refs++;
	return blob;
}

void
kv_blob_unref(struct kv_blob *blob)
{
	if (blob == NULL || --blob->refs > 0)
		return;
	kv_buf_free_taken(blob->data, blob->len);
	free(blob);
}

/* ---- base64url ---- */

/* One more than the six bits of a character of either alphabet; 0 for all others. */
static const unsigned char sixes[256] = {
	// clang-format off
	['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	['-'] = 63, ['+'] = 63, ['_'] = 64, ['/'] = 64,
	// clang-format on
};

/* The six bits of a character of either alphabet, or -1. */
static int
bits_of(unsigned char c)
{
	return sixes[c] - 1;
}

int
kv_blob_encode(const void *data, size_t len, struct kv_buf *text)
{
	const unsigned char *p = data;
	const size_t room = text->max - text->len, rest = len % 3;
	size_t n;
	unsigned char *to;
	int err;

	if (len / 3 > room / 4)
		return -EFBIG;
	n = len / 3 * 4 + (rest > 0 ? rest + 1 : 0);
	if (n > room)
		return -EFBIG;
	err = kv_buf_reserve(text, text->len + n);
	if (err != 0 || n == 0)
		return err;
	to = text->data + text->len;
	for (size_t left = len; left > 0;) {
		const size_t k = left < 3 ? left : 3;
		const unsigned int bits =
		    (unsigned int)p[0] << 16 | (k > 1 ? (unsigned int)p[1] << 8 : 0) | (k > 2 ? p[2] : 0);

		for (size_t i = 0; i <= k; i++)
			*to++ = (unsigned char)alphabet[bits >> (18 - 6 * i) & 63];
		p += k;
		left -= k;
	}
	*to = '\0';
	text->len += n;
	return 0;
}

/* The last two or three characters, which make one or two bytes; what is left over must be 0. */
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

/* What a character adds to the 24 bits of four, in each of their places; BAD for one of neither alphabet. */
#define BAD ((uint32_t)1 << 31)
static uint32_t parts[4][256];

static void
make_parts(void)
{
	for (int c = 0; c < 256; c++)
		for (int place = 0; place < 4; place++)
			parts[place][c] = sixes[c] == 0 ? BAD : (sixes[c] - 1u) << (18 - 6 * place);
}

/* Decode n characters without padding into to, which has room for n * 3 / 4 bytes. */
static int
decode_to(const unsigned char *text, size_t n, unsigned char *to)
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
kv_blob_decode(const char *text, size_t len, struct kv_buf *data)
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
	err = decode_to((const unsigned char *)text, n, data->data + data->len);
	if (err != 0) {
		explicit_bzero(data->data + data->len, room);
		return err;
	}
	data->len += room;
	data->data[data->len] = '\0';
	return 0;
}

/* ---- text forms ---- */

static bool
is_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

size_t
kv_blob_text_start(const unsigned char *data, size_t len)
{
	size_t i = len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	while (i < len && is_blank(data[i]))
		i++;
	return i;
}

/* Whether text begins as the base64 of what a blob begins with: a length byte and "Az", or "eyJ". */
static bool
begins_as_text(const unsigned char *text, size_t len)
{
	unsigned char raw[3];

	if (len < 4 || decode_to(text, 4, raw) != 0)
		return false;
	return memcmp(raw, "eyJ", 3) == 0 || (raw[0] < 0x80 && raw[1] == 'A' && raw[2] == 'z');
}

/* text without its line ends and blanks, decoded. */
static int
decode_wrapped(const unsigned char *text, size_t len, struct kv_buf *raw)
{
	struct kv_buf joined;
	size_t n = 0;
	int err;

	kv_buf_init(&joined, len);
	err = kv_buf_reserve(&joined, len);
	for (size_t i = 0; err == 0 && i < len; i++)
		if (!is_blank(text[i]))
			joined.data[n++] = text[i];
	if (err == 0) {
		joined.len = n;
		err = kv_blob_decode((const char *)joined.data, n, raw);
	}
	kv_buf_release(&joined);
	return err;
}

int
kv_blob_from_text(const unsigned char *data, size_t len, struct kv_buf *raw)
{
	const size_t start = kv_blob_text_start(data, len), before = raw->len;
	bool is_quoted, is_wrapped = false;
	int err;

	data += start;
	len -= start;
	is_quoted = len > 0 && data[0] == '"';
	if (!is_quoted && !begins_as_text(data, len))
		return 0;
	while (is_blank(data[len - 1]))
		len--;
	if (is_quoted) {
		if (len < 3 || data[len - 1] != '"')
			return -EINVAL;
		data++;
		len -= 2;
	}
	for (size_t i = 0; i < len && !is_wrapped; i++)
		is_wrapped = is_blank(data[i]);
	err = is_wrapped ? decode_wrapped(data, len, raw) : kv_blob_decode((const char *)data, len, raw);
	if (err != 0)
		return err;
	return raw->len > before ? 1 : -EINVAL;
}

/* ---- what a blob looks like ---- */

#define JWE_PARTS 5

struct jwe {
	const unsigned char *part[JWE_PARTS];
	size_t len[JWE_PARTS];
};

/* Whether all of it is of base64url's alphabet; one look at each byte, because every backup goes through here. */
static bool
is_url_text(const unsigned char *text, size_t len)
{
	static unsigned char is_other[256];
	unsigned char other = 0;

	if (is_other['.'] == 0)
		for (int c = 0; c < 256; c++)
			is_other[c] = sixes[c] == 0 || c == '+' || c == '/';
	for (size_t i = 0; i < len; i++)
		other |= is_other[text[i]];
	return other == 0;
}

/* false where data is not five parts of base64url's alphabet, each of a length that can be decoded. */
static bool
split_jwe(const unsigned char *data, size_t len, struct jwe *jwe)
{
	const unsigned char *end = data + len;

	for (int n = 0; n < JWE_PARTS; n++) {
		const unsigned char *dot = n < JWE_PARTS - 1 ? memchr(data, '.', (size_t)(end - data)) : end;

		if (dot == NULL)
			return false;
		jwe->part[n] = data;
		jwe->len[n] = (size_t)(dot - data);
		if (jwe->len[n] % 4 == 1 || !is_url_text(data, jwe->len[n]))
			return false;
		data = dot < end ? dot + 1 : end;
	}
	return true;
}

/* Whether the protected header, of which a kilobyte is looked at, has this quoted word. */
static bool
header_has(const unsigned char *header, size_t len, const char *word)
{
	unsigned char text[1024];
	const size_t most = sizeof(text) / 3 * 4, n = len < most ? len : most;

	return n % 4 != 1 && decode_to(header, n, text) == 0 &&
	    memmem(text, n * 3 / 4, word, strlen(word)) != NULL;
}

/* Of a tag the header says how long it is (RFC 7518, 5): one that is cut may be as long as another's. */
static bool
is_tag(const struct jwe *jwe)
{
	static const struct {
		const char *enc;
		size_t len;
	} tags[] = { { "HS512\"", 32 }, { "HS384\"", 24 }, { "HS256\"", 16 }, { "GCM\"", 16 } };
	const size_t len = jwe->len[4] * 3 / 4;

	if (len != 16 && len != 24 && len != 32)
		return false;
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (header_has(jwe->part[0], jwe->len[0], tags[i].enc))
			return len == tags[i].len;
	return true;
}

static bool
is_complete_jwe(const unsigned char *data, size_t len)
{
	struct jwe jwe;

	if (!split_jwe(data, len, &jwe) || jwe.len[0] == 0 || jwe.len[2] == 0 || jwe.len[3] == 0)
		return false;
	if (jwe.len[1] == 0 && !header_has(jwe.part[0], jwe.len[0], "\"dir\""))
		return false;
	return is_tag(&jwe);
}

/* Whether data begins as magic does; shorter than it, it is a magic that was cut. */
static bool
has_magic(const unsigned char *data, size_t len, const char *magic, size_t magic_len)
{
	return len > 0 && memcmp(data, magic, len < magic_len ? len : magic_len) == 0;
}

/* A header with "enc" tells a JWE from other things that are base64url of JSON. */
static bool
is_hsm(const unsigned char *data, size_t len)
{
	const unsigned char *dot = len > 3 && memcmp(data, "eyJ", 3) == 0 ? memchr(data, '.', len) : NULL;

	return dot != NULL && header_has(data, (size_t)(dot - data), "\"enc\"");
}

enum kv_blob_format
kv_blob_look(const unsigned char *data, size_t len, bool *is_complete)
{
	const size_t k = sizeof(key_magic) - 1, s = sizeof(secret_magic) - 1;

	if (has_magic(data, len, key_magic, k)) {
		*is_complete = len > k && is_complete_jwe(data + k, len - k);
		return KV_BLOB_KEY_OR_CERT;
	}
	if (has_magic(data, len, secret_magic, s)) {
		*is_complete = len > s && is_complete_jwe(data + s, len - s);
		return KV_BLOB_SECRET;
	}
	if (is_hsm(data, len)) {
		*is_complete = is_complete_jwe(data, len);
		return KV_BLOB_HSM;
	}
	*is_complete = true;
	return KV_BLOB_UNKNOWN;
}

/* Whether the shorter one of data and whole is how the other begins. */
static bool
agrees(const unsigned char *data, size_t len, const char *whole)
{
	const size_t n = strlen(whole);

	return memcmp(data, whole, len < n ? len : n) == 0;
}

/* A length byte and "AzureKeyVault", as all magics that are known and those to come; or a JWE. */
static bool
begins_as_raw(const unsigned char *data, size_t len)
{
	if (agrees(data, len, "eyJ"))
		return true;
	return data[0] > ' ' && data[0] < '~' && (len > 1 || data[0] < '@') &&
	    agrees(data + 1, len - 1, "AzureKeyVault");
}

bool
kv_blob_may_begin(const unsigned char *data, size_t len)
{
	const size_t start = kv_blob_text_start(data, len);
	unsigned char raw[15] = { 0 };
	size_t n;

	data += start;
	len -= start;
	if (len == 0)
		return false;
	if (data[0] == '"' || data[0] == '{' || begins_as_raw(data, len))
		return true;
	n = len < 20 ? len / 4 * 4 : 20;
	if (n == 0)
		return agrees(data, len, "ZXlK") || agrees(data, len, "JkF6") || agrees(data, len, "KUF6");
	return decode_to(data, n, raw) == 0 && begins_as_raw(raw, n / 4 * 3);
}

/* ---- digest and UUID ---- */

void
kv_blob_digest(const void *data, size_t len, unsigned char digest[KV_DIGEST_LEN])
{
	SHA256_CTX ctx;

	(void)SHA256_Init(&ctx);
	(void)SHA256_Update(&ctx, data, len);
	(void)SHA256_Final(digest, &ctx);
}

int
kv_blob_uuid(char uuid[37])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char b[16];
	char *to = uuid;

	uuid[0] = '\0';
	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return -EIO;
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < sizeof(b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = hex[b[i] >> 4];
		*to++ = hex[b[i] & 15];
	}
	*to = '\0';
	return 0;
}
