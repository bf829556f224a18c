/*
 * HTTP transfers.
 *
 *	QUEUED -> RUNNING -> done
 *	   ^         |
 *	   +---------+  before a byte was sent: its connection must not be used, it gets a new one
 *
 * Why libcurl is used this way (each was measured):
 * - libcurl sends a request again by itself when a reused connection closes without an answer: a
 *   callback before each sending stops the second one. The same callback refuses a connection that
 *   looks dead (client/http/connection).
 * - An answer is checked when its header is complete, before anything of it is used: one that carries
 *   another request's id is dropped with its connection (client/http/echo).
 * - CURLOPT_QUICK_EXIT: otherwise the end of a transfer joins its resolver thread, and a silent DNS
 *   server holds the loop.
 * - Parsing Debian's CA bundle costs 30 ms a connection; the folder of hashed certificates is read
 *   one file at a time, so the system's CAs are always that folder and the file is the user's own.
 * - A TLS handshake costs a millisecond or more: at most four connections are begun in one turn.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "client/base/buf.h"
#include "client/http/ca.h"
#include "client/base/clock.h"
#include "client/http/connection.h"
#include "client/http/curl_error.h"
#include "client/http/curl_loop.h"
#include "client/http/echo.h"
#include "client/http/headers.h"
#include "client/http/http.h"
#include "client/base/log.h"
#include "client/base/loop.h"
#include "client/http/url.h"
#include "client/http/room.h"

#define MODULE	      "http"
#define MAX_BYTES     ((size_t)64 << 20) /* of answers that are coming in, before no other request is sent */
#define MAX_TRUSTED   131072		 /* an answer that is announced as larger waits for room */
#define NEW_A_TURN    4
#define IDLE_HANDLES  128
#define IDLE_S	      60L /* a connection idle for longer is not used again: the server may be about to close it */
#define SILENT_MS     15000 /* after which a request without an answer says that its connection is dead */
#define MAX_UNINVITED 4
#define USER_AGENT    "kvfs/" KV_VERSION

struct kv_http {
	struct kv_loop *loop;
	CURLM *multi;
	struct kv_curl_loop curl_loop;
	char *ca_file;
	const char *ca_folder;
	struct kv_timer starter; /* begins what is queued */
	TAILQ_HEAD(, kv_transfer) queue, running;
	int n_running;
	size_t n_bytes;			   /* of answers that are coming in */
	struct kv_room room;		   /* for those that are announced as large */
	struct kv_connections connections; /* in use or idle */
	int n_connections;
	int n_uninvited; /* requests in a row whose connection had bytes in it before they went out */
	CURL *idle[IDLE_HANDLES];
	int n_idle;
	struct kv_date last_date;
	char mark[9]; /* of this process's ids */
};

struct kv_transfer {
	struct kv_http *http;
	TAILQ_ENTRY(kv_transfer) link; /* in queue or running */
	bool is_running;
	CURL *easy;
	struct curl_slist *headers;
	struct kv_buf body; /* still to be sent from body_at on */
	size_t body_at;
	struct kv_buf answer;
	struct kv_room_claim claim;
	struct kv_headers answered;
	struct kv_echo *echo; /* NULL: any answer will do */
	char id[37];
	struct kv_connection *connection; /* from the sending on */
	bool is_once, is_local, is_repeated;
	bool is_refused; /* its connection was not usable: it gets a new one */
	bool is_sent;	 /* the header is about to go out */
	bool is_foreign; /* the answer is another request's */
	int err;	 /* of taking the answer */
	bool is_judged;
	int64_t mono_start, mono_sent;
	char reason[CURL_ERROR_SIZE];
	kv_http_done *done;
	void *arg;
};

/* ---- sockets ---- */

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct kv_http *http = arg;
	const int fd =
	    kv_connections_open(&http->connections, address->family, address->socktype, address->protocol);

	(void)purpose;
	if (fd < 0)
		return CURL_SOCKET_BAD;
	http->n_connections++;
	return fd;
}

static int
close_socket(void *arg, curl_socket_t fd)
{
	struct kv_http *http = arg;

	http->n_connections--;
	return kv_connections_close(&http->connections, fd);
}

void
kv_http_forget_connections(struct kv_http *http)
{
	kv_connections_end_all(&http->connections);
}

void
kv_http_init_echo(const struct kv_http *http, struct kv_echo *echo)
{
	kv_echo_init(echo, http->mark);
}

/* ---- one transfer's data ---- */

/*
 * A TLS server may send session tickets after an answer, and they look the same: where every connection
 * has bytes in it, these are no answers.
 */
static bool
has_uninvited(struct kv_transfer *t, const struct kv_connection *c)
{
	if (!kv_connection_has_uninvited(c)) {
		t->http->n_uninvited = 0;
		return false;
	}
	return ++t->http->n_uninvited <= MAX_UNINVITED || t->is_once;
}

/* What is too old for a request that is sent only once may do for the others. */
static bool
may_use(struct kv_transfer *t, struct kv_connection *c)
{
	if (kv_connection_is_usable(c, false) && !has_uninvited(t, c))
		return kv_connection_is_usable(c, t->is_once);
	kv_connection_drop(c);
	return false;
}

/* One transfer is one attempt: the second time, libcurl would repeat it on a new connection. */
static int
about_to_send(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct kv_transfer *t = arg;
	struct kv_connection *c;

	(void)local_ip;
	(void)port;
	if (t->is_sent)
		return CURL_PREREQFUNC_ABORT;
	c = kv_connections_find(&t->http->connections, ip, local_port);
	if (c != NULL && !t->is_refused && !may_use(t, c)) {
		t->is_refused = true;
		return CURL_PREREQFUNC_ABORT;
	}
	t->is_sent = true;
	t->mono_sent = kv_clock_mono_ms();
	t->connection = c;
	if (c != NULL)
		kv_connection_enter(c, t->is_once);
	return CURL_PREREQFUNC_OK;
}

/*
 * Before the first byte of the body. 1: not now, it is paused until there is room. A large answer has its
 * buffer in one piece from the start: one that grows by doubling is copied, and is twice there meanwhile.
 */
static int
make_room(struct kv_transfer *t)
{
	curl_off_t announced = 0;

	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	if (announced <= 0)
		return 0;
	if (announced > MAX_TRUSTED && (size_t)announced <= t->answer.max && t->claim.bytes == 0 &&
	    !kv_room_take(&t->http->room, &t->claim, (size_t)announced))
		return 1;
	return kv_buf_reserve(&t->answer, (size_t)announced);
}

static size_t
take_answer(char *data, size_t size, size_t n, void *arg)
{
	struct kv_transfer *t = arg;
	int err = t->answer.len == 0 ? make_room(t) : 0;

	if (err > 0)
		return CURL_WRITEFUNC_PAUSE;
	if (err == 0)
		err = kv_buf_append(&t->answer, data, size * n);
	if (err == 0)
		t->http->n_bytes += size * n;
	else
		t->err = err;
	return err == 0 ? size * n : 0;
}

static size_t
give_body(char *room, size_t size, size_t n, void *arg)
{
	struct kv_transfer *t = arg;
	size_t len = t->body.len - t->body_at;

	if (len > size * n)
		len = size * n;
	memcpy(room, t->body.data + t->body_at, len);
	t->body_at += len;
	return len;
}

/* A line about the ids of answers. */
static void
tell(const struct kv_transfer *t, enum kv_log_level level, const char *event, const char *why)
{
	struct kv_url origin;
	const char *host = "";
	char *url = NULL;

	curl_easy_getinfo(t->easy, CURLINFO_EFFECTIVE_URL, &url);
	if (url != NULL && kv_url_parse(url, &origin, NULL) == 0)
		host = origin.host;
	kv_log_event(level, MODULE, "host=%s event=%s status=%ld client_request=%s returned=%s why=%s", host,
	    event, t->answered.status, t->id, t->answered.returned_id, why);
}

static enum kv_echo_before
before_of(const struct kv_connection *c)
{
	if (c == NULL || !kv_connection_has_seen_id(c))
		return KV_ECHO_NOTHING;
	return kv_connection_has_seen_right_id(c) ? KV_ECHO_RIGHT : KV_ECHO_UNKNOWN;
}

/* Whether the answer has its request's id, as far as can be said. */
static bool
is_own_answer(struct kv_transfer *t)
{
	static const char foreign[] =
	    "the answer belongs to another request: it is not used and its connection is dropped";
	const int n_doubted = t->echo->n_doubted;
	const long status = t->answered.status;
	const struct kv_echo_answer answer = { .id = t->id,
		.returned = t->answered.returned_id,
		.before = before_of(t->connection),
		.may_lack_id = t->is_once || (status / 100 != 2 && status != 404) ||
		    (t->is_repeated && t->answered.is_http2), /* others may have used its new connection */
		.is_repeated = t->is_repeated };

	switch (kv_echo_judge(t->echo, &answer)) {
	case KV_ECHO_OWN:
		if (t->echo->n_doubted < n_doubted)
			tell(t, KV_LOG_WARNING, "answer_mixed_up",
			    "the first answer of the connection before belonged to another request: it was not used");
		return true;
	case KV_ECHO_REWRITER:
		tell(t, KV_LOG_WARNING, "request_ids_rewritten",
		    "a gateway puts its own x-ms-client-request-id into answers: whether an answer belongs to its "
		    "request is not checked any more");
		return true;
	case KV_ECHO_DOUBTED:
		tell(t, KV_LOG_DEBUG, "answer_mixed_up", foreign);
		return false;
	case KV_ECHO_FOREIGN:
		tell(t, KV_LOG_WARNING, "answer_mixed_up", foreign);
		return false;
	}
	return false;
}

/* The header is complete, and nothing of it has been used. Whether it may be. */
static bool
judge(struct kv_transfer *t)
{
	struct kv_connection *c = t->connection;

	t->is_judged = true;
	if (c != NULL)
		kv_connection_answered(c, t->answered.is_http2);
	if (t->echo == NULL)
		return true;
	t->is_foreign = !is_own_answer(t);
	if (c != NULL && t->answered.returned_id[0] != '\0')
		kv_connection_saw_id(c, !t->is_foreign);
	if (c != NULL && t->is_foreign)
		kv_connection_drop(c);
	return !t->is_foreign;
}

static size_t
take_header(char *line, size_t size, size_t n, void *arg)
{
	struct kv_transfer *t = arg;
	bool is_last;

	if (t->is_judged) /* a trailer */
		return size * n;
	t->err = kv_headers_take(&t->answered, line, size * n, &is_last);
	return t->err == 0 && (!is_last || judge(t)) ? size * n : 0;
}

/* ---- the life of a transfer ---- */

static void
free_headers(struct curl_slist *headers)
{
	for (struct curl_slist *h = headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data)); /* one of them is the token */
	curl_slist_free_all(headers);
}

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

/* Its room is free for others. */
static void
drop_answer(struct kv_transfer *t)
{
	struct kv_http *http = t->http;

	http->n_bytes -= t->answer.len;
	kv_buf_release(&t->answer);
	kv_room_give_back(&http->room, &t->claim);
	if (!TAILQ_EMPTY(&http->room.waiting) && !kv_timer_is_set(&http->starter))
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
		/* it may say a last word when its connection ends, and points to what goes now */
		curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, NULL);
		curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
		if (http->n_idle < IDLE_HANDLES)
			http->idle[http->n_idle++] = t->easy;
		else
			curl_easy_cleanup(t->easy);
	}
	drop_answer(t);
	free_headers(t->headers);
	kv_buf_release(&t->body);
	kv_headers_release(&t->answered);
	free(t);
}

static int
error_of(const struct kv_transfer *t, CURLcode code, struct kv_buf *reason, bool *is_of_proxy)
{
	const struct kv_curl_end end = { .easy = t->easy,
		.code = code,
		.words = t->reason,
		.is_local = t->is_local,
		.is_sent = t->is_sent,
		.is_in_header = t->answered.is_begun && !t->is_judged };

	*is_of_proxy = false;
	if (t->is_foreign) {
		kv_buf_say(reason, "the answer belongs to another request");
		return -EBADMSG;
	}
	if (code == CURLE_WRITE_ERROR && t->err != 0) {
		kv_buf_say(reason, "%s",
		    t->err == -EFBIG	   ? "the answer is too large" :
			t->err == -EBADMSG ? "the answer's header is too large" :
					     strerror(-t->err));
		return t->err;
	}
	return kv_curl_error(&end, reason, is_of_proxy);
}

/* The peer may have gone without a word. What is as old as this connection is then dead, too. */
static void
learn_from_silence(const struct kv_transfer *t, int err)
{
	if ((err == -EIO || err == -ETIMEDOUT) && t->is_sent && !t->answered.is_begun &&
	    kv_clock_mono_ms() - t->mono_sent >= SILENT_MS)
		kv_connections_end_silent(&t->http->connections, t->mono_sent);
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
	err = error_of(t, code, &reason, &answer.is_of_proxy);
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

/* Nothing of it was sent: it gets a connection of its own. */
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

/* Large answers that waited for room. */
static void
go_on_with_paused(struct kv_http *http)
{
	struct kv_room_claim *claim;

	while ((claim = kv_room_next(&http->room)) != NULL) {
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
	while (!TAILQ_EMPTY(&http->queue) && http->n_bytes < MAX_BYTES &&
	    (http->n_running < http->n_connections || n_new < NEW_A_TURN)) {
		struct kv_transfer *t = TAILQ_FIRST(&http->queue);

		n_new += http->n_running >= http->n_connections;
		TAILQ_REMOVE(&http->queue, t, link);
		TAILQ_INSERT_TAIL(&http->running, t, link);
		t->is_running = true;
		http->n_running++;
		if (t->mono_start == 0)
			t->mono_start = kv_clock_mono_ms();
		if (curl_multi_add_handle(http->multi, t->easy) != CURLM_OK)
			end_transfer(t, CURLE_OUT_OF_MEMORY);
	}
	if (!TAILQ_EMPTY(&http->queue) && http->n_bytes < MAX_BYTES) /* else when one has ended */
		kv_timer_set(&http->starter, 0);
}

static int
add_header(struct kv_transfer *t, const char *header)
{
	struct curl_slist *more = curl_slist_append(t->headers, header);

	if (more == NULL)
		return -ENOMEM;
	t->headers = more;
	return 0;
}

static int
add_headers(struct kv_transfer *t, const struct kv_http_request *request)
{
	struct kv_buf line;
	char id_header[80];
	int err = add_header(t, "Expect:");

	if (err == 0 && request->echo != NULL) {
		memcpy(t->id, request->id, sizeof(t->id) - 1);
		snprintf(id_header, sizeof(id_header), "x-ms-client-request-id: %s", t->id);
		err = add_header(t, id_header);
	}
	for (size_t i = 0; err == 0 && request->headers != NULL && request->headers[i] != NULL; i++)
		err = add_header(t, request->headers[i]);
	if (err == 0 && request->token != NULL) {
		kv_buf_init(&line, (size_t)1 << 20);
		err = kv_buf_puts(&line, "Authorization: Bearer ");
		if (err == 0)
			err = kv_buf_puts(&line, request->token);
		if (err == 0)
			err = add_header(t, kv_buf_str(&line));
		kv_buf_release(&line);
	}
	return err;
}

static void
set_body(CURL *easy, struct kv_transfer *t, const struct kv_http_request *request)
{
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(easy, CURLOPT_READDATA, t);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body_len == 0 ? "" : NULL);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
	if (strcmp(request->method, "POST") == 0)
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
}

/* What is the same for all transfers; a handle keeps it. */
static CURL *
new_handle(struct kv_http *http)
{
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		return NULL;
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's are no answer's */
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_S);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
	curl_easy_setopt(easy, CURLOPT_CAPATH, http->ca_folder);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, about_to_send);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, http);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, http);
	return easy;
}

static void
set_options(CURL *easy, struct kv_transfer *t, const struct kv_http_request *request)
{
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request->is_repeated ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, request->is_local ? "http,https" : "https");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, request->is_local ? "*" : NULL);
	curl_easy_setopt(
	    easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(request->connect_ms != 0 ? request->connect_ms : 10000));
	curl_easy_setopt(
	    easy, CURLOPT_LOW_SPEED_TIME, (long)(request->silence_s != 0 ? request->silence_s : 30));
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->reason);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
	set_body(easy, t, request);
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
	t->done = done;
	t->arg = arg;
	t->echo = request->echo;
	t->is_once = request->is_once;
	t->is_local = request->is_local;
	t->is_repeated = request->is_repeated;
	kv_headers_init(&t->answered, t->id, &http->last_date);
	kv_buf_init(&t->body, request->body_len);
	kv_buf_init(&t->answer, request->max_answer);
	t->easy = http->n_idle > 0 ? http->idle[--http->n_idle] : new_handle(http);
	if (t->easy == NULL)
		goto out;
	err = add_headers(t, request);
	if (err == 0)
		err = kv_buf_append(&t->body, request->body, request->body_len);
	if (err != 0)
		goto out;
	set_options(t->easy, t, request);
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

int
kv_http_new(
    struct kv_loop *loop, const struct kv_http_options *options, struct kv_http **out, struct kv_buf *why)
{
	struct kv_http *http = NULL;
	int err;

	*out = NULL;
	if (options->ca_file != NULL) {
		err = kv_ca_check(options->ca_file, why);
		if (err != 0)
			return err;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (http = calloc(1, sizeof(*http))) == NULL)
		goto nomem;
	http->loop = loop;
	TAILQ_INIT(&http->queue);
	TAILQ_INIT(&http->running);
	kv_room_init(&http->room, MAX_BYTES);
	http->ca_folder = curl_version_info(CURLVERSION_NOW)->capath;
	LIST_INIT(&http->connections);
	kv_timer_init(&http->starter, loop, start_queued, http);
	http->multi = curl_multi_init();
	if (http->multi == NULL)
		goto nomem;
	if (kv_echo_make_mark(http->mark) != 0) {
		kv_http_free(http);
		kv_buf_say(why, "the kernel gives no random bytes");
		return -EIO;
	}
	if (options->ca_file != NULL && (http->ca_file = strdup(options->ca_file)) == NULL)
		goto nomem;
	kv_curl_loop_init(&http->curl_loop, loop, http->multi, finish_ended, http);
	curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	/* libcurl's own 100 would open a connection for every 100 under way; the server's word counts too */
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

void
kv_http_free(struct kv_http *http)
{
	if (http == NULL)
		return;
	while (!TAILQ_EMPTY(&http->running))
		free_transfer(TAILQ_FIRST(&http->running));
	while (!TAILQ_EMPTY(&http->queue))
		kv_http_cancel(TAILQ_FIRST(&http->queue));
	for (int i = 0; i < http->n_idle; i++)
		curl_easy_cleanup(http->idle[i]);
	if (http->multi != NULL) {
		curl_multi_cleanup(http->multi);
		kv_curl_loop_release(&http->curl_loop);
	}
	kv_timer_stop(&http->starter);
	kv_connections_release(&http->connections);
	free(http->ca_file);
	free(http);
	curl_global_cleanup();
}
