#ifndef KV_CACHE_BLOB_DESCRIBE_H
#define KV_CACHE_BLOB_DESCRIBE_H
/*
 * Fetches the content of a sibling (cache/object.h): sends the requests of metadata that it needs, side by side, and
 * composes it (cache/blob/description). A secret's value is never requested.
 */
#include <stdbool.h>
#include "cache/pace/throttle.h"

struct kv_blob;
struct kv_describe;
struct kv_object;
struct kv_refusal_row;

struct kv_described {
	int err; /* 0, or the errno of docs/errors.md, logged; -ENOENT also for a key without a public part */
	bool is_lost; /* with -ENOENT: the version list confirms that the vault does not have the object */
	const struct kv_refusal_row *cause; /* of err; NULL: no answer that refuses it */
	struct kv_blob *blob;
	int64_t wall_date; /* of an answer, by the vault's clock; 0: unknown */
};
/* Called once, from the loop, never before kv_describe_begin() has returned. The result is borrowed. */
typedef void kv_describe_done(void *arg, const struct kv_described *described);

/*
 * sibling must outlive it. question has the deadline, if there is one, and is told the one of the requests. If this
 * fails (-ENOMEM), done is not called.
 */
int kv_describe_begin(struct kv_throttle *throttle, const struct kv_object *sibling,
    struct kv_question *question, kv_describe_done *done, void *arg,
    struct kv_describe **describe) KV_MUST_CHECK;
/* done is not called. NULL does nothing. */
void kv_describe_cancel(struct kv_describe *describe);
#endif
