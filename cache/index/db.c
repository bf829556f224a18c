/*
 * The database: its statements, and the notes to be written.
 *
 * Each table's module keeps its notes in its own queue; a timer writes them, at most ROWS in a turn of the
 * loop, in one transaction. A note leaves its queue only after the commit. SQLITE_BUSY (another mount is
 * writing) means: retry later.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/index/db.h"
#include "cache/index/db_file.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/loop.h"

#define MODULE	  "index"
#define ROWS	  256 /* written in one turn: about 2 ms */
#define BUSY_MS	  50
#define IDLE_MS	  5000	/* without a write, before the WAL is checkpointed */
#define WAL_PAGES 16384 /* 64 MiB: beyond this it is checkpointed even if it is never idle */
#define TABLES	  4

enum { BEGIN_READING, BEGIN, COMMIT, ROLLBACK, STATEMENTS };
static const char *const statements[STATEMENTS] = {
	[BEGIN_READING] = "BEGIN",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
};

struct kv_db {
	sqlite3 *sqlite;
	char *path;
	struct kv_db_table transactions; /* the statements above */
	struct kv_db_table *tables[TABLES];
	int n_tables;
	bool is_given_up, is_reading;
	int wal_pages;
	struct kv_timer soon, idle;
};

/* ---- statements ---- */

/* Not fatal: what is missing on disk is fetched from the vault again. */
static void
give_up(struct kv_db *db, int result)
{
	if (db->is_given_up)
		return;
	db->is_given_up = true;
	kv_log_write(KV_LOG_WARNING, MODULE,
	    "file=%s why=\"%s: nothing more is written to it, so the next mount downloads again what is missing\"",
	    db->path, sqlite3_errstr(result));
}

bool
kv_db_is_usable(const struct kv_db_table *table)
{
	return table->db != NULL && !table->db->is_given_up;
}

struct sqlite3_stmt *
kv_db_statement(struct kv_db_table *table, int which)
{
	sqlite3_reset(table->prepared[which]);
	return table->prepared[which];
}

int
kv_db_step(struct kv_db *db, struct sqlite3_stmt *s)
{
	const int result = sqlite3_step(s);

	if (result != SQLITE_ROW)
		sqlite3_reset(s);
	if (result != SQLITE_ROW && result != SQLITE_DONE && result != SQLITE_BUSY)
		give_up(db, result);
	return result;
}

static int
run(struct kv_db *db, int which)
{
	return kv_db_step(db, kv_db_statement(&db->transactions, which));
}

int
kv_db_changed(const struct kv_db *db)
{
	return sqlite3_changes(db->sqlite);
}

bool
kv_db_column_bytes(struct sqlite3_stmt *s, int column, void *bytes, size_t len)
{
	if (sqlite3_column_type(s, column) != SQLITE_BLOB || sqlite3_column_bytes(s, column) != (int)len)
		return false;
	memcpy(bytes, sqlite3_column_blob(s, column), len);
	return true;
}

void
kv_db_column_text(struct sqlite3_stmt *s, int column, char *text, size_t size)
{
	const unsigned char *value = sqlite3_column_text(s, column);

	snprintf(text, size, "%s", value != NULL ? (const char *)value : "");
}

/* ---- writing ---- */

static bool
has_notes(const struct kv_db *db)
{
	for (int i = 0; i < db->n_tables; i++)
		if (db->tables[i]->has_notes != NULL && db->tables[i]->has_notes(db->tables[i]))
			return true;
	return false;
}

/* Writes some of the notes. False: nothing was written. */
static bool
write_some(struct kv_db *db)
{
	int n_written[TABLES] = { 0 }, left = ROWS, result = run(db, BEGIN);

	if (result != SQLITE_DONE)
		return false;
	for (int i = 0; i < db->n_tables && result == SQLITE_DONE; i++) {
		if (db->tables[i]->write != NULL)
			result = db->tables[i]->write(db->tables[i], left, &n_written[i]);
		left -= n_written[i];
	}
	if (result == SQLITE_DONE)
		result = run(db, COMMIT);
	if (result != SQLITE_DONE) {
		(void)run(db, ROLLBACK);
		return false;
	}
	for (int i = 0; i < db->n_tables; i++)
		if (db->tables[i]->committed != NULL)
			db->tables[i]->committed(db->tables[i], n_written[i]);
	return true;
}

static void
drop_notes(struct kv_db *db)
{
	for (int i = 0; i < db->n_tables; i++)
		if (db->tables[i]->drop != NULL)
			db->tables[i]->drop(db->tables[i]);
}

static void
checkpoint(struct kv_db *db)
{
	if (db->wal_pages > 0 && !db->is_given_up)
		(void)sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	db->wal_pages = 0;
}

static void
write_soon(void *arg)
{
	struct kv_db *db = arg;
	const bool is_busy = !db->is_given_up && !write_some(db);

	if (db->is_given_up) {
		drop_notes(db);
		return;
	}
	if (is_busy || has_notes(db))
		kv_timer_set(&db->soon, is_busy ? BUSY_MS : 0);
	if (db->wal_pages > WAL_PAGES)
		checkpoint(db);
	kv_timer_set(&db->idle, IDLE_MS);
}

static void
is_idle(void *arg)
{
	checkpoint(arg);
}

static int
wal_grew(void *arg, sqlite3 *sqlite, const char *name, int pages)
{
	struct kv_db *db = arg;

	(void)sqlite;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

void
kv_db_wake(struct kv_db *db, int64_t ms)
{
	/* a receipt does not wait for what may be written later */
	if (!kv_timer_is_set(&db->soon) || kv_clock_mono_ms() + ms < db->soon.mono_due)
		kv_timer_set(&db->soon, ms);
}

void
kv_db_begin_reading(struct kv_db *db)
{
	if (db != NULL && !db->is_given_up && !db->is_reading)
		db->is_reading = run(db, BEGIN_READING) == SQLITE_DONE;
}

void
kv_db_settle(struct kv_db *db)
{
	if (db != NULL && db->is_reading) {
		(void)run(db, COMMIT);
		db->is_reading = false;
	}
	while (db != NULL && !db->is_given_up && has_notes(db) && write_some(db))
		continue;
}

/* ---- opening and closing ---- */

static void
finalize(struct kv_db_table *table)
{
	for (int i = 0; i < table->n_sql; i++) {
		sqlite3_finalize(table->prepared[i]);
		table->prepared[i] = NULL;
	}
}

static int
prepare(struct kv_db_table *table, sqlite3 *sqlite)
{
	int result = SQLITE_OK;

	for (int i = 0; result == SQLITE_OK && i < table->n_sql; i++)
		result = sqlite3_prepare_v3(
		    sqlite, table->sql[i], -1, SQLITE_PREPARE_PERSISTENT, &table->prepared[i], NULL);
	return result;
}

static void
finalize_all(struct kv_db *db)
{
	finalize(&db->transactions);
	for (int i = 0; i < db->n_tables; i++)
		finalize(db->tables[i]);
}

static int
prepare_all(void *arg, sqlite3 *sqlite)
{
	struct kv_db *db = arg;
	int result = prepare(&db->transactions, sqlite);

	for (int i = 0; result == SQLITE_OK && i < db->n_tables; i++)
		result = prepare(db->tables[i], sqlite);
	if (result != SQLITE_OK)
		finalize_all(db);
	return result;
}

static void
free_db(struct kv_db *db)
{
	drop_notes(db);
	kv_timer_stop(&db->soon);
	kv_timer_stop(&db->idle);
	finalize_all(db);
	for (int i = 0; i < db->n_tables; i++)
		db->tables[i]->db = NULL;
	sqlite3_close(db->sqlite);
	free(db->path);
	free(db);
}

int
kv_db_open(struct kv_loop *loop, const char *folder, const char *vault, struct kv_db_table *const *tables,
    int n_tables, struct kv_db **out, struct kv_buf *why)
{
	struct kv_db *db = calloc(1, sizeof(*db));
	int err;

	*out = NULL;
	if (db == NULL)
		return -ENOMEM;
	db->transactions = (struct kv_db_table){ .sql = statements, .n_sql = STATEMENTS, .db = db };
	db->n_tables = n_tables;
	memcpy(db->tables, tables, (size_t)n_tables * sizeof(struct kv_db_table *));
	kv_timer_init(&db->soon, loop, write_soon, db);
	kv_timer_init(&db->idle, loop, is_idle, db);
	err = kv_db_file_open(folder, vault, prepare_all, db, &db->sqlite, &db->path, why);
	for (int i = 0; err == 0 && i < n_tables; i++)
		tables[i]->db = db;
	if (err == 0 && !write_some(db)) {
		kv_buf_say(why, "it cannot be written to");
		err = -EIO;
	}
	if (err != 0) {
		free_db(db);
		return err;
	}
	sqlite3_exec(
	    db->sqlite, "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0", NULL, NULL, NULL);
	sqlite3_wal_hook(db->sqlite, wal_grew, db);
	sqlite3_busy_timeout(db->sqlite, 0);
	*out = db;
	return 0;
}

void
kv_db_close(struct kv_db *db)
{
	if (db == NULL)
		return;
	if (!db->is_given_up && has_notes(db))
		sqlite3_busy_timeout(db->sqlite, KV_DB_FILE_START_MS);
	while (!db->is_given_up && has_notes(db) && write_some(db))
		continue;
	free_db(db);
}

const char *
kv_db_library(void)
{
	return sqlite3_libversion();
}
