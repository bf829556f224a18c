#ifndef KV_CACHE_INDEX_DB_H
#define KV_CACHE_INDEX_DB_H
/*
 * The database of an index: one SQLite file for each vault (WAL, mode 0600), so that several mounts may use
 * it at once. Nothing here blocks: what a table's module has noted is written soon, in transactions of a few
 * milliseconds without an fsync (synchronous=NORMAL); while another process writes, it is tried again later;
 * the WAL is checkpointed when nothing has been written for a while. A crash costs what was noted last, never
 * the file.
 *
 * A table's module embeds a struct kv_db_table. Where the file cannot be read or written any more, the
 * database is given up for the rest of the mount, with one line in the log.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/base/err.h"

struct kv_buf;
struct kv_db;
struct kv_loop;
struct sqlite3_stmt;

#define KV_DB_STATEMENTS 8 /* of a table, at most */

struct kv_db_table {
	const char *const *sql; /* its statements */
	int n_sql;
	/* What is noted, oldest first. Each may be NULL: the module writes nothing behind. */
	bool (*has_notes)(const struct kv_db_table *table);
	/* Write at most n notes, inside a transaction: an SQLite result, SQLITE_DONE where all is well. */
	int (*write)(struct kv_db_table *table, int n, int *n_written);
	/* The n_written notes of that call are committed: drop them. */
	void (*committed)(struct kv_db_table *table, int n_written);
	/* Nothing will be written any more: drop all notes. */
	void (*drop)(struct kv_db_table *table);

	/* The database's own. */
	struct kv_db *db; /* NULL before it is open */
	struct sqlite3_stmt *prepared[KV_DB_STATEMENTS];
};

/*
 * The file vault.db in folder, which is made (0700) where it is missing. tables are written in this order;
 * they must outlive the database. A damaged or foreign file is renamed to *.damaged, with a warning in the
 * log, and a new one begun. -errno and a sentence in why where there can be none. May block: for the start only.
 */
int kv_db_open(struct kv_loop *loop, const char *folder, const char *vault, struct kv_db_table *const *tables,
    int n_tables, struct kv_db **db, struct kv_buf *why) KV_MUST_CHECK;
/* Writes what is noted, and waits up to 2 s for another process. NULL does nothing. */
void kv_db_close(struct kv_db *db);

/* From here to kv_db_settle() all is read in one transaction, not each row in its own. NULL does nothing. */
void kv_db_begin_reading(struct kv_db *db);
/* Write what is noted at once, unless another process writes now; ends kv_db_begin_reading(). NULL does nothing. */
void kv_db_settle(struct kv_db *db);

/* ---- for the modules of tables ---- */

/* False before the database is open, and after it was given up: then nothing below may be called. */
bool kv_db_is_usable(const struct kv_db_table *table);
/* There is something to write, within ms. */
void kv_db_wake(struct kv_db *db, int64_t ms);
/* The statement of that number, to be bound and stepped. */
struct sqlite3_stmt *kv_db_statement(struct kv_db_table *table, int which);
/* SQLITE_ROW, SQLITE_DONE, SQLITE_BUSY; or a failure, after which the database is given up. Resets but for SQLITE_ROW. */
int kv_db_step(struct kv_db *db, struct sqlite3_stmt *statement);
/* How many rows the last statement changed. */
int kv_db_changed(const struct kv_db *db);

/* The column's bytes, of exactly len, or false. */
bool kv_db_column_bytes(struct sqlite3_stmt *statement, int column, void *bytes, size_t len);
/* Cut to size where it is longer; "" for NULL. */
void kv_db_column_text(struct sqlite3_stmt *statement, int column, char *text, size_t size);
#endif
