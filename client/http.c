/*
 * HTTP transfers by libcurl's multi_socket interface.
 *
 * Why it is used this way (each was measured):
 * - curl_multi_poll() walks every transfer in each turn; with socket and timer callbacks the cost
 *   of a turn does not depend on how many are waiting.
 * - libcurl sends a request again by itself when a reused connection closes without an answer: a
 *   callback before each sending stops the second one.
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
#include <strings.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/buf.h"
#include "client/clock.h"
#include "client/http.h"
#include "client/log.h"
#include "client/loop.h"

#define MODULE	     "http"
#define MAX_BYTES    ((size_t)64 << 20) /* of answers that are coming in, before no other request is sent */
#define MAX_TRUSTED  131072		/* for an announced length up to this, room is made at once */
#define NEW_A_TURN   4
#define IDLE_HANDLES 128
#define IDLE_S	     60L /* a connection idle for longer is not used again: the server may be about to close it */
#define USER_AGENT   "kvfs/" KV_VERSION

struct kv_http {
	struct kv_loop *loop;
	CURLM *multi;
	char *ca_file;
	const char *ca_folder;
	struct kv_timer timer;	 /* libcurl's own */
	struct kv_timer starter; /* begins what is queued */
	TAILQ_HEAD(, kv_transfer) queue, running;
	int n_running;
	size_t n_bytes; /* of answers that are coming in */
	int *sockets;	/* open connections, in use or idle */
	int n_sockets, size_sockets;
	CURL *idle[IDLE_HANDLES];
	int n_idle;
	char date[40]; /* the Date header that came last, and what it says */
	int64_t wall_date;
};

/* QUEUED (not yet in the multi) -> RUNNING -> done and freed. */
struct kv_transfer {
	struct kv_http *http;
	TAILQ_ENTRY(kv_transfer) link; /* in queue or running */
	int is_running;
	CURL *easy;
	struct curl_slist *headers;
	struct kv_buf body; /* still to be sent from body_at on */
	size_t body_at;
	struct kv_buf answer;
	int is_too_large;
	struct kv_buf challenge;
	char request_id[80];
	char region[80];
	int64_t wall_date;
	int64_t retry_after_ms;
	int64_t mono_start;
	int n_sendings;
	char reason[CURL_ERROR_SIZE];
	kv_http_done *done;
	void *arg;
};

struct kv_socket_watch {
	struct kv_watch watch;
	struct kv_http *http;
};

static void finish_ended(struct kv_http *);

/* ---- sockets and timers of libcurl ---- */

static void
socket_ready(void *arg, uint32_t ready)
{
	struct kv_socket_watch *w = arg;
	struct kv_http *http = w->http;
	int flags = 0, still;

	if (ready & EPOLLIN)
		flags |= CURL_CSELECT_IN;
	if (ready & EPOLLOUT)
		flags |= CURL_CSELECT_OUT;
	if (ready & (EPOLLERR | EPOLLHUP))
		flags |= CURL_CSELECT_ERR;
	curl_multi_socket_action(http->multi, w->watch.fd, flags, &still);
	finish_ended(http);
}

static int
socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *per_socket)
{
	struct kv_http *http = arg;
	struct kv_socket_watch *w = per_socket;
	uint32_t events = 0;
	int err;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w != NULL)
			kv_loop_unwatch(&w->watch);
		free(w);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (w != NULL)
		return kv_loop_rewatch(&w->watch, events) == 0 ? 0 : -1;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -1;
	w->http = http;
	err = kv_loop_watch(http->loop, &w->watch, fd, events, socket_ready, w);
	if (err != 0) {
		free(w);
		return -1;
	}
	curl_multi_assign(http->multi, fd, w);
	return 0;
}

static void
timer_fired(void *arg)
{
	struct kv_http *http = arg;
	int still;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &still);
	finish_ended(http);
}

static int
timer_wanted(CURLM *multi, long ms, void *arg)
{
	struct kv_http *http = arg;

	(void)multi;
	if (ms < 0)
		kv_timer_stop(&http->timer);
	else
		kv_timer_set(&http->timer, ms);
	return 0;
}

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct kv_http *http = arg;
	int fd;

	(void)purpose;
	if (http->n_sockets == http->size_sockets) {
		const int size = http->size_sockets * 2 + 8;
		int *more = reallocarray(http->sockets, (size_t)size, sizeof(*more));

		if (more == NULL)
			return CURL_SOCKET_BAD;
		http->sockets = more;
		http->size_sockets = size;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	http->sockets[http->n_sockets++] = fd;
	return fd;
}

static int
close_socket(void *arg, curl_socket_t fd)
{
	struct kv_http *http = arg;

	for (int i = 0; i < http->n_sockets; i++)
		if (http->sockets[i] == fd) {
			http->sockets[i] = http->sockets[--http->n_sockets];
			break;
		}
	return close(fd);
}

void
kv_http_forget_connections(struct kv_http *http)
{
	/* libcurl cannot be told to drop its idle connections, but it looks whether one has ended. */
	for (int i = 0; i < http->n_sockets; i++)
		shutdown(http->sockets[i], SHUT_RDWR);
}

/* ---- one transfer's data ---- */

/* One transfer is one attempt: the second time, libcurl would repeat it on a new connection. */
static int
about_to_send(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct kv_transfer *t = arg;

	(void)ip;
	(void)local_ip;
	(void)port;
	(void)local_port;
	return t->n_sendings++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static size_t
take_answer(char *data, size_t size, size_t n, void *arg)
{
	struct kv_transfer *t = arg;
	curl_off_t announced = 0;
	int err;

	if (t->answer.len == 0)
		curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	err = announced > 0 && announced <= MAX_TRUSTED ? kv_buf_reserve(&t->answer, (size_t)announced) : 0;
	if (err == 0)
		err = kv_buf_append(&t->answer, data, size * n);
	if (err == -EFBIG)
		t->is_too_large = 1;
	if (err == 0)
		t->http->n_bytes += size * n;
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

/* The value of header name, with its length, or NULL. */
static const char *
header_value(const char *line, size_t len, const char *name, size_t *value_len)
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
keep_value(char *room, size_t size, const char *value, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(room, value, len);
	room[len] = '\0';
}

static int64_t
retry_after(const char *text, int64_t unit_ms)
{
	char *end;
	const long long n = strtoll(text, &end, 10);
	time_t date;

	if (end != text && *end == '\0')
		return n < 0 ? -1 : n > 86400 ? 86400 * unit_ms : n * unit_ms;
	date = curl_getdate(text, NULL);
	if (date == (time_t)-1)
		return -1;
	return date > kv_clock_wall_s() ? (date - kv_clock_wall_s()) * 1000 : 0;
}

/* As Unix time; 0 where it is no date. Hundreds of answers a second tell the same one. */
static int64_t
date_of(struct kv_http *http, const char *text)
{
	if (strcmp(http->date, text) != 0) {
		keep_value(http->date, sizeof(http->date), text, strlen(text));
		http->wall_date = curl_getdate(text, NULL);
	}
	return http->wall_date > 0 ? http->wall_date : 0;
}

static size_t
take_header(char *line, size_t size, size_t n, void *arg)
{
	static const struct {
		const char *name;
		int64_t unit_ms;
	} waits[] = { { "retry-after", 1000 }, { "retry-after-ms", 1 }, { "x-ms-retry-after-ms", 1 } };
	struct kv_transfer *t = arg;
	const size_t len = size * n;
	const char *value;
	char text[80];
	size_t value_len;

	if (len > 5 && memcmp(line, "HTTP/", 5) == 0) { /* a final answer after a 100 */
		kv_buf_clear(&t->challenge);
		t->wall_date = 0;
		t->retry_after_ms = -1;
	} else if ((value = header_value(line, len, "www-authenticate", &value_len)) != NULL) {
		/* several challenges are one list (RFC 9110, 11.6.1) */
		if ((t->challenge.len > 0 && kv_buf_puts(&t->challenge, ", ") != 0) ||
		    kv_buf_append(&t->challenge, value, value_len) != 0)
			return 0;
	} else if ((value = header_value(line, len, "x-ms-request-id", &value_len)) != NULL) {
		keep_value(t->request_id, sizeof(t->request_id), value, value_len);
	} else if ((value = header_value(line, len, "x-ms-keyvault-region", &value_len)) != NULL) {
		keep_value(t->region, sizeof(t->region), value, value_len);
	} else if ((value = header_value(line, len, "date", &value_len)) != NULL) {
		keep_value(text, sizeof(text), value, value_len);
		t->wall_date = date_of(t->http, text);
	} else {
		for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
			if ((value = header_value(line, len, waits[i].name, &value_len)) != NULL) {
				keep_value(text, sizeof(text), value, value_len);
				t->retry_after_ms = retry_after(text, waits[i].unit_ms);
			}
	}
	return len;
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
	t->is_running = 0;
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
		/* it may say a last word when its connection ends, and points to what goes now */
		curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, NULL);
		curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
		if (http->n_idle < IDLE_HANDLES)
			http->idle[http->n_idle++] = t->easy;
		else
			curl_easy_cleanup(t->easy);
	}
	http->n_bytes -= t->answer.len;
	free_headers(t->headers);
	kv_buf_release(&t->body);
	kv_buf_release(&t->answer);
	kv_buf_release(&t->challenge);
	free(t);
}

static int
of_curl(CURLcode code, const struct kv_transfer *t)
{
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_ENGINE_INITFAILED:
		return -EPROTO;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_URL_MALFORMAT:
		return -EINVAL;
	case CURLE_UNSUPPORTED_PROTOCOL: /* of the URL, or what answers is no HTTP */
		return t->n_sendings > 0 ? -EBADMSG : -EINVAL;
	case CURLE_WRITE_ERROR:
		return t->is_too_large ? -EFBIG : -ENOMEM;
	default:
		return -EIO;
	}
}

static void
end_transfer(struct kv_transfer *t, CURLcode code)
{
	struct kv_http *http = t->http;
	struct kv_http_answer answer = { .retry_after_ms = -1 };
	curl_off_t connected_us = 0;
	int err = of_curl(code, t);

	curl_multi_remove_handle(http->multi, t->easy);
	leave_running(t);
	curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
	answer.was_sent = t->body.len > 0 ? t->body_at > 0 : connected_us > 0;
	if (err == 0) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &answer.status);
		answer.retry_after_ms = t->retry_after_ms;
		answer.wall_date = t->wall_date;
	}
	answer.body = kv_buf_str(&t->answer);
	answer.body_len = t->answer.len;
	answer.challenge = kv_buf_str(&t->challenge);
	answer.request_id = t->request_id;
	answer.region = t->region;
	answer.took_ms = kv_clock_mono_ms() - t->mono_start;
	answer.reason = t->reason[0] != '\0' ? t->reason : curl_easy_strerror(code);
	t->done(t->arg, err, &answer);
	free_transfer(t);
}

static void
finish_ended(struct kv_http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		struct kv_transfer *t;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		end_transfer(t, message->data.result);
	}
	if (!TAILQ_EMPTY(&http->queue) && !kv_timer_is_set(&http->starter))
		kv_timer_set(&http->starter, 0);
}

static void
start_queued(void *arg)
{
	struct kv_http *http = arg;
	int n_new = 0;

	while (!TAILQ_EMPTY(&http->queue) && http->n_bytes < MAX_BYTES &&
	    (http->n_running < http->n_sockets || n_new < NEW_A_TURN)) {
		struct kv_transfer *t = TAILQ_FIRST(&http->queue);

		n_new += http->n_running >= http->n_sockets;
		TAILQ_REMOVE(&http->queue, t, link);
		TAILQ_INSERT_TAIL(&http->running, t, link);
		t->is_running = 1;
		http->n_running++;
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
	int err = add_header(t, "Expect:");

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
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
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
	t->retry_after_ms = -1;
	kv_buf_init(&t->body, request->body_len);
	kv_buf_init(&t->answer, request->max_answer);
	kv_buf_init(&t->challenge, 8192);
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

static int
check_ca(const char *file, struct kv_buf *why)
{
	char line[256];
	FILE *f = fopen(file, "re");
	int found = 0;

	if (f == NULL) {
		const int err = -errno;

		kv_buf_say(why, "cacert=%s: %s", file, strerror(-err));
		return err;
	}
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strncmp(line, "-----BEGIN ", 11) == 0 && strstr(line, "CERTIFICATE-----") != NULL;
	fclose(f);
	if (found)
		return 0;
	kv_buf_say(why,
	    "cacert=%s: no certificate in this file; it must be PEM (-----BEGIN CERTIFICATE-----)", file);
	return -EINVAL;
}

int
kv_http_new(
    struct kv_loop *loop, const struct kv_http_options *options, struct kv_http **out, struct kv_buf *why)
{
	struct kv_http *http = NULL;
	int err;

	*out = NULL;
	if (options->ca_file != NULL) {
		err = check_ca(options->ca_file, why);
		if (err != 0)
			return err;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (http = calloc(1, sizeof(*http))) == NULL)
		goto nomem;
	http->loop = loop;
	TAILQ_INIT(&http->queue);
	TAILQ_INIT(&http->running);
	http->ca_folder = curl_version_info(CURLVERSION_NOW)->capath;
	kv_timer_init(&http->timer, loop, timer_fired, http);
	kv_timer_init(&http->starter, loop, start_queued, http);
	http->multi = curl_multi_init();
	if (http->multi == NULL)
		goto nomem;
	if (options->ca_file != NULL && (http->ca_file = strdup(options->ca_file)) == NULL)
		goto nomem;
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
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
	if (http->multi != NULL)
		curl_multi_cleanup(http->multi);
	kv_timer_stop(&http->timer);
	kv_timer_stop(&http->starter);
	free(http->sockets);
	free(http->ca_file);
	free(http);
	curl_global_cleanup();
}
