#ifndef KV_FS_RESTORE_RECEIPT_H
#define KV_FS_RESTORE_RECEIPT_H
/*
 * Receipts: what was restored, in this mount or an earlier one, so that a restore that was cut off is
 * simply run again. A receipt is found by the bytes and by the path that was written, and counts only
 * while the version that the vault answered is there.
 */
#include "cache/index.h"
#include "client/vault.h"
#include "fs/mount.h"

struct kv_receipt_check;
struct kv_receipts;

/* NULL: out of memory. */
struct kv_receipts *kv_receipts_new(struct kv_mount *mount);
void kv_receipts_free(struct kv_receipts *receipts);

/* By the bytes. */
void kv_receipts_keep(struct kv_receipts *receipts, const struct kv_receipt *receipt);
bool kv_receipts_find(struct kv_receipts *receipts, const unsigned char digest[KV_DIGEST_LEN],
    enum kv_type type, struct kv_receipt *receipt);

/* By the path: node's place, size, mtime and mode are remembered, where it is a receipt. */
void kv_receipts_note(struct kv_receipts *receipts, const struct kv_node *node);
/* Its name in the drop box is no receipt any more. */
void kv_receipts_forget(struct kv_receipts *receipts, const struct kv_node *node);
/* What an earlier mount left for name in folder. */
bool kv_receipts_find_path(
    struct kv_receipts *receipts, const struct kv_node *folder, const char *name, struct kv_receipt *receipt);

/* Whether a listing shows the very version; no answer means only that it must be asked for. */
bool kv_receipts_is_listed(struct kv_receipts *receipts, const struct kv_receipt *receipt);
/* err 0: it is in the vault; -ENOENT: it is not; else it cannot be told. From the loop, once. */
typedef void kv_receipts_checked(void *arg, int err);
/* By the listing, which may have to come in first, else by the object's versions. */
int kv_receipts_check(struct kv_receipts *receipts, const struct kv_receipt *receipt,
    const struct kv_caller *caller, kv_receipts_checked *done, void *arg,
    struct kv_receipt_check **check) KV_MUST_CHECK;
/* done is not called. NULL does nothing. */
void kv_receipts_cancel(struct kv_receipt_check *check);
#endif
