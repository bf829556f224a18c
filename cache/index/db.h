#ifndef KV_CACHE_INDEX_DB_H
#define KV_CACHE_INDEX_DB_H
/*
 * The database of an index: one SQLite file for each vault (WAL, mode 0600), so that several mounts may use
 * it at once. Only opening and closing may block. The modules of the tables queue their changes as notes,
 * which are written soon, in transactions of a few milliseconds without an fsync (synchronous=NORMAL);
 * while another process writes, they are retried later. The WAL is checkpointed after a while without
 * writes. A crash loses the last notes, never the file.
 *
 * A table's module embeds a struct kv_db_table. If the file cannot be read or written any more, the
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

#define KV_DB_STATEMENTS 8 /* most of a table */

struct kv_db_table {
	const char *const *sql; /* its statements */
	int n_sql;
	/* The notes, oldest first. Each function may be NULL: the module has no notes. */
	bool (*has_notes)(const struct kv_db_table *table);
	/* Writes at most n notes, inside a transaction: an SQLite result, SQLITE_DONE on success. */
	int (*write)(struct kv_db_table *table, int n, int *n_written);
	/* The first n_written notes are committed: drops them. */
	void (*committed)(struct kv_db_table *table, int n_written);
	/* Nothing will be written any more: drops all notes. */
	void (*drop)(struct kv_db_table *table);

	/* Private to the database. */
	struct kv_db *db; /* NULL before it is open */
	struct sqlite3_stmt *prepared[KV_DB_STATEMENTS];
};

/*
 * Opens the file VAULT.db in folder, which is created (0700) if missing. tables are written in this order;
 * they must outlive the database. A damaged or foreign file is renamed to *.damaged, with a warning in the
 * log, and a new one created. On failure -errno, and a sentence in why. May block: for start-up only.
 */
int kv_db_open(struct kv_loop *loop, const char *folder, const char *vault, struct kv_db_table *const *tables,
    int n_tables, struct kv_db **db, struct kv_buf *why) KV_MUST_CHECK;
/* Writes all notes; waits up to 2 s for another process. NULL does nothing. */
void kv_db_close(struct kv_db *db);
/* SQLite's version, "3.40.1". */
const char *kv_db_library(void);

/* Until kv_db_settle(), all reads are in one transaction instead of one each. NULL does nothing. */
void kv_db_begin_reading(struct kv_db *db);
/*
 * Ends kv_db_begin_reading() and writes all notes now, unless another process is writing. NULL does
 * nothing.
 */
void kv_db_settle(struct kv_db *db);

/* ---- for the modules of the tables ---- */

/* False before the database is open, and after it was given up: then nothing below may be called. */
bool kv_db_is_usable(const struct kv_db_table *table);
/* Schedules a write within ms. */
void kv_db_wake(struct kv_db *db, int64_t ms);
/* The statement with that number, reset, to be bound and stepped. */
struct sqlite3_stmt *kv_db_statement(struct kv_db_table *table, int which);
/*
 * SQLITE_ROW, SQLITE_DONE, SQLITE_BUSY; or a failure, after which the database is given up. Resets the
 * statement, except after SQLITE_ROW.
 */
int kv_db_step(struct kv_db *db, struct sqlite3_stmt *statement);
/* How many rows the last statement changed. */
int kv_db_changed(const struct kv_db *db);

/* Copies the column's bytes; false unless there are exactly len. */
bool kv_db_column_bytes(struct sqlite3_stmt *statement, int column, void *bytes, size_t len);
/* Copies the column's text, truncated to size; "" for NULL. */
void kv_db_column_text(struct sqlite3_stmt *statement, int column, char *text, size_t size);
#endif
