/*
 * Strings of JSON are written by hand, because cJSON passes on bytes that are not UTF-8, and what comes from file names
 * or from a server may be anything.
 */
#include "client/base/json_quote.h"

#include <stdio.h>
#include <string.h>

#include "client/base/buf.h"

/*
 * Length of the UTF-8 sequence at the start of text; 0 if there is none (RFC 3629: surrogates and
 * overlong forms are invalid).
 */
static size_t
sequence_len(const unsigned char *text)
{
	static const struct {
		unsigned char first, last;     /* of the first byte */
		unsigned char lowest, highest; /* of the second */
		size_t len;
	} rows[] = {
		{ 0x01, 0x7f, 0, 0, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (text[0] < rows[i].first || text[0] > rows[i].last)
			continue;
		if (rows[i].len > 1 && (text[1] < rows[i].lowest || text[1] > rows[i].highest))
			return 0;
		for (size_t k = 2; k < rows[i].len; k++)
			if (text[k] < 0x80 || text[k] > 0xbf)
				return 0;
		return rows[i].len;
	}
	return 0;
}

/* Writes the first character of text as in a JSON string. Returns its length in text. */
static size_t
escape(const unsigned char *text, char out[8])
{
	const size_t n = sequence_len(text);

	if (n == 0) {
		memcpy(out, "\xef\xbf\xbd", 4);
		return 1;
	}
	if (*text == '"' || *text == '\\')
		snprintf(out, 8, "\\%c", *text);
	else if (*text < ' ' || *text == 0x7f)
		snprintf(out, 8, "\\u%04x", *text);
	else
		snprintf(out, 8, "%.*s", (int)n, (const char *)text);
	return n;
}

int
kv_json_quote(struct kv_buf *out, const char *text)
{
	char character[8];
	int err;

	if (text == NULL)
		return kv_buf_puts(out, "null");
	err = kv_buf_puts(out, "\"");
	while (err == 0 && *text != '\0') {
		text += escape((const unsigned char *)text, character);
		err = kv_buf_puts(out, character);
	}
	return err != 0 ? err : kv_buf_puts(out, "\"");
}
