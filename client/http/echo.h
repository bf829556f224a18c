#ifndef KV_CLIENT_HTTP_ECHO_H
#define KV_CLIENT_HTTP_ECHO_H
/*
 * Checks that an answer belongs to its request. Key Vault returns a request's x-ms-client-request-id in the
 * answer (documentation, "Authentication, requests and responses"). A proxy that mixes up answers, or sends
 * an unsolicited one, returns another id.
 */
#include <stdbool.h>
#include "client/base/err.h"

struct kv_echo {
	const char *host; /* for the log, or NULL */
	char mark[9];	  /* the prefix of this process's ids */
	bool is_off;	  /* a gateway replaces the ids: only another id of this process proves a mix-up */
	bool has_echoed;  /* an answer has returned the right id */
	bool is_spotty;	  /* the server returns ids with some answers only */
	int n_doubted;	  /* consecutive connections whose first answer had an unknown id */
};
/* A mark for the process. -EIO if the kernel has no random bytes. */
int kv_echo_make_mark(char mark[9]) KV_MUST_CHECK;
/* One per host, because each host may be behind a different proxy or gateway. */
void kv_echo_init(struct kv_echo *echo, const char mark[9]);

/* The id of a new request: a unique UUID that is recognisable as this process's. */
int kv_echo_make_id(const struct kv_echo *echo, char id[37]) KV_MUST_CHECK;

enum kv_echo_verdict {
	KV_ECHO_OWN,	 /* use the answer */
	KV_ECHO_DOUBTED, /* do not use it: another request's id or a gateway's; the next new connection decides */
	KV_ECHO_REWRITER, /* use it: a gateway rewrites ids. Returned once, when that is established */
	KV_ECHO_FOREIGN,  /* do not use it: it is another request's */
};
/* What the connection has answered before. */
enum kv_echo_before {
	KV_ECHO_NOTHING, /* this is the first answer with an id */
	KV_ECHO_UNKNOWN, /* several requests share it, and none has got its id back */
	KV_ECHO_RIGHT,	 /* an answer had the right id */
};
struct kv_echo_answer {
	const char *id;	      /* the request's */
	const char *returned; /* in the answer; "" for none */
	long status;
	enum kv_echo_before before;
	bool may_lack_id; /* an answer without an id does no harm here, or the request cannot be repeated */
	bool is_repeated; /* the request was repeated on a new connection after a foreign answer */
};
/*
 * A foreign id on a connection that never returned a right one may come from a gateway that rewrites
 * ids. kvfs assumes a gateway after the second such connection in a row, or after the eighth if a
 * right id was seen before. On a connection that has returned a right id, or if the id is another one
 * of this process, it is always a mix-up. Not every server returns ids: an answer without one is
 * accepted, except on a connection that returned ids before; then the request is repeated to find out.
 */
enum kv_echo_verdict kv_echo_judge(struct kv_echo *echo, const struct kv_echo_answer *answer) KV_MUST_CHECK;
/* Whether the answer may be used, by kv_echo_judge(). Logs a foreign answer and a gateway. */
bool kv_echo_accept(struct kv_echo *echo, const struct kv_echo_answer *answer) KV_MUST_CHECK;
#endif
