#ifndef LV_HTTP_H
#define LV_HTTP_H
/*
 * The loop and the listeners, on libmicrohttpd, of which this is the only user.
 *
 * One thread, one epoll. A handler is called once for each request, when its whole body is in, and
 * fills an answer without waiting for anything. The answer is held back until delay_ms have passed
 * since the request's first byte; a request that waits costs memory, no thread. How an answer ends
 * is the handler's to say: sent, or broken off in one of several ways.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/vault/text.h"

struct lv_http;

struct lv_request {
	const char *method;
	const char *path; /* decoded, without the query */
	const char *host; /* the Host header, "" without one */
	const char *body; /* ended by a NUL that is not counted */
	size_t body_len;
	bool is_plain; /* not by TLS */
	void *connection;
};

/* What becomes of an answer. */
enum lv_ending {
	LV_SEND,
	LV_RESET,    /* nothing is sent, and the peer gets a reset */
	LV_CLOSE,    /* nothing is sent, and the connection is closed in order */
	LV_TRUNCATE, /* the whole Content-Length, half of the body, then closed */
	LV_STALL     /* nothing, until lv_http_let_go(); then closed */
};

struct lv_answer {
	int status;
	struct lv_text body;
	const char *type;	/* NULL: JSON if there is a body; a 204 with a type has a length, too */
	struct lv_text headers; /* name NUL value NUL ... */
	enum lv_ending ending;
	bool has_no_date; /* no Date header */
	int64_t delay_ms;
	void *owner; /* the handler's own, for lv_http_done */
};

typedef void lv_http_handler(void *arg, const struct lv_request *r, struct lv_answer *a);

/* An answer has left, or its connection is gone. */
typedef void lv_http_done(void *arg, struct lv_answer *a);

struct lv_http *lv_http_new(lv_http_handler *handler, lv_http_done *done, void *arg);
void lv_http_free(struct lv_http *h); /* lets go and closes all connections */

/*
 * Listen on address ("HOST:PORT", port 0 for a free one); with TLS when certificate and key (PEM
 * texts) are given. 0 and the port, or -errno and a sentence in why.
 */
int lv_http_listen(struct lv_http *h, const char *address, const char *certificate, const char *key,
    int *port, struct lv_text *why);

/* Serve until SIGTERM or SIGINT, which must be blocked. */
int lv_http_run(struct lv_http *h);

void lv_http_let_go(struct lv_http *h);		       /* end every request that stalls */
uint64_t lv_http_connections(const struct lv_http *h); /* opened since the start */

/* A header, or a parameter of the query; NULL without it. */
const char *lv_http_header(const struct lv_request *r, const char *name);
const char *lv_http_query(const struct lv_request *r, const char *name);

void lv_http_add_header(struct lv_answer *a, const char *name, const char *value);
#endif
