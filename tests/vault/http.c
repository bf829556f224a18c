/*
 * The loop and the listeners.
 *
 * libmicrohttpd runs without a thread of its own: its epoll descriptors hang in ours, and
 * MHD_run() is called whenever one of them, or the earliest waiting answer, is due. A request goes
 * through arriving, handled, waiting (suspended, in the waiting list, which is ordered by the time
 * at which it is due) or stalled (suspended, in the stalled list), answered. Suspended connections
 * belong to exactly one of the two lists.
 */
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/vault/clock.h"
#include "tests/vault/http.h"
#include "tests/vault/mem.h"

#define MAX_LISTENERS 4
#define MAX_BODY      (256U << 20)
#define MAX_OPEN      4000U

struct exchange {
	struct lv_http *http;
	struct MHD_Connection *connection;
	struct lv_answer answer;
	struct lv_text body;
	char *path;
	int64_t mono_arrived_us;
	int64_t mono_due_us;
	bool is_handled;
	size_t sent; /* of a truncated body */
	struct exchange *previous, *next;
	struct list *list; /* the one it is in, or NULL */
};

struct list {
	struct exchange *first, *last;
};

struct lv_http {
	lv_http_handler *handler;
	lv_http_done *done;
	void *arg;
	struct MHD_Daemon *daemons[MAX_LISTENERS];
	bool plain[MAX_LISTENERS];
	unsigned count;
	int epoll;
	uint64_t connections;
	gnutls_datum_t ticket_key; /* clients may resume their TLS sessions, as with the service */
	struct list waiting, stalled;
};

static void
leave(struct exchange *x)
{
	struct list *l = x->list;

	if (l == NULL)
		return;
	*(x->previous != NULL ? &x->previous->next : &l->first) = x->next;
	*(x->next != NULL ? &x->next->previous : &l->last) = x->previous;
	x->list = NULL;
	x->previous = x->next = NULL;
}

/* Behind all that are due no later: with one latency for all, that is the end. */
static void
enter(struct list *l, struct exchange *x)
{
	struct exchange *before = l->last;

	while (before != NULL && before->mono_due_us > x->mono_due_us)
		before = before->previous;
	x->list = l;
	x->previous = before;
	x->next = before != NULL ? before->next : l->first;
	*(before != NULL ? &before->next : &l->first) = x;
	*(x->next != NULL ? &x->next->previous : &l->last) = x;
}

struct lv_http *
lv_http_new(lv_http_handler *handler, lv_http_done *done, void *arg)
{
	struct lv_http *h = lv_mem_alloc(sizeof(*h));

	h->handler = handler;
	h->done = done;
	h->arg = arg;
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll < 0 || gnutls_session_ticket_key_generate(&h->ticket_key) != 0)
		abort();
	return h;
}

void
lv_http_free(struct lv_http *h)
{
	unsigned i;

	if (h == NULL)
		return;
	lv_http_let_go(h);
	while (h->waiting.first != NULL) {
		struct exchange *x = h->waiting.first;

		leave(x);
		x->answer.ending = LV_CLOSE;
		MHD_resume_connection(x->connection);
	}
	for (i = 0; i < h->count; i++) {
		MHD_run(h->daemons[i]);
		MHD_stop_daemon(h->daemons[i]);
	}
	close(h->epoll);
	gnutls_free(h->ticket_key.data);
	free(h);
}

const char *
lv_http_header(const struct lv_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const char *
lv_http_query(const struct lv_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

void
lv_http_add_header(struct lv_answer *a, const char *name, const char *value)
{
	lv_text_add(&a->headers, name, strlen(name) + 1);
	lv_text_add(&a->headers, value, strlen(value) + 1);
}

uint64_t
lv_http_connections(const struct lv_http *h)
{
	return h->connections;
}

void
lv_http_let_go(struct lv_http *h)
{
	struct exchange *x;

	while ((x = h->stalled.first) != NULL) {
		leave(x);
		x->answer.ending = LV_CLOSE;
		MHD_resume_connection(x->connection);
	}
}

static int
socket_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info != NULL ? info->connect_fd : -1;
}

static void
on_connection(void *arg, struct MHD_Connection *c, void **state, enum MHD_ConnectionNotificationCode code)
{
	struct lv_http *h = arg;
	const union MHD_ConnectionInfo *info;
	int on = 1;

	(void)state;
	if (code != MHD_CONNECTION_NOTIFY_STARTED)
		return;
	h->connections++;
	setsockopt(socket_of(c), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (info != NULL && info->tls_session != NULL)
		gnutls_session_ticket_enable_server(info->tls_session, &h->ticket_key);
}

static void
on_completed(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
	struct lv_http *h = arg;
	struct exchange *x = *state;

	(void)c;
	(void)code;
	if (x == NULL)
		return;
	*state = NULL;
	leave(x);
	if (x->is_handled)
		h->done(h->arg, &x->answer);
	lv_text_release(&x->answer.body);
	lv_text_release(&x->answer.headers);
	lv_text_release(&x->body);
	free(x->path);
	free(x);
}

/* Half of the body, then an error, on which libmicrohttpd closes. */
static ssize_t
on_truncated(void *arg, uint64_t position, char *to, size_t max)
{
	struct exchange *x = arg;
	size_t half = x->answer.body.len / 2, left;

	(void)position;
	if (x->sent >= half)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	left = half - x->sent < max ? half - x->sent : max;
	memcpy(to, x->answer.body.data + x->sent, left);
	x->sent += left;
	return (ssize_t)left;
}

/* libmicrohttpd would add one to all answers. */
static void
add_date(struct MHD_Response *r)
{
	time_t now = (time_t)lv_clock_wall_s();
	char text[64];
	struct tm tm;

	if (strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm)) > 0)
		MHD_add_response_header(r, MHD_HTTP_HEADER_DATE, text);
}

static struct MHD_Response *
new_response(struct exchange *x)
{
	struct lv_answer *a = &x->answer;
	struct MHD_Response *r;
	size_t at = 0;

	if (a->ending == LV_TRUNCATE)
		r = MHD_create_response_from_callback(a->body.len, 16384, on_truncated, x, NULL);
	else /* the body lives in the exchange, which outlives the response */
		r = MHD_create_response_from_buffer(a->body.len, a->body.data, MHD_RESPMEM_PERSISTENT);
	if (r == NULL)
		return NULL;
	if (a->type != NULL || a->body.len > 0)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
		    a->type != NULL ? a->type : "application/json; charset=utf-8");
	if (!a->has_no_date)
		add_date(r);
	if (a->type != NULL && a->status == MHD_HTTP_NO_CONTENT &&
	    MHD_set_response_options(r, MHD_RF_INSANITY_HEADER_CONTENT_LENGTH, MHD_RO_END) == MHD_YES)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH, "0");
	while (at < a->headers.len) {
		const char *name = a->headers.data + at, *value = name + strlen(name) + 1;

		MHD_add_response_header(r, name, value);
		at += strlen(name) + strlen(value) + 2;
	}
	return r;
}

/* connect() to nowhere makes Linux reset the connection at once, before TLS can say goodbye. */
static void
reset_peer(struct MHD_Connection *c)
{
	const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

	(void)connect(socket_of(c), &nowhere, sizeof(nowhere));
}

static enum MHD_Result
finish(struct exchange *x)
{
	struct MHD_Response *r;
	enum MHD_Result result;

	if (x->answer.ending == LV_RESET)
		reset_peer(x->connection);
	if (x->answer.ending != LV_SEND && x->answer.ending != LV_TRUNCATE)
		return MHD_NO;
	r = new_response(x);
	if (r == NULL)
		return MHD_NO;
	result = MHD_queue_response(x->connection, (unsigned)x->answer.status, r);
	MHD_destroy_response(r);
	return result;
}

static bool
is_plain(const struct lv_http *h, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_DAEMON);
	unsigned i;

	for (i = 0; info != NULL && i < h->count; i++)
		if (h->daemons[i] == info->daemon)
			return h->plain[i];
	return false;
}

/* Ask the handler, and wait if the answer is to wait. */
static enum MHD_Result
handle(struct exchange *x, const char *method)
{
	struct lv_request r = { .method = method, .path = x->path, .body = lv_text_str(&x->body) };
	struct lv_http *h = x->http;
	struct list *l = NULL;

	r.body_len = x->body.len;
	r.connection = x->connection;
	r.is_plain = is_plain(h, x->connection);
	r.host = lv_http_header(&r, "Host");
	if (r.host == NULL)
		r.host = "";
	x->is_handled = true;
	h->handler(h->arg, &r, &x->answer);
	x->mono_due_us = x->mono_arrived_us + x->answer.delay_ms * 1000;
	if (x->answer.ending == LV_STALL)
		l = &h->stalled;
	else if (x->answer.delay_ms > 0 && x->mono_due_us > lv_clock_mono_us())
		l = &h->waiting;
	if (l == NULL)
		return finish(x);
	enter(l, x);
	MHD_suspend_connection(x->connection);
	return MHD_YES;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *path, const char *method, const char *version,
    const char *data, size_t *size, void **state)
{
	struct exchange *x = *state;

	(void)version;
	if (x == NULL) {
		*state = x = lv_mem_alloc(sizeof(*x));
		x->http = arg;
		x->connection = c;
		x->path = lv_mem_dup(path);
		x->mono_arrived_us = lv_clock_mono_us();
		return MHD_YES;
	}
	if (*size > 0) {
		if (x->body.len + *size > MAX_BODY)
			return MHD_NO;
		lv_text_add(&x->body, data, *size);
		*size = 0;
		return MHD_YES;
	}
	return x->is_handled ? finish(x) : handle(x, method);
}

/* The port to which a socket is bound. */
static int
port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} bound = { .v6 = { 0 } };
	socklen_t len = sizeof(bound);

	if (getsockname(fd, &bound.any, &len) != 0)
		return 0;
	return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

/* A socket that listens on "HOST:PORT" or "[::1]:PORT"; -errno. */
static int
open_socket(const char *address, struct lv_text *why)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *found;
	const char *colon = strrchr(address, ':');
	bool has_brackets;
	char *host;
	int fd = -1, on = 1, err = EINVAL;

	if (colon == NULL || strlen(colon + 1) > 5 || strtol(colon + 1, NULL, 10) > 65535) {
		lv_text_printf(why, "%s is not HOST:PORT", address);
		return -EINVAL;
	}
	has_brackets = address[0] == '[' && colon > address + 1 && colon[-1] == ']';
	host = lv_mem_ndup(address + has_brackets, (size_t)(colon - address) - 2 * has_brackets);
	if (getaddrinfo(*host != '\0' ? host : NULL, colon + 1, &hints, &found) == 0) {
		fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 1024) == 0)
			err = 0;
		else
			err = errno;
		freeaddrinfo(found);
	}
	free(host);
	if (err == 0)
		return fd;
	lv_text_printf(why, "cannot listen on %s: %s", address, strerror(err));
	if (fd >= 0)
		close(fd);
	return -err;
}

/* Clients that break off, or that do not like the certificate, are no news. */
static void
say_nothing(void *arg, const char *format, va_list args)
{
	(void)arg;
	(void)format;
	(void)args;
}

static struct MHD_Daemon *
start(struct lv_http *h, int fd, const char *certificate, const char *key)
{
	unsigned flags =
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, NULL },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_Daemon *d;
	char *own[2] = { lv_mem_dup(certificate), lv_mem_dup(key) };

	tls[0].ptr_value = own[0];
	tls[1].ptr_value = own[1];
	if (certificate == NULL)
		tls[0].option = MHD_OPTION_END;
	else
		flags |= MHD_USE_TLS;
	d = MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, say_nothing,
	    NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, MAX_OPEN,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	free(own[0]);
	free(own[1]);
	return d;
}

int
lv_http_listen(struct lv_http *h, const char *address, const char *certificate, const char *key, int *port,
    struct lv_text *why)
{
	struct epoll_event event = { .events = EPOLLIN };
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *d;
	int fd;

	if (h->count == MAX_LISTENERS)
		return -ENOSPC;
	fd = open_socket(address, why);
	if (fd < 0)
		return fd;
	*port = port_of(fd);
	d = start(h, fd, certificate, key);
	if (d == NULL) {
		lv_text_puts(why, "libmicrohttpd does not start");
		close(fd);
		return -EIO;
	}
	info = MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD);
	if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, info->epoll_fd, &event) != 0)
		abort();
	h->plain[h->count] = certificate == NULL;
	h->daemons[h->count++] = d;
	return 0;
}

/* How long the loop may sleep: until the earliest answer is due, or libmicrohttpd wants a turn. */
static struct timespec
next_turn(struct lv_http *h)
{
	int64_t us = 3600 * 1000000LL, left;
	MHD_UNSIGNED_LONG_LONG ms;
	unsigned i;

	if (h->waiting.first != NULL) {
		left = h->waiting.first->mono_due_us - lv_clock_mono_us();
		us = left < 0 ? 0 : left;
	}
	for (i = 0; i < h->count; i++)
		if (MHD_get_timeout(h->daemons[i], &ms) == MHD_YES && (int64_t)ms * 1000 < us)
			us = (int64_t)ms * 1000;
	return (struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
}

static void
wake_due(struct lv_http *h)
{
	int64_t now = lv_clock_mono_us();
	struct exchange *x;

	while ((x = h->waiting.first) != NULL && x->mono_due_us <= now) {
		leave(x);
		MHD_resume_connection(x->connection);
	}
}

int
lv_http_run(struct lv_http *h)
{
	struct epoll_event event = { .events = EPOLLIN }, events[MAX_LISTENERS + 1];
	struct timespec sleep;
	sigset_t end;
	int signals, count, i;
	unsigned d;

	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGINT);
	signals = signalfd(-1, &end, SFD_CLOEXEC | SFD_NONBLOCK);
	event.data.fd = signals;
	if (signals < 0 || epoll_ctl(h->epoll, EPOLL_CTL_ADD, signals, &event) != 0)
		return -errno;
	for (;;) {
		sleep = next_turn(h);
		count = epoll_pwait2(h->epoll, events, MAX_LISTENERS + 1, &sleep, NULL);
		for (i = 0; i < count; i++)
			if (events[i].data.fd == signals) {
				close(signals);
				return 0;
			}
		wake_due(h);
		for (d = 0; d < h->count; d++)
			MHD_run(h->daemons[d]);
	}
}
