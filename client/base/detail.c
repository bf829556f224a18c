/*
 * The texts are Microsoft's and change from year to year, so a detail is found by the few words before it.
 */
#include "client/base/detail.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/fault.h"

#define MOST_NAME 24

#define GUID	  "0123456789abcdefABCDEF-"
#define HEX	  GUID ".:"
#define LOCAL	  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./"

/* Where a detail is: between two texts; the first row that matches counts. until "": up to the end. */
static const struct place {
	const char *name, *before, *until;
	const char *of; /* the characters that it may have; NULL: any */
} places[] = {
	{ "action", "Action: '", "'", LOCAL },
	{ "action", "Not authorized to access ", " on ", LOCAL },
	{ "resource", "Resource: '", "'", NULL },
	{ "resource", " on '", "'", NULL },
	{ "oid", "oid=", ";", GUID },
	{ "appid", "appid=", ";", GUID },
	{ "permission", "does not have ", " permission", LOCAL " " },
	{ "address", "Client address: ", " ", HEX },
	{ "address", "Client address (", ")", HEX },
	{ "operation", "Operation \"", "\"", LOCAL },
	{ "expected", "Expected one of ", ", found", NULL },
	{ "expected", "Expected ", ", found", NULL },
	{ "found", ", found: ", "", NULL },
	{ "found", ", found ", "", NULL },
	{ "reason", "Reason: ", "", LOCAL },
	{ "subject", "assertion subject '", "'", NULL },
	{ "issuer", "assertion issuer '", "'", NULL },
	{ "audience", "assertion audience '", "'", NULL },
	{ "thumbprint", "Thumbprint of key used by client: '", "'", GUID },
};
#define PLACES (sizeof(places) / sizeof(places[0]))

static size_t
len_at(const struct place *p, const char *text)
{
	const char *end = p->until[0] != '\0' ? strstr(text, p->until) : NULL;
	size_t len = end != NULL ? (size_t)(end - text) : p->until[0] != '\0' ? 0 : strlen(text);

	while (p->until[0] == '\0' && len > 0 && (text[len - 1] == '.' || text[len - 1] == ' '))
		len--;
	return p->of == NULL || strspn(text, p->of) >= len ? len : 0;
}

void
kv_detail_find(const char *text, const char *name, char value[KV_DETAIL_SIZE])
{
	value[0] = '\0';
	for (size_t i = 0; i < PLACES && value[0] == '\0'; i++) {
		const struct place *p = &places[i];
		const char *at = strcmp(p->name, name) == 0 ? strstr(text, p->before) : NULL;
		size_t len;

		if (at == NULL)
			continue;
		at += strlen(p->before);
		len = len_at(p, at);
		if (len < KV_DETAIL_SIZE)
			snprintf(value, KV_DETAIL_SIZE, "%.*s", (int)len, at);
	}
}

/* ---- templates ---- */

struct filling {
	const char *text;
	const struct kv_detail *given;
};

static void
get(const struct filling *f, const char *name, char value[KV_DETAIL_SIZE])
{
	kv_detail_find(f->text, name, value);
	for (const struct kv_detail *d = f->given; value[0] == '\0' && d->name != NULL; d++)
		if (strcmp(d->name, name) == 0 && d->value != NULL)
			kv_fault_line(value, KV_DETAIL_SIZE, d->value, strlen(d->value));
}

/* Append len bytes of template; false if a detail is unknown. */
static bool
fill_part(const struct filling *f, const char *template, size_t len, struct kv_buf *why)
{
	const char *const end = template + len;
	char name[MOST_NAME], value[KV_DETAIL_SIZE];
	bool is_whole = true;

	while (template <end) {
		const size_t plain = strcspn(template, "{");
		const size_t n = plain < (size_t)(end - template) ? plain : (size_t)(end - template);

		kv_buf_say(why, "%.*s", (int)n, template);
		template += n;
		if (template == end)
			break;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(template + 1, "}"), template + 1);
		get(f, name, value);
		is_whole = is_whole && value[0] != '\0';
		kv_buf_say(why, "%s", value);
		template += strlen(name) + 2;
	}
	return is_whole;
}

/* Append the part in brackets, without them. */
static void
fill_brackets(const struct filling *f, const char *part, size_t len, struct kv_buf *why)
{
	const char *bar = memchr(part, '|', len);
	struct kv_buf filled;

	kv_buf_init(&filled, why->max);
	if (fill_part(f, part, bar != NULL ? (size_t)(bar - part) : len, &filled))
		kv_buf_say(why, "%s", kv_buf_str(&filled));
	else if (bar != NULL)
		fill_part(f, bar + 1, (size_t)(part + len - bar - 1), why);
	kv_buf_release(&filled);
}

void
kv_detail_fill(const char *template, const char *text, const struct kv_detail *given, struct kv_buf *why)
{
	const struct filling f = { text, given };

	while (*template != '\0') {
		size_t n = strcspn(template, "[");

		fill_part(&f, template, n, why);
		template += n;
		if (*template != '[')
			break;
		n = strcspn(template, "]");
		fill_brackets(&f, template + 1, n - 1, why);
		template += n + (template[n] == ']');
	}
}
