#ifndef KV_CLIENT_HTTP_ECHO_H
#define KV_CLIENT_HTTP_ECHO_H
/*
 * Whether an answer is the one that was asked for. Key Vault returns a request's
 * x-ms-client-request-id in its answer (documentation, "Authentication, requests and responses"). A
 * proxy that mixes up answers, or one that sends an answer nobody asked for, returns another one.
 */
#include <stdbool.h>
#include "client/base/err.h"

struct kv_echo {
	const char *host; /* for the log, or NULL */
	char mark[9];	  /* how the ids of this process begin */
	bool is_off;	  /* a gateway puts its own ids there: only ids of ours mean anything */
	bool has_echoed;  /* an answer has had the right id */
	bool is_spotty;	  /* the server returns ids with some answers and leaves others without one */
	int n_doubted;	  /* connections in a row whose first answer had an id of nobody here */
};
/* A mark for the process. -EIO where the kernel has no random bytes. */
int kv_echo_make_mark(char mark[9]) KV_MUST_CHECK;
/* One for each host: what is between kvfs and one host says nothing of another one. */
void kv_echo_init(struct kv_echo *echo, const char mark[9]);

/* A new request's id: a UUID that no other request has, and that is recognised as one of ours. */
int kv_echo_make_id(const struct kv_echo *echo, char id[37]) KV_MUST_CHECK;

enum kv_echo_verdict {
	KV_ECHO_OWN,	 /* the answer may be used */
	KV_ECHO_DOUBTED, /* it must not: another request's, or a gateway's; the next new connection decides */
	KV_ECHO_REWRITER, /* it may: a gateway rewrites ids, as is known from now on. Once */
	KV_ECHO_FOREIGN,  /* it must not: it is another request's */
};
/* What its connection has answered before. */
enum kv_echo_before {
	KV_ECHO_NOTHING, /* this is its first answer with an id */
	KV_ECHO_UNKNOWN, /* several requests share it, and none has got its own id back */
	KV_ECHO_RIGHT,	 /* an answer had the right id */
};
struct kv_echo_answer {
	const char *id;	      /* the request's */
	const char *returned; /* what the answer has; "" for none */
	long status;
	enum kv_echo_before before;
	bool may_lack_id; /* such an answer is no harm without one, or cannot be asked for again */
	bool
	    is_repeated; /* the request was made again, on a new connection, because its answer was foreign */
};
/*
 * A foreign id on a connection that never gave a right one may mean a gateway that rewrites ids, and
 * does after the second connection in a row, or the eighth where a right id was seen before. On another
 * connection, or where it is another one of ours, it never does.
 * Not every server returns ids: none is right, but on a connection that has returned them before, where
 * the request is made again to find out.
 */
enum kv_echo_verdict kv_echo_judge(struct kv_echo *echo, const struct kv_echo_answer *answer) KV_MUST_CHECK;
/* Whether the answer may be used, by kv_echo_judge(); one that may not, and a gateway, are logged. */
bool kv_echo_accept(struct kv_echo *echo, const struct kv_echo_answer *answer) KV_MUST_CHECK;
#endif
