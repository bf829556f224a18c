#ifndef KV_CACHE_INDEX_RECEIPT_ROWS_H
#define KV_CACHE_INDEX_RECEIPT_ROWS_H
/*
 * Receipts of what was restored, kept from one mount to the next.
 *
 * rows may be NULL, for a volume without an index: then nothing is kept and nothing found.
 */
#include <stdbool.h>
#include <stdint.h>
#include "client/vault/blob.h"
#include "client/vault/type.h"

struct kv_db_table;
struct kv_receipt_rows;

/* NULL: out of memory. */
struct kv_receipt_rows *kv_receipt_rows_new(void);
/* After the database. */
void kv_receipt_rows_free(struct kv_receipt_rows *rows);
struct kv_db_table *kv_receipt_rows_table(struct kv_receipt_rows *rows);

/* A blob that was restored, and the object and version that it became. */
struct kv_receipt {
	unsigned char digest[KV_DIGEST_LEN]; /* of the bytes that were restored */
	enum kv_type type;
	char name[KV_NAME_MAX + 1];
	char version[64];
	int64_t wall_updated;  /* of that version, 0 where the vault did not send it */
	uint64_t size;	       /* of the file as it was written, bytes */
	int64_t wall_mtime_ns; /* that its writer gave it */
	uint32_t mode;
};
/* path: below restore/. Copied; replaces an earlier one of that path. NULL: the path is forgotten, its bytes are not. */
void kv_receipt_rows_keep(struct kv_receipt_rows *rows, const char *path, const struct kv_receipt *receipt);
/*
 * A folder was renamed: what is below path, not path itself, is below to from now on, instead of what was
 * below that. to NULL: those paths are forgotten, their bytes are not.
 */
void kv_receipt_rows_move(struct kv_receipt_rows *rows, const char *path, const char *to);
bool kv_receipt_rows_find_path(struct kv_receipt_rows *rows, const char *path, struct kv_receipt *receipt);
bool kv_receipt_rows_find_digest(struct kv_receipt_rows *rows, const unsigned char digest[KV_DIGEST_LEN],
    enum kv_type type, struct kv_receipt *receipt);

/* The first n receipts behind path, in the byte order of paths, of those that are written. visit must not call this module. */
typedef void kv_receipt_rows_visit(void *arg, const char *path, const struct kv_receipt *receipt);
void kv_receipt_rows_next(
    struct kv_receipt_rows *rows, const char *path, int n, kv_receipt_rows_visit *visit, void *arg);
#endif
