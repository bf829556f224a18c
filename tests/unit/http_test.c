#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/http/echo.h"
#include "client/http/http.h"
#include "client/base/loop.h"
#include "tests/unit/fake_server.h"

#define DEADLINE_S 30 /* of one test: then SIGALRM ends the program */

static struct kv_loop *loop;
static struct kv_http *http;
static struct fake_server *server;
static struct kv_echo echo;

/* What a completion was given. */
struct result {
	int calls, err;
	struct kv_http_answer answer; /* its strings are copies */
	char body[200000], challenge[500], content_type[100], request_id[100], region[100], reason[300];
	int *left; /* the loop ends when it is 0 */
};

static int
set_up_with(const char *ca_file, int connections)
{
	const struct kv_http_options options = { .ca.added = ca_file, .max_connections = connections };
	struct kv_buf why;
	int err;

	alarm(DEADLINE_S);
	loop = kv_loop_new();
	server = fake_server_new();
	kv_buf_init(&why, 500);
	err = kv_http_new(loop, &options, &http, &why);
	kv_buf_release(&why);
	if (err == 0)
		kv_http_init_echo(http, "localhost", &echo);
	return err;
}

static int
set_up(void **state)
{
	(void)state;
	return set_up_with(NULL, 8);
}

static int
tear_down(void **state)
{
	(void)state;
	kv_http_free(http);
	http = NULL;
	fake_server_free(server);
	kv_loop_free(loop);
	alarm(0);
	return 0;
}

static void
keep(const char **string, char *room, size_t size)
{
	assert_non_null(*string);
	snprintf(room, size, "%s", *string);
	*string = room;
}

static void
took(void *arg, int err, const struct kv_http_answer *answer)
{
	struct result *r = arg;

	r->calls++;
	r->err = err;
	r->answer = *answer;
	assert_non_null(answer->body);
	assert_int_equal(answer->body[answer->body_len], 0);
	assert_true(answer->body_len < sizeof(r->body));
	memcpy(r->body, answer->body, answer->body_len + 1);
	r->answer.body = r->body;
	keep(&r->answer.challenge, r->challenge, sizeof(r->challenge));
	keep(&r->answer.content_type, r->content_type, sizeof(r->content_type));
	keep(&r->answer.request_id, r->request_id, sizeof(r->request_id));
	keep(&r->answer.region, r->region, sizeof(r->region));
	keep(&r->answer.reason, r->reason, sizeof(r->reason));
	if (--*r->left == 0)
		kv_loop_stop(loop);
}

static const char *
url_of(const char *path)
{
	static char url[300];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", fake_server_port(server), path);
	return url;
}

/* Send it, and turn the loop until it has been answered. */
static const struct result *
fetch(const struct kv_http_request *request)
{
	static struct result r;
	struct kv_transfer *transfer;
	int left = 1;

	memset(&r, 0, sizeof(r));
	r.left = &left;
	assert_int_equal(kv_http_send(http, request, took, &r, &transfer), 0);
	assert_non_null(transfer);
	assert_int_equal(r.calls, 0);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_int_equal(r.calls, 1);
	return &r;
}

static const struct result *
get(const char *path)
{
	const struct kv_http_request request = {
		.method = "GET", .url = url_of(path), .max_answer = 100000, .is_local = true
	};

	return fetch(&request);
}

static const struct result *
send_body(const char *method, const char *path, const void *body, size_t len)
{
	const struct kv_http_request request = { .method = method,
		.url = url_of(path),
		.body = body,
		.body_len = len,
		.max_answer = 100000,
		.is_local = true };

	return fetch(&request);
}

static const struct result *
post(const char *path, const void *body, size_t len)
{
	return send_body("POST", path, body, len);
}

static void
answer_with(enum fake_conduct conduct, const char *answer)
{
	fake_server_set(server, conduct, answer, strlen(answer));
}

#define OK   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define TAIL "\r\nContent-Length: 0\r\n\r\n"

/* ---- answers ---- */

static void
an_answer_is_given_whole(void **state)
{
	static const char text[] =
	    "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
	    "X-Ms-Request-Id:  c7e8 \r\nx-ms-keyvault-region: westeurope\r\n\r\na\0b\nc";
	const struct result *r;

	(void)state;
	fake_server_set(server, FAKE_ANSWER, text, sizeof(text) - 1);
	r = get("/keys?api-version=7.4");
	assert_int_equal(r->err, 0);
	assert_int_equal(r->answer.status, 403);
	assert_int_equal(r->answer.body_len, 5);
	assert_memory_equal(r->body, "a\0b\nc", 6);
	assert_string_equal(r->request_id, "c7e8");
	assert_string_equal(r->region, "westeurope");
	assert_string_equal(r->challenge, "");
	assert_int_equal(r->answer.wall_date, 1700000000);
	assert_true(r->answer.retry_after_ms == -1);
	assert_true(r->answer.took_ms >= 0 && r->answer.took_ms < DEADLINE_S * 1000);
	assert_true(r->answer.was_sent);
}

static void
what_an_answer_lacks_is_empty(void **state)
{
	const struct result *r;

	(void)state;
	answer_with(FAKE_ANSWER, "HTTP/1.1 204 No Content\r\n\r\n");
	r = get("/");
	assert_int_equal(r->err, 0);
	assert_int_equal(r->answer.status, 204);
	assert_int_equal(r->answer.body_len, 0);
	assert_string_equal(r->request_id, "");
	assert_string_equal(r->region, "");
	assert_int_equal(r->answer.wall_date, 0);
}

static void
every_spelling_of_retry_after_is_read(void **state)
{
	static const struct {
		const char *header;
		int64_t ms;
	} rows[] = {
		{ "X: y", -1 },
		{ "Retry-After: 0", 0 },
		{ "Retry-After: 7", 7000 },
		{ "RETRY-AFTER:7", 7000 },
		{ "retry-after-ms: 250", 250 },
		{ "x-ms-retry-after-ms: 250", 250 },
		{ "Retry-After: Tue, 14 Nov 2000 22:13:20 GMT", 0 },
		{ "Date: Tue, 14 Nov 2000 22:13:00 GMT\r\nRetry-After: Tue, 14 Nov 2000 22:13:20 GMT",
		    20000 },
		{ "Retry-After: Tue, 14 Nov 2000 22:13:20 GMT\r\nDate: Tue, 14 Nov 2000 22:13:00 GMT",
		    20000 },
		{ "Retry-After: Tue, 14 Nov 2000 22:13:20 GMT\r\nDate: Tue, 14 Nov 2000 22:14:00 GMT", 0 },
		{ "Date: Tue, 14 Nov 2000 22:13:00 GMT\r\nRetry-After: Tue, 14 Nov 2034 22:13:20 GMT",
		    86400000 },
		{ "Retry-After: soon", -1 },
		{ "Retry-After:", -1 },
		{ "Retry-After: -5", -1 },
		{ "Retry-After: 1.5", -1 },
		{ "Retry-After-Not: 5", -1 },
	};
	const struct result *r;
	char text[300];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		snprintf(text, sizeof(text), "HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n%s\r\n\r\n",
		    rows[i].header);
		answer_with(FAKE_ANSWER, text);
		r = get("/");
		assert_int_equal(r->answer.status, 429);
		assert_row(r->answer.retry_after_ms == rows[i].ms, i, rows[i].header);
	}
	snprintf(text, sizeof(text),
	    "HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\nRetry-After: 99999999999999999999\r\n\r\n");
	answer_with(FAKE_ANSWER, text);
	assert_true(get("/")->answer.retry_after_ms >= 86400000);
}

static void
several_challenges_are_one_list(void **state)
{
	const struct result *r;

	(void)state;
	answer_with(FAKE_ANSWER,
	    "HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
	    "www-authenticate: Bearer authorization=\"https://a/t\", resource=\"https://r\"\r\n\r\n");
	r = get("/");
	assert_int_equal(r->err, 0);
	assert_int_equal(r->answer.status, 401);
	assert_string_equal(
	    r->challenge, "Basic realm=\"x\", Bearer authorization=\"https://a/t\", resource=\"https://r\"");
}

static void
an_interim_answer_leaves_nothing(void **state)
{
	const struct result *r;

	(void)state;
	answer_with(FAKE_ANSWER, "HTTP/1.1 103 Early\r\nRetry-After: 9\r\nWWW-Authenticate: x\r\n\r\n" OK);
	r = get("/");
	assert_int_equal(r->answer.status, 200);
	assert_true(r->answer.retry_after_ms == -1);
	assert_string_equal(r->challenge, "");
	assert_string_equal(r->body, "ok");
}

static void
a_redirect_is_an_answer_and_not_followed(void **state)
{
	const struct result *r;

	(void)state;
	answer_with(FAKE_ANSWER, "HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
	r = get("/");
	assert_int_equal(r->err, 0);
	assert_int_equal(r->answer.status, 307);
	assert_int_equal(fake_server_requests(server), 1);
}

static void
a_chunked_answer_and_one_ended_by_the_connection_are_whole(void **state)
{
	(void)state;
	answer_with(FAKE_ANSWER,
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
	assert_string_equal(get("/")->body, "abc");
	answer_with(FAKE_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
	assert_string_equal(get("/")->body, "abc");
}

static void
an_answer_larger_than_asked_for_is_efbig(void **state)
{
	struct kv_http_request request = {
		.method = "GET", .url = url_of("/"), .max_answer = 2, .is_local = true
	};
	const struct result *r;

	(void)state;
	answer_with(FAKE_ANSWER, OK);
	assert_int_equal(fetch(&request)->err, 0);
	request.max_answer = 1;
	r = fetch(&request);
	assert_int_equal(r->err, -EFBIG);
	assert_int_equal(r->answer.status, 0);
	answer_with(FAKE_ENDLESS, "HTTP/1.1 200 OK\r\n\r\n");
	request.max_answer = 50000;
	assert_int_equal(fetch(&request)->err, -EFBIG);
}

/* ---- requests ---- */

static bool
has_line(const char *request, const char *line)
{
	char text[300];

	snprintf(text, sizeof(text), "\r\n%s\r\n", line);
	return strcasestr(request, text) != NULL;
}

static void
a_request_has_what_was_asked_for(void **state)
{
	static const char *const headers[] = { "Accept: application/json", "x-ms-client-request-id: 1-2",
		NULL };
	const struct kv_http_request request = { .method = "POST",
		.url = url_of("/keys/a/backup?api-version=7.4"),
		.token = "s3cret",
		.headers = headers,
		.body = "{\"a\":1}",
		.body_len = 7,
		.max_answer = 100,
		.is_local = true };
	const char *text;
	size_t len;

	(void)state;
	answer_with(FAKE_ANSWER, OK);
	assert_int_equal(fetch(&request)->err, 0);
	text = fake_server_request(server, &len);
	assert_memory_equal(text, "POST /keys/a/backup?api-version=7.4 HTTP/1.1\r\n", 46);
	assert_true(has_line(text, "Authorization: Bearer s3cret"));
	assert_true(has_line(text, "Accept: application/json"));
	assert_true(has_line(text, "x-ms-client-request-id: 1-2"));
	assert_true(has_line(text, "User-Agent: kvfs/" KV_VERSION));
	assert_true(has_line(text, "Content-Length: 7"));
	assert_null(strcasestr(text, "Expect:"));
	assert_null(strcasestr(text, "Cookie:"));
	assert_string_equal(text + len - 7, "{\"a\":1}");
}

static void
no_token_is_sent_where_none_was_given(void **state)
{
	const struct kv_http_request with = {
		.method = "GET", .url = url_of("/"), .token = "s3cret", .max_answer = 9, .is_local = true
	};
	size_t len;

	(void)state;
	answer_with(FAKE_ANSWER, OK);
	assert_int_equal(fetch(&with)->err, 0);
	assert_non_null(strstr(fake_server_request(server, &len), "s3cret"));
	/* on the same connection and handle */
	assert_int_equal(get("/")->err, 0);
	assert_null(strcasestr(fake_server_request(server, &len), "Authorization"));
	assert_int_equal(fake_server_connections(server), 1);
}

static void
a_post_without_a_body_says_so(void **state)
{
	const char *text;
	size_t len;

	(void)state;
	answer_with(FAKE_ANSWER, OK);
	assert_int_equal(post("/keys/a/backup", NULL, 0)->err, 0);
	text = fake_server_request(server, &len);
	assert_memory_equal(text, "POST ", 5);
	assert_true(has_line(text, "Content-Length: 0"));
	assert_null(strcasestr(text, "Transfer-Encoding"));
}

static void
a_large_body_arrives_whole(void **state)
{
	const size_t len = 900000;
	char *body = malloc(len);
	const char *text;
	size_t n;

	(void)state;
	assert_non_null(body);
	for (size_t i = 0; i < len; i++)
		body[i] = (char)(i * 31 + i / 256);
	answer_with(FAKE_ANSWER, OK);
	assert_int_equal(post("/keys/restore", body, len)->err, 0);
	text = fake_server_request(server, &n);
	assert_true(n > len);
	assert_memory_equal(text + n - len, body, len);
	free(body);
}

/* The handle of a transfer is used for the next one. */
static void
nothing_of_a_request_is_in_the_next(void **state)
{
	static const struct {
		const char *method, *body;
	} rows[] = {
		{ "POST", "abc" },
		{ "GET", "" },
		{ "POST", "" },
		{ "POST", "defgh" },
		{ "GET", "" },
		{ "PUT", "jk" },
		{ "POST", "i" },
		{ "PUT", "" },
		{ "GET", "" },
		{ "POST", "" },
		{ "GET", "" },
	};

	(void)state;
	answer_with(FAKE_ANSWER, OK);
	for (size_t i = 0; i < N_OF(rows); i++) {
		const bool has_body = strcmp(rows[i].method, "GET") != 0;
		const char *text, *end;
		char length[40];
		size_t len;

		assert_int_equal(
		    (has_body ? send_body(rows[i].method, "/a", rows[i].body, strlen(rows[i].body)) :
				get("/a"))
			->err,
		    0);
		text = fake_server_request(server, &len);
		assert_row(strncmp(text, rows[i].method, strlen(rows[i].method)) == 0, i, "method");
		snprintf(length, sizeof(length), "Content-Length: %zu", strlen(rows[i].body));
		assert_row(has_line(text, length) == has_body, i, "length");
		assert_row((strcasestr(text, "Content-") != NULL) == has_body, i, "content");
		assert_row(strcasestr(text, "Transfer-Encoding") == NULL, i, "encoding");
		end = strstr(text, "\r\n\r\n");
		assert_row(end != NULL && strcmp(end + 4, rows[i].body) == 0, i, "body");
	}
	assert_int_equal(fake_server_connections(server), 1);
}

/* ---- answers of other requests ---- */

/* Answered with this id, or with none. What was asked for had request's. */
static const struct result *
get_answered(const char *request_id, const char *returned, bool is_once)
{
	static char text[300];
	const struct kv_http_request request = { .method = "GET",
		.url = url_of("/"),
		.echo = request_id != NULL ? &echo : NULL,
		.id = request_id,
		.max_answer = 9,
		.is_local = true,
		.is_once = is_once };

	if (returned != NULL)
		snprintf(text, sizeof(text),
		    "HTTP/1.1 200 OK\r\nX-MS-Client-Request-Id: %s\r\nx-ms-request-id: s\r\nContent-Length: 2\r\n\r\nok",
		    returned);
	else
		snprintf(text, sizeof(text), OK);
	answer_with(FAKE_ANSWER, text);
	return fetch(&request);
}

#define STRANGER "ffffffff-0000-4000-8000-000000000000"

static void
an_answer_of_another_request_is_not_used_and_ends_its_connection(void **state)
{
	char id[37], other[37];
	const struct result *r;

	(void)state;
	assert_int_equal(kv_echo_make_id(&echo, id), 0);
	assert_int_equal(kv_echo_make_id(&echo, other), 0);
	assert_int_equal(get_answered(id, id, false)->err, 0);
	for (int i = 0; i < 4; i++) {
		/* the first on a connection of its own, then one on the same connection */
		assert_int_equal(get_answered(id, id, false)->err, 0);
		r = get_answered(id, i % 2 == 0 ? STRANGER : other, false);
		assert_int_equal(r->err, -EBADMSG);
		assert_true(r->answer.is_mixed_up);
		assert_int_equal(r->answer.status, 0);
		assert_string_equal(r->body, "");
		assert_string_equal(r->request_id, "");
		assert_true(r->answer.was_sent);
		assert_int_equal(fake_server_connections(server), 1 + i);
	}
	/* none is right on a new connection, and not where there were ids before */
	assert_int_equal(get_answered(id, NULL, false)->err, 0);
	assert_int_equal(get_answered(id, id, false)->err, 0);
	assert_int_equal(get_answered(id, NULL, false)->err, -EBADMSG);
	assert_int_equal(get_answered(id, id, false)->err, 0);
	assert_int_equal(get_answered(id, NULL, true)->err, 0);
	assert_int_equal(fake_server_connections(server), 6);
	/* what has no id takes any */
	assert_int_equal(get_answered(NULL, STRANGER, false)->err, 0);
}

static void
a_gateway_that_rewrites_ids_is_put_up_with(void **state)
{
	char id[37], other[37];

	(void)state;
	assert_int_equal(kv_echo_make_id(&echo, id), 0);
	assert_int_equal(kv_echo_make_id(&echo, other), 0);
	assert_int_equal(get_answered(id, STRANGER, false)->err, -EBADMSG);
	for (int i = 0; i < 5; i++)
		assert_string_equal(get_answered(id, STRANGER, false)->body, "ok");
	assert_int_equal(fake_server_connections(server), 2);
	assert_int_equal(get_answered(id, other, false)->err, -EBADMSG);
	/* that is one host's */
	kv_http_init_echo(http, "localhost", &echo);
	assert_int_equal(get_answered(id, other, false)->err, -EBADMSG);
	assert_int_equal(get_answered(id, STRANGER, false)->err, -EBADMSG);
}

/* An answer that nobody asked for lies in the connection, and would be taken for the next one's. */
static void
an_answer_before_its_request_is_not_taken(void **state)
{
	const struct kv_http_request request = {
		.method = "GET", .url = url_of("/"), .max_answer = 9, .is_local = true
	};
	static char both[400];

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(both, sizeof(both), "%sHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", OK);
		answer_with(FAKE_ANSWER, both);
		assert_string_equal(fetch(&request)->body, "ok");
		answer_with(FAKE_ANSWER, OK);
		assert_string_equal(fetch(&request)->body, "ok");
	}
}

/* ---- what goes wrong ---- */

/* What is sent once would be lost with the connection that the server has just closed. */
static void
what_is_sent_once_is_not_lost_with_a_closed_connection(void **state)
{
	struct kv_http_request request = { .method = "POST",
		.url = url_of("/"),
		.body = "abc",
		.body_len = 3,
		.max_answer = 9,
		.is_local = true,
		.is_once = true };

	(void)state;
	for (int i = 1; i < 4; i++) {
		answer_with(FAKE_ANSWER_CLOSE, OK);
		assert_int_equal(get("/")->err, 0);
		while (fake_server_open(server) > 0)
			poll(NULL, 0, 1);
		assert_int_equal(fetch(&request)->err, 0);
		assert_int_equal(fake_server_requests(server), 2 * i);
		while (fake_server_open(server) > 0)
			poll(NULL, 0, 1);
	}
}

static void
a_header_that_is_too_large_is_ebadmsg(void **state)
{
	static const size_t sizes[] = { 9000, 90000, 110000, 150000 };
	/* one each: the server may still be sending when the client has had enough */
	static char texts[N_OF(sizes)][2][160000];
	const struct result *r;

	(void)state;
	for (size_t i = 0; i < N_OF(sizes); i++)
		for (int is_challenge = 0; is_challenge < 2; is_challenge++) {
			char *text = texts[i][is_challenge];
			const int n = snprintf(text, sizeof(texts[i][0]),
			    "HTTP/1.1 401 No\r\n%s: ", is_challenge ? "WWW-Authenticate" : "X-Padding");

			memset(text + n, 'x', sizes[i]);
			memcpy(text + n + sizes[i], TAIL, sizeof(TAIL));
			fake_server_set(server, FAKE_ANSWER, text, strlen(text));
			r = get("/");
			if (sizes[i] < 100000) {
				assert_row(r->err == 0, i, r->reason);
				assert_int_equal(r->answer.status, 401);
			} else {
				assert_row(r->err == -EBADMSG, i, r->reason);
				assert_non_null(strstr(r->reason, "header is too large"));
			}
		}
}

static void
a_broken_connection_is_eio(void **state)
{
	static const struct {
		enum fake_conduct conduct;
		const char *answer;
	} rows[] = {
		{ FAKE_CLOSE, "" },
		{ FAKE_RESET, "" },
		{ FAKE_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc" },
		{ FAKE_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab" },
		{ FAKE_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab" },
	};
	const struct result *r;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		fake_server_set(server, rows[i].conduct, rows[i].answer, strlen(rows[i].answer));
		r = post("/keys/restore", "abc", 3);
		assert_row(r->err == -EIO, i, r->reason);
		assert_int_equal(r->answer.status, 0);
		assert_true(r->answer.was_sent);
		assert_true(r->reason[0] != '\0');
	}
	assert_int_equal(fake_server_requests(server), N_OF(rows));
}

static void
what_is_not_http_is_no_answer(void **state)
{
	const struct result *r;

	(void)state;
	answer_with(FAKE_ANSWER_CLOSE, "SSH-2.0-OpenSSH_9.2\r\n");
	r = get("/");
	assert_row(r->err == -EIO || r->err == -EBADMSG, r->err, r->reason);
	assert_true(r->answer.was_sent);
}

/* libcurl would do so by itself when a connection that it used before closes without an answer. */
static void
nothing_is_sent_twice_on_a_connection_that_dies(void **state)
{
	static const enum fake_conduct ways[] = { FAKE_CLOSE, FAKE_RESET };
	static const char *const requests[] = { "restore", "backup", "list" };
	const struct result *r;

	(void)state;
	for (int i = 0; i < 6; i++) {
		int before;

		answer_with(FAKE_ANSWER, OK);
		assert_int_equal(get("/keys")->err, 0);
		before = fake_server_requests(server);
		answer_with(ways[i / 3], "");
		r = i % 3 == 0 ? post("/restore", "abc", 3) :
		    i % 3 == 1 ? post("/backup", NULL, 0) :
				 get("/list");
		assert_row(r->err == -EIO, i, requests[i % 3]);
		assert_true(r->answer.was_sent);
		assert_row(fake_server_requests(server) == before + 1, i, requests[i % 3]);
	}
}

static void
a_port_without_a_server_is_econnrefused(void **state)
{
	struct kv_http_request request = {
		.method = "POST", .body = "x", .body_len = 1, .max_answer = 9, .is_local = true
	};
	struct fake_server *other = fake_server_new();
	const struct result *r;
	char url[100];

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", fake_server_port(other));
	fake_server_free(other);
	request.url = url;
	r = fetch(&request);
	assert_int_equal(r->err, -ECONNREFUSED);
	assert_false(r->answer.was_sent);
	assert_int_equal(r->answer.status, 0);
	assert_true(r->reason[0] != '\0');
}

static void
a_name_that_is_not_there_is_ehostunreach(void **state)
{
	const struct kv_http_request request = { .method = "GET",
		.url = "https://no-such-vault.invalid/",
		.max_answer = 9,
		.connect_ms = 5000,
		.is_local = true };
	const struct result *r = fetch(&request);

	(void)state;
	if (r->err == -ETIMEDOUT) {
		printf("skipped: no name server answers here\n");
		skip();
	}
	assert_int_equal(r->err, -EHOSTUNREACH);
	assert_false(r->answer.was_sent);
}

static void
silence_ends_an_attempt(void **state)
{
	const struct kv_http_request request = { .method = "POST",
		.url = url_of("/"),
		.body = "x",
		.body_len = 1,
		.max_answer = 9,
		.silence_s = 1,
		.is_local = true };
	const struct result *r;

	(void)state;
	answer_with(FAKE_SILENCE, "");
	r = fetch(&request);
	assert_int_equal(r->err, -ETIMEDOUT);
	assert_true(r->answer.was_sent);
	assert_true(r->answer.took_ms >= 900);
}

static void
only_a_local_request_may_be_without_tls(void **state)
{
	const struct kv_http_request request = {
		.method = "GET", .url = url_of("/"), .token = "s3cret", .max_answer = 9
	};
	const struct result *r;

	(void)state;
	answer_with(FAKE_ANSWER, OK);
	r = fetch(&request);
	assert_int_equal(r->err, -EINVAL);
	assert_false(r->answer.was_sent);
	assert_int_equal(fake_server_connections(server), 0);
}

/* ---- many ---- */

/* Until a server has answered once libcurl does not know whether it can take several at a time, and waits. */
static void
get_to_know(void)
{
	answer_with(FAKE_ANSWER, OK);
	assert_int_equal(get("/")->err, 0);
}

static void
fetch_many(struct result *results, int n, const struct kv_http_request *request, int *left)
{
	struct kv_transfer *transfer;

	*left = n;
	for (int i = 0; i < n; i++) {
		memset(&results[i], 0, sizeof(results[i]));
		results[i].left = left;
		assert_int_equal(kv_http_send(http, request, took, &results[i], &transfer), 0);
	}
}

static void
a_connection_is_used_again(void **state)
{
	(void)state;
	answer_with(FAKE_ANSWER, OK);
	for (int i = 0; i < 20; i++)
		assert_int_equal(get("/")->answer.status, 200);
	assert_int_equal(fake_server_connections(server), 1);
}

static void
forgotten_connections_are_not_used_again(void **state)
{
	(void)state;
	answer_with(FAKE_ANSWER, OK);
	assert_int_equal(get("/")->err, 0);
	kv_http_forget_connections(http);
	assert_int_equal(get("/")->err, 0);
	assert_int_equal(fake_server_connections(server), 2);
	assert_int_equal(fake_server_requests(server), 2);
	kv_http_forget_connections(http);
	assert_int_equal(post("/", "abc", 3)->err, 0);
	assert_int_equal(fake_server_connections(server), 3);
}

static void
release_all(void *arg)
{
	(void)arg;
	fake_server_release(server);
}

static void
no_more_connections_are_made_than_allowed(void **state)
{
	enum { N = 40 };
	static struct result results[N];
	const struct kv_http_request request = {
		.method = "GET", .url = url_of("/"), .max_answer = 9, .is_local = true
	};
	struct kv_timer release;
	int left;

	(void)state;
	get_to_know();
	answer_with(FAKE_WAIT_FOR_OTHERS, OK);
	kv_timer_init(&release, loop, release_all, NULL);
	kv_timer_set(&release, 200);
	fetch_many(results, N, &request, &left);
	assert_int_equal(kv_loop_run(loop), 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(results[i].calls, 1);
		assert_int_equal(results[i].err, 0);
		assert_string_equal(results[i].body, "ok");
	}
	assert_int_equal(fake_server_requests(server), 1 + N);
	assert_int_equal(fake_server_most(server), 8);
}

/* ---- cancelling ---- */

static struct result cancelled[6];
static struct kv_transfer *transfers[6];

static void
stop_loop(void *arg)
{
	(void)arg;
	kv_loop_stop(loop);
}

static void
turn_for(int64_t ms)
{
	struct kv_timer end;

	kv_timer_init(&end, loop, stop_loop, NULL);
	kv_timer_set(&end, ms);
	assert_int_equal(kv_loop_run(loop), 0);
	kv_timer_stop(&end);
}

static void
wait_for_requests(int n)
{
	while (fake_server_requests(server) < n)
		turn_for(5);
}

static void
start_six(void)
{
	const struct kv_http_request request = {
		.method = "GET", .url = url_of("/"), .max_answer = 9, .is_local = true
	};
	static int left;

	left = 6;
	for (int i = 0; i < 6; i++) {
		memset(&cancelled[i], 0, sizeof(cancelled[i]));
		cancelled[i].left = &left;
		assert_int_equal(kv_http_send(http, &request, took, &cancelled[i], &transfers[i]), 0);
	}
}

static void
what_is_cancelled_is_not_completed(void **state)
{
	(void)state;
	kv_http_cancel(NULL);
	get_to_know();
	answer_with(FAKE_WAIT_FOR_OTHERS, OK);
	start_six();
	/* before they were sent: the first, one in the middle, the last */
	kv_http_cancel(transfers[0]);
	kv_http_cancel(transfers[2]);
	kv_http_cancel(transfers[5]);
	wait_for_requests(1 + 3);
	/* and on the way */
	kv_http_cancel(transfers[3]);
	fake_server_release(server);
	while (cancelled[1].calls == 0 || cancelled[4].calls == 0)
		turn_for(5);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(cancelled[i].calls, i == 1 || i == 4);
		assert_int_equal(cancelled[i].err, 0);
	}
	assert_int_equal(fake_server_requests(server), 1 + 3);
	/* it goes on */
	assert_string_equal(get("/")->body, "ok");
}

static void
what_is_under_way_at_the_end_is_dropped(void **state)
{
	(void)state;
	get_to_know();
	answer_with(FAKE_SILENCE, "");
	start_six();
	wait_for_requests(1 + 3);
	start_six();
	kv_http_free(http);
	http = NULL;
	turn_for(20);
	for (int i = 0; i < 6; i++)
		assert_int_equal(cancelled[i].calls, 0);
	kv_http_free(NULL);
}

/* A completion that begins the next transfer and cancels another one. */
struct chain {
	int left;
	struct kv_transfer *victim;
};

static void
go_on(void *arg, int err, const struct kv_http_answer *answer)
{
	const struct kv_http_request request = {
		.method = "GET", .url = url_of("/"), .max_answer = 9, .is_local = true
	};
	struct chain *chain = arg;
	struct kv_transfer *t;

	assert_int_equal(err, 0);
	assert_string_equal(answer->body, "ok");
	kv_http_cancel(chain->victim);
	chain->victim = NULL;
	if (--chain->left == 0)
		kv_loop_stop(loop);
	else
		assert_int_equal(kv_http_send(http, &request, go_on, chain, &t), 0);
}

static void
never(void *arg, int err, const struct kv_http_answer *answer)
{
	(void)arg;
	(void)err;
	(void)answer;
	fail();
}

static void
a_completion_may_send_and_cancel(void **state)
{
	struct kv_http_request request = {
		.method = "GET", .url = url_of("/"), .max_answer = 9, .is_local = true
	};
	struct fake_server *silent = fake_server_new();
	struct chain chain = { .left = 10 };
	struct kv_transfer *t;
	char url[100];

	(void)state;
	answer_with(FAKE_ANSWER, OK);
	assert_int_equal(kv_http_send(http, &request, go_on, &chain, &t), 0);
	fake_server_set(silent, FAKE_SILENCE, "", 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", fake_server_port(silent));
	request.url = url;
	assert_int_equal(kv_http_send(http, &request, never, NULL, &chain.victim), 0);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_int_equal(fake_server_requests(server), 10);
	fake_server_free(silent);
}

/* ---- TLS, by the openssl program ---- */

struct tls_server {
	char folder[40], certificate[60], key[60], url[60];
	pid_t pid;
};

static int
run_program(const char *const argv[], int out)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		dup2(out, STDOUT_FILENO);
		close(STDERR_FILENO);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (out != STDOUT_FILENO)
		return (int)pid;
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* "ACCEPT 127.0.0.1:PORT" is what s_server prints when it listens. */
static int
read_port(int fd)
{
	char text[500];
	size_t n = 0;
	const char *at;

	while (n < sizeof(text) - 1 && read(fd, text + n, 1) == 1) {
		n++;
		text[n] = '\0';
		at = strstr(text, "ACCEPT ");
		if (at != NULL && text[n - 1] == '\n')
			return (int)strtol(strrchr(at, ':') + 1, NULL, 10);
	}
	return -1;
}

/* A server whose certificate is its own authority and is for localhost. false: no openssl here. */
static bool
start_tls(struct tls_server *s, const char *protocol)
{
	const char *const make[] = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
		"subjectAltName=DNS:localhost", "-keyout", s->key, "-out", s->certificate, NULL };
	const char *const serve[] = { "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert",
		s->certificate, "-key", s->key, "-www", "-cipher", "ALL:@SECLEVEL=0", protocol, NULL };
	int out[2];

	snprintf(s->folder, sizeof(s->folder), "/tmp/kvfs-http_test.XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->certificate, sizeof(s->certificate), "%s/cert.pem", s->folder);
	snprintf(s->key, sizeof(s->key), "%s/key.pem", s->folder);
	s->pid = 0;
	if (run_program(make, STDOUT_FILENO) != 0)
		return false;
	assert_int_equal(pipe(out), 0);
	s->pid = run_program(serve, out[1]);
	close(out[1]);
	snprintf(s->url, sizeof(s->url), "https://localhost:%d/", read_port(out[0]));
	close(out[0]);
	return true;
}

static void
stop_tls(struct tls_server *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	unlink(s->certificate);
	unlink(s->key);
	rmdir(s->folder);
}

/* The errno of a GET from a server that speaks protocol, with or without its certificate as a CA. */
static int
get_by_tls(const char *protocol, bool has_ca, const char *host)
{
	struct kv_http_request request = { .method = "GET", .max_answer = 100000 };
	const struct result *r;
	struct tls_server s;
	char url[100];
	int err;

	if (!start_tls(&s, protocol)) {
		stop_tls(&s);
		printf("skipped: there is no openssl program here\n");
		skip();
	}
	tear_down(NULL);
	assert_int_equal(set_up_with(has_ca ? s.certificate : NULL, 8), 0);
	snprintf(url, sizeof(url), "https://%s%s", host, strrchr(s.url, ':'));
	request.url = url;
	setenv("no_proxy", "*", 1);
	r = fetch(&request);
	err = r->err;
	assert_true(err != 0 || r->answer.status == 200);
	assert_int_equal(r->answer.was_sent, err == 0);
	stop_tls(&s);
	return err;
}

static void
a_certificate_of_the_given_ca_is_trusted(void **state)
{
	(void)state;
	assert_int_equal(get_by_tls("-tls1_3", true, "localhost"), 0);
	assert_int_equal(get_by_tls("-tls1_2", true, "localhost"), 0);
}

static void
a_certificate_of_nobody_is_eproto(void **state)
{
	(void)state;
	assert_int_equal(get_by_tls("-tls1_3", false, "localhost"), -EPROTO);
}

static void
a_certificate_of_another_host_is_eproto(void **state)
{
	(void)state;
	assert_int_equal(get_by_tls("-tls1_3", true, "127.0.0.1"), -EPROTO);
}

static void
tls_before_1_2_is_eproto(void **state)
{
	(void)state;
	assert_int_equal(get_by_tls("-tls1_1", true, "localhost"), -EPROTO);
}

static void
a_server_without_tls_is_an_error(void **state)
{
	struct kv_http_request request = { .method = "GET", .max_answer = 9, .is_local = true };
	char url[100];

	(void)state;
	answer_with(FAKE_CLOSE, "");
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", fake_server_port(server));
	request.url = url;
	request.silence_s = 2;
	request.connect_ms = 2000;
	/* it takes the greeting for a request that is not whole, so here it is the time that ends it */
	assert_true(fetch(&request)->err != 0);
}

/* ---- the start ---- */

static void
a_ca_file_that_cannot_be_used_is_told(void **state)
{
	static const struct {
		const char *content;
		int err;
		const char *sentence;
	} rows[] = {
		{ NULL, -ENOENT, "No such file" },
		{ "", -EINVAL, "PEM" },
		{ "-----BEGIN PRIVATE KEY-----\n", -EINVAL, "PEM" },
	};
	char path[] = "/tmp/kvfs-http_test.XXXXXX";
	const struct kv_http_options options = { .ca.added = path, .max_connections = 1 };
	struct kv_http *other;
	struct kv_buf why;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
		const int fd = mkstemp(path);

		assert_true(fd >= 0);
		if (rows[i].content == NULL)
			unlink(path);
		else
			assert_int_equal(
			    write(fd, rows[i].content, strlen(rows[i].content)), strlen(rows[i].content));
		close(fd);
		kv_buf_init(&why, 500);
		assert_row(kv_http_new(loop, &options, &other, &why) == rows[i].err, i, kv_buf_str(&why));
		assert_null(other);
		assert_row(strstr(kv_buf_str(&why), rows[i].sentence) != NULL, i, kv_buf_str(&why));
		assert_non_null(strstr(kv_buf_str(&why), path));
		kv_buf_release(&why);
		unlink(path);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* ---- large answers ---- */

#define LARGE	((size_t)30 << 20)
#define N_LARGE 6

static struct {
	struct kv_transfer *transfer;
	int calls;
} larges[N_LARGE];
static int n_large_left;

static void
took_large(void *arg, int err, const struct kv_http_answer *answer)
{
	const int i = (int)(intptr_t)arg;

	assert_int_equal(err, 0);
	assert_int_equal(answer->body_len, LARGE);
	assert_true(answer->body[0] == 'x' && memcmp(answer->body, answer->body + 1, LARGE - 1) == 0);
	kv_http_drop_body(answer);
	larges[i].calls++;
	if (i == 0) { /* the last one still waits for room */
		kv_http_cancel(larges[N_LARGE - 1].transfer);
		n_large_left--;
	}
	if (--n_large_left == 0)
		kv_loop_stop(loop);
}

static void
large_answers_wait_for_room_and_come_whole(void **state)
{
	const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 31457280\r\n\r\n";
	const struct kv_http_request request = {
		.method = "GET", .url = url_of("/"), .max_answer = 2 * LARGE, .is_local = true
	};
	char *text = malloc(sizeof(head) - 1 + LARGE);

	(void)state;
	assert_non_null(text);
	memcpy(text, head, sizeof(head) - 1);
	memset(text + sizeof(head) - 1, 'x', LARGE);
	fake_server_set(server, FAKE_ANSWER, text, sizeof(head) - 1 + LARGE);
	n_large_left = N_LARGE;
	for (intptr_t i = 0; i < N_LARGE; i++)
		assert_int_equal(kv_http_send(http, &request, took_large, (void *)i, &larges[i].transfer), 0);
	assert_int_equal(kv_loop_run(loop), 0);
	for (int i = 0; i < N_LARGE; i++)
		assert_row(larges[i].calls == (i < N_LARGE - 1), (size_t)i, "calls");
	fake_server_set(server, FAKE_SILENCE, "", 0);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_is_given_whole),
		TEST(what_an_answer_lacks_is_empty),
		TEST(every_spelling_of_retry_after_is_read),
		TEST(several_challenges_are_one_list),
		TEST(an_interim_answer_leaves_nothing),
		TEST(a_redirect_is_an_answer_and_not_followed),
		TEST(a_chunked_answer_and_one_ended_by_the_connection_are_whole),
		TEST(an_answer_larger_than_asked_for_is_efbig),
		TEST(a_request_has_what_was_asked_for),
		TEST(no_token_is_sent_where_none_was_given),
		TEST(a_post_without_a_body_says_so),
		TEST(a_large_body_arrives_whole),
		TEST(nothing_of_a_request_is_in_the_next),
		TEST(an_answer_of_another_request_is_not_used_and_ends_its_connection),
		TEST(a_gateway_that_rewrites_ids_is_put_up_with),
		TEST(an_answer_before_its_request_is_not_taken),
		TEST(what_is_sent_once_is_not_lost_with_a_closed_connection),
		TEST(a_header_that_is_too_large_is_ebadmsg),
		TEST(a_broken_connection_is_eio),
		TEST(what_is_not_http_is_no_answer),
		TEST(nothing_is_sent_twice_on_a_connection_that_dies),
		TEST(a_port_without_a_server_is_econnrefused),
		TEST(a_name_that_is_not_there_is_ehostunreach),
		TEST(silence_ends_an_attempt),
		TEST(only_a_local_request_may_be_without_tls),
		TEST(a_connection_is_used_again),
		TEST(forgotten_connections_are_not_used_again),
		TEST(no_more_connections_are_made_than_allowed),
		TEST(what_is_cancelled_is_not_completed),
		TEST(what_is_under_way_at_the_end_is_dropped),
		TEST(a_completion_may_send_and_cancel),
		TEST(a_certificate_of_the_given_ca_is_trusted),
		TEST(a_certificate_of_nobody_is_eproto),
		TEST(a_certificate_of_another_host_is_eproto),
		TEST(tls_before_1_2_is_eproto),
		TEST(a_server_without_tls_is_an_error),
		TEST(a_ca_file_that_cannot_be_used_is_told),
		TEST(large_answers_wait_for_room_and_come_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
