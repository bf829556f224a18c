#ifndef KV_CLIENT_HTTP_HTTP_H
#define KV_CLIENT_HTTP_HTTP_H
/*
 * HTTP transfers in the loop; client/http is the only user of libcurl. TLS 1.2 or later, always
 * verified, no redirects, no cookies, HTTP/2 if the server has it. One transfer is one attempt: a body
 * is never sent twice, not by libcurl either (see transfer.c).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/base/err.h"
#include "client/http/ca.h"
#include "client/http/proxy.h"

struct kv_buf;
struct kv_echo;
struct kv_loop;
struct kv_http;
struct kv_transfer;

/* Strings are borrowed, and must live as long as the kv_http. */
struct kv_http_options {
	struct kv_ca_options ca;
	struct kv_proxy proxy;
	const char *resolve; /* see client/http/resolve; NULL for none */
	int max_connections; /* to one host */
};
/* Creates no thread and no socket before the first transfer. On failure why gets a sentence. */
int kv_http_new(struct kv_loop *loop, const struct kv_http_options *options, struct kv_http **http,
    struct kv_buf *why) KV_MUST_CHECK;
/* Reads the CA certificates again, as kv_ca_reload(). Later transfers use new connections. */
int kv_http_reload(struct kv_http *http, struct kv_buf *why) KV_MUST_CHECK;
/* The option, for kv_proxy_find(). */
const struct kv_proxy *kv_http_proxy(const struct kv_http *http);
/* Where the CA certificates are from, as kv_ca_source(). */
const char *kv_http_ca_source(const struct kv_http *http);
/* Drops transfers in flight without calling their completions. */
void kv_http_free(struct kv_http *http);
/* libcurl's version and those of its libraries, "libcurl/7.88.1 OpenSSL/3.0.15 …". */
const char *kv_http_library(void);

struct kv_http_request {
	const char *method; /* "GET", "POST", "PUT" */
	const char *url;
	const char *token;	    /* bearer token or NULL */
	const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
	const void *body;	    /* POST, PUT: copied; NULL sends Content-Length: 0 */
	size_t body_len;
	struct kv_echo *echo;	 /* the host's, must outlive the transfer; NULL: ids are not compared */
	const char *id;		 /* from kv_echo_make_id(), sent as x-ms-client-request-id; needs echo */
	size_t max_answer;	 /* limit of the answer's body, bytes; more is -EFBIG */
	unsigned int connect_ms; /* 0: 10 s */
	unsigned int silence_s;	 /* the attempt fails if no byte moves for this long; 0: 30 s */
	bool is_local;		 /* an identity endpoint: plain http is allowed, no proxy */
	bool is_repeated;	 /* repeated after another request's answer: uses a new connection */
	bool is_once;		 /* must not be repeated: see KV_CONNECTION_FRESH_MS */
};
/* Strings are valid during the completion; "" if the answer lacks them. */
struct kv_http_answer {
	long status;	  /* 0 if there was no answer */
	const char *body; /* NUL-terminated */
	size_t body_len;
	const char *challenge;	  /* WWW-Authenticate */
	const char *content_type; /* Content-Type */
	const char *request_id;	  /* x-ms-request-id */
	const char *region;	  /* x-ms-keyvault-region */
	int64_t wall_date;	  /* Date, Unix seconds, 0 if missing */
	int64_t retry_after_ms;	  /* requested by the server, at most a day; -1: none */
	int64_t took_ms;
	bool was_sent;	    /* a byte of the request may have reached the server */
	bool is_mixed_up;   /* with -EBADMSG: it was another request's answer */
	bool is_of_proxy;   /* the proxy failed, not the server */
	const char *reason; /* why the transfer failed, a sentence for the user */
	struct kv_transfer *transfer;
};
/*
 * err: 0 if there was an answer, whatever its status; -EHOSTUNREACH (no such host), -ECONNREFUSED,
 * -EPROTO (TLS), -ETIMEDOUT, -EFBIG, -EIO (broken connection, certificate not valid yet), -EBADMSG (another request's answer, not
 * HTTP, header too large), -EACCES (refused by the proxy), -ENOMEM. Called exactly once, from the
 * loop, never before kv_http_send() has returned.
 */
typedef void kv_http_done(void *arg, int err, const struct kv_http_answer *answer);
/* Lets a completion that has read the body free it at once. body must not be used again. */
void kv_http_drop_body(const struct kv_http_answer *answer);
int kv_http_send(struct kv_http *http, const struct kv_http_request *request, kv_http_done *done, void *arg,
    struct kv_transfer **transfer) KV_MUST_CHECK;
/* The completion is not called. NULL does nothing. */
void kv_http_cancel(struct kv_transfer *transfer);
/*
 * For the requests to one host; its name is borrowed for the log. Other hosts' echoes recognize these ids as
 * this process's.
 */
void kv_http_init_echo(const struct kv_http *http, const char *host, struct kv_echo *echo);
/*
 * Ends every connection except those with a request that is sent only once. After the machine was suspended,
 * connections are dead but look open. Other transfers in flight fail with -EIO.
 */
void kv_http_forget_connections(struct kv_http *http);
#endif
