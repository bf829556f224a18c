#ifndef KV_CACHE_INDEX_OBJECT_ROWS_H
#define KV_CACHE_INDEX_OBJECT_ROWS_H
/*
 * Object data kept between mounts: inode number, fingerprint, size, SHA-256 and times. No blobs, and no
 * names to show: only a listing decides which objects there are. Siblings have rows too, which are dropped with
 * those of their objects.
 *
 * rows may be NULL, for a volume without an index: then the functions do nothing.
 */
#include <stdbool.h>
#include <stddef.h>
#include "cache/object.h"

struct kv_db_table;
struct kv_object_rows;

/* NULL: out of memory. */
struct kv_object_rows *kv_object_rows_new(void);
/* Call after the database is closed. */
void kv_object_rows_free(struct kv_object_rows *rows);
struct kv_db_table *kv_object_rows_table(struct kv_object_rows *rows);

/* Until kv_object_rows_settle(), all rows are read in one transaction instead of one each. */
void kv_object_rows_begin(struct kv_object_rows *rows);
/*
 * object is new in this mount: sets its inode number, 16 + 4 x its id in the database, and its stored
 * fingerprint with the size, digest and times that belong to it. An object without a row gets the next id.
 */
void kv_object_rows_recall(struct kv_object_rows *rows, struct kv_object *object);
/* object's fingerprint, size, digest or times have changed, or it is gone: writes it soon. */
void kv_object_rows_note(struct kv_object_rows *rows, struct kv_object *object);
/*
 * Writes all notes now, unless another process is writing. An object that another mount wrote first gets
 * the inode number of that mount, unless its own is in use (is_ino_used). Ends kv_object_rows_begin().
 */
void kv_object_rows_settle(struct kv_object_rows *rows);
/*
 * A complete listing of type has n objects: drops the rows for which is_listed (called with upper-cased
 * names) returns false.
 */
void kv_object_rows_prune(struct kv_object_rows *rows, enum kv_type type, size_t n,
    bool (*is_listed)(const void *arg, const char *key), const void *arg);

/* Asserts the invariants at the top of object_rows.c. */
void kv_object_rows_check(const struct kv_object_rows *rows);
#endif
