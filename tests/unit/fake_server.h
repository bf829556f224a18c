#ifndef KV_TESTS_UNIT_FAKE_SERVER_H
#define KV_TESTS_UNIT_FAKE_SERVER_H
/*
 * An HTTP server on 127.0.0.1 that does with each request what a test says: it answers bytes that
 * were written down, or misbehaves. A thread for each connection. No TLS.
 */
#include <stddef.h>

struct fake_server;

/* What becomes of a request. */
enum fake_conduct {
	FAKE_ANSWER,	      /* the bytes of answer, and the connection stays */
	FAKE_ANSWER_CLOSE,    /* the bytes, then the connection is closed */
	FAKE_CLOSE,	      /* closed without a byte */
	FAKE_RESET,	      /* closed with a reset */
	FAKE_SILENCE,	      /* nothing until the client closes */
	FAKE_ENDLESS,	      /* the bytes, then 'x' for as long as the client takes them */
	FAKE_WAIT_FOR_OTHERS, /* answered when fake_server_release() is called */
};

struct fake_server *fake_server_new(void);
/* Closes every connection and waits for the threads. */
void fake_server_free(struct fake_server *server);
int fake_server_port(const struct fake_server *server);

/* What is done with all requests from now on. answer is borrowed; len bytes. */
void fake_server_set(struct fake_server *server, enum fake_conduct conduct, const char *answer, size_t len);
/* Let go what FAKE_WAIT_FOR_OTHERS holds, now and from now on. */
void fake_server_release(struct fake_server *server);

/* The text of the last whole request, NUL-terminated, and its length; valid until the next one. */
const char *fake_server_request(struct fake_server *server, size_t *len);
/* Since it began: requests, connections, and most connections at one time. */
int fake_server_requests(struct fake_server *server);
int fake_server_connections(struct fake_server *server);
int fake_server_most(struct fake_server *server);
/* Connections now. */
int fake_server_open(struct fake_server *server);
#endif
