#ifndef KV_FS_DROPBOX_RECEIPT_H
#define KV_FS_DROPBOX_RECEIPT_H
/*
 * Receipts: what this mount or an earlier one sent, so that an interrupted `cp` can simply be run again.
 * A receipt is found by the bytes or the path that were written. It is never proof: before it is used,
 * fs/dropbox/confirm asks the vault.
 */
#include <stdbool.h>
#include "cache/index/receipt_rows.h"

struct kv_drop;
struct kv_receipts;

/* rows: NULL with cache=none; paths are then lost with the mount. Returns NULL if out of memory. */
struct kv_receipts *kv_receipts_new(struct kv_receipt_rows *rows);
void kv_receipts_free(struct kv_receipts *receipts);

/* By bytes. */
void kv_receipts_keep(struct kv_receipts *receipts, const struct kv_receipt *receipt);
bool kv_receipts_find(struct kv_receipts *receipts, const unsigned char digest[KV_DIGEST_LEN],
    enum kv_type type, struct kv_receipt *receipt);

/* By path: store file's path, size, mtime and mode, if it was sent. */
void kv_receipts_note(struct kv_receipts *receipts, const struct kv_drop *file);
/* Discard the receipt of name in folder … */
void kv_receipts_forget(struct kv_receipts *receipts, const struct kv_drop *folder, const char *name);
/* … and all receipts below the folder of that name. */
void kv_receipts_forget_below(struct kv_receipts *receipts, const struct kv_drop *folder, const char *name);
/* The folder called name was renamed to to_name in to: update the paths of the receipts below it. */
void kv_receipts_move_below(struct kv_receipts *receipts, const struct kv_drop *folder, const char *name,
    const struct kv_drop *to, const char *to_name);
/* The receipt that an earlier mount left for name in folder. */
bool kv_receipts_find_path(
    struct kv_receipts *receipts, const struct kv_drop *folder, const char *name, struct kv_receipt *receipt);
/*
 * The path of name in folder, below the drop box and after its kind's prefix: "keys/db.blob". False if it is longer than
 * PATH_MAX, or folder is NULL or was removed: then there is no receipt, and all of the above do nothing.
 */
bool kv_receipts_path(const struct kv_drop *folder, const char *name, char *path);
#endif
