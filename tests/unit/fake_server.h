#ifndef KV_TESTS_UNIT_FAKE_SERVER_H
#define KV_TESTS_UNIT_FAKE_SERVER_H
/*
 * An HTTP server on 127.0.0.1 that treats requests as the test specifies: it sends recorded bytes, or
 * misbehaves. One thread per connection. No TLS.
 */
#include <stddef.h>

struct fake_server;

/* How a request is treated. */
enum fake_conduct {
	FAKE_ANSWER,	      /* send answer and keep the connection */
	FAKE_ANSWER_CLOSE,    /* send answer, then close the connection */
	FAKE_CLOSE,	      /* close without sending a byte */
	FAKE_RESET,	      /* close with a reset */
	FAKE_SILENCE,	      /* send nothing until the client closes */
	FAKE_ENDLESS,	      /* send answer, then 'x' for as long as the client reads */
	FAKE_WAIT_FOR_OTHERS, /* send answer after fake_server_release() */
};

struct fake_server *fake_server_new(void);
/* Closes every connection and waits for the threads. */
void fake_server_free(struct fake_server *server);
int fake_server_port(const struct fake_server *server);

/* How all requests are treated from now on. answer is borrowed; len bytes. */
void fake_server_set(struct fake_server *server, enum fake_conduct conduct, const char *answer, size_t len);
/* Answer the requests that FAKE_WAIT_FOR_OTHERS holds, and future ones at once. */
void fake_server_release(struct fake_server *server);

/* The last complete request, NUL-terminated, and its length; valid until the next one. */
const char *fake_server_request(struct fake_server *server, size_t *len);
/* Totals since the start: requests, connections, and the most connections at one time. */
int fake_server_requests(struct fake_server *server);
int fake_server_connections(struct fake_server *server);
int fake_server_most(struct fake_server *server);
/* The number of open connections. */
int fake_server_open(struct fake_server *server);
#endif
