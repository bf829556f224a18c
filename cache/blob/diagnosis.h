#ifndef KV_CACHE_BLOB_DIAGNOSIS_H
#define KV_CACHE_BLOB_DIAGNOSIS_H
/*
 * Finds the cause of a failed backup in the object's version list: a 404 counts only if that list confirms
 * it (or if there is no permission to read it: -o nolist), and after a 400 or a time-out the object may have
 * more versions than the service can back up.
 */
#include <stdbool.h>
#include "client/vault/vault.h"

struct kv_diagnosis; /* a diagnosis in progress */
struct kv_object;
struct kv_question;
struct kv_throttle;

struct kv_diagnosed {
	int err;			    /* the errno of docs/errors.md, already logged */
	bool is_lost;			    /* the object is not in the vault */
	const struct kv_refusal_row *cause; /* NULL: no answer that refuses it */
};
/* Called once, from the loop. */
typedef void kv_diagnosis_done(void *arg, const struct kv_diagnosed *found);
/*
 * reply: to object's backup, which has failed. The diagnosis takes until question's deadline, and at least
 * 0.8 s. NULL: the failure is unambiguous, or there is no memory for a diagnosis: the failure is logged,
 * *found is the result, and done is not called.
 */
struct kv_diagnosis *kv_diagnosis_begin(struct kv_throttle *throttle, const struct kv_object *object,
    const struct kv_question *question, const struct kv_reply *reply, kv_diagnosis_done *done, void *arg,
    struct kv_diagnosed *found);
/* done is not called. NULL does nothing. */
void kv_diagnosis_cancel(struct kv_diagnosis *diagnosis);
#endif
