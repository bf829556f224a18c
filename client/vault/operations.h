#ifndef KV_CLIENT_VAULT_OPERATIONS_H
#define KV_CLIENT_VAULT_OPERATIONS_H
/*
 * The service's operations: one row each, with everything that differs between them. A new operation is an
 * enumerator, a row and, if its answer has a new form, a parser.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/vault/page.h"

struct kv_blob;
struct kv_json;
struct kv_reply;

enum kv_op {
	KV_OP_LIST,
	KV_OP_VERSIONS,
	KV_OP_DELETED,
	KV_OP_BACKUP,
	KV_OP_RESTORE,
	KV_OP_IMPORT, /* of a key */
	KV_OP_CREATE, /* of a key */
	KV_OP_GET,    /* the current version */
	KV_OP_GET_VERSION, /* for a certificate called "contacts" or "issuers", words that have another meaning in KV_OP_GET's path */
	KV_OP_ROTATION_POLICY,
	KV_OP_LIST_DELETED,
	KV_OP_RECOVER,
	/* Of the whole vault; the type is KV_CERTIFICATES. */
	KV_OP_CONTACTS,
	KV_OP_ISSUERS, /* the name is KV_ISSUERS */
	KV_OP_ISSUER,  /* the name is the issuer's */
	KV_OPS
};
/* An issuer's id looks like that of a version of a certificate of this name. */
#define KV_ISSUERS "issuers"

/*
 * Classes with separate rate limits: the service allows fewer operations on keys, and the fewest
 * restores.
 */
enum kv_pace_class { KV_PACE_LIGHT, KV_PACE_KEYS, KV_PACE_RESTORES, KV_PACES };

/* A 2xx answer, and the request that it answers. */
struct kv_answered {
	enum kv_type type;
	const char *name;	     /* of the object; NULL for a list */
	const struct kv_url *vault;  /* the host in ids and links */
	const struct kv_url *origin; /* where requests go; NULL: to vault */
	bool any_host;		     /* ids may name another host */
	const char *body;
	size_t len;
	struct kv_buf *why; /* gets a sentence if the answer is invalid */
};
/* The memory behind kv_reply's pointers. Zero it before. */
struct kv_parsed {
	struct kv_page page;
	struct kv_json *json;
	struct kv_blob *blob;
	struct kv_item item;
};
void kv_parsed_release(struct kv_parsed *parsed);

struct kv_operation {
	const char *name;   /* in log and metrics: "backup" */
	const char *method; /* "GET", "POST" */
	const char *path;   /* "/{type}/{name}/backup" */
	/* Appends the body of a request for blob; NULL: no body. */
	int (*make_body)(const struct kv_blob *blob, struct kv_buf *body);
	size_t most_answer; /* maximum size of an answer, bytes */
	bool is_slow;	    /* the service may be silent for long while it processes a blob */
	/*
	 * Fills parsed, and the members of reply that point into it. -EBADMSG for an invalid answer, -ENOMEM.
	 */
	int (*parse)(const struct kv_answered *answered, struct kv_parsed *parsed, struct kv_reply *reply);
	enum kv_pace_class pace, pace_of_keys; /* for other types; for keys */
	bool is_once;			       /* changes the vault: not repeated if its answer is lost, */
	bool makes_another;		       /* nor after a 5xx or 408, because twice makes two versions */
	bool is_audited;		       /* every request is logged, successful ones too */
	bool reveals_secrets;	 /* its answer for a secret has the value: never sent for secrets */
	int not_found, conflict; /* -errno of a 404 for a missing object, and of a 409 */
};
const struct kv_operation *kv_operation(enum kv_op op);

/*
 * Append the operation's path, with type, name and version filled in (NULL: ""), to url. -EFBIG, -ENOMEM.
 */
int kv_operation_put_path(enum kv_op op, enum kv_type type, const char *name, const char *version,
    struct kv_buf *url) KV_MUST_CHECK;
/*
 * Append a nextLink with an api-version: its own, which is part of what the vault continues, or this one if
 * it has none, as the links of a Managed HSM.
 */
int kv_operation_put_link(const char *link, const char *api_version, struct kv_buf *url) KV_MUST_CHECK;
#endif
