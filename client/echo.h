#ifndef KV_CLIENT_ECHO_H
#define KV_CLIENT_ECHO_H
/*
 * Whether an answer is the one that was asked for. Key Vault returns a request's
 * x-ms-client-request-id in its answer (documentation, "Authentication, requests and responses"). A
 * proxy that mixes up answers, or one that sends an answer nobody asked for, returns another one.
 */
#include <stdbool.h>
#include "client/err.h"

struct kv_echo {
	char mark[9];	     /* how the ids of this process begin */
	bool is_off;	     /* a gateway puts its own ids there: only ids of ours mean anything */
	int n_first_foreign; /* connections in a row whose first answer had an id of nobody here */
};
/* -EIO where the kernel has no random bytes. */
int kv_echo_init(struct kv_echo *echo) KV_MUST_CHECK;

/* A new request's id: a UUID that no other request has, and that is recognised as one of ours. */
int kv_echo_make_id(const struct kv_echo *echo, char id[37]) KV_MUST_CHECK;

enum kv_echo_verdict {
	KV_ECHO_OWN,	 /* the answer may be used */
	KV_ECHO_DOUBTED, /* it must not: another request's, or a gateway's; the next new connection decides */
	KV_ECHO_REWRITER, /* it may: a gateway rewrites ids, as is known from now on. Once */
	KV_ECHO_FOREIGN,  /* it must not: it is another request's */
};
/*
 * id is the request's, returned what its answer has ("" for none: not every server returns it).
 * is_first: it is the first answer of its connection. A foreign id there may mean a gateway that
 * rewrites ids, and does after the second connection in a row; later, or where it is another one of
 * ours, it never does.
 */
enum kv_echo_verdict kv_echo_judge(
    struct kv_echo *echo, const char *id, const char *returned, bool is_first) KV_MUST_CHECK;
#endif
