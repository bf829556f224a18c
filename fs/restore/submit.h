#ifndef KV_FS_RESTORE_SUBMIT_H
#define KV_FS_RESTORE_SUBMIT_H
/*
 * From a whole file in the drop box to an object in the vault: what is surely wrong is refused, the
 * request is sent once, and what the vault answers is told apart.
 */
#include "client/vault/vault.h"
#include "fs/restore/dropbox.h"

struct kv_submit_wait;

typedef void kv_submit_done(void *arg, int err);
/*
 * file's bytes (OPEN) are whole: restore them as name in folder, which say the type and what the log calls it.
 * 0 and the file is SENDING or (dry_run) DONE; who waits calls kv_submit_wait(). -EINVAL: the bytes are no blob,
 * or not all of one; nothing was sent, and more may be written. -EFBIG, -EACCES, -ENOMEM likewise. A failure is one line
 * in the log. That these very bytes were restored before counts only when the vault confirms it now.
 */
int kv_submit_start(struct kv_drop *file, struct kv_drop *folder, const char *name,
    const struct kv_caller *caller) KV_MUST_CHECK;
/* file is SENDING: done is called once, from the loop, when it is DONE or FAILED. -ENOMEM. */
int kv_submit_wait(
    struct kv_drop *file, kv_submit_done *done, void *arg, struct kv_submit_wait **wait) KV_MUST_CHECK;
/* done is not called; the restore goes on. NULL does nothing. */
void kv_submit_cancel(struct kv_submit_wait *wait);
/* For the end: a line for each that has no answer. */
void kv_submit_say_lost(struct kv_dropbox *dropbox);
/* For the end: drop what is under way, and forget who waits for it. */
void kv_submit_stop_all(struct kv_dropbox *dropbox);
#endif
