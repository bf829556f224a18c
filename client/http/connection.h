#ifndef KV_CLIENT_HTTP_CONNECTION_H
#define KV_CLIENT_HTTP_CONNECTION_H
/*
 * The open TCP connections, and which of them a request may still use. A connection that the network
 * dropped without a word (suspend, VPN, NAT) looks open; a proxy may have answered one request with
 * another one's answer. Knows sockets, not HTTP.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include "client/base/err.h"

struct kv_connection;
struct kv_connections {
	LIST_HEAD(, kv_connection) list;
	int n_open;
	int n_uninvited; /* requests in a row whose connection had bytes in it before they went out */
};

/* Without acknowledgement a sent byte ends its connection after this long; while a request that is sent only once is
 * under way, after KV_CONNECTION_ONCE_MS: TCP_USER_TIMEOUT also counts a full window of a peer that is merely slow. */
#define KV_CONNECTION_SILENT_MS 20000
#define KV_CONNECTION_ONCE_MS	60000
/* What is sent only once goes out only on a connection that answered or was opened within this time. */
#define KV_CONNECTION_FRESH_MS 10000

void kv_connections_init(struct kv_connections *all);
/* A new TCP socket with keepalive and a time-out. Returns the descriptor, or -errno. */
int kv_connections_open(struct kv_connections *all, int family, int type, int protocol) KV_MUST_CHECK;
/* Closes fd. What still runs on it keeps its struct kv_connection until it leaves. */
int kv_connections_close(struct kv_connections *all, int fd);
/* Frees what is left, without closing anything. */
void kv_connections_release(struct kv_connections *all);

/* The connection with this address at the other end and this port at ours; NULL where there is none. */
struct kv_connection *kv_connections_find(struct kv_connections *all, const char *peer_ip, int local_port);
/*
 * Whether a request may go out on c. No: it is to be dropped; it looks dead or has ended; or the request
 * is_once and the connection has been quiet for too long.
 */
bool kv_connection_is_usable(const struct kv_connection *c, bool is_once);
/* Bytes have come in between two answers of HTTP/1.1: they would be taken for the next one. */
bool kv_connection_has_uninvited(const struct kv_connection *c);
/*
 * Whether a request may go out on c: where that is not usable for any request, or has bytes in it, it is dropped. A TLS
 * server may send session tickets after an answer, which look the same: where every connection has bytes
 * in it, these are no answers, and only a request that is_once does not go out.
 */
bool kv_connections_may_use(struct kv_connections *all, struct kv_connection *c, bool is_once);
/* A request goes out; each is matched by a kv_connection_leave(), after which c may be gone. */
void kv_connection_enter(struct kv_connection *c, bool is_once);
void kv_connection_leave(struct kv_connection *c, bool is_once);
/* The head of an answer came in. is_http2: several requests share c, and bytes may come at any time. */
void kv_connection_answered(struct kv_connection *c, bool is_http2);
/* An answer on it had an id; the one of its request, or another one. */
void kv_connection_saw_id(struct kv_connection *c, bool is_right);
bool kv_connection_has_seen_id(const struct kv_connection *c);
bool kv_connection_has_seen_right_id(const struct kv_connection *c);
/* Nothing more goes out on it; it ends when nothing runs on it any more. */
void kv_connection_drop(struct kv_connection *c);

/*
 * A request sent at mono_sent got no answer because its connection is dead: end every other one that
 * has not answered since, if nothing runs on it or its peer is silent too. Never one that carries
 * what is sent only once: that would turn a slow answer into a lost one.
 */
void kv_connections_end_silent(struct kv_connections *all, int64_t mono_sent);
/* The same for all of them, whenever they answered: the machine has slept. */
void kv_connections_end_all(struct kv_connections *all);
#endif
