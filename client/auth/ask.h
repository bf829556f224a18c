#ifndef KV_CLIENT_AUTH_ASK_H
#define KV_CLIENT_AUTH_ASK_H
/*
 * Requests one token from one credential: over HTTP, from a program or from a file. The first half of this
 * header is for client/auth/chain, the second for the kinds of credentials.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/auth/credential.h"

#define KV_ASK_MAX_ANSWER ((size_t)1 << 20) /* largest answer that may contain a token, bytes */
#define KV_ASK_MOST_WHY	  4096		    /* longest sentence, bytes */

struct kv_ask;
struct kv_buf;
struct kv_http;
struct kv_http_answer;
struct kv_http_request;
struct kv_loop;
struct kv_token_answer;

/* What a token is for. */
struct kv_audience {
	const char *resource; /* "https://vault.azure.net" */
	const char *scope;    /* resource + "/.default", or as in the challenge */
	const char *tenant;   /* NULL if neither the user nor the challenge names one */
	const char *claims;   /* JSON of a continuous-access challenge, or NULL */
};

enum kv_ask_outcome {
	KV_TOKEN,
	KV_UNAVAILABLE, /* the credential does not exist here: try the next one */
	KV_FAILED,	/* the credential exists but gave no token: report why and stop */
};
struct kv_ask_result {
	enum kv_ask_outcome outcome;
	int err;			     /* 0 for KV_TOKEN, else -errno */
	const struct kv_token_answer *token; /* NULL without one */
	const char *why;		     /* a sentence for the user; "" with a token */
};
/*
 * Called once, from the loop, never before kv_ask_new() has returned. It may free the ask, which invalidates
 * result.
 */
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
/* Everything that setup points to must live until kv_ask_free(). NULL: out of memory. */
struct kv_ask *kv_ask_new(const struct kv_ask_setup *setup);
/* Cancels the ask without calling its completion. NULL does nothing. */
void kv_ask_free(struct kv_ask *ask);
/* Whether a service or a program was asked, so that asking again soon is a burden, not only a file read. */
bool kv_ask_has_asked(const struct kv_ask *ask);
/*
 * Append what it waits for: "the token service https://… has not answered", "… still failed with status 500". The ask
 * cannot go on after it.
 */
void kv_ask_say_wait(struct kv_ask *ask, struct kv_buf *why);

/* ---- for a kind ---- */

/* The part of an ask that kinds use. */
struct kv_ask {
	const struct kv_credential_options *o;
	const struct kv_audience *audience;
	/*
	 * Nothing shows that the credential exists, so each endpoint is asked once, and a failure of its
	 * endpoint or answer counts as KV_UNAVAILABLE (except -ENOMEM).
	 */
	bool is_guess;
	const struct kv_ask_endpoint *endpoint; /* the last one that was asked */
	char *secret; /* a string of the kind, from malloc(); wiped and freed with the ask */
};

/*
 * Each of these ends the ask: with a JSON answer of the service called who, with a token found in where
 * ("token_file=/t"), or with a failure. who and where are nouns for messages. It is a failure if the token is
 * malformed, or is a JWT that has expired.
 */
void kv_ask_take_answer(struct kv_ask *ask, const char *who, const char *text, size_t len);
void kv_ask_take_token(struct kv_ask *ask, const char *where, const char *token);
void kv_ask_fail(struct kv_ask *ask, enum kv_ask_outcome outcome, int err);
/* The sentence that explains a failure; kinds append to it. */
struct kv_buf *kv_ask_why(struct kv_ask *ask);

/* An HTTP endpoint that answers token requests, or requests on the way to one. */
struct kv_ask_endpoint {
	const char *who;		 /* for messages: "the token service" */
	bool is_authority;		 /* it is options' authority, which messages name too */
	int attempts;			 /* maximum; only temporary failures (408, 429, 5xx) are retried */
	int pause_ms;			 /* before the second attempt; then doubled each time */
	int limit_ms;			 /* for one attempt; 0: 30 s */
	bool may_be_away;		 /* treat 404 and 410 as temporary too */
	int (*send)(struct kv_ask *ask); /* makes one attempt with kv_ask_send() */
	const void *arg;		 /* for the functions here, which find it in ask->endpoint */
	/*
	 * Takes an answer of status 200: ends the ask, or sends another request. Returns 0 or -errno. NULL:
	 * the answer contains the token.
	 */
	int (*answered)(struct kv_ask *ask, const struct kv_http_answer *answer);
	/*
	 * Takes any other answer that is not retried, in the same way. NULL: the message quotes it.
	 */
	int (*refused)(struct kv_ask *ask, const struct kv_http_answer *answer);
};
/* Starts the attempts. endpoint must outlive ask. */
int kv_ask_endpoint(struct kv_ask *ask, const struct kv_ask_endpoint *endpoint) KV_MUST_CHECK;
int kv_ask_send(struct kv_ask *ask, const struct kv_http_request *request) KV_MUST_CHECK;
/* Append "&name=value" with value percent-encoded; no '&' at the start of form. */
int kv_ask_add_field(struct kv_buf *form, const char *name, const char *value) KV_MUST_CHECK;
/*
 * Append the claims to request: that this client handles continuous access evaluation ("CP1"), merged with
 * those of the challenge. -EBADMSG and a sentence if these are not JSON.
 */
int kv_ask_make_claims(struct kv_ask *ask, struct kv_buf *claims) KV_MUST_CHECK;
/* Whether the answer is an HTML page, so that a proxy or a login page may be in between. */
bool kv_ask_is_page(const struct kv_http_answer *answer);
/*
 * Append ": " and why the endpoint refused client (NULL: not known) to the ask's sentence, and return the
 * errno: the sentence of client/auth/token_refusal, with what to do. Without one, append the first sentence of
 * the endpoint's error message, else the answer's first words, and return 0.
 */
int kv_ask_say_fault(struct kv_ask *ask, const struct kv_http_answer *answer, const char *client);

/* Run a program. ended is called like kv_spawn_done (client/base/spawn). */
typedef void kv_ask_ended(struct kv_ask *ask, int err, int status, const char *out, const char *diagnostics);
int kv_ask_run(
    struct kv_ask *ask, const char *const argv[], int timeout_ms, kv_ask_ended *ended) KV_MUST_CHECK;
#endif
