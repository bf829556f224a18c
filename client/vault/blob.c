/*
 * Backup blobs.
 */
#include "client/vault/blob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/base64.h"
#include "client/base/buf.h"

static const char key_magic[] = "&AzureKeyVaultKeyBackupV1.microsoft.com";
static const char secret_magic[] = ")AzureKeyVaultSecretBackupV1.microsoft.com";

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
	if (new->data == NULL || kv_crypto_sha256(new->data, new->len, new->digest) != 0) {
		kv_buf_free_taken(new->data, new->len);
		free(new);
		return -ENOMEM;
	}
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

/* Whether text is the base64 of the start of a blob: a length byte and "Az", or "eyJ". */
static bool
begins_as_text(const unsigned char *text, size_t len)
{
	unsigned char raw[3];

	if (len < 4 || kv_base64_decode_to(text, 4, raw) != 0)
		return false;
	return memcmp(raw, "eyJ", 3) == 0 || (raw[0] < 0x80 && raw[1] == 'A' && raw[2] == 'z');
}

/* Decode text without its line ends and blanks. */
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
		err = kv_base64_decode((const char *)joined.data, n, raw);
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
	err = is_wrapped ? decode_wrapped(data, len, raw) : kv_base64_decode((const char *)data, len, raw);
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

/* false if data is not five parts in base64url's alphabet, each of a valid length. */
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
		if (jwe->len[n] % 4 == 1 || !kv_base64_is_url(data, jwe->len[n]))
			return false;
		data = dot < end ? dot + 1 : end;
	}
	return true;
}

/* Whether the first kilobyte of the protected header contains this quoted word. */
static bool
header_has(const unsigned char *header, size_t len, const char *word)
{
	unsigned char text[1024];
	const size_t most = sizeof(text) / 3 * 4, n = len < most ? len : most;

	return n % 4 != 1 && kv_base64_decode_to(header, n, text) == 0 &&
	    memmem(text, n * 3 / 4, word, strlen(word)) != NULL;
}

/*
 * The header determines the length of the tag (RFC 7518, 5). Without it a truncated tag could pass for
 * a shorter kind.
 */
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

/* Whether data begins with magic, or is a truncated magic. */
static bool
has_magic(const unsigned char *data, size_t len, const char *magic, size_t magic_len)
{
	return len > 0 && memcmp(data, magic, len < magic_len ? len : magic_len) == 0;
}

/* A header with "enc" distinguishes a JWE from other base64url of JSON. */
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

/* Whether one of data and whole is a prefix of the other. */
static bool
agrees(const unsigned char *data, size_t len, const char *whole)
{
	const size_t n = strlen(whole);

	return memcmp(data, whole, len < n ? len : n) == 0;
}

/* A length byte and "AzureKeyVault", like all known magics and presumably new ones; or a JWE. */
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
	return kv_base64_decode_to(data, n, raw) == 0 && begins_as_raw(raw, n / 4 * 3);
}
