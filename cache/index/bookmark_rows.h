#ifndef KV_CACHE_INDEX_BOOKMARK_ROWS_H
#define KV_CACHE_INDEX_BOOKMARK_ROWS_H
/*
 * Bookmarks of the lists, kept between mounts.
 *
 * rows may be NULL, for a volume without an index: then nothing is stored or found.
 */
#include <stdbool.h>
#include "client/vault/type.h"

struct kv_bookmark_rows;
struct kv_buf;
struct kv_db_table;

/* NULL: out of memory. */
struct kv_bookmark_rows *kv_bookmark_rows_new(void);
/* Call after the database is closed. */
void kv_bookmark_rows_free(struct kv_bookmark_rows *rows);
struct kv_db_table *kv_bookmark_rows_table(struct kv_bookmark_rows *rows);

/*
 * tokens: as kv_bookmarks_write() has them; "": there are none any more. While another process is writing,
 * nothing is stored; the next listing will do.
 */
void kv_bookmark_rows_keep(struct kv_bookmark_rows *rows, enum kv_type type, const char *tokens);
/* Appends them to tokens. False: there are none, or memory is short. */
bool kv_bookmark_rows_find(struct kv_bookmark_rows *rows, enum kv_type type, struct kv_buf *tokens);
#endif
