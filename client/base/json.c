/*
 * JSON by cJSON, with its gaps closed:
 * - cJSON reads past the end of input that is cut after a comma. Input that does not end in '}' is
 *   refused before, because every body is one object.
 * - Its strings have no length. A NUL byte is refused, and \u0000 becomes U+FFFD, so that no string is
 *   longer than strlen() reports. (A tag may contain a NUL, which must not make its vault unreadable.)
 * - It does not report why it failed; errno is ENOMEM if memory ran out.
 * A struct kv_json is a cJSON, by casts at the interface.
 */
#include "client/base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "client/base/buf.h"
#include "client/base/crypto.h"

#define MAX_INTEGER   9007199254740992.0 /* 2^53: doubles are exact up to here */
#define MAX_CANONICAL ((size_t)64 << 20)

static const cJSON *
inside(const struct kv_json *value)
{
	return (const cJSON *)value;
}

static const struct kv_json *
outside(const cJSON *item)
{
	return (const struct kv_json *)item;
}

/* ---- parsing ---- */

/* Wipe every string, because tokens are among them. cJSON limits the depth. */
static void
wipe(cJSON *item)
{
	for (; item != NULL; item = item->next) {
		if (item->valuestring != NULL)
			explicit_bzero(item->valuestring, strlen(item->valuestring));
		wipe(item->child);
	}
}

static void
free_tree(cJSON *root)
{
	wipe(root);
	cJSON_Delete(root);
}

static const char *
find_escaped_nul(const char *text, size_t len)
{
	const char *end = text + len, *p = text;

	while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL && end - p >= 6) {
		if (memcmp(p, "\\u0000", 6) == 0)
			return p;
		p += 2;
	}
	return NULL;
}

/* A copy with U+FFFD for each escaped NUL. */
static int
replace_escaped_nuls(const char *text, size_t len, struct kv_buf *copy)
{
	const char *from = text;
	int err = kv_buf_append(copy, text, len);

	while (err == 0 && (from = find_escaped_nul(from, (size_t)(text + len - from))) != NULL) {
		memcpy(copy->data + (from - text), "\\ufffd", 6);
		from += 6;
	}
	return err;
}

static size_t
trim_end(const char *text, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL && text[len - 1] != '\0')
		len--;
	return len;
}

/* text must be one object and nothing else. */
static int
parse_object(const char *text, size_t len, cJSON **root)
{
	const char *end = NULL;

	errno = 0;
	*root = cJSON_ParseWithLengthOpts(text, len, &end, 0);
	if (*root == NULL)
		return errno == ENOMEM ? -ENOMEM : -EBADMSG;
	if (cJSON_IsObject(*root) && end == text + len)
		return 0;
	free_tree(*root);
	*root = NULL;
	return -EBADMSG;
}

int
kv_json_parse(const char *text, size_t len, struct kv_json **root)
{
	struct kv_buf copy;
	cJSON *tree = NULL;
	int err;

	*root = NULL;
	len = trim_end(text, len);
	if (len < 2 || text[len - 1] != '}' || memchr(text, '\0', len) != NULL)
		return -EBADMSG;
	if (find_escaped_nul(text, len) == NULL) {
		err = parse_object(text, len, &tree);
	} else {
		kv_buf_init(&copy, len);
		err = replace_escaped_nuls(text, len, &copy);
		if (err == 0)
			err = parse_object(kv_buf_str(&copy), len, &tree);
		kv_buf_release(&copy);
	}
	*root = (struct kv_json *)tree;
	return err;
}

const char *
kv_json_library(void)
{
	return cJSON_Version();
}

void
kv_json_free(struct kv_json *root)
{
	free_tree((cJSON *)root);
}

/* ---- merging ---- */

/* Takes ownership of m. */
static bool
merge_member(cJSON *to, cJSON *m)
{
	cJSON *old = cJSON_GetObjectItemCaseSensitive(to, m->string);
	bool is_done;

	if (cJSON_IsObject(old) && cJSON_IsObject(m)) {
		cJSON *child;

		is_done = true;
		while (is_done && (child = cJSON_DetachItemViaPointer(m, m->child)) != NULL)
			is_done = merge_member(old, child);
		cJSON_Delete(m);
		return is_done;
	}
	if (old != NULL)
		cJSON_Delete(cJSON_DetachItemViaPointer(to, old));
	is_done = cJSON_AddItemToObject(to, m->string, m);
	if (!is_done)
		cJSON_Delete(m);
	return is_done;
}

int
kv_json_merge(const char *text, const char *more, struct kv_buf *out)
{
	struct kv_json *to = NULL, *from = NULL;
	char *merged = NULL;
	cJSON *child;
	int err = kv_json_parse(text, strlen(text), &to);

	if (err == 0)
		err = kv_json_parse(more, strlen(more), &from);
	while (err == 0 && (child = ((cJSON *)from)->child) != NULL)
		if (!merge_member((cJSON *)to, cJSON_DetachItemViaPointer((cJSON *)from, child)))
			err = -ENOMEM;
	if (err == 0 && (merged = cJSON_PrintUnformatted((cJSON *)to)) == NULL)
		err = -ENOMEM;
	if (err == 0)
		err = kv_buf_puts(out, merged);
	cJSON_free(merged);
	kv_json_free(to);
	kv_json_free(from);
	return err;
}

/* ---- members ---- */

int
kv_json_member(const struct kv_json *object, const char *name, const struct kv_json **member)
{
	const cJSON *m, *found = NULL;

	*member = NULL;
	cJSON_ArrayForEach(m, inside(object)) {
		if (m->string == NULL || strcmp(m->string, name) != 0)
			continue;
		if (found != NULL)
			return -EBADMSG;
		found = m;
	}
	if (!cJSON_IsNull(found))
		*member = outside(found);
	return 0;
}

int
kv_json_object(const struct kv_json *object, const char *name, const struct kv_json **value)
{
	const int err = kv_json_member(object, name, value);

	if (err != 0 || *value == NULL || kv_json_is_object(*value))
		return err;
	*value = NULL;
	return -EBADMSG;
}

int
kv_json_string(const struct kv_json *object, const char *name, const char **value)
{
	const struct kv_json *m;
	const int err = kv_json_member(object, name, &m);

	*value = NULL;
	if (err != 0 || m == NULL)
		return err;
	*value = kv_json_as_string(m);
	return *value != NULL ? 0 : -EBADMSG;
}

int
kv_json_bool(const struct kv_json *object, const char *name, bool *value)
{
	const struct kv_json *m;
	const int err = kv_json_member(object, name, &m);

	return err != 0 || m == NULL ? err : kv_json_as_bool(m, value);
}

int
kv_json_integer(const struct kv_json *object, const char *name, int64_t *value)
{
	const struct kv_json *m;
	const int err = kv_json_member(object, name, &m);

	*value = 0;
	return err != 0 || m == NULL ? err : kv_json_as_integer(m, value);
}

int
kv_json_number(const struct kv_json *object, const char *name, double *value)
{
	const struct kv_json *m;
	const int err = kv_json_member(object, name, &m);

	*value = 0;
	return err != 0 || m == NULL ? err : kv_json_as_number(m, value);
}

/* ---- values ---- */

bool
kv_json_is_object(const struct kv_json *value)
{
	return cJSON_IsObject(inside(value));
}

bool
kv_json_is_array(const struct kv_json *value)
{
	return cJSON_IsArray(inside(value));
}

int
kv_json_as_integer(const struct kv_json *value, int64_t *n)
{
	const double d = cJSON_GetNumberValue(inside(value)); /* NaN if it is not a number */

	*n = 0;
	if (!(d >= 0 && d <= MAX_INTEGER) || d != (double)(int64_t)d)
		return -EBADMSG;
	*n = (int64_t)d;
	return 0;
}

int
kv_json_as_number(const struct kv_json *value, double *n)
{
	if (!cJSON_IsNumber(inside(value)))
		return -EBADMSG;
	*n = inside(value)->valuedouble;
	return 0;
}

int
kv_json_as_bool(const struct kv_json *value, bool *is_true)
{
	if (!cJSON_IsBool(inside(value)))
		return -EBADMSG;
	*is_true = cJSON_IsTrue(inside(value));
	return 0;
}

const char *
kv_json_name(const struct kv_json *value)
{
	return inside(value)->string;
}

const char *
kv_json_as_string(const struct kv_json *value)
{
	return cJSON_GetStringValue(inside(value));
}

size_t
kv_json_count(const struct kv_json *array)
{
	return (size_t)cJSON_GetArraySize(inside(array));
}

const struct kv_json *
kv_json_first(const struct kv_json *array)
{
	return outside(inside(array)->child);
}

const struct kv_json *
kv_json_next(const struct kv_json *element)
{
	return outside(inside(element)->next);
}

/* ---- fingerprints: a digest of the canonical form of an item ---- */

static int
compare_members(const void *a, const void *b)
{
	const cJSON *const *x = a, *const *y = b;

	return strcmp((*x)->string, (*y)->string);
}

static int put_canonical(const cJSON *item, struct kv_buf *out);

static int
put_decimal(uint64_t n, char end, struct kv_buf *out)
{
	char text[KV_BUF_DECIMAL + 1], *from = kv_buf_decimal(n, text + KV_BUF_DECIMAL);

	text[KV_BUF_DECIMAL] = end;
	return kv_buf_append(out, from, (size_t)(text + sizeof(text) - from));
}

/* The length comes first, so that two different items never have the same canonical form. */
static int
put_string(const char *s, struct kv_buf *out)
{
	const size_t len = strlen(s);
	const int err = put_decimal(len, ':', out);

	return err == 0 ? kv_buf_append(out, s, len) : err;
}

static int
put_number(double n, struct kv_buf *out)
{
	if (n > 0 && n <= MAX_INTEGER && n == (double)(uint64_t)n)
		return put_decimal((uint64_t)n, ';', out);
	return kv_buf_printf(out, "%.17g;", n);
}

static int
put_members(const cJSON *object, struct kv_buf *out)
{
	const size_t n = (size_t)cJSON_GetArraySize(object);
	const cJSON **members, *m;
	size_t i = 0;
	int err;

	members = calloc(n + 1, sizeof(*members));
	if (members == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach(m, object) {
		members[i++] = m;
	}
	qsort(members, n, sizeof(*members), compare_members);
	err = kv_buf_puts(out, "{");
	for (i = 0; err == 0 && i < n; i++) {
		if (i > 0 && strcmp(members[i - 1]->string, members[i]->string) == 0) {
			err = -EBADMSG;
			break;
		}
		err = put_string(members[i]->string, out);
		if (err == 0)
			err = put_canonical(members[i], out);
	}
	free(members);
	return err == 0 ? kv_buf_puts(out, "}") : err;
}

static int
put_elements(const cJSON *array, struct kv_buf *out)
{
	const cJSON *element;
	int err = kv_buf_puts(out, "[");

	cJSON_ArrayForEach(element, array) {
		if (err == 0)
			err = put_canonical(element, out);
	}
	return err == 0 ? kv_buf_puts(out, "]") : err;
}

static int
put_canonical(const cJSON *item, struct kv_buf *out)
{
	if (cJSON_IsObject(item))
		return put_members(item, out);
	if (cJSON_IsArray(item))
		return put_elements(item, out);
	if (cJSON_IsString(item))
		return put_string(item->valuestring, out);
	if (cJSON_IsNumber(item))
		return put_number(item->valuedouble, out);
	return kv_buf_puts(out, cJSON_IsTrue(item) ? "t" : cJSON_IsFalse(item) ? "f" : "n");
}

int
kv_json_fingerprint(const struct kv_json *value, unsigned char fingerprint[KV_JSON_FINGERPRINT])
{
	unsigned char digest[KV_DIGEST_LEN];
	struct kv_buf canonical;
	int err;

	kv_buf_init(&canonical, MAX_CANONICAL);
	err = put_canonical(inside(value), &canonical);
	if (err == 0)
		err = kv_crypto_sha256(canonical.data, canonical.len, digest);
	if (err == 0)
		memcpy(fingerprint, digest, KV_JSON_FINGERPRINT);
	kv_buf_release(&canonical);
	return err == -EFBIG ? -EBADMSG : err;
}
