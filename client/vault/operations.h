#ifndef KV_CLIENT_VAULT_OPERATIONS_H
#define KV_CLIENT_VAULT_OPERATIONS_H
/*
 * The service's operations: a row each, of all that differs between them. A new one is an enumerator, a row and, where
 * it answers something new, a parser.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/vault/page.h"

struct kv_blob;
struct kv_reply;

enum kv_op { KV_OP_LIST, KV_OP_VERSIONS, KV_OP_DELETED, KV_OP_BACKUP, KV_OP_RESTORE, KV_OPS };

/* The service has limits of its own for operations on keys, and fewer restores are allowed than anything else. */
enum kv_pace_class { KV_PACE_LIGHT, KV_PACE_KEYS, KV_PACE_RESTORES, KV_PACES };

/* An answer of 2xx, and what was requested. */
struct kv_answered {
	enum kv_type type;
	const char *name; /* of the object; NULL for a list */
	const struct kv_url *vault;
	bool any_host; /* ids may name another host */
	const char *body;
	size_t len;
	struct kv_buf *why; /* gets a sentence where the answer is not what it must be */
};
/* Where kv_reply's pointers point to; of an operation only what it answers. Zeroed before. */
struct kv_parsed {
	struct kv_page page;
	struct kv_blob *blob;
	struct kv_item item;
};
void kv_parsed_release(struct kv_parsed *parsed);

struct kv_operation {
	const char *name;   /* the word of log and metrics: "backup" */
	const char *method; /* "GET", "POST" */
	const char *path;   /* "/{type}/{name}/backup" */
	/* Appends the body of a request with blob; NULL: it has none. */
	int (*make_body)(const struct kv_blob *blob, struct kv_buf *body);
	size_t most_answer; /* bytes of an answer */
	bool is_slow;	    /* the service may be silent for long: it moves a whole blob */
	/* Fills parsed, and the members of reply that point into it. -EBADMSG where it is another answer, -ENOMEM. */
	int (*parse)(const struct kv_answered *answered, struct kv_parsed *parsed, struct kv_reply *reply);
	enum kv_pace_class pace, pace_of_keys; /* of secrets and certificates; of keys */
	bool is_once;		 /* must not be repeated when its answer was lost: it changes the vault */
	bool is_audited;	 /* each is a line of the log, a good one too */
	int not_found, conflict; /* -errno of a 404 that names an object, and of a 409 */
};
const struct kv_operation *kv_operation(enum kv_op op);

/*
 * The operation's path with type and name in place (name NULL: ""), appended to url. Names have only characters that
 * need no encoding. -EFBIG, -ENOMEM.
 */
int kv_operation_put_path(
    enum kv_op op, enum kv_type type, const char *name, struct kv_buf *url) KV_MUST_CHECK;
#endif
