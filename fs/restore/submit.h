#ifndef KV_FS_RESTORE_SUBMIT_H
#define KV_FS_RESTORE_SUBMIT_H
/*
 * From a whole file in the drop box to an object in the vault: what is surely wrong is refused, the
 * request is sent once, and what the vault answers is told apart.
 */
#include "client/vault.h"
#include "fs/mount.h"

struct kv_restore_wait;

/* NULL: out of memory. */
struct kv_restores *kv_restores_new(struct kv_mount *mount);
/* Drop what is under way, and forget who waits for it; before kv_tree_release(). NULL does nothing. */
void kv_restores_stop(struct kv_restores *restores);
/* After kv_tree_release(), because the files of the drop box count to its room. */
void kv_restores_free(struct kv_restores *restores);
/* How many have been sent and are not answered yet. */
int kv_restores_under_way(const struct kv_restores *restores);

/* A new file called name in folder. -EEXIST, -ENOMEM, -EINVAL for a dot name that is no staging name. */
int kv_restore_make(struct kv_restores *restores, struct kv_node *folder, const char *name,
    struct kv_node **node) KV_MUST_CHECK;
/* The last handle on it was closed: what is no receipt goes, a staging file after 10 minutes. */
void kv_restore_closed(struct kv_restores *restores, struct kv_node *node);

typedef void kv_restore_done(void *arg, int err);
/*
 * node's content is whole: restore it as name in folder (which say the type, and what the log calls it).
 * 0: it is done (an earlier result is repeated, or dry_run). -EINPROGRESS: done comes later, once, from
 * the loop; *wait is valid until then; bytes that were restored before are not sent again. Else the errno of the
 * README's table: -EINVAL with nothing sent (empty, cut, of another type), -ENOMEM.
 * A failure is one line in the log.
 */
int kv_restore_commit(struct kv_restores *restores, struct kv_node *node, struct kv_node *folder,
    const char *name, const struct kv_caller *caller, kv_restore_done *done, void *arg,
    struct kv_restore_wait **wait) KV_MUST_CHECK;
/* done is not called; the request goes on. NULL does nothing. */
void kv_restore_cancel(struct kv_restore_wait *wait);
#endif
