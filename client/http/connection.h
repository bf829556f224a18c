#ifndef KV_CLIENT_HTTP_CONNECTION_H
#define KV_CLIENT_HTTP_CONNECTION_H
/*
 * The open TCP connections, and which of them a request may still use. A connection that the network
 * dropped silently (suspend, VPN, NAT) looks open, and a proxy may have answered one request with
 * another one's answer. This module handles sockets, not HTTP.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include "client/base/err.h"

struct kv_connection;
struct kv_connections {
	LIST_HEAD(, kv_connection) list;
	int n_open;
	int n_unread; /* consecutive requests whose connection held unread data before they were sent */
};

/*
 * A sent byte that is not acknowledged for this long ends its connection. While a request that is sent
 * only once is in flight the limit is KV_CONNECTION_ONCE_MS, because TCP_USER_TIMEOUT also counts the
 * time that a slow peer keeps its window full.
 */
#define KV_CONNECTION_SILENT_MS 20000
#define KV_CONNECTION_ONCE_MS	60000
/* A request that is sent only once uses only a connection that answered or was opened within this time. */
#define KV_CONNECTION_FRESH_MS 10000

void kv_connections_init(struct kv_connections *all);
/* Opens a TCP socket with keepalive and a time-out. Returns the descriptor or -errno. */
int kv_connections_open(struct kv_connections *all, int family, int type, int protocol) KV_MUST_CHECK;
/* Closes fd. While a request still uses the connection, its struct lives until kv_connection_leave(). */
int kv_connections_close(struct kv_connections *all, int fd);
/* Frees what is left without closing any descriptor. */
void kv_connections_release(struct kv_connections *all);

/* The connection with this peer address and local port; NULL if there is none. */
struct kv_connection *kv_connections_find(struct kv_connections *all, const char *peer_ip, int local_port);
/*
 * Whether a request may be sent on c. It may not if c was dropped, looks dead or has ended, or if the
 * request is_once and the connection has been idle for too long.
 */
bool kv_connection_is_usable(const struct kv_connection *c, bool is_once);
/* Whether data arrived between two HTTP/1.1 answers. libcurl would take it for the next answer. */
bool kv_connection_has_unread(const struct kv_connection *c);
/*
 * Whether a request may be sent on c. A connection that is not usable for any request, or holds unread
 * data, is dropped. TLS session tickets that a server sends after an answer look like unread data: if
 * every connection has some, it is ignored, except for a request that is_once.
 */
bool kv_connections_may_use(struct kv_connections *all, struct kv_connection *c, bool is_once);
/* A request is sent. Each call is matched by a kv_connection_leave(), which may free c. */
void kv_connection_enter(struct kv_connection *c, bool is_once);
void kv_connection_leave(struct kv_connection *c, bool is_once);
/*
 * The header of an answer has arrived. is_http2: several requests share c, and data may arrive at any
 * time.
 */
void kv_connection_answered(struct kv_connection *c, bool is_http2);
/* An answer on it had a request id: its own request's, or another one. */
void kv_connection_saw_id(struct kv_connection *c, bool is_right);
bool kv_connection_has_seen_id(const struct kv_connection *c);
bool kv_connection_has_seen_right_id(const struct kv_connection *c);
/* Sends nothing more on it. It ends when no request uses it any more. */
void kv_connection_drop(struct kv_connection *c);

/*
 * A request sent at mono_sent got no answer because its connection is dead. Ends every other
 * connection that has not answered since, if no request uses it or its peer is silent too. Never ends
 * one with a request that is sent only once: that would turn a slow answer into a lost one.
 */
void kv_connections_end_silent(struct kv_connections *all, int64_t mono_sent);
/* The same for all connections, whenever they answered: after the machine was suspended. */
void kv_connections_end_all(struct kv_connections *all);
#endif
