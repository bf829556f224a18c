#ifndef KV_CLIENT_AUTH_ASK_H
#define KV_CLIENT_AUTH_ASK_H
/*
 * One credential is asked for one token: over HTTP, by a program or from a file. The upper half of this header is for
 * client/auth/chain, the lower one for the kinds of credentials.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/auth/credential.h"

#define KV_ASK_MAX_ANSWER ((size_t)1 << 20) /* bytes of an answer with a token */

struct kv_ask;
struct kv_buf;
struct kv_http;
struct kv_http_answer;
struct kv_http_request;
struct kv_loop;

/* What a token is for. */
struct kv_audience {
	const char *resource; /* "https://vault.azure.net" */
	const char *scope;    /* resource + "/.default", or what the challenge says */
	const char
	    *tenant; /* in which it is requested; NULL where neither the user nor the challenge names one */
	const char *claims; /* JSON of a continuous-access challenge, or NULL */
};

enum kv_outcome {
	KV_TOKEN,
	KV_UNAVAILABLE, /* the credential is not there, or not meant for this: another one may be tried */
	KV_FAILED,	/* it is there, and gave no token: the user must know why */
};
struct kv_ask_result {
	enum kv_outcome outcome;
	int err;	   /* 0 for KV_TOKEN, else -errno */
	const char *token; /* NULL without one */
	int64_t life_s;	   /* 0: not known */
	const char *why;   /* a sentence for people; "" with a token */
};
/* From the loop, once, never before kv_ask_new() has returned; may free the ask, at which result ends. */
typedef void kv_ask_done(void *arg, const struct kv_ask_result *result);

struct kv_ask_setup {
	struct kv_loop *loop;
	struct kv_http *http;
	const struct kv_credential_kind *kind;
	const struct kv_credential_options *options;
	const struct kv_audience *audience;
	bool is_guess;
	kv_ask_done *done;
	void *arg;
};
/* What setup points to must live until kv_ask_free(). NULL: out of memory. */
struct kv_ask *kv_ask_new(const struct kv_ask_setup *setup);
/* Drops what is under way, without the completion. NULL does nothing. */
void kv_ask_free(struct kv_ask *ask);

/* ---- for a kind ---- */

/* What a kind sees of an ask. */
struct kv_ask {
	const struct kv_credential_options *o;
	const struct kv_audience *audience;
	/* Nothing says that the credential is there: a short try, every failure of which is KV_UNAVAILABLE. */
	bool is_guess;
	void *state; /* the kind's own between its steps, from malloc(); freed with the ask */
};

/* The end: a JSON answer of who, a token, or a failure. Nothing may follow. */
void kv_ask_take_answer(struct kv_ask *ask, const char *who, const char *text, size_t len);
void kv_ask_take_token(struct kv_ask *ask, const char *token, int64_t life_s);
void kv_ask_fail(struct kv_ask *ask, enum kv_outcome outcome, int err);
/* The sentence that explains a failure: what is said here is appended to it. */
struct kv_buf *kv_ask_why(struct kv_ask *ask);

/* Something that answers token requests over HTTP. */
struct kv_ask_endpoint {
	const char *who;    /* in sentences: "the token service" */
	const char *absent; /* what a guess says where nothing answers: "no managed identity answers" */
	int attempts;	    /* at most, while it fails in passing (408, 429, 5xx) */
	int guess_attempts;
	int pause_ms;			 /* before the second attempt; doubles */
	bool may_be_away;		 /* 404 and 410 pass, too, but for a guess */
	int (*send)(struct kv_ask *ask); /* one attempt, by kv_ask_send() */
	const char
	    *refusal; /* a sentence begins so, where the answer is another: "the identity got no token" */
	/*
	 * In place of refusal: says why, and returns -errno, or 0 where it has sent another request; or NULL.
	 */
	int (*refused)(struct kv_ask *ask, const struct kv_http_answer *answer);
};
/* endpoint must live as long as ask. One request may take 30 s (a guess: 10 s). */
int kv_ask_endpoint(struct kv_ask *ask, const struct kv_ask_endpoint *endpoint) KV_MUST_CHECK;
int kv_ask_send(struct kv_ask *ask, const struct kv_http_request *request) KV_MUST_CHECK;
/*
 * GET url, which has a query already, with the audience's resource and the client id added to it, to something on
 * this machine or network: no proxy, plain http is allowed. header: one more, "Name: value".
 */
int kv_ask_send_get(struct kv_ask *ask, const char *url, const char *header) KV_MUST_CHECK;
/* "&name=value" with the value encoded, without '&' at the beginning of form. */
int kv_ask_add_field(struct kv_buf *form, const char *name, const char *value) KV_MUST_CHECK;
/* ": " and the first sentence of what the endpoint says of an error, if it says anything. */
void kv_ask_say_fault(struct kv_ask *ask, const struct kv_http_answer *answer);

/* A program. ended is called as kv_spawn_done is (client/base/spawn). */
typedef void kv_ask_ended(struct kv_ask *ask, int err, int status, const char *out, const char *diagnostics);
int kv_ask_run(
    struct kv_ask *ask, const char *const argv[], int timeout_ms, kv_ask_ended *ended) KV_MUST_CHECK;
#endif
