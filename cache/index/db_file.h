#ifndef KV_CACHE_INDEX_DB_FILE_H
#define KV_CACHE_INDEX_DB_FILE_H
/*
 * The SQLite file of an index: created if missing, inspected, migrated if older, and set aside if damaged
 * or foreign.
 */
#include "client/base/err.h"

struct kv_buf;
struct sqlite3;

#define KV_DB_FILE_START_MS 2000 /* how long start-up waits for another process */

/*
 * Called with a file that has passed inspection: an SQLite result. After SQLITE_ERROR and SQLITE_CORRUPT (a
 * table is not as expected) the file is set aside.
 */
typedef int kv_db_file_try(void *arg, struct sqlite3 *db);
/*
 * *path is the caller's to free. On failure -errno, and a sentence in why; try must undo its own work if it
 * fails.
 */
int kv_db_file_open(const char *folder, const char *vault, kv_db_file_try *try, void *arg,
    struct sqlite3 **db, char **path, struct kv_buf *why) KV_MUST_CHECK;
#endif
