/*
 * The rows of rates: few, so they are written at once.
 */
#include <sqlite3.h>
#include <stdlib.h>

#include "cache/index/db.h"
#include "cache/index/rate_rows.h"
#include "client/base/clock.h"

enum { PUT, FIND, STATEMENTS };
static const char *const statements[STATEMENTS] = {
	[PUT] = "REPLACE INTO pace VALUES(?, ?, ?, ?)",
	[FIND] = "SELECT rate, most, kept FROM pace WHERE class = ?",
};

struct kv_rate_rows {
	struct kv_db_table table;
};

void
kv_rate_rows_keep(struct kv_rate_rows *rows, const char *class, double rate, double limit, int64_t age_s)
{
	sqlite3_stmt *s;

	if (rows == NULL || !kv_db_is_usable(&rows->table))
		return;
	s = kv_db_statement(&rows->table, PUT);
	sqlite3_bind_text(s, 1, class, -1, SQLITE_STATIC);
	sqlite3_bind_double(s, 2, rate);
	sqlite3_bind_double(s, 3, limit);
	sqlite3_bind_int64(s, 4, kv_clock_wall_s() - age_s);
	(void)kv_db_step(rows->table.db, s);
}

bool
kv_rate_rows_find(struct kv_rate_rows *rows, const char *class, double *rate, double *limit, int64_t *age_s)
{
	sqlite3_stmt *s;

	if (rows == NULL || !kv_db_is_usable(&rows->table))
		return false;
	s = kv_db_statement(&rows->table, FIND);
	sqlite3_bind_text(s, 1, class, -1, SQLITE_STATIC);
	if (kv_db_step(rows->table.db, s) != SQLITE_ROW)
		return false;
	*rate = sqlite3_column_double(s, 0);
	*limit = sqlite3_column_double(s, 1);
	*age_s = kv_clock_wall_s() - sqlite3_column_int64(s, 2);
	sqlite3_reset(s);
	return *rate > 0 && *limit >= 0 && *age_s >= 0;
}

struct kv_db_table *
kv_rate_rows_table(struct kv_rate_rows *rows)
{
	return &rows->table;
}

struct kv_rate_rows *
kv_rate_rows_new(void)
{
	struct kv_rate_rows *rows = calloc(1, sizeof(*rows));

	if (rows != NULL)
		rows->table = (struct kv_db_table){ .sql = statements, .n_sql = STATEMENTS };
	return rows;
}

void
kv_rate_rows_free(struct kv_rate_rows *rows)
{
	free(rows);
}
