#ifndef KV_CACHE_INDEX_RECEIPT_ROWS_H
#define KV_CACHE_INDEX_RECEIPT_ROWS_H
/*
 * Receipts of restores, kept between mounts.
 *
 * rows may be NULL, for a volume without an index: then nothing is stored or found.
 */
#include <stdbool.h>
#include <stdint.h>
#include "client/vault/blob.h"
#include "client/vault/type.h"

struct kv_db_table;
struct kv_receipt_rows;

/* NULL: out of memory. */
struct kv_receipt_rows *kv_receipt_rows_new(void);
/* Call after the database is closed. */
void kv_receipt_rows_free(struct kv_receipt_rows *rows);
struct kv_db_table *kv_receipt_rows_table(struct kv_receipt_rows *rows);

/* A restored blob, and the object and version that it became. */
struct kv_receipt {
	unsigned char digest[KV_DIGEST_LEN]; /* of the restored bytes */
	enum kv_type type;
	char name[KV_NAME_MAX + 1];
	char version[64];
	int64_t wall_updated;  /* of that version; 0: the vault did not send it */
	uint64_t size;	       /* of the file as it was written, bytes */
	int64_t wall_mtime_ns; /* as set by its writer */
	uint32_t mode;
};
/*
 * path is below restore/. Copies receipt, which replaces an earlier one of path. NULL: forgets the path,
 * but not the digest.
 */
void kv_receipt_rows_keep(struct kv_receipt_rows *rows, const char *path, const struct kv_receipt *receipt);
/*
 * A folder was renamed: moves all receipts below path (but not path itself) to the same places below to,
 * where they replace all others. to NULL: forgets the paths, but not the digests.
 */
void kv_receipt_rows_move(struct kv_receipt_rows *rows, const char *path, const char *to);
bool kv_receipt_rows_find_path(struct kv_receipt_rows *rows, const char *path, struct kv_receipt *receipt);
bool kv_receipt_rows_find_digest(struct kv_receipt_rows *rows, const unsigned char digest[KV_DIGEST_LEN],
    enum kv_type type, struct kv_receipt *receipt);

/*
 * Visits the first n receipts after path, in the byte order of paths, without notes that are not written
 * yet. visit must not call this module.
 */
typedef void kv_receipt_rows_visit(void *arg, const char *path, const struct kv_receipt *receipt);
void kv_receipt_rows_next(
    struct kv_receipt_rows *rows, const char *path, int n, kv_receipt_rows_visit *visit, void *arg);
#endif
