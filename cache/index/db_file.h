#ifndef KV_CACHE_INDEX_DB_FILE_H
#define KV_CACHE_INDEX_DB_FILE_H
/*
 * The SQLite file of an index: made where it is missing, inspected, migrated where it is older, and
 * set aside where it is damaged or somebody else's.
 */
#include "client/base/err.h"

struct kv_buf;
struct sqlite3;

#define KV_DB_FILE_START_MS 2000 /* what the start waits for another process */

/*
 * Called with a file that seems good: an SQLite result. SQLITE_ERROR and SQLITE_CORRUPT (a table is not
 * as it should be) let the file be set aside.
 */
typedef int kv_db_file_try(void *arg, struct sqlite3 *db);
/*
 * *path is the caller's. -errno and a sentence in why where there can be none; then try's work must be
 * undone by itself.
 */
int kv_db_file_open(const char *folder, const char *vault, kv_db_file_try *try, void *arg,
    struct sqlite3 **db, char **path, struct kv_buf *why) KV_MUST_CHECK;
#endif
