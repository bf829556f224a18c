#ifndef KV_CLIENT_VAULT_VAULT_H
#define KV_CLIENT_VAULT_VAULT_H
/*
 * The vault's operations, one attempt per call: builds the request, adds the token (and gets a new one after
 * a first 401), parses the answer. The layer above does rate limiting and retries behind the same interface.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "client/vault/blob.h"
#include "client/base/err.h"
#include "client/vault/operations.h"
#include "client/http/url.h"

struct kv_token_cache;
struct kv_http;
struct kv_loop;
struct kv_refusal_row;
struct kv_vault;
struct kv_vault_call;

/* The process on whose behalf a call is made, for the log. */
struct kv_caller {
	uid_t uid;
	pid_t pid;	  /* 0: kvfs itself */
	char command[16]; /* "rsync"; "listing" and the like for kvfs itself */
};

/* Strings and blob are borrowed for the call that takes this. */
struct kv_call {
	enum kv_op op;
	enum kv_type type;
	const char *name;      /* of the object; NULL for LIST; for RESTORE only for the log */
	const char *next_link; /* LIST, VERSIONS: from the previous page; NULL for the first page */
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
	struct kv_page *page;	    /* LIST, VERSIONS; the completion may take its content */
	struct kv_blob *blob;	    /* BACKUP; kv_blob_ref() keeps it */
	int64_t wall_purge;	    /* DELETED: when the service will purge it, 0 if unknown */
	const struct kv_item *item; /* RESTORE: the restored object */
};
typedef void kv_vault_done(void *arg, struct kv_reply *reply);

struct kv_vault_options {
	const char *api_version; /* "7.4" */
	/*
	 * The version with which a request is repeated, and all later ones are sent, after the vault has not
	 * accepted api_version: it answers 400 to a list, or its message says so. NULL: no other.
	 */
	const char *older_api_version;
	struct kv_url public;	     /* the host in ids and links, if it is not origin's; host "": it is */
	unsigned int blob_silence_s; /* silence after which a backup or restore attempt fails; 0: 120 */
	bool any_host;		     /* ids in lists may name another host: an emulator */
	bool is_listless;	     /* the caller may not read lists, nor those of versions */
};
/* origin (https) is copied. NULL: out of memory. */
struct kv_vault *kv_vault_new(struct kv_loop *loop, struct kv_http *http, struct kv_token_cache *auth,
    const struct kv_url *origin, const struct kv_vault_options *options);
void kv_vault_free(struct kv_vault *vault);
/* false: is_listless; then no list is to be requested. */
bool kv_vault_can_list(const struct kv_vault *vault);
/* "myvault.vault.azure.net" or "host:8443", for the log. */
const char *kv_vault_name(const struct kv_vault *vault);

/*
 * One attempt. done is called exactly once, from the loop, never before kv_vault_send() has returned. If the
 * answer belongs to another request, the request is repeated once; a second such answer is -EBADMSG. For a
 * restore it counts instead as a lost answer, as if the connection had broken (-EIO, status 0, was_sent). If
 * this returns an error such as -ENOMEM, done is not called.
 */
int kv_vault_send(struct kv_vault *vault, const struct kv_call *call, kv_vault_done *done, void *arg,
    struct kv_vault_call **handle) KV_MUST_CHECK;
/* How long ago the request was sent, in ms; 0 while it waits for its token (which has its own time-outs). */
int64_t kv_vault_sent_ms(const struct kv_vault_call *handle);
/* done is not called; a request that was sent is not undone. NULL does nothing. */
void kv_vault_cancel(struct kv_vault_call *handle);
/* How many requests of op got status (0: no answer). */
uint64_t kv_vault_count(const struct kv_vault *vault, enum kv_op op, long status);
/* The i-th of all counters, from 0, tokens included; false after the last. */
struct kv_vault_counted {
	const char *operation;
	long status; /* 0: no answer, or no token */
	uint64_t n;
};
bool kv_vault_counted(const struct kv_vault *vault, size_t i, struct kv_vault_counted *counted);
/* The vault's region as it reports it; "" before its first answer. */
const char *kv_vault_region(const struct kv_vault *vault);
#endif
