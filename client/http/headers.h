#ifndef KV_CLIENT_HTTP_HEADERS_H
#define KV_CLIENT_HTTP_HEADERS_H
/*
 * The header of an answer, line by line as libcurl delivers it. Part of client/http/http.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/base/buf.h"
#include "client/base/err.h"

/* The last Date that was parsed: hundreds of answers per second have the same one. */
struct kv_date {
	char text[40];
	int64_t wall;
};

/* Strings are "" if the answer has none; what does not fit is cut. */
struct kv_headers {
	const char *id; /* the request's x-ms-client-request-id, borrowed; "" for none */
	struct kv_date *last_date;
	long status; /* 0 before the first line */
	bool is_begun, is_http2;
	struct kv_buf challenge; /* all WWW-Authenticate headers as one list (RFC 9110, 11.6.1) */
	char request_id[80];	 /* x-ms-request-id */
	char returned_id[80];	 /* x-ms-client-request-id; of several, the request's own */
	char region[80];	 /* x-ms-keyvault-region */
	char content_type[80];
	char retry_date[40]; /* Retry-After that is not a number */
	int64_t wall_date;   /* Date, 0 if missing */
	int64_t retry_ms;    /* -1: none */
};
void kv_headers_init(struct kv_headers *h, const char *id, struct kv_date *last_date);
void kv_headers_release(struct kv_headers *h);

/*
 * Takes one line with its line end. *is_last: it is the empty line that ends a final answer's header.
 * An interim answer (1xx) leaves nothing. -EBADMSG if a header is too long, -ENOMEM.
 */
int kv_headers_take(struct kv_headers *h, const char *line, size_t len, bool *is_last) KV_MUST_CHECK;

/*
 * Retry-After (seconds or a date), retry-after-ms or x-ms-retry-after-ms, at most a day; -1: none. A
 * date is relative to the answer's Date, so the local clock need not be right.
 */
int64_t kv_headers_retry_after_ms(const struct kv_headers *h);
#endif
