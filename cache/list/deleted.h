#ifndef KV_CACHE_LIST_DELETED_H
#define KV_CACHE_LIST_DELETED_H
/*
 * The vault's deleted objects, which can be recovered until the service purges them: the list of a type, or one of
 * them. Nothing is cached here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cache/pace/throttle.h"
#include "client/vault/item.h"

struct kv_deleted_call;

struct kv_deleted {
	struct kv_item item;
	char recovery_id[384];		  /* its URL; "" if the service does not name it */
	int64_t wall_deleted, wall_purge; /* Unix seconds, 0 if not given */
};

/*
 * err 0: n deleted objects, which the callee may take by setting *deleted to NULL and must then free(3). Managed ones
 * are left out, because they are recovered with their certificate. Else err is the errno of docs/errors.md, logged,
 * and there are none. Called once, from the loop, never before the function that began the call has returned.
 */
typedef void kv_deleted_done(void *arg, int err, struct kv_deleted **deleted, size_t n);

/* All of a type. -ENOMEM: done is not called. */
int kv_deleted_list(struct kv_throttle *throttle, enum kv_type type, const struct kv_question *question,
    kv_deleted_done *done, void *arg, struct kv_deleted_call **call) KV_MUST_CHECK;
/* The one called name: n is 1, or err is -ENOENT, which is not logged. */
int kv_deleted_get(struct kv_throttle *throttle, enum kv_type type, const char *name,
    const struct kv_question *question, kv_deleted_done *done, void *arg,
    struct kv_deleted_call **call) KV_MUST_CHECK;
/* done is not called. NULL does nothing. */
void kv_deleted_cancel(struct kv_deleted_call *call);
#endif
