/*
 * The rows of bookmarks: one a type, so it is written at once, and never partly.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "cache/index/bookmark_rows.h"
#include "cache/index/db.h"
#include "client/base/buf.h"

enum { PUT, FIND, STATEMENTS };
static const char *const statements[STATEMENTS] = {
	[PUT] = "REPLACE INTO bookmark VALUES(?, ?)",
	[FIND] = "SELECT tokens FROM bookmark WHERE type = ?",
};

struct kv_bookmark_rows {
	struct kv_db_table table;
};

void
kv_bookmark_rows_keep(struct kv_bookmark_rows *rows, enum kv_type type, const char *tokens)
{
	sqlite3_stmt *s;

	if (rows == NULL || !kv_db_is_usable(&rows->table))
		return;
	s = kv_db_statement(&rows->table, PUT);
	sqlite3_bind_int(s, 1, type);
	sqlite3_bind_text(s, 2, tokens, -1, SQLITE_STATIC);
	(void)kv_db_step(rows->table.db, s);
}

bool
kv_bookmark_rows_find(struct kv_bookmark_rows *rows, enum kv_type type, struct kv_buf *tokens)
{
	sqlite3_stmt *s;
	const char *text;
	bool is_found;

	if (rows == NULL || !kv_db_is_usable(&rows->table))
		return false;
	s = kv_db_statement(&rows->table, FIND);
	sqlite3_bind_int(s, 1, type);
	if (kv_db_step(rows->table.db, s) != SQLITE_ROW)
		return false;
	text = (const char *)sqlite3_column_text(s, 0);
	is_found = text != NULL && *text != '\0' && kv_buf_puts(tokens, text) == 0;
	sqlite3_reset(s);
	return is_found;
}

struct kv_db_table *
kv_bookmark_rows_table(struct kv_bookmark_rows *rows)
{
	return &rows->table;
}

struct kv_bookmark_rows *
kv_bookmark_rows_new(void)
{
	struct kv_bookmark_rows *rows = calloc(1, sizeof(*rows));

	if (rows != NULL)
		rows->table = (struct kv_db_table){ .sql = statements, .n_sql = STATEMENTS };
	return rows;
}

void
kv_bookmark_rows_free(struct kv_bookmark_rows *rows)
{
	free(rows);
}
