/*
 * Headers of answers.
 */
#include "client/http/headers.h"

#include <curl/curl.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/base/clock.h"

#define MAX_CHALLENGE ((size_t)100 << 10) /* libcurl's limit for a line */
#define MAX_WAIT_MS   INT64_C(86400000)

void
kv_headers_init(struct kv_headers *h, const char *id, struct kv_date *last_date)
{
	*h = (struct kv_headers){ .id = id, .last_date = last_date, .retry_ms = -1 };
	kv_buf_init(&h->challenge, MAX_CHALLENGE);
}

void
kv_headers_release(struct kv_headers *h)
{
	kv_buf_release(&h->challenge);
}

/* The value of header name, with its length, or NULL. */
static const char *
value_of(const char *line, size_t len, const char *name, size_t *value_len)
{
	const size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	line += n + 1;
	len -= n + 1;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len > 0 && (unsigned char)line[len - 1] <= ' ')
		len--;
	*value_len = len;
	return line;
}

static void
keep(char *room, size_t size, const char *value, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(room, value, len);
	room[len] = '\0';
}

/* ---- headers that are more than text ---- */

static int
take_challenge(struct kv_headers *h, const char *value, size_t len)
{
	int err = h->challenge.len > 0 ? kv_buf_puts(&h->challenge, ", ") : 0;

	if (err == 0)
		err = kv_buf_append(&h->challenge, value, len);
	return err == -EFBIG ? -EBADMSG : err;
}

/* A proxy may add the header a second time: one right value is enough. */
static int
take_returned_id(struct kv_headers *h, const char *value, size_t len)
{
	if (h->returned_id[0] == '\0' || strcasecmp(h->returned_id, h->id) != 0)
		keep(h->returned_id, sizeof(h->returned_id), value, len);
	return 0;
}

static int
take_date(struct kv_headers *h, const char *value, size_t len)
{
	struct kv_date *last = h->last_date;
	char text[sizeof(last->text)];

	keep(text, sizeof(text), value, len);
	if (strcmp(last->text, text) != 0) {
		memcpy(last->text, text, sizeof(text));
		last->wall = curl_getdate(text, NULL);
	}
	h->wall_date = last->wall > 0 ? last->wall : 0;
	return 0;
}

/* A number of units in milliseconds; -1 if it is not a valid number. */
static int64_t
wait_ms(const char *text, int64_t unit_ms)
{
	char *end;
	const long long n = strtoll(text, &end, 10);

	if (end == text || *end != '\0' || n < 0)
		return -1;
	return n > MAX_WAIT_MS / unit_ms ? MAX_WAIT_MS : n * unit_ms;
}

static int
take_retry_after(struct kv_headers *h, const char *value, size_t len)
{
	char text[sizeof(h->retry_date)];

	keep(text, sizeof(text), value, len);
	h->retry_ms = wait_ms(text, 1000);
	memcpy(h->retry_date, text, sizeof(text)); /* Date may follow later */
	return 0;
}

static int
take_retry_after_ms(struct kv_headers *h, const char *value, size_t len)
{
	char text[40];

	keep(text, sizeof(text), value, len);
	h->retry_ms = wait_ms(text, 1);
	return 0;
}

/* take NULL: the value is copied to the member of size bytes at offset. */
#define TEXT(member) NULL, offsetof(struct kv_headers, member), sizeof(((struct kv_headers *)NULL)->member)
static const struct {
	const char *name;
	int (*take)(struct kv_headers *, const char *value, size_t len);
	size_t offset, size;
} rows[] = {
	{ "www-authenticate", take_challenge, 0, 0 },
	{ "x-ms-request-id", TEXT(request_id) },
	{ "x-ms-client-request-id", take_returned_id, 0, 0 },
	{ "x-ms-keyvault-region", TEXT(region) },
	{ "content-type", TEXT(content_type) },
	{ "date", take_date, 0, 0 },
	{ "retry-after", take_retry_after, 0, 0 },
	{ "retry-after-ms", take_retry_after_ms, 0, 0 },
	{ "x-ms-retry-after-ms", take_retry_after_ms, 0, 0 },
};

/* "HTTP/1.1 200 OK". What came before was an interim answer. */
static void
begin(struct kv_headers *h, const char *line, size_t len)
{
	const char *id = h->id, *end = line + len, *p = memchr(line, ' ', len);
	struct kv_date *last_date = h->last_date;

	kv_headers_release(h);
	kv_headers_init(h, id, last_date);
	h->is_begun = true;
	h->is_http2 = len > 6 && line[5] == '2';
	if (p == NULL)
		return;
	for (p++; p < end && *p >= '0' && *p <= '9' && h->status < 1000; p++)
		h->status = h->status * 10 + (*p - '0');
}

int
kv_headers_take(struct kv_headers *h, const char *line, size_t len, bool *is_last)
{
	const char *value;
	size_t value_len;

	*is_last = false;
	if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
		begin(h, line, len);
		return 0;
	}
	if (len == 0 || *line == '\r' || *line == '\n') {
		*is_last = h->status >= 200;
		return 0;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		value = value_of(line, len, rows[i].name, &value_len);
		if (value == NULL)
			continue;
		if (rows[i].take != NULL)
			return rows[i].take(h, value, value_len);
		keep((char *)h + rows[i].offset, rows[i].size, value, value_len);
		return 0;
	}
	return 0;
}

int64_t
kv_headers_retry_after_ms(const struct kv_headers *h)
{
	const int64_t wall_now = h->wall_date > 0 ? h->wall_date : kv_clock_wall_s();
	int64_t wall;

	if (h->retry_ms >= 0 || h->retry_date[0] == '\0')
		return h->retry_ms;
	wall = curl_getdate(h->retry_date, NULL);
	if (wall < 0)
		return -1;
	return wall <= wall_now			 ? 0 :
	    wall - wall_now > MAX_WAIT_MS / 1000 ? MAX_WAIT_MS :
						   (wall - wall_now) * 1000;
}
