#ifndef KV_FS_RESTORE_CONFLICT_H
#define KV_FS_RESTORE_CONFLICT_H
/*
 * Finds out why the vault refused a restore with 409: the object exists, or it is soft-deleted, or neither, because a
 * deletion or purge is still taking effect. Asks for the object's versions, then for the deleted object.
 */
#include "cache/pace/throttle.h"

struct kv_conflict;

enum kv_conflict_kind { KV_CONFLICT_IN_USE, KV_CONFLICT_DELETED, KV_CONFLICT_NEITHER, KV_CONFLICT_UNKNOWN };

/*
 * wall_purge: when a DELETED object will be purged, Unix seconds; 0: unknown. UNKNOWN: listing its versions
 * is not permitted. Called exactly once, from the loop, never before kv_conflict_ask() has returned.
 */
typedef void kv_conflict_done(void *arg, enum kv_conflict_kind kind, int64_t wall_purge);
/* name is copied. */
int kv_conflict_ask(struct kv_throttle *throttle, enum kv_type type, const char *name,
    const struct kv_question *question, kv_conflict_done *done, void *arg,
    struct kv_conflict **conflict) KV_MUST_CHECK;
/* done is not called. NULL does nothing. */
void kv_conflict_cancel(struct kv_conflict *conflict);
#endif
