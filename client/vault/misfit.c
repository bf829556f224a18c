/*
 * Describes an answer that kvfs cannot parse.
 */
#include "client/vault/misfit.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "client/base/buf.h"
#include "client/http/proxy.h"

#define MAX_TITLE  80
#define MAX_LOOKED ((size_t)8192) /* bytes that are searched for a title */

static bool
is_blank(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

/* Skip a byte order mark and blanks. */
static const char *
skip_blanks(const char *text, const char *end)
{
	if (end - text >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while (text < end && is_blank(*text))
		text++;
	return text;
}

/* The first occurrence of word, ignoring case, or NULL. */
static const char *
find(const char *text, const char *end, const char *word)
{
	const size_t n = strlen(word);

	for (; (size_t)(end - text) >= n; text++)
		if (strncasecmp(text, word, n) == 0)
			return text;
	return NULL;
}

/* One line of printable ASCII: text from outside must not control a terminal. */
static void
copy_title(const char *from, const char *end, char title[MAX_TITLE + 1])
{
	size_t n = 0;

	for (from = skip_blanks(from, end); from < end && *from != '<' && n < MAX_TITLE; from++) {
		const bool is_ascii = (unsigned char)*from < 0x80;

		if (is_blank(*from) && (n == 0 || title[n - 1] == ' '))
			continue;
		title[n++] = (char)(is_blank(*from) ? ' ' : is_ascii ? *from : '?');
	}
	while (n > 0 && title[n - 1] == ' ')
		n--;
	title[n] = '\0';
}

static void
say_markup(const char *text, const char *end, struct kv_buf *why)
{
	const char *open;
	char title[MAX_TITLE + 1] = "";

	if ((size_t)(end - text) > MAX_LOOKED)
		end = text + MAX_LOOKED;
	if (find(text, end, "<html") == NULL && find(text, end, "<!doctype html") == NULL) {
		kv_buf_say(why, "an XML document");
		return;
	}
	open = find(text, end, "<title");
	if (open != NULL)
		open = memchr(open, '>', (size_t)(end - open));
	if (open != NULL)
		copy_title(open + 1, end, title);
	if (title[0] != '\0')
		kv_buf_say(why, "an HTML page titled \"%s\"", title);
	else
		kv_buf_say(why, "an HTML page");
}

void
kv_misfit_say(
    const char *body, size_t len, const char *host, const struct kv_proxy *proxy, struct kv_buf *why)
{
	const char *const end = body + len, *text = skip_blanks(body, end);
	struct kv_proxy_used used;

	if (text == end)
		kv_buf_say(why, "an empty answer");
	else if (*text == '<')
		say_markup(text, end, why);
	else if (*text == '{' || *text == '[')
		kv_buf_say(why, "JSON that is not Azure Key Vault's");
	else
		kv_buf_say(why, "%zu bytes that are not JSON", len);
	if (kv_proxy_find(proxy, host, &used))
		kv_buf_say(why, ", from the proxy %s (%s)?", used.address, used.from);
	else
		kv_buf_say(why, ": is %s a vault, or is there a proxy or login page in between?", host);
}
