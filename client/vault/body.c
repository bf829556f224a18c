/*
 * Encodes and decodes the bodies that carry a blob as base64url in a JSON object.
 */
#include "client/vault/body.h"

#include <errno.h>
#include <string.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/json.h"

/* Skip white space and literal; NULL if something else follows. */
static const char *
expect(const char *p, const char *end, const char *literal)
{
	const size_t n = strlen(literal);

	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return (size_t)(end - p) >= n && memcmp(p, literal, n) == 0 ? p + n : NULL;
}

/*
 * The value of a body that is exactly {"value":"…"} without escapes, as the service writes it, so that
 * 64 MiB need not be copied to be decoded. NULL for any other body.
 */
static const char *
find_bare_value(const char *text, size_t len, size_t *value_len)
{
	static const char *const before[] = { "{", "\"value\"", ":", "\"" };
	const char *const end = text + len, *p = text, *value, *quote;

	for (size_t i = 0; p != NULL && i < sizeof(before) / sizeof(before[0]); i++)
		p = expect(p, end, before[i]);
	if (p == NULL)
		return NULL;
	value = p;
	quote = memchr(value, '"', (size_t)(end - value));
	if (quote == NULL || memchr(value, '\\', (size_t)(quote - value)) != NULL)
		return NULL;
	p = expect(quote + 1, end, "}");
	if (p == NULL || expect(p, end, "") != end)
		return NULL;
	*value_len = (size_t)(quote - value);
	return value;
}

static int
decode_value(const char *value, size_t len, struct kv_buf *blob)
{
	const int err = len > 0 ? kv_base64_decode(value, len, blob) : -EBADMSG;

	return err == -EINVAL ? -EBADMSG : err;
}

int
kv_body_decode(const char *text, size_t len, struct kv_buf *blob)
{
	size_t value_len;
	const char *value = find_bare_value(text, len, &value_len);
	struct kv_json *root;
	int err;

	if (value != NULL)
		return decode_value(value, value_len, blob);
	err = kv_json_parse(text, len, &root);
	if (err != 0)
		return err;
	err = kv_json_string(root, "value", &value);
	if (err == 0)
		err = value != NULL ? decode_value(value, strlen(value), blob) : -EBADMSG;
	kv_json_free(root);
	return err;
}

int
kv_body_encode(const void *data, size_t len, struct kv_buf *body)
{
	const size_t before = body->len;
	size_t most;
	int err = 0;

	if (__builtin_mul_overflow(len / 3 + 1, (size_t)4, &most) ||
	    __builtin_add_overflow(most, before + 12, &most))
		return -EFBIG;
	if (most <= body->max) /* one allocation instead of one per doubling */
		err = kv_buf_reserve(body, most);
	if (err == 0)
		err = kv_buf_puts(body, "{\"value\":\"");
	if (err == 0)
		err = kv_base64_encode(data, len, body);
	if (err == 0)
		err = kv_buf_puts(body, "\"}");
	if (err != 0 && body->len > before) {
		explicit_bzero(body->data + before, body->len - before);
		body->len = before;
	}
	return err;
}
