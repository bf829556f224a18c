#ifndef KV_FS_DROPBOX_CONFIRM_H
#define KV_FS_DROPBOX_CONFIRM_H
/*
 * Confirmations that the version named by a receipt is in the vault and, for a restore, has the `updated` that the
 * restore returned.
 *
 * Version ids are random and a single version cannot be deleted, so the id proves the key material; `updated`
 * proves that the attributes are those of the restore. An import brings the material alone: attributes and tags that
 * the version has got since are no reason to make another one. A confirmation holds for the time at which its request
 * was sent, so it stores that time.
 */
#include <stdbool.h>
#include <stdint.h>
#include "cache/index/receipt_rows.h"
#include "client/vault/vault.h"
#include "fs/mount/request.h"

struct kv_confirms;
struct kv_confirm_wait;
struct kv_question; /* cache/pace/throttle.h */
struct kv_throttle;

/* What proves that the vault still has what was sent. */
enum kv_proof { KV_PROOF_UPDATED /* the version, unchanged */, KV_PROOF_VERSION };

/* NULL: out of memory. */
struct kv_confirms *kv_confirms_new(struct kv_throttle *throttle, enum kv_proof proof);
/* Cancels requests in flight without calling completions. NULL does nothing. */
void kv_confirms_free(struct kv_confirms *confirms);

/*
 * Whether there is a confirmation, at most 5 s old, whose request was sent after asker's process started or
 * on its behalf. A script that stats, deletes and stats again with separate programs must not get the first
 * answer twice.
 */
bool kv_confirms_is_fresh(
    const struct kv_confirms *confirms, const struct kv_receipt *receipt, const struct kv_process *asker);
/* Record that the answer to a submit, sent at mono_sent on asker's behalf, confirms receipt. */
void kv_confirms_note(struct kv_confirms *confirms, const struct kv_receipt *receipt, int64_t mono_sent,
    const struct kv_process *asker);

/*
 * Whether the vault can be asked about receipt: its lists may be read, and the answer to the submit had what a
 * confirmation is compared with.
 */
bool kv_confirms_can_ask(const struct kv_confirms *confirms, const struct kv_receipt *receipt);

/*
 * err 0: confirmed. -ENOENT: the object does not exist or has another version. Any other error: the vault did
 * not answer. Called exactly once, from the loop, never before kv_confirms_ask() has returned.
 */
typedef void kv_confirm_done(void *arg, int err);
/*
 * Ask the vault. asker: joins a request in flight if kv_confirms_is_fresh() would accept its answer for
 * asker; NULL: always sends a new request. *was_under_way (may be NULL): whether it joined one. -ENOENT:
 * kv_confirms_can_ask() is false. -ENOMEM.
 */
int kv_confirms_ask(struct kv_confirms *confirms, const struct kv_receipt *receipt,
    const struct kv_process *asker, const struct kv_question *question, kv_confirm_done *done, void *arg,
    struct kv_confirm_wait **wait, bool *was_under_way) KV_MUST_CHECK;
/* done is not called; the request continues. NULL does nothing. */
void kv_confirms_cancel(struct kv_confirm_wait *wait);

/*
 * Ask ahead for asker, at the lowest priority. Does nothing if there is a fresh answer or a request in
 * flight.
 */
void kv_confirms_ask_ahead(struct kv_confirms *confirms, const struct kv_receipt *receipt,
    const struct kv_process *asker, const struct kv_caller *caller);

/* Assert what must hold between two calls. */
void kv_confirms_check(const struct kv_confirms *confirms);
#endif
