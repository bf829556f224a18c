/*
 * The state of each open connection.
 *
 * The kernel does the timing: TCP_USER_TIMEOUT ends a connection whose bytes are not acknowledged, keepalive
 * probes an idle peer every KEEP_S seconds, and TCP_INFO reports when the peer was last heard. A live peer
 * answers keepalive probes, so a peer that was silent for more than one and a half intervals counts as dead,
 * and no request has to wait for its time-out first.
 *
 * A struct kv_connection lives until its descriptor is closed and no request uses it.
 */
#include "client/http/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/base/clock.h"

#define KEEP_S	   10 /* idle time before a probe; unanswered probes repeat every KEEP_S / 2 */
#define SILENT_MS  15000
#define MAX_UNREAD 4

struct kv_connection {
	LIST_ENTRY(kv_connection) link; /* while fd is open */
	int fd;				/* -1: closed */
	int local_port;			/* 0: not known to be connected yet */
	char peer_ip[INET6_ADDRSTRLEN];
	int n_running, n_once;
	bool is_http2, has_answered, is_dropped, has_seen_id, has_seen_right_id;
	int64_t mono_alive; /* when it was opened or last answered */
};

static void
set_option(int fd, int level, int name, int value)
{
	/* Without the option a dead connection is found later, by its request's time-out. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

void
kv_connections_init(struct kv_connections *all)
{
	*all = (struct kv_connections){ .n_open = 0 };
	LIST_INIT(&all->list);
}

int
kv_connections_open(struct kv_connections *all, int family, int type, int protocol)
{
	struct kv_connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (c->fd < 0) {
		const int err = -errno;

		free(c);
		return err;
	}
	c->mono_alive = kv_clock_mono_ms();
	if (family == AF_INET || family == AF_INET6) {
		set_option(c->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
		set_option(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_S);
		set_option(c->fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_S / 2);
		set_option(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, KV_CONNECTION_SILENT_MS);
	}
	LIST_INSERT_HEAD(&all->list, c, link);
	all->n_open++;
	return c->fd;
}

static void
free_if_over(struct kv_connection *c)
{
	if (c->fd < 0 && c->n_running == 0)
		free(c);
}

static void
forget(struct kv_connection *c)
{
	LIST_REMOVE(c, link);
	c->fd = -1;
	free_if_over(c);
}

int
kv_connections_close(struct kv_connections *all, int fd)
{
	struct kv_connection *c;

	all->n_open--;
	LIST_FOREACH(c, &all->list, link)
		if (c->fd == fd) {
			forget(c);
			break;
		}
	return close(fd);
}

void
kv_connections_release(struct kv_connections *all)
{
	struct kv_connection *c;

	while ((c = LIST_FIRST(&all->list)) != NULL) {
		c->n_running = 0;
		forget(c);
	}
}

/* ---- which one ---- */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static const void *
ip_of(const union address *a)
{
	return a->any.sa_family == AF_INET6 ? (const void *)&a->v6.sin6_addr : (const void *)&a->v4.sin_addr;
}

/* Both addresses, once it is connected. */
static void
learn_addresses(struct kv_connection *c)
{
	union address peer = { 0 }, local = { 0 };
	socklen_t peer_len = sizeof(peer), local_len = sizeof(local);

	if (getpeername(c->fd, &peer.any, &peer_len) != 0 ||
	    getsockname(c->fd, &local.any, &local_len) != 0 ||
	    inet_ntop(peer.any.sa_family, ip_of(&peer), c->peer_ip, sizeof(c->peer_ip)) == NULL)
		return;
	c->local_port = ntohs(local.any.sa_family == AF_INET6 ? local.v6.sin6_port : local.v4.sin_port);
}

struct kv_connection *
kv_connections_find(struct kv_connections *all, const char *peer_ip, int local_port)
{
	struct kv_connection *c;

	LIST_FOREACH(c, &all->list, link) {
		if (c->local_port == 0)
			learn_addresses(c);
		if (c->local_port == local_port && strcmp(c->peer_ip, peer_ip) == 0)
			return c;
	}
	return NULL;
}

/* ---- whether it may be used ---- */

/* How long the peer's kernel has been silent; 0 if unknown. */
static int64_t
silence_ms(const struct kv_connection *c)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 || info.tcpi_state != TCP_ESTABLISHED)
		return 0;
	return info.tcpi_last_ack_recv < info.tcpi_last_data_recv ? info.tcpi_last_ack_recv :
								    info.tcpi_last_data_recv;
}

/*
 * recv() of data between two answers: its size, 0 for the end of the connection or an error, -1 for
 * nothing.
 */
static ssize_t
peek(const struct kv_connection *c)
{
	char byte;
	ssize_t n;

	if (!c->has_answered || c->is_http2 || c->n_running > 0)
		return -1;
	n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n < 0 && errno != EAGAIN ? 0 : n;
}

bool
kv_connection_has_unread(const struct kv_connection *c)
{
	return peek(c) > 0;
}

/* unread: what peek() returned */
static bool
is_alive(const struct kv_connection *c, ssize_t unread)
{
	return !c->is_dropped && c->fd >= 0 && unread != 0 && silence_ms(c) < SILENT_MS;
}

static bool
is_fresh(const struct kv_connection *c)
{
	return kv_clock_mono_ms() - c->mono_alive <= KV_CONNECTION_FRESH_MS;
}

bool
kv_connection_is_usable(const struct kv_connection *c, bool is_once)
{
	return is_alive(c, peek(c)) && (!is_once || is_fresh(c));
}

static void
end(struct kv_connection *c)
{
	/* libcurl has no call to close a connection, but it does not reuse one that has ended. */
	c->is_dropped = true;
	if (c->fd >= 0)
		(void)shutdown(c->fd, SHUT_RDWR);
}

void
kv_connection_enter(struct kv_connection *c, bool is_once)
{
	c->n_running++;
	if (is_once && c->n_once++ == 0 && c->fd >= 0)
		set_option(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, KV_CONNECTION_ONCE_MS);
}

void
kv_connection_leave(struct kv_connection *c, bool is_once)
{
	c->n_running--;
	if (is_once && --c->n_once == 0 && c->fd >= 0)
		set_option(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, KV_CONNECTION_SILENT_MS);
	if (c->is_dropped && c->n_running == 0)
		end(c);
	free_if_over(c);
}

void
kv_connection_answered(struct kv_connection *c, bool is_http2)
{
	c->has_answered = true;
	c->is_http2 = is_http2;
	c->mono_alive = kv_clock_mono_ms();
}

void
kv_connection_saw_id(struct kv_connection *c, bool is_right)
{
	c->has_seen_id = true;
	c->has_seen_right_id |= is_right;
}

bool
kv_connection_has_seen_id(const struct kv_connection *c)
{
	return c->has_seen_id;
}

bool
kv_connection_has_seen_right_id(const struct kv_connection *c)
{
	return c->has_seen_right_id;
}

void
kv_connection_drop(struct kv_connection *c)
{
	c->is_dropped = true;
	if (c->n_running == 0)
		end(c);
}

static bool
has_unread(struct kv_connections *all, ssize_t unread, bool is_once)
{
	if (unread <= 0) {
		all->n_unread = 0;
		return false;
	}
	return ++all->n_unread <= MAX_UNREAD || is_once;
}

/* A connection too old for a request that is sent only once may serve others. */
bool
kv_connections_may_use(struct kv_connections *all, struct kv_connection *c, bool is_once)
{
	const ssize_t unread = peek(c); /* once: it is a system call for each request */

	if (is_alive(c, unread) && !has_unread(all, unread, is_once))
		return !is_once || is_fresh(c);
	kv_connection_drop(c);
	return false;
}

/* ---- all of them ---- */

void
kv_connections_end_silent(struct kv_connections *all, int64_t mono_sent)
{
	struct kv_connection *c;

	LIST_FOREACH(c, &all->list, link)
		if (c->mono_alive < mono_sent && c->n_once == 0 &&
		    (c->n_running == 0 || silence_ms(c) >= SILENT_MS))
			end(c);
}

void
kv_connections_end_all(struct kv_connections *all)
{
	struct kv_connection *c;

	LIST_FOREACH(c, &all->list, link)
		if (c->n_once == 0)
			end(c);
		else
			c->is_dropped = true;
}
