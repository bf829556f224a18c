/*
 * The service's bodies. Each function reads one shape out of a parsed value (client/base/json), and takes
 * nothing for granted that came over the network.
 */
#include "client/vault/wire.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/http/url.h"
#include "client/base/json.h"

#define MAX_ID	   200 /* of an id in a sentence */
#define MAX_CLAIMS ((size_t)64 << 10)

_Static_assert(KV_FINGERPRINT_LEN == KV_JSON_FINGERPRINT, "an item's is that of its value");

/* ---- items ---- */

/* Nothing, or one slash: some independent servers end their ids in one. */
static bool
is_end(const char *path)
{
	return path[path[0] == '/'] == '\0';
}

/* "/keys/NAME" or "/keys/NAME/VERSION" */
static int
parse_path(const char *path, enum kv_type type, struct kv_item *item)
{
	const char *const folder = kv_type_name(type);
	const size_t n_type = strlen(folder);
	size_t n;

	if (path[0] != '/' || strncmp(path + 1, folder, n_type) != 0 || path[1 + n_type] != '/')
		return -EBADMSG;
	path += 1 + n_type + 1;
	n = kv_type_name_span(path);
	if (n == 0 || n > KV_NAME_MAX)
		return -EBADMSG;
	memcpy(item->name, path, n);
	if (is_end(path + n))
		return 0;
	if (path[n] != '/')
		return -EBADMSG;
	path += n + 1;
	n = kv_type_name_span(path);
	if (n == 0 || n >= sizeof(item->version) || !is_end(path + n))
		return -EBADMSG;
	memcpy(item->version, path, n);
	return 0;
}

/* Name and version of an id into item, whose other fields stay. vault NULL: of any host. */
static int
parse_id(const char *id, enum kv_type type, const struct kv_url *vault, struct kv_item *item)
{
	struct kv_url origin;
	const char *path;

	memset(item->name, 0, sizeof(item->name));
	memset(item->version, 0, sizeof(item->version));
	if (kv_url_parse(id, &origin, &path) != 0)
		return -EBADMSG;
	if (vault != NULL && (!origin.is_https || strcmp(origin.host, vault->host) != 0))
		return -EBADMSG;
	return parse_path(path, type, item);
}

/* The members that an item of a list and a bundle share. */
static int
parse_attributes(const struct kv_json *object, struct kv_item *item)
{
	const struct kv_json *attributes;
	int err = kv_json_bool(object, "managed", &item->is_managed);

	item->is_enabled = true;
	if (err == 0)
		err = kv_json_object(object, "attributes", &attributes);
	if (err != 0 || attributes == NULL)
		return err;
	err = kv_json_bool(attributes, "enabled", &item->is_enabled);
	if (err == 0)
		err = kv_json_integer(attributes, "created", &item->wall_created);
	if (err == 0)
		err = kv_json_integer(attributes, "updated", &item->wall_updated);
	if (err == 0)
		err = kv_json_integer(attributes, "exp", &item->wall_expires);
	return err;
}

/* Which item it is that the whole list fails for. */
static void
say_item(const char *id, const char *what, struct kv_buf *why)
{
	struct kv_buf quoted;
	char text[MAX_ID + 1] = "";

	kv_buf_init(&quoted, (size_t)6 * MAX_ID + 2);
	strncat(text, id != NULL ? id : "", MAX_ID);
	if (id != NULL && kv_json_quote(&quoted, text) == 0)
		kv_buf_say(why, "an item of the list %s: %s", what, kv_buf_str(&quoted));
	else
		kv_buf_say(why, "an item of the list has no id");
	kv_buf_release(&quoted);
}

static int
parse_item(const struct kv_json *list_item, const struct kv_page_asked *asked, struct kv_buf *why,
    struct kv_item *item)
{
	const char *id = NULL, *what = "is not well-formed";
	int err = -EBADMSG;

	if (kv_json_is_object(list_item))
		err = kv_json_string(list_item, asked->type == KV_KEYS ? "kid" : "id", &id);
	if (err == 0) {
		what = "has an id that is not one of this vault and type";
		err = id != NULL ? parse_id(id, asked->type, asked->any_host ? NULL : asked->vault, item) :
				   -EBADMSG;
	}
	if (err == 0 && asked->name != NULL && strcasecmp(item->name, asked->name) != 0) {
		what = "belongs to another object";
		err = -EBADMSG;
	}
	if (err == 0) {
		what = "has attributes that are not well-formed";
		err = parse_attributes(list_item, item);
	}
	if (err == 0)
		err = kv_json_fingerprint(list_item, item->fingerprint);
	if (err == -EBADMSG)
		say_item(id, what, why);
	return err;
}

static int
parse_items(
    const struct kv_json *root, const struct kv_page_asked *asked, struct kv_buf *why, struct kv_page *page)
{
	const struct kv_json *value, *element;
	size_t size;
	int err = kv_json_member(root, "value", &value);

	if (err != 0 || !kv_json_is_array(value))
		return -EBADMSG;
	size = kv_json_count(value);
	if (size == 0)
		return 0;
	page->items = calloc(size, sizeof(*page->items));
	if (page->items == NULL)
		return -ENOMEM;
	for (element = kv_json_first(value); element != NULL; element = kv_json_next(element)) {
		err = parse_item(element, asked, why, &page->items[page->n]);
		if (err != 0)
			return err;
		page->n++;
	}
	return 0;
}

/* The SDKs take an empty nextLink for the end too. */
static int
parse_next_link(
    const struct kv_json *root, const struct kv_url *vault, struct kv_buf *why, struct kv_page *page)
{
	struct kv_url origin;
	const char *link;
	int err = kv_json_string(root, "nextLink", &link);

	if (err != 0 || link == NULL || *link == '\0')
		return err;
	if (kv_url_parse(link, &origin, NULL) != 0 || !kv_url_is_same_origin(&origin, vault)) {
		kv_buf_say(why, "the list's next page is not on this vault");
		return -EBADMSG;
	}
	page->next_link = strdup(link);
	return page->next_link != NULL ? 0 : -ENOMEM;
}

int
kv_wire_page(
    const char *text, size_t len, const struct kv_page_asked *asked, struct kv_buf *why, struct kv_page *page)
{
	struct kv_json *root;
	int err;

	memset(page, 0, sizeof(*page));
	err = kv_json_parse(text, len, &root);
	if (err != 0)
		return err;
	err = parse_items(root, asked, why, page);
	if (err == 0)
		err = parse_next_link(root, asked->vault, why, page);
	if (err != 0)
		kv_wire_page_release(page);
	kv_json_free(root);
	return err;
}

void
kv_wire_page_release(struct kv_page *page)
{
	free(page->items);
	kv_buf_free_string(page->next_link);
	memset(page, 0, sizeof(*page));
}

int
kv_wire_bundle(const char *text, size_t len, enum kv_type type, struct kv_item *item)
{
	const struct kv_json *key = NULL;
	const char *id = NULL;
	struct kv_json *root;
	int err;

	memset(item, 0, sizeof(*item));
	err = kv_json_parse(text, len, &root);
	if (err != 0)
		return err;
	if (type == KV_KEYS)
		err = kv_json_object(root, "key", &key);
	if (err == 0)
		err = kv_json_string(type == KV_KEYS ? key : root, type == KV_KEYS ? "kid" : "id", &id);
	if (err == 0)
		err = id != NULL ? parse_id(id, type, NULL, item) : -EBADMSG;
	if (err == 0)
		err = parse_attributes(root, item);
	if (err != 0)
		memset(item, 0, sizeof(*item));
	kv_json_free(root);
	return err;
}

/* ---- backup and restore ---- */

/* Past white space and literal; NULL where it is something else. */
static const char *
expect(const char *p, const char *end, const char *literal)
{
	const size_t n = strlen(literal);

	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return (size_t)(end - p) >= n && memcmp(p, literal, n) == 0 ? p + n : NULL;
}

/*
 * The value of a body that is {"value":"…"}, nothing more and without escapes, as the service gives
 * it: 64 MiB need not be copied to be decoded. NULL where the body is anything else.
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
kv_wire_backup(const char *text, size_t len, struct kv_buf *blob)
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
kv_wire_restore_body(const void *data, size_t len, struct kv_buf *body)
{
	const size_t before = body->len;
	size_t most;
	int err = 0;

	if (__builtin_mul_overflow(len / 3 + 1, (size_t)4, &most) ||
	    __builtin_add_overflow(most, before + 12, &most))
		return -EFBIG;
	if (most <= body->max) /* one allocation, not one for each doubling */
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

/* ---- faults ---- */

/* How many of s's bytes are one character: those of a UTF-8 sequence belong together. */
static size_t
character_len(const char *s, size_t len)
{
	size_t n = 1;

	if ((unsigned char)*s >= 0xc0)
		while (n < len && n < 4 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n++;
	return n;
}

/* len bytes of s as one line, cut at a character where size ends. */
static void
copy_line(char *to, size_t size, const char *s, size_t len)
{
	size_t n = 0, bytes;
	bool is_blank = false;

	for (; len > 0; s += bytes, len -= bytes) {
		bytes = character_len(s, len);
		if ((unsigned char)*s <= ' ' || *s == 0x7f) {
			is_blank = n > 0;
			continue;
		}
		if (n + is_blank + bytes >= size)
			break;
		if (is_blank)
			to[n++] = ' ';
		is_blank = false;
		memcpy(to + n, s, bytes);
		n += bytes;
	}
	to[n] = '\0';
}

void
kv_wire_line(char *to, size_t size, const char *text)
{
	copy_line(to, size, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

/* The string of a member, or "": an error body is read as far as it goes. */
static const char *
peek_string(const struct kv_json *object, const char *name)
{
	const char *value;

	return kv_json_string(object, name, &value) == 0 && value != NULL ? value : "";
}

static const struct kv_json *
peek_object(const struct kv_json *object, const char *name)
{
	const struct kv_json *value;

	return kv_json_object(object, name, &value) == 0 ? value : NULL;
}

static void
read_error(const struct kv_json *error, struct kv_fault *fault)
{
	const char *code = peek_string(error, "code"), *message = peek_string(error, "message");
	const struct kv_json *inner;

	copy_line(fault->code, sizeof(fault->code), code, strlen(code));
	copy_line(fault->message, sizeof(fault->message), message, strlen(message));
	for (inner = peek_object(error, "innererror"); inner != NULL;
	     inner = peek_object(inner, "innererror")) {
		code = peek_string(inner, "code");
		if (*code != '\0')
			copy_line(fault->inner, sizeof(fault->inner), code, strlen(code));
	}
}

void
kv_wire_fault(const char *text, size_t len, struct kv_fault *fault)
{
	struct kv_json *root;

	memset(fault, 0, sizeof(*fault));
	if (kv_json_parse(text, len, &root) != 0)
		return;
	read_error(peek_object(root, "error"), fault);
	kv_json_free(root);
}

int
kv_wire_fault_id(const struct kv_fault *fault, enum kv_type type, struct kv_item *item)
{
	const char *open = strchr(fault->message, '\''), *close;
	char id[sizeof(fault->message)];

	memset(item, 0, sizeof(*item));
	for (; open != NULL && (close = strchr(open + 1, '\'')) != NULL; open = close) {
		const size_t n = (size_t)(close - open) - 1;

		memcpy(id, open + 1, n);
		id[n] = '\0';
		if (parse_id(id, type, NULL, item) == 0)
			return 0;
		memset(item, 0, sizeof(*item));
	}
	return -ENOENT;
}

/* ---- tokens ---- */

/* A token goes into a header as it is. */
static bool
is_token(const char *s)
{
	if (s == NULL || *s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

/* A number, or a string of digits. *is_given is false for anything else, such as a date. */
static int
get_seconds(const struct kv_json *object, const char *name, int64_t *value, bool *is_given)
{
	const struct kv_json *m;
	const char *text;
	size_t n;
	int err = kv_json_member(object, name, &m);

	*value = 0;
	*is_given = false;
	if (err != 0)
		return err;
	text = kv_json_as_string(m);
	if (text == NULL) {
		*is_given = kv_json_as_integer(m, value) == 0;
		return 0;
	}
	n = strspn(text, "0123456789");
	*is_given = n > 0 && n <= 15 && text[n] == '\0';
	if (*is_given)
		*value = strtoll(text, NULL, 10);
	return 0;
}

/* One that has ended by our clock is given a second: 0 would mean that nothing is known. */
static int
get_life(const struct kv_json *root, int64_t wall_now, int64_t *life_s)
{
	bool is_given;
	int64_t s;
	int err = get_seconds(root, "expires_in", &s, &is_given);

	*life_s = 0;
	if (err == 0 && !is_given) {
		err = get_seconds(root, "expires_on", &s, &is_given);
		s -= wall_now;
	}
	if (err != 0 || !is_given)
		return err;
	*life_s = s < 1 ? 1 : s > INT_MAX ? INT_MAX : s;
	return 0;
}

int
kv_wire_token(const char *text, size_t len, int64_t wall_now, struct kv_token *token)
{
	const char *value;
	struct kv_json *root;
	int err;

	memset(token, 0, sizeof(*token));
	err = kv_json_parse(text, len, &root);
	if (err != 0)
		return err;
	err = kv_json_string(root, "access_token", &value);
	if (err == 0 && value == NULL)
		err = kv_json_string(root, "accessToken", &value);
	if (err == 0 && !is_token(value))
		err = -EBADMSG;
	if (err == 0)
		err = get_life(root, wall_now, &token->life_s);
	if (err == 0) {
		token->value = strdup(value);
		if (token->value == NULL)
			err = -ENOMEM;
	}
	if (err != 0)
		kv_wire_token_release(token);
	kv_json_free(root);
	return err;
}

void
kv_wire_token_release(struct kv_token *token)
{
	kv_buf_free_string(token->value);
	memset(token, 0, sizeof(*token));
}

int
kv_wire_deleted(const char *text, size_t len, enum kv_type type, const char *name, int64_t *wall_purge)
{
	const struct kv_json *key = NULL;
	const char *id = NULL;
	struct kv_item item;
	struct kv_json *root;
	int err;

	*wall_purge = 0;
	err = kv_json_parse(text, len, &root);
	if (err != 0)
		return err;
	if (type == KV_KEYS)
		err = kv_json_object(root, "key", &key);
	if (err == 0 && (type != KV_KEYS || key != NULL))
		err = kv_json_string(type == KV_KEYS ? key : root, type == KV_KEYS ? "kid" : "id", &id);
	if (err == 0 && id != NULL)
		err = parse_id(id, type, NULL, &item);
	if (err == 0 && id != NULL && strcasecmp(item.name, name) != 0)
		err = -EBADMSG;
	if (err == 0 && kv_json_integer(root, "scheduledPurgeDate", wall_purge) != 0)
		*wall_purge = 0;
	kv_json_free(root);
	return err;
}

void
kv_wire_token_fault(const char *text, size_t len, struct kv_fault *fault)
{
	const char *error, *description;
	struct kv_json *root;

	memset(fault, 0, sizeof(*fault));
	if (kv_json_parse(text, len, &root) != 0)
		return;
	error = peek_string(root, "error");
	description = peek_string(root, "error_description");
	if (*error != '\0') {
		copy_line(fault->code, sizeof(fault->code), error, strlen(error));
		copy_line(fault->message, sizeof(fault->message), description, strcspn(description, "\r\n"));
	} else {
		read_error(peek_object(root, "error"), fault); /* as some identity endpoints answer */
	}
	kv_json_free(root);
}

int64_t
kv_wire_jwt_expiry(const char *token)
{
	const char *payload = strchr(token, '.'), *end;
	struct kv_buf claims;
	struct kv_json *root = NULL;
	int64_t wall_end = 0;

	end = payload != NULL ? strchr(payload + 1, '.') : NULL;
	if (end == NULL)
		return 0;
	payload++;
	kv_buf_init(&claims, MAX_CLAIMS);
	if (kv_base64_decode(payload, (size_t)(end - payload), &claims) == 0 &&
	    kv_json_parse(kv_buf_str(&claims), claims.len, &root) == 0 &&
	    kv_json_integer(root, "exp", &wall_end) != 0)
		wall_end = 0;
	kv_json_free(root);
	kv_buf_release(&claims);
	return wall_end;
}
