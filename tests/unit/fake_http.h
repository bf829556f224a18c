#ifndef KV_TESTS_UNIT_FAKE_HTTP_H
#define KV_TESTS_UNIT_FAKE_HTTP_H
/*
 * Replaces client/http/http.h. Each request is recorded, and after a delay gets the answer of a function of
 * the test. Needs only a loop's timers, real or fake.
 */
#include <stdbool.h>
#include <stdint.h>
#include "client/http/http.h"

/* A recorded request; what was not given is "" or 0. */
struct fake_http_request {
	char method[8], url[2048];
	char token[2048]; /* "" if there was none */
	char headers[8][512];
	char body[8192]; /* NUL-terminated */
	size_t body_len, max_answer;
	unsigned int connect_ms, silence_s;
	bool is_local, is_once;
	int64_t mono; /* when it was sent */
};

/* Initially status 200 and nothing else. body is copied; the other strings are borrowed until the end. */
struct fake_http_reply {
	int err;
	struct kv_http_answer answer;
};
/* Returns the delay of the answer in ms; -1: it never arrives. */
typedef int64_t fake_http_answer(const struct fake_http_request *request, struct fake_http_reply *reply);

struct kv_http *fake_http_new(struct kv_loop *loop, fake_http_answer *answer);
void fake_http_free(struct kv_http *http);
void fake_http_use(struct kv_http *http, fake_http_answer *answer);

/* The number of requests, the i-th, and the last; the number in flight. */
int fake_http_requests(const struct kv_http *http);
const struct fake_http_request *fake_http_request(const struct kv_http *http, int i);
const struct fake_http_request *fake_http_last(const struct kv_http *http);
int fake_http_under_way(const struct kv_http *http);
bool fake_http_has_header(const struct fake_http_request *request, const char *line);

/* Put status and body into reply. Returns 10: the answer arrives after 10 ms. */
int64_t fake_http_say(struct fake_http_reply *reply, long status, const char *body);
#endif
