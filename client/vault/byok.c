/*
 * Key-transfer packages. A file is checked from the outside to the inside: is it JSON, is it a package, for which vault,
 * and can its lengths be right?
 */
#include "client/vault/byok.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/base/json_quote.h"
#include "client/http/url.h"
#include "client/vault/blob.h"

#define SCHEMA		 "1.0.0"
#define WRAPPING	 "CKM_RSA_AES_KEY_WRAP"
#define GENERATOR	 "kvfs " KV_VERSION
#define SHORTEST_OPAQUE	 512  /* bytes */
#define SHORTEST_WRAPPED 16   /* bytes of AES-KWP */
#define RSA_WRAPPED	 1100 /* an RSA key of 2048 bits has more than this */
#define OTHER_WRAPPED	 600  /* and another key less than this */

/* ---- types ---- */

#define OPS_RSA "[\"encrypt\",\"decrypt\",\"sign\",\"verify\",\"wrapKey\",\"unwrapKey\"]"
#define OPS_EC	"[\"sign\",\"verify\"]"
#define OPS_OCT "[\"encrypt\",\"decrypt\",\"wrapKey\",\"unwrapKey\"]"

static const struct kv_byok_type types[] = {
	{ "RSA-HSM", NULL, OPS_RSA, true },
	{ "EC-HSM", "P-256", OPS_EC, true },
	{ "EC-HSM", "P-384", OPS_EC, true },
	{ "EC-HSM", "P-521", OPS_EC, true },
	{ "EC-HSM", "P-256K", OPS_EC, true },
	{ "oct-HSM", NULL, OPS_OCT, true },
	/* protected by software */
	{ "RSA", NULL, OPS_RSA, false },
	{ "EC", "P-256", OPS_EC, false },
	{ "EC", "P-384", OPS_EC, false },
	{ "EC", "P-521", OPS_EC, false },
	{ "EC", "P-256K", OPS_EC, false },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

const struct kv_byok_type *
kv_byok_type(const char *kty, const char *crv)
{
	for (size_t i = 0; i < TYPES; i++)
		if (strcmp(types[i].kty, kty) == 0 && (types[i].crv == NULL) == (crv == NULL) &&
		    (crv == NULL || strcmp(types[i].crv, crv) == 0))
			return &types[i];
	return NULL;
}

bool
kv_byok_is_kty(const char *word)
{
	for (size_t i = 0; i < TYPES; i++)
		if (strcmp(types[i].kty, word) == 0)
			return true;
	return false;
}

bool
kv_byok_is_crv(const char *word)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].crv != NULL && strcmp(types[i].crv, word) == 0)
			return true;
	return false;
}

/* ---- what is no package ---- */

static int
refuse(struct kv_buf *why, const char *sentence)
{
	kv_buf_say(why, "%s", sentence);
	return -EINVAL;
}

/* A DER sequence that is the whole file: a private key, a certificate or a PKCS#12 file. */
static bool
is_der(const unsigned char *data, size_t len)
{
	size_t n = 0, count;

	if (len < 2 || data[0] != 0x30)
		return false;
	if (data[1] < 0x80)
		return len == 2 + (size_t)data[1];
	count = data[1] & 0x7f;
	if (count == 0 || count > 4 || len < 2 + count)
		return false;
	for (size_t i = 0; i < count; i++)
		n = n << 8 | data[2 + i];
	return len - 2 - count == n;
}

static bool
is_text(const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] == 0x7f || (data[i] < ' ' && (data[i] < '\t' || data[i] > '\r')))
			return false;
	return true;
}

static bool
is_backup(const unsigned char *data, size_t len)
{
	bool is_complete;

	return kv_blob_look(data, len, &is_complete) != KV_BLOB_UNKNOWN ||
	    (data[0] != '{' && kv_blob_may_begin(data, len));
}

/* Files of other kinds, which must not be sent: the service would see a private key. */
static int
check_opaque(const unsigned char *data, size_t len, struct kv_buf *why)
{
	static const struct {
		const char *magic, *sentence;
	} magics[] = {
		{ "\xff\xfe", "is UTF-16 text: write it as UTF-8" },
		{ "\xfe\xff", "is UTF-16 text: write it as UTF-8" },
		{ "PK\3\4", "is a ZIP archive: copy the package in it" },
		{ "\x1f\x8b", "is compressed with gzip: decompress it" },
	};

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (len > strlen(magics[i].magic) &&
		    memcmp(data, magics[i].magic, strlen(magics[i].magic)) == 0)
			return refuse(why, magics[i].sentence);
	if (memmem(data, len, "-----BEGIN ", 11) != NULL || is_der(data, len))
		return refuse(why,
		    "is a key or a certificate, and no key-transfer package: encrypt it with kvfs byok wrap");
	if (is_backup(data, len))
		return refuse(why, "is a backup, and no key-transfer package: copy it into restore/");
	if (is_text(data, len))
		return refuse(why, "is text, and no key-transfer package, which is JSON");
	if (len < SHORTEST_OPAQUE)
		return refuse(why, "is no key-transfer package, which is JSON");
	return 0;
}

bool
kv_byok_may_begin(const unsigned char *data, size_t len)
{
	const size_t start = kv_blob_text_start(data, len);

	if (start < len && data[start] == '{')
		return true;
	return len > 0 && check_opaque(data, len, NULL) == 0;
}

/* ---- what is in a package ---- */

/* The member must be a string; *value is NULL if it is missing. */
static int
get_string(const struct kv_json *object, const char *name, const char **value, struct kv_buf *why)
{
	const int err = kv_json_string(object, name, value);

	if (err == -EBADMSG) {
		kv_buf_say(why, "is JSON whose member \"%s\" is no string, or there twice", name);
		return -EINVAL;
	}
	return err;
}

/* As one printable line, because it may be shown on a terminal. */
static void
copy_line(const char *text, char *line, size_t size)
{
	size_t n = 0;

	for (; *text != '\0' && n < size - 1; text++)
		line[n++] = *text >= ' ' && *text < 0x7f ? *text : '?';
	line[n] = '\0';
}

static int
expect(const struct kv_json *object, const char *name, const char *expected, struct kv_buf *why)
{
	const char *value;
	int err = get_string(object, name, &value, why);
	char line[40];

	if (err != 0 || (value != NULL && strcmp(value, expected) == 0))
		return err;
	copy_line(value != NULL ? value : "", line, sizeof(line));
	if (value == NULL)
		kv_buf_say(why, "is JSON without the member \"%s\" of a key-transfer package", name);
	else
		kv_buf_say(why, "has the %s \"%s\"; kvfs supports only \"%s\"", name, line, expected);
	return -EINVAL;
}

static int
read_kid(const struct kv_json *header, struct kv_byok *byok, struct kv_buf *why)
{
	struct kv_buf text;
	struct kv_url url;
	const char *kid;
	int err = get_string(header, "kid", &kid, why);

	if (err != 0)
		return err;
	if (kid == NULL)
		return refuse(
		    why, "does not name the key that it is encrypted with: its header has no \"kid\"");
	err = kv_item_parse_id(kid, KV_KEYS, NULL, &byok->kek);
	if (err == 0)
		err = kv_url_parse(kid, &url, NULL);
	if (err == -ENOMEM)
		return err;
	if (err != 0 || !url.is_https)
		return refuse(
		    why, "has a \"kid\" that is not the id of a key: https://VAULT/keys/NAME/VERSION");
	kv_buf_init(&text, KV_BYOK_HOST - 1);
	kv_url_say_host(&url, &text);
	memcpy(byok->host, kv_buf_str(&text), text.len + 1);
	err = text.len > 0 ? 0 : -ENOMEM;
	kv_buf_release(&text);
	return err;
}

static bool
is_length(size_t n)
{
	return n % 8 == 0 && n >= 256 + SHORTEST_WRAPPED;
}

static int
read_ciphertext(const struct kv_json *root, struct kv_byok *byok, struct kv_buf *why)
{
	struct kv_buf raw;
	const char *text;
	int err = get_string(root, "ciphertext", &text, why);

	if (err != 0)
		return err;
	if (text == NULL)
		return refuse(why, "has no ciphertext");
	kv_buf_init(&raw, KV_BYOK_MAX);
	err = kv_base64_decode(text, strlen(text), &raw);
	byok->ciphertext = raw.len;
	kv_buf_release(&raw);
	if (err == -ENOMEM)
		return err;
	if (err != 0)
		return refuse(why, "has a ciphertext that is no base64url: it is damaged or cut");
	if (is_length(byok->ciphertext))
		return 0;
	kv_buf_say(why, "has a ciphertext of %zu bytes, which no encrypted key has: it is damaged or cut",
	    byok->ciphertext);
	return -EINVAL;
}

static int
read_generator(const struct kv_json *root, struct kv_byok *byok, struct kv_buf *why)
{
	const char *text;
	const int err = get_string(root, "generator", &text, why);

	if (err == 0 && text != NULL)
		copy_line(text, byok->generator, sizeof(byok->generator));
	return err;
}

static int
read_root(const struct kv_json *root, struct kv_byok *byok, struct kv_buf *why)
{
	const struct kv_json *header;
	int err = expect(root, "schema_version", SCHEMA, why);

	if (err == 0)
		err = kv_json_object(root, "header", &header);
	if (err == -EBADMSG || (err == 0 && header == NULL))
		return refuse(why, "is JSON without the \"header\" of a key-transfer package");
	if (err == 0)
		err = read_kid(header, byok, why);
	if (err == 0)
		err = expect(header, "alg", "dir", why);
	if (err == 0)
		err = expect(header, "enc", WRAPPING, why);
	if (err == 0)
		err = read_ciphertext(root, byok, why);
	return err == 0 ? read_generator(root, byok, why) : err;
}

int
kv_byok_parse(const void *data, size_t len, struct kv_byok *byok, struct kv_buf *why)
{
	struct kv_json *root;
	int err;

	*byok = (struct kv_byok){ .start = kv_blob_text_start(data, len) };
	if (len == 0)
		return refuse(why, "is empty");
	if (len > KV_BYOK_MAX)
		return refuse(why, "is larger than any key-transfer package");
	if (byok->start == len || ((const char *)data)[byok->start] != '{') {
		byok->start = 0;
		byok->is_opaque = true;
		return check_opaque(data, len, why);
	}
	err = kv_json_parse((const char *)data + byok->start, len - byok->start, &root);
	if (err == -EBADMSG)
		return refuse(why, "begins like JSON, and is none: it is damaged or cut");
	if (err == 0)
		err = read_root(root, byok, why);
	kv_json_free(root);
	return err;
}

/* ---- whether it fits ---- */

static int
check_host(const struct kv_byok *byok, const struct kv_url *vault, struct kv_buf *why)
{
	struct kv_buf host;
	const size_t n = strcspn(byok->host, ":");

	if (vault == NULL || (strlen(vault->host) == n && strncmp(vault->host, byok->host, n) == 0))
		return 0;
	kv_buf_init(&host, KV_BYOK_HOST);
	kv_url_say_host(vault, &host);
	kv_buf_say(why,
	    "is encrypted with the key %s of %s, and this is %s: only the vault of that key can import it",
	    byok->kek.name, byok->host, kv_buf_str(&host));
	kv_buf_release(&host);
	return -EINVAL;
}

/* Whether a key of that length after the KEK's part can be one of type. */
static int
check_length(const struct kv_byok *byok, const struct kv_byok_type *type, struct kv_buf *why)
{
	const size_t n = byok->ciphertext;

	if (strncmp(type->kty, "RSA", 3) == 0)
		return n >= 256 + RSA_WRAPPED ?
		    0 :
		    refuse(why,
			"is too short for an RSA key: copy it into import/EC-HSM/CURVE/, "
			"or into import/oct-HSM/");
	if (n > 512 + OTHER_WRAPPED)
		return refuse(
		    why, "is too long for a key of this type: copy a package with an RSA key into import/");
	if (strcmp(type->kty, "oct-HSM") == 0 &&
	    (n % 128 < 24 || n % 128 > 40 || n > 512 + 40 || n < 256 + 24))
		return refuse(why, "has not the length of an AES key of 128, 192 or 256 bits");
	return 0;
}

int
kv_byok_check(const struct kv_byok *byok, const struct kv_url *vault, const struct kv_byok_type *type,
    struct kv_buf *why)
{
	int err = 0;

	if (!byok->is_opaque)
		err = check_host(byok, vault, why);
	return err == 0 && !byok->is_opaque ? check_length(byok, type, why) : err;
}

void
kv_byok_guess(const struct kv_byok *byok, struct kv_buf *text)
{
	/* bytes of AES-KWP, of the encodings that are in use */
	static const struct {
		const char *key;
		size_t least, most;
	} keys[] = {
		{ "an AES key of 128 bits", 24, 24 },
		{ "an AES key of 192 bits", 32, 32 },
		{ "an AES key of 256 bits", 40, 40 },
		{ "a key on an elliptic curve", 72, 280 },
		{ "an RSA key of 2048 bits", 1200, 1264 },
		{ "an RSA key of 3072 bits", 1776, 1840 },
		{ "an RSA key of 4096 bits", 2352, 2416 },
	};
	const size_t before = text->len;

	for (size_t kek = 256; kek <= 512; kek += 128)
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (byok->ciphertext >= kek + keys[i].least && byok->ciphertext <= kek + keys[i].most)
				kv_buf_say(text, "%s%s, encrypted with a KEK of %zu bits",
				    text->len > before ? ", or " : "", keys[i].key, kek * 8);
	if (text->len == before)
		kv_buf_say(text, "a key of a length that kvfs does not know");
}

/* ---- writing ---- */

int
kv_byok_put_request(const struct kv_byok_type *type, const void *data, size_t len, const struct kv_byok *byok,
    struct kv_buf *body)
{
	const char *json = (const char *)data + byok->start;
	int err = kv_buf_printf(body, "{\"key\":{\"kty\":\"%s\",", type->kty);

	if (err == 0 && type->crv != NULL)
		err = kv_buf_printf(body, "\"crv\":\"%s\",", type->crv);
	if (err == 0)
		err = kv_buf_printf(body, "\"key_ops\":%s,\"key_hsm\":\"", type->key_ops);
	if (err == 0)
		err = kv_base64_encode(json, len - byok->start, body);
	if (err == 0)
		err = kv_buf_printf(body, "\"},\"Hsm\":%s,\"attributes\":{\"enabled\":true}}",
		    type->is_hsm ? "true" : "false");
	return err;
}

int
kv_byok_put_create(int bits, int64_t wall_expires, struct kv_buf *body)
{
	int err = kv_buf_printf(body,
	    "{\"kty\":\"RSA-HSM\",\"key_size\":%d,\"key_ops\":[\"import\"],\"attributes\":{\"enabled\":true",
	    bits);

	if (err == 0 && wall_expires != 0)
		err = kv_buf_printf(body, ",\"exp\":%" PRId64, wall_expires);
	return err == 0 ? kv_buf_puts(body, "}}") : err;
}

int
kv_byok_put_package(const char *kid, const struct kv_buf *ciphertext, struct kv_buf *package)
{
	int err = kv_buf_puts(package, "{\"schema_version\":\"" SCHEMA "\",\"header\":{\"kid\":");

	if (err == 0)
		err = kv_json_quote(package, kid);
	if (err == 0)
		err = kv_buf_puts(package, ",\"alg\":\"dir\",\"enc\":\"" WRAPPING "\"},\"ciphertext\":\"");
	if (err == 0)
		err = kv_base64_encode(ciphertext->data, ciphertext->len, package);
	return err == 0 ? kv_buf_puts(package, "\",\"generator\":\"" GENERATOR "\"}\n") : err;
}
