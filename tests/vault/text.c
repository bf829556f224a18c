/* A growing text and the writers of JSON. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/mem.h"
#include "tests/vault/text.h"

void
lv_text_release(struct lv_text *t)
{
	free(t->data);
	*t = (struct lv_text){ 0 };
}

void
lv_text_clear(struct lv_text *t)
{
	t->len = 0;
	if (t->data != NULL)
		t->data[0] = '\0';
}

char *
lv_text_take(struct lv_text *t)
{
	char *data = t->data != NULL ? t->data : lv_mem_dup("");

	*t = (struct lv_text){ 0 };
	return data;
}

const char *
lv_text_str(const struct lv_text *t)
{
	return t->data != NULL ? t->data : "";
}

static void
reserve(struct lv_text *t, size_t more)
{
	size_t need = t->len + more + 1;

	if (need <= t->size)
		return;
	t->size = need < 2 * t->size ? 2 * t->size : need + 64;
	t->data = lv_mem_grow(t->data, t->size);
}

char *
lv_text_room(struct lv_text *t, size_t len)
{
	char *at;

	reserve(t, len);
	at = t->data + t->len;
	t->len += len;
	t->data[t->len] = '\0';
	return at;
}

void
lv_text_add(struct lv_text *t, const void *data, size_t len)
{
	char *at = lv_text_room(t, len);

	if (len > 0)
		memcpy(at, data, len);
}

void
lv_text_puts(struct lv_text *t, const char *s)
{
	lv_text_add(t, s, strlen(s));
}

void
lv_text_number(struct lv_text *t, int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRId64, n);

	lv_text_add(t, digits, (size_t)len);
}

void
lv_text_printf(struct lv_text *t, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return;
	reserve(t, (size_t)len);
	va_start(args, format);
	vsnprintf(t->data + t->len, (size_t)len + 1, format, args);
	va_end(args);
	t->len += (size_t)len;
}

static void
escape(struct lv_text *t, unsigned char c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *at = c == 0 ? NULL : strchr(plain, c);

	if (at != NULL)
		lv_text_printf(t, "\\%c", letters[at - plain]);
	else
		lv_text_printf(t, "\\u%04x", c);
}

void
lv_text_string(struct lv_text *t, const char *s)
{
	size_t run;

	if (s == NULL) {
		lv_text_puts(t, "null");
		return;
	}
	lv_text_add(t, "\"", 1);
	while (*s != '\0') {
		for (run = 0; (unsigned char)s[run] >= 0x20 && s[run] != '"' && s[run] != '\\';)
			run++;
		lv_text_add(t, s, run);
		s += run;
		if (*s != '\0')
			escape(t, (unsigned char)*s++);
	}
	lv_text_add(t, "\"", 1);
}

void
lv_text_comma(struct lv_text *t)
{
	char last = t->len == 0 ? '{' : t->data[t->len - 1];

	if (last != '{' && last != '[' && last != ',' && last != ':')
		lv_text_add(t, ",", 1);
}
