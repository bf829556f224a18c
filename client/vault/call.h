#ifndef KV_CLIENT_VAULT_CALL_H
#define KV_CLIENT_VAULT_CALL_H
/*
 * A call of one of the vault's operations, one attempt: builds the request, adds the token (and gets a new one after
 * a first 401), parses the answer. The layer above does rate limiting and retries behind the same interface.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "client/vault/blob.h"
#include "client/base/err.h"
#include "client/vault/operations.h"

struct kv_refusal_row;
struct kv_vault;
struct kv_vault_call;

/* The process on whose behalf a call is made, for the log. */
struct kv_caller {
	uid_t uid;
	pid_t pid;	  /* 0: kvfs itself */
	char command[16]; /* "rsync"; "listing" and the like for kvfs itself */
};

/* Strings and blob are borrowed for the call that takes this, which copies them. */
struct kv_call {
	enum kv_op op;
	enum kv_type type;
	const char *name;      /* of the object; NULL for lists of objects; for RESTORE only for the log */
	const char *version;   /* GET_VERSION */
	const char *next_link; /* lists: from the previous page; NULL for the first page */
	struct kv_blob *blob;  /* RESTORE */
	struct kv_caller caller;
	/* Only get a token, to which the vault's challenge is needed; op is LIST. The answer has err, why. */
	bool is_sign_in;
};

/* Pointers are valid during the completion; the unused ones are NULL. */
struct kv_reply {
	int err;     /* 0 or -errno */
	long status; /* of the last answer, 0 if there was none */
	struct kv_fault fault;
	const char *why; /* a sentence for the user if err is not from an answer of the vault; else "" */
	/* Set by a layer that found a cause which the answer does not name; NULL: status and fault tell. */
	const struct kv_refusal_row *cause;
	size_t n_versions; /* for the cause; 0: unknown */
	char request_id[80];
	char client_request_id[37];
	int64_t wall_date;	/* Date of the answer, 0 if missing */
	int64_t retry_after_ms; /* at most a day; a date is relative to the answer's Date; -1: none */
	int64_t took_ms;
	bool was_sent;		    /* the vault may have acted on it */
	int attempts;		    /* set by the layer that retries */
	bool is_of_token;	    /* the credential failed, not the vault */
	bool is_of_proxy;	    /* the proxy failed; why names it */
	struct kv_page *page;	    /* lists; the completion may take its content */
	const struct kv_json *json; /* of an answer that describes something: the whole answer */
	struct kv_blob *blob;	    /* BACKUP; kv_blob_ref() keeps it */
	int64_t wall_purge;	    /* DELETED: when the service will purge it, 0 if unknown */
	const struct kv_item *item; /* RESTORE, RECOVER, GET, GET_VERSION: the object */
};
typedef void kv_vault_done(void *arg, struct kv_reply *reply);

/*
 * One attempt. done is called exactly once, from the loop, never before kv_call_send() has returned. If the
 * answer belongs to another request, the request is repeated once; a second such answer is -EBADMSG. For a
 * restore it counts instead as a lost answer, as if the connection had broken (-EIO, status 0, was_sent). If
 * this returns an error such as -ENOMEM, done is not called.
 */
int kv_call_send(struct kv_vault *vault, const struct kv_call *call, kv_vault_done *done, void *arg,
    struct kv_vault_call **handle) KV_MUST_CHECK;
/* How long ago the request was sent, in ms; 0 while it waits for its token (which has its own time-outs). */
int64_t kv_call_sent_ms(const struct kv_vault_call *handle);
/* The request was handed to HTTP, in this very millisecond too: the vault may act on it. */
bool kv_call_is_sent(const struct kv_vault_call *handle);
/* done is not called; a request that was sent is not undone. NULL does nothing. */
void kv_call_cancel(struct kv_vault_call *handle);
#endif
