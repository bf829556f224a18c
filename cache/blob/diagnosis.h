#ifndef KV_CACHE_BLOB_DIAGNOSIS_H
#define KV_CACHE_BLOB_DIAGNOSIS_H
/*
 * What a failed backup means, where the object's version list shows it: a 404 that the list does not confirm is
 * no "not there", and behind a 400 or a time-out may be more versions than the service can back up.
 */
#include <stdbool.h>
#include "client/vault/vault.h"

struct kv_diagnosis; /* one that is under way */
struct kv_object;
struct kv_question;
struct kv_throttle;

/* err: the errno of docs/errors.md, logged. is_lost: the object is not in the vault. Called once, from the loop. */
typedef void kv_diagnosis_done(void *arg, int err, bool is_lost);
/*
 * reply: of object's backup, which has failed. Takes until question's deadline, and 0.8 s at least. NULL: the
 * failure means what it says, or there is no memory to ask: it has been logged, and *err is its errno; done is
 * not called.
 */
struct kv_diagnosis *kv_diagnosis_begin(struct kv_throttle *throttle, const struct kv_object *object,
    const struct kv_question *question, const struct kv_reply *reply, kv_diagnosis_done *done, void *arg,
    int *err);
/* done is not called. NULL does nothing. */
void kv_diagnosis_cancel(struct kv_diagnosis *diagnosis);
#endif
