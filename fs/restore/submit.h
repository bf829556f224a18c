#ifndef KV_FS_RESTORE_SUBMIT_H
#define KV_FS_RESTORE_SUBMIT_H
/*
 * One restore: from a complete file in the drop box to an object in the vault.
 */
#include "client/vault/vault.h"
#include "fs/restore/dropbox.h"

struct kv_submit_wait;

typedef void kv_submit_done(void *arg, int err);
/*
 * Restore file, which must be OPEN and complete. folder gives the type; name is for the log. Returns 0 if the
 * file is now SENDING (call kv_submit_wait() for the result) or, with dry_run, DONE. -EINVAL: not a blob, or
 * an incomplete one; nothing was sent, and more may be written. Likewise -EFBIG, -EACCES, -ENOMEM. Failures
 * are logged. An earlier restore of the same bytes counts only if the vault confirms it now.
 */
int kv_submit_start(struct kv_drop *file, struct kv_drop *folder, const char *name,
    const struct kv_caller *caller) KV_MUST_CHECK;
/* file must be SENDING. done is called once, from the loop, when it is DONE or FAILED. -ENOMEM. */
int kv_submit_wait(
    struct kv_drop *file, kv_submit_done *done, void *arg, struct kv_submit_wait **wait) KV_MUST_CHECK;
/* done is not called; the restore continues. NULL does nothing. */
void kv_submit_cancel(struct kv_submit_wait *wait);
/* At the end of the mount: log each restore that has no answer. */
void kv_submit_log_lost(struct kv_dropbox *dropbox);
/* At the end of the mount: cancel all restores without calling completions. */
void kv_submit_cancel_all(struct kv_dropbox *dropbox);
#endif
