#ifndef KV_CACHE_INDEX_OBJECT_ROWS_H
#define KV_CACHE_INDEX_OBJECT_ROWS_H
/*
 * What is kept of objects from one mount to the next: inode number, fingerprint, size, SHA-256 and times. No
 * blobs, and no names to show: which objects there are, only a listing decides.
 *
 * Every function takes NULL, for a volume without an index, and then does nothing.
 */
#include <stdbool.h>
#include <stddef.h>
#include "cache/object.h"

struct kv_db_table;
struct kv_object_rows;

/* NULL: out of memory. */
struct kv_object_rows *kv_object_rows_new(void);
/* After the database. */
void kv_object_rows_free(struct kv_object_rows *rows);
struct kv_db_table *kv_object_rows_table(struct kv_object_rows *rows);

/* What is recalled from here to kv_object_rows_settle() is read in one transaction, not each in its own. */
void kv_object_rows_begin(struct kv_object_rows *rows);
/*
 * object is new in this mount: set its inode number, 16 + 4 x its id in the database, and what was stored when
 * it had this fingerprint. One that is not there gets the next id.
 */
void kv_object_rows_recall(struct kv_object_rows *rows, struct kv_object *object);
/* object's fingerprint, size, digest or times have changed, or it is gone: it is written soon. */
void kv_object_rows_note(struct kv_object_rows *rows, struct kv_object *object);
/*
 * Write what is noted at once, unless another process writes now. Objects that another mount was the first to
 * write get its inode numbers, unless theirs are in use (is_ino_used). Ends kv_object_rows_begin().
 */
void kv_object_rows_settle(struct kv_object_rows *rows);
/* A complete listing of type has n objects: drop the rows of those that is_listed (upper-cased names) does not have. */
void kv_object_rows_prune(struct kv_object_rows *rows, enum kv_type type, size_t n,
    bool (*is_listed)(const void *arg, const char *key), const void *arg);

/* Asserts the invariants at the top of object_rows.c. */
void kv_object_rows_check(const struct kv_object_rows *rows);
#endif
