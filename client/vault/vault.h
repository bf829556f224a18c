#ifndef KV_CLIENT_VAULT_VAULT_H
#define KV_CLIENT_VAULT_VAULT_H
/*
 * The vault's operations, one attempt each: the request is made, the token added (and a first 401
 * answered with a new one), the answer understood. Pacing and repeating are cache/pace/throttle's, which
 * has the same seam.
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
struct kv_vault;
struct kv_vault_call;

/* On whose behalf, for the log. */
struct kv_caller {
	uid_t uid;
	pid_t pid;	  /* 0: kvfs itself */
	char command[16]; /* "rsync"; "listing" and the like for kvfs itself */
	/*
	 * When the question that this call is a part of must have its answer, for cache/pace/throttle. 0: it is the
	 * first call, and the time-out counts from its first attempt. A call that follows from another one
	 * has that one's (kv_reply.mono_deadline), so that no question takes longer than one time-out.
	 */
	int64_t mono_deadline;
};

/* Strings and blob are borrowed for the call that takes this. */
struct kv_call {
	enum kv_op op;
	enum kv_type type;
	const char *name;      /* of the object; NULL for LIST; for RESTORE only for the log */
	const char *next_link; /* LIST, VERSIONS: the page that another one named, or NULL for the first */
	struct kv_blob *blob;  /* RESTORE */
	struct kv_caller caller;
};

/* Pointers are valid during the completion; the unused ones are NULL. */
struct kv_reply {
	int err;     /* 0, or the errno of the README's table, negative */
	long status; /* of the last answer, 0 where there was none */
	struct kv_fault fault;
	const char *why; /* a sentence for people where err is no answer of the vault; else "" */
	char request_id[80];
	char client_request_id[37];
	int64_t wall_date;	/* the answer's, 0 where missing */
	int64_t retry_after_ms; /* at most a day; a date has been counted from the answer's Date; -1: none */
	int64_t took_ms;
	bool was_sent;		    /* the vault may have acted on it */
	int attempts;		    /* how many were made, by cache/pace/throttle */
	int64_t mono_deadline;	    /* of the call, by cache/pace/throttle: for what follows from it */
	bool is_of_token;	    /* the failure is the credential's, not the vault's */
	bool is_of_proxy;	    /* the failure is the proxy's; why names it */
	struct kv_page *page;	    /* LIST, VERSIONS; the completion may take its content */
	struct kv_blob *blob;	    /* BACKUP; kv_blob_ref() keeps it */
	int64_t wall_purge;	    /* DELETED: when the service purges it by itself, 0 where unknown */
	const struct kv_item *item; /* RESTORE: what has been restored */
};
typedef void kv_vault_done(void *arg, struct kv_reply *reply);

struct kv_vault_options {
	const char *api_version;     /* "7.4" */
	unsigned int blob_silence_s; /* a backup or restore attempt without a byte; 0: 120 */
	bool any_host;		     /* ids in lists may name another host: an emulator */
};
/* origin (https) is copied. NULL: out of memory. */
struct kv_vault *kv_vault_new(struct kv_loop *loop, struct kv_http *http, struct kv_token_cache *auth,
    const struct kv_url *origin, const struct kv_vault_options *options);
void kv_vault_free(struct kv_vault *vault);
/* "myvault.vault.azure.net" or "host:8443", for the log. */
const char *kv_vault_name(const struct kv_vault *vault);

/*
 * One attempt. done exactly once, from the loop, never before kv_vault_send() has returned. An answer
 * that belongs to another request is asked for once more, then -EBADMSG; a restore's is lost instead,
 * as if its connection had broken (-EIO, status 0, was_sent).
 * -ENOMEM and the like: done is not called.
 */
int kv_vault_send(struct kv_vault *vault, const struct kv_call *call, kv_vault_done *done, void *arg,
    struct kv_vault_call **handle) KV_MUST_CHECK;
/* How long ago the request went out, in ms; 0 while its token is waited for, which has time-outs of its own. */
int64_t kv_vault_sent_ms(const struct kv_vault_call *handle);
/* done is not called; what was sent is sent. NULL does nothing. */
void kv_vault_cancel(struct kv_vault_call *handle);
/* How many requests of op got status (0: no answer), for the sum at the end. */
uint64_t kv_vault_count(const struct kv_vault *vault, enum kv_op op, long status);
/* The i-th of all counts, from 0 on, tokens too; false behind the last. */
struct kv_vault_counted {
	const char *operation;
	long status; /* 0: no answer, or no token */
	uint64_t n;
};
bool kv_vault_counted(const struct kv_vault *vault, size_t i, struct kv_vault_counted *counted);
/* Where the vault is, in its own words; "" before it has said so. */
const char *kv_vault_region(const struct kv_vault *vault);
#endif
