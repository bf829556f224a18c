#ifndef KV_FS_RESTORE_CONFIRM_H
#define KV_FS_RESTORE_CONFIRM_H
/*
 * Confirmations: that the very version of a receipt is in the vault, with the `updated` that the restore answered.
 *
 * Version ids are random and versions cannot be deleted singly, so the id proves the material; `updated`
 * proves that its attributes are those of the restore. A confirmation is true as of the moment at which its request
 * was sent and no later, so each carries that moment.
 */
#include <stdbool.h>
#include <stdint.h>
#include "cache/index/receipt_rows.h"
#include "client/vault/vault.h"
#include "fs/mount/request.h"

struct kv_confirms;
struct kv_confirm_wait;
struct kv_throttle;

/* NULL: out of memory. */
struct kv_confirms *kv_confirms_new(struct kv_throttle *throttle);
/* Questions under way are dropped without their completions. NULL does nothing. */
void kv_confirms_free(struct kv_confirms *confirms);

/*
 * Whether a yes is known that is at most 5 s old and was sent after asker's process began, or on its behalf. A
 * script that stats, deletes and stats again with other programs must not get the first answer twice.
 */
bool kv_confirms_is_fresh(
    const struct kv_confirms *confirms, const struct kv_receipt *receipt, const struct kv_process *asker);
/* The vault has said so itself, in the answer to a restore that was sent at mono_sent on asker's behalf. */
void kv_confirms_note(struct kv_confirms *confirms, const struct kv_receipt *receipt, int64_t mono_sent,
    const struct kv_process *asker);

/*
 * err 0: it is there. -ENOENT: the object is not there, or not in that version. Else the question has no answer.
 * Called exactly once, from the loop, never before kv_confirms_ask() has returned.
 */
typedef void kv_confirm_done(void *arg, int err);
/*
 * Ask the vault. asker: a question under way whose answer kv_confirms_is_fresh() would take for it will do; NULL:
 * none will. was_under_way (may be NULL): there was one. -ENOENT where nothing can ever confirm receipt, -ENOMEM.
 */
int kv_confirms_ask(struct kv_confirms *confirms, const struct kv_receipt *receipt,
    const struct kv_process *asker, const struct kv_caller *caller, kv_confirm_done *done, void *arg,
    struct kv_confirm_wait **wait, bool *was_under_way) KV_MUST_CHECK;
/* done is not called; the question goes on. NULL does nothing. */
void kv_confirms_cancel(struct kv_confirm_wait *wait);

/* Ask on asker's behalf behind all that somebody waits for, unless a fresh answer is known or comes. */
void kv_confirms_ask_ahead(struct kv_confirms *confirms, const struct kv_receipt *receipt,
    const struct kv_process *asker, const struct kv_caller *caller);
#endif
