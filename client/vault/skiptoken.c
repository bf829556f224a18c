/*
 * Reads the $skiptoken of a nextLink. It is strict: a token that differs in any way from the known form may
 * mean something else, and whoever reads names from it would be wrong.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/vault/skiptoken.h"

#define PARAMETER  "$skiptoken="
#define ROW_DIGITS 6 /* of the length of the row, before a '!' */
#define TIME_BEGIN "!000028!9999-12-31T23:59:59.999999"
#define TIME_END   "Z!"

static const char *const prefixes[KV_TYPES] = {
	[KV_KEYS] = "key/",
	[KV_SECRETS] = "secret/",
	[KV_CERTIFICATES] = "certificate/",
};

const char *
kv_skiptoken_find(const char *link, size_t *len)
{
	const char *at = strstr(link, PARAMETER);

	if (at == NULL || at == link || (at[-1] != '?' && at[-1] != '&'))
		return NULL;
	at += sizeof(PARAMETER) - 1;
	*len = strcspn(at, "&#");
	return *len > 0 && *len <= KV_SKIPTOKEN_MAX ? at : NULL;
}

bool
kv_skiptoken_is(const char *link, const char *token)
{
	size_t len;
	const char *own = kv_skiptoken_find(link, &len);

	return own != NULL && strlen(token) == len && memcmp(own, token, len) == 0;
}

/* The whole number at the start of text that ends with '!'; *rest is behind it. -1: there is none. */
static long
read_number(const char *text, const char **rest)
{
	char *end;
	long n;

	if (*text < '0' || *text > '9')
		return -1;
	n = strtol(text, &end, 10);
	if (*end != '!')
		return -1;
	*rest = end + 1;
	return n;
}

/* "000012!secret/NAME!000028!9999-12-31T23:59:59.9999999Z!": whether it is so, and copies the name. */
static bool
read_row(const char *text, enum kv_type type, char *key)
{
	const size_t prefix = strlen(prefixes[type]);
	const char *row = text, *end;
	const long len = read_number(text, &row);
	size_t n;

	if (len <= (long)prefix || row - text != ROW_DIGITS + 1 || strlen(row) < (size_t)len ||
	    strncmp(row, prefixes[type], prefix) != 0)
		return false;
	n = (size_t)len - prefix;
	end = row + len;
	if (n > KV_NAME_MAX || strncmp(end, TIME_BEGIN, sizeof(TIME_BEGIN) - 1) != 0)
		return false;
	end += sizeof(TIME_BEGIN) - 1;
	if (*end < '0' || *end > '9' || strcmp(end + 1, TIME_END) != 0) /* one more digit of the time */
		return false;
	memcpy(key, row + prefix, n);
	key[n] = '\0';
	return kv_type_is_name(key) && strpbrk(key, "abcdefghijklmnopqrstuvwxyz") == NULL;
}

/* "2!LEN!MARKER", the marker padded with '-' */
static bool
read_marker(const char *text, enum kv_type type, char *key)
{
	struct kv_buf coded, row;
	const char *marker = text;
	long len = -1;
	bool is_read = false;

	if (read_number(text, &marker) == 2)
		len = read_number(marker, &marker);
	if (len <= 0 || strlen(marker) != (size_t)len)
		return false;
	kv_buf_init(&coded, KV_SKIPTOKEN_MAX);
	kv_buf_init(&row, KV_SKIPTOKEN_MAX);
	if (kv_buf_puts(&coded, marker) == 0) {
		for (size_t i = coded.len; i > 0 && coded.data[i - 1] == '-'; i--)
			coded.data[i - 1] = '=';
		is_read = kv_base64_decode(kv_buf_str(&coded), coded.len, &row) == 0 &&
		    strlen(kv_buf_str(&row)) == row.len && read_row(kv_buf_str(&row), type, key);
	}
	kv_buf_release(&row);
	kv_buf_release(&coded);
	return is_read;
}

bool
kv_skiptoken_key(const char *token, size_t len, enum kv_type type, char *key)
{
	struct kv_json *root = NULL;
	const char *marker = NULL;
	struct kv_buf json;
	int64_t location = -1;
	int err;

	kv_buf_init(&json, KV_SKIPTOKEN_MAX);
	err = kv_base64_decode(token, len, &json);
	if (err == 0)
		err = kv_json_parse(kv_buf_str(&json), json.len, &root);
	if (err == 0)
		err = kv_json_string(root, "NextMarker", &marker);
	if (err == 0)
		err = kv_json_integer(root, "TargetLocation", &location);
	if (err == 0 && (marker == NULL || location != 0 || !read_marker(marker, type, key)))
		err = -EINVAL;
	kv_json_free(root);
	kv_buf_release(&json);
	return err == 0;
}

int
kv_skiptoken_put(const char *link, const char *token, struct kv_buf *out)
{
	size_t len;
	const char *at = kv_skiptoken_find(link, &len);
	int err = at != NULL ? kv_buf_append(out, link, (size_t)(at - link)) : -EINVAL;

	if (err == 0)
		err = kv_buf_puts(out, token);
	return err == 0 ? kv_buf_puts(out, at + len) : err;
}
