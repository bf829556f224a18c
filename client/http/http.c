/*
 * HTTP transfers.
 *
 *	QUEUED -> RUNNING -> done
 *	   ^         |
 *	   +---------+  nothing was sent yet and the connection must not be used: again, on a new one
 *
 * A TLS handshake costs a millisecond or more, so at most four connections are opened in one turn.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/http/curl_loop.h"
#include "client/http/easy.h"
#include "client/http/http.h"
#include "client/http/resolve.h"
#include "client/http/transfer.h"
#include "client/base/loop.h"

#define MAX_BYTES  ((size_t)64 << 20) /* of incoming answers; above this no further request is sent */
#define NEW_A_TURN 4
#define SILENT_MS  15000 /* no answer for this long means that the connection is dead */

struct kv_http {
	struct kv_loop *loop;
	CURLM *multi;
	struct kv_curl_loop curl_loop;
	struct kv_ca *ca;
	struct curl_slist *connect_to;
	struct kv_timer starter; /* starts queued transfers */
	TAILQ_HEAD(, kv_transfer) queue, running;
	int n_running;
	struct kv_transfers shared;
	struct kv_easies easies;
	char mark[9]; /* of this process's ids */
};

/* ---- sockets ---- */

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct kv_http *http = arg;
	const int fd = kv_connections_open(
	    &http->shared.connections, address->family, address->socktype, address->protocol);

	(void)purpose;
	return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static int
close_socket(void *arg, curl_socket_t fd)
{
	struct kv_http *http = arg;

	return kv_connections_close(&http->shared.connections, fd);
}

void
kv_http_forget_connections(struct kv_http *http)
{
	kv_connections_end_all(&http->shared.connections);
}

void
kv_http_init_echo(const struct kv_http *http, const char *host, struct kv_echo *echo)
{
	kv_echo_init(echo, http->mark);
	echo->host = host;
}

/* ---- the life of a transfer ---- */

static void
leave_running(struct kv_transfer *t)
{
	TAILQ_REMOVE(&t->http->running, t, link);
	t->http->n_running--;
	t->is_running = false;
}

static void
leave_connection(struct kv_transfer *t)
{
	if (t->connection != NULL)
		kv_connection_leave(t->connection, t->is_once);
	t->connection = NULL;
}

/* Also frees its room for other answers. */
static void
drop_answer(struct kv_transfer *t)
{
	struct kv_http *http = t->http;

	http->shared.n_bytes -= t->answer.len;
	kv_buf_release(&t->answer);
	kv_room_give_back(&http->shared.room, &t->claim);
	if (!(TAILQ_EMPTY(&http->shared.room.waiting) && TAILQ_EMPTY(&http->queue)) &&
	    !kv_timer_is_set(&http->starter))
		kv_timer_set(&http->starter, 0);
}

void
kv_http_drop_body(const struct kv_http_answer *answer)
{
	if (answer->transfer != NULL)
		drop_answer(answer->transfer);
}

static void
free_transfer(struct kv_transfer *t)
{
	struct kv_http *http = t->http;

	if (t->easy != NULL) {
		if (t->is_running) {
			curl_multi_remove_handle(http->multi, t->easy);
			leave_running(t);
		}
		leave_connection(t);
		kv_easies_give_back(&http->easies, t->easy, t->is_ended_well);
	}
	drop_answer(t);
	kv_easy_free_headers(t->headers);
	kv_buf_release(&t->body);
	kv_headers_release(&t->answered);
	free(t);
}

/* If this connection died silently, those that are as old are dead too. */
static void
learn_from_silence(const struct kv_transfer *t, int err)
{
	if ((err == -EIO || err == -ETIMEDOUT) && t->is_sent && !t->answered.is_begun &&
	    kv_clock_mono_ms() - t->mono_sent >= SILENT_MS)
		kv_connections_end_silent(&t->http->shared.connections, t->mono_sent);
}

static void
end_transfer(struct kv_transfer *t, CURLcode code)
{
	struct kv_http *http = t->http;
	struct kv_http_answer answer = { .retry_after_ms = -1,
		.is_mixed_up = t->is_foreign,
		.transfer = t,
		.challenge = "",
		.content_type = "",
		.request_id = "",
		.region = "" };
	struct kv_buf reason;
	int err;

	kv_buf_init(&reason, 1024);
	err = kv_transfer_error(t, code, &reason, &answer.is_of_proxy);
	t->is_ended_well = code == CURLE_OK;
	curl_multi_remove_handle(http->multi, t->easy);
	leave_running(t);
	learn_from_silence(t, err);
	answer.was_sent = t->body.len > 0 ? t->body_at > 0 : t->is_sent;
	if (err == 0) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &answer.status);
		answer.retry_after_ms = kv_headers_retry_after_ms(&t->answered);
		answer.wall_date = t->answered.wall_date;
	}
	answer.body = kv_buf_str(&t->answer);
	answer.body_len = t->answer.len;
	if (!t->is_foreign) {
		answer.challenge = kv_buf_str(&t->answered.challenge);
		answer.content_type = t->answered.content_type;
		answer.request_id = t->answered.request_id;
		answer.region = t->answered.region;
	}
	answer.took_ms = kv_clock_mono_ms() - t->mono_start;
	answer.reason = kv_buf_str(&reason);
	t->done(t->arg, err, &answer);
	kv_buf_release(&reason);
	free_transfer(t);
}

/* Nothing was sent yet: queue it again, for a new connection. */
static void
begin_again(struct kv_transfer *t)
{
	struct kv_http *http = t->http;

	curl_multi_remove_handle(http->multi, t->easy);
	leave_running(t);
	t->reason[0] = '\0';
	curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
	TAILQ_INSERT_HEAD(&http->queue, t, link);
}

static void
finish_ended(void *arg)
{
	struct kv_http *http = arg;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		struct kv_transfer *t;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		if (message->data.result == CURLE_ABORTED_BY_CALLBACK && !t->is_sent)
			begin_again(t);
		else
			end_transfer(t, message->data.result);
	}
	if (!TAILQ_EMPTY(&http->queue) && !kv_timer_is_set(&http->starter))
		kv_timer_set(&http->starter, 0);
}

/* Resumes large answers that waited for room. */
static void
go_on_with_paused(struct kv_http *http)
{
	struct kv_room_claim *claim;

	while ((claim = kv_room_next(&http->shared.room)) != NULL) {
		struct kv_transfer *t =
		    (struct kv_transfer *)((char *)claim - offsetof(struct kv_transfer, claim));

		curl_easy_pause(t->easy, CURLPAUSE_CONT);
	}
}

static void
start_queued(void *arg)
{
	struct kv_http *http = arg;
	int n_new = 0;

	go_on_with_paused(http);
	while (!TAILQ_EMPTY(&http->queue) && http->shared.n_bytes < MAX_BYTES &&
	    (http->n_running < http->shared.connections.n_open || n_new < NEW_A_TURN)) {
		struct kv_transfer *t = TAILQ_FIRST(&http->queue);

		n_new += http->n_running >= http->shared.connections.n_open;
		TAILQ_REMOVE(&http->queue, t, link);
		TAILQ_INSERT_TAIL(&http->running, t, link);
		t->is_running = true;
		http->n_running++;
		if (t->mono_start == 0)
			t->mono_start = kv_clock_mono_ms();
		if (curl_multi_add_handle(http->multi, t->easy) != CURLM_OK)
			end_transfer(t, CURLE_OUT_OF_MEMORY);
	}
	if (!TAILQ_EMPTY(&http->queue) &&
	    http->shared.n_bytes < MAX_BYTES) /* otherwise drop_answer() goes on */
		kv_timer_set(&http->starter, 0);
}

int
kv_http_send(struct kv_http *http, const struct kv_http_request *request, kv_http_done *done, void *arg,
    struct kv_transfer **transfer)
{
	struct kv_transfer *t = calloc(1, sizeof(*t));
	int err = -ENOMEM;

	*transfer = NULL;
	if (t == NULL)
		return -ENOMEM;
	t->http = http;
	t->shared = &http->shared;
	t->done = done;
	t->arg = arg;
	t->echo = request->echo;
	t->is_once = request->is_once;
	t->is_local = request->is_local;
	t->is_repeated = request->is_repeated;
	kv_headers_init(&t->answered, t->id, &http->shared.last_date);
	kv_buf_init(&t->body, request->body_len);
	kv_buf_init(&t->answer, request->max_answer);
	t->easy = kv_easies_take(&http->easies);
	if (t->easy == NULL)
		goto out;
	if (request->echo != NULL)
		memcpy(t->id, request->id, sizeof(t->id) - 1);
	err = kv_easy_make_headers(request, &t->headers);
	if (err == 0)
		err = kv_buf_append(&t->body, request->body, request->body_len);
	if (err != 0)
		goto out;
	kv_easy_set(t->easy, request, t->headers, t->reason, t);
	TAILQ_INSERT_TAIL(&http->queue, t, link);
	if (!kv_timer_is_set(&http->starter))
		kv_timer_set(&http->starter, 0);
	*transfer = t;
	return 0;
out:
	free_transfer(t);
	return err;
}

void
kv_http_cancel(struct kv_transfer *t)
{
	if (t == NULL)
		return;
	if (!t->is_running)
		TAILQ_REMOVE(&t->http->queue, t, link);
	free_transfer(t);
}

/* ---- the whole ---- */

static void
init_easies(struct kv_http *http)
{
	const struct kv_easy_setup setup = { .ca = http->ca,
		.proxy = kv_proxy_url(&http->shared.proxy),
		.connect_to = http->connect_to,
		.header = kv_transfer_take_header,
		.answer = kv_transfer_take_answer,
		.body = kv_transfer_give_body,
		.about_to_send = kv_transfer_about_to_send,
		.open_socket = open_socket,
		.close_socket = close_socket,
		.socket_arg = http };

	kv_easies_init(&http->easies, &setup);
}

/* What the user set: certificates, proxy, addresses. */
static int
take_options(struct kv_http *http, const struct kv_http_options *options, struct kv_buf *why)
{
	int err = kv_ca_check_library(curl_version_info(CURLVERSION_NOW)->ssl_version, why);

	http->shared.proxy = options->proxy;
	if (err == 0)
		err = kv_ca_new(&options->ca, &http->ca, why);
	http->shared.ca = http->ca;
	if (err == 0)
		err = kv_proxy_check_environment(&options->proxy, why);
	if (err == 0 && options->resolve != NULL) {
		err = kv_resolve_parse(options->resolve, &http->connect_to);
		if (err != 0)
			kv_buf_say(why, "resolve: %s", strerror(-err));
	}
	return err;
}

int
kv_http_new(
    struct kv_loop *loop, const struct kv_http_options *options, struct kv_http **out, struct kv_buf *why)
{
	struct kv_http *http = NULL;
	int err;

	*out = NULL;
	(void)curl_global_sslset(CURLSSLBACKEND_OPENSSL, NULL, NULL); /* if libcurl has several */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (http = calloc(1, sizeof(*http))) == NULL)
		goto nomem;
	http->loop = loop;
	TAILQ_INIT(&http->queue);
	TAILQ_INIT(&http->running);
	kv_room_init(&http->shared.room, MAX_BYTES);
	kv_connections_init(&http->shared.connections);
	kv_timer_init(&http->starter, loop, start_queued, http);
	http->multi = curl_multi_init();
	if (http->multi == NULL)
		goto nomem;
	if (kv_echo_make_mark(http->mark) != 0) {
		kv_http_free(http);
		kv_buf_say(why, "the kernel has no random bytes");
		return -EIO;
	}
	err = take_options(http, options, why);
	if (err != 0) {
		kv_http_free(http);
		return err;
	}
	init_easies(http);
	kv_curl_loop_init(&http->curl_loop, loop, http->multi, finish_ended, http);
	curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	/*
	 * libcurl's default of 100 would open a connection for every 100 requests in flight; the
	 * server's limit counts too
	 */
	curl_multi_setopt(http->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)options->max_connections);
	curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)options->max_connections);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)options->max_connections + 4);
	*out = http;
	return 0;
nomem:
	kv_http_free(http);
	kv_buf_say(why, "out of memory");
	return -ENOMEM;
}

int
kv_http_reload(struct kv_http *http, struct kv_buf *why)
{
	const int err = kv_ca_reload(http->ca, why);

	if (err == 0)
		kv_easies_renew(&http->easies);
	return err;
}

const struct kv_proxy *
kv_http_proxy(const struct kv_http *http)
{
	return &http->shared.proxy;
}

const char *
kv_http_ca_source(const struct kv_http *http)
{
	return kv_ca_source(http->ca);
}

void
kv_http_free(struct kv_http *http)
{
	if (http == NULL)
		return;
	while (!TAILQ_EMPTY(&http->running))
		free_transfer(TAILQ_FIRST(&http->running));
	while (!TAILQ_EMPTY(&http->queue))
		kv_http_cancel(TAILQ_FIRST(&http->queue));
	kv_easies_release(&http->easies);
	if (http->multi != NULL) {
		curl_multi_cleanup(http->multi);
		kv_curl_loop_release(&http->curl_loop);
	}
	kv_timer_stop(&http->starter);
	kv_connections_release(&http->shared.connections);
	kv_ca_free(http->ca);
	curl_slist_free_all(http->connect_to);
	free(http);
	curl_global_cleanup();
}

const char *
kv_http_library(void)
{
	return curl_version();
}
