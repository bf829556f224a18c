/*
 * Scripted transfers. What holds a token is wiped here too, so that tests can look for tokens in freed
 * memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/http/echo.h"
#include "client/base/loop.h"
#include "tests/unit/fake_http.h"

#define MOST 256

struct kv_http {
	struct kv_loop *loop;
	fake_http_answer *answer;
	int n, under_way;
	struct fake_http_request requests[MOST];
};

struct kv_transfer {
	struct kv_http *http;
	struct kv_timer timer;
	struct fake_http_reply reply;
	char *body;
	kv_http_done *done;
	void *arg;
};

struct kv_http *
fake_http_new(struct kv_loop *loop, fake_http_answer *answer)
{
	struct kv_http *http = calloc(1, sizeof(*http));

	if (http == NULL)
		abort();
	http->loop = loop;
	http->answer = answer;
	return http;
}

void
fake_http_free(struct kv_http *http)
{
	if (http != NULL)
		explicit_bzero(http, sizeof(*http));
	free(http);
}

void
fake_http_use(struct kv_http *http, fake_http_answer *answer)
{
	http->answer = answer;
}

int
fake_http_requests(const struct kv_http *http)
{
	return http->n;
}

const struct fake_http_request *
fake_http_request(const struct kv_http *http, int i)
{
	if (i < 0 || i >= http->n)
		abort();
	return &http->requests[i];
}

const struct fake_http_request *
fake_http_last(const struct kv_http *http)
{
	return fake_http_request(http, http->n - 1);
}

int
fake_http_under_way(const struct kv_http *http)
{
	return http->under_way;
}

bool
fake_http_has_header(const struct fake_http_request *request, const char *line)
{
	for (int i = 0; i < 8; i++)
		if (strcmp(request->headers[i], line) == 0)
			return true;
	return false;
}

int64_t
fake_http_say(struct fake_http_reply *reply, long status, const char *body)
{
	reply->answer.status = status;
	reply->answer.body = body;
	return 10;
}

static void
copy(char *to, size_t size, const char *text)
{
	if (text != NULL && (size_t)snprintf(to, size, "%s", text) >= size)
		abort();
}

static void
record(struct fake_http_request *r, const struct kv_http_request *request)
{
	copy(r->method, sizeof(r->method), request->method);
	copy(r->url, sizeof(r->url), request->url);
	copy(r->token, sizeof(r->token), request->token);
	for (int i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
		if (i == 7)
			abort();
		copy(r->headers[i], sizeof(r->headers[i]), request->headers[i]);
	}
	if (request->id != NULL)
		snprintf(r->headers[7], sizeof(r->headers[7]), "x-ms-client-request-id: %s", request->id);
	r->is_once = request->is_once;
	if (request->body_len >= sizeof(r->body))
		abort();
	if (request->body != NULL)
		memcpy(r->body, request->body, request->body_len);
	r->body_len = request->body_len;
	r->max_answer = request->max_answer;
	r->connect_ms = request->connect_ms;
	r->silence_s = request->silence_s;
	r->is_local = request->is_local;
	r->mono = kv_clock_mono_ms();
}

static void
free_transfer(struct kv_transfer *t)
{
	t->http->under_way--;
	kv_timer_stop(&t->timer);
	kv_buf_free_string(t->body);
	free(t);
}

static void
answer(void *arg)
{
	struct kv_transfer *t = arg;

	t->done(t->arg, t->reply.err, &t->reply.answer);
	free_transfer(t);
}

int
kv_http_send(struct kv_http *http, const struct kv_http_request *request, kv_http_done *done, void *arg,
    struct kv_transfer **transfer)
{
	struct kv_transfer *t = calloc(1, sizeof(*t));
	struct kv_http_answer *a;
	int64_t ms;

	*transfer = NULL;
	if (t == NULL)
		return -ENOMEM;
	if (http->n == MOST)
		abort();
	record(&http->requests[http->n++], request);
	t->http = http;
	t->done = done;
	t->arg = arg;
	kv_timer_init(&t->timer, http->loop, answer, t);
	a = &t->reply.answer;
	*a = (struct kv_http_answer){ .status = 200,
		.body = "",
		.challenge = "",
		.content_type = "",
		.request_id = "",
		.region = "",
		.reason = "",
		.retry_after_ms = -1,
		.was_sent = true };
	http->under_way++;
	ms = http->answer(&http->requests[http->n - 1], &t->reply);
	if (t->reply.err != 0)
		a->status = 0;
	t->body = strdup(a->body);
	if (t->body == NULL) {
		free_transfer(t);
		return -ENOMEM;
	}
	a->body = t->body;
	a->body_len = strlen(t->body);
	a->took_ms = ms;
	if (ms >= 0)
		kv_timer_set(&t->timer, ms);
	*transfer = t;
	return 0;
}

void
kv_http_init_echo(const struct kv_http *http, const char *host, struct kv_echo *echo)
{
	(void)host;
	(void)http;
	kv_echo_init(echo, "00000000");
}

const struct kv_proxy *
kv_http_proxy(const struct kv_http *http)
{
	(void)http;
	return NULL;
}

void
kv_http_drop_body(const struct kv_http_answer *answer)
{
	(void)answer;
}

void
kv_http_cancel(struct kv_transfer *transfer)
{
	if (transfer != NULL)
		free_transfer(transfer);
}
