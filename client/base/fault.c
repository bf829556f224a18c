/*
 * Error bodies. Whatever cannot be parsed is left empty.
 */
#include "client/base/fault.h"

#include <stdbool.h>
#include <string.h>

#include "client/base/json.h"

/* How many bytes of s are its first character, a UTF-8 sequence. */
static size_t
character_len(const char *s, size_t len)
{
	size_t n = 1;

	if ((unsigned char)*s >= 0xc0)
		while (n < len && n < 4 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n++;
	return n;
}

void
kv_fault_line(char *to, size_t size, const char *s, size_t len)
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

/* The string of a member, or "" if it is missing or not a string. */
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

	kv_fault_line(fault->code, sizeof(fault->code), code, strlen(code));
	kv_fault_line(fault->message, sizeof(fault->message), message, strlen(message));
	for (inner = peek_object(error, "innererror"); inner != NULL;
	     inner = peek_object(inner, "innererror")) {
		code = peek_string(inner, "code");
		if (*code != '\0')
			kv_fault_line(fault->inner, sizeof(fault->inner), code, strlen(code));
	}
}

void
kv_fault_parse(const char *text, size_t len, struct kv_fault *fault)
{
	struct kv_json *root;

	memset(fault, 0, sizeof(*fault));
	if (kv_json_parse(text, len, &root) != 0)
		return;
	read_error(peek_object(root, "error"), fault);
	kv_json_free(root);
}

void
kv_fault_activity(const struct kv_fault *fault, char *to, size_t size)
{
	static const char begin[] = "(Activity ID: ";
	static const char allowed[] = "0123456789abcdefABCDEF-";
	const char *id = strstr(fault->message, begin);
	const size_t n = id != NULL ? strspn(id + strlen(begin), allowed) : 0;

	to[0] = '\0';
	if (n == 0 || n >= size || id[strlen(begin) + n] != ')')
		return;
	memcpy(to, id + strlen(begin), n);
	to[n] = '\0';
}
