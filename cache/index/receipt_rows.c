/*
 * The rows of receipts. Notes wait in a queue; a lookup by path searches the queue first, the newest note
 * first, then the database; a lookup by digest searches only the database.
 */
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cache/index/db.h"
#include "cache/index/receipt_rows.h"

enum { PUT, DROP, CLEAR_BELOW, MOVE_BELOW, DROP_BELOW, FIND_PATH, NEXT_PATHS, FIND_DIGEST, STATEMENTS };
#define RECEIPT "digest, type, name, version, updated, size, mtime, mode"
/* ?1: a folder. '0' is the character after '/'. */
#define IS_BELOW " path > ?1 || '/' AND path < ?1 || '0'"
static const char *const statements[STATEMENTS] = {
	[PUT] = "REPLACE INTO receipt(path, " RECEIPT ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
	/*
	 * keeps the digest, because the bytes are still in the vault (borg creates a folder again after its
	 * files); no other path begins with /
	 */
	[DROP] = "UPDATE OR REPLACE receipt SET path = '/' || type || '/' || hex(digest) WHERE path = ?",
	[CLEAR_BELOW] = "DELETE FROM receipt WHERE" IS_BELOW,
	[MOVE_BELOW] =
	    "UPDATE OR REPLACE receipt SET path = ?2 || substr(path, length(?1) + 1) WHERE" IS_BELOW,
	[DROP_BELOW] =
	    "UPDATE OR REPLACE receipt SET path = '/' || type || '/' || hex(digest) WHERE" IS_BELOW,
	[FIND_PATH] = "SELECT " RECEIPT " FROM receipt WHERE path = ?",
	[NEXT_PATHS] = "SELECT " RECEIPT ", path FROM receipt WHERE path > ? ORDER BY path LIMIT ?",
	[FIND_DIGEST] =
	    "SELECT " RECEIPT " FROM receipt WHERE digest = ? AND type = ? ORDER BY updated DESC LIMIT 1",
};
_Static_assert(STATEMENTS <= KV_DB_STATEMENTS, "as many as a table may have");

enum kind { KEEP, FORGET, MOVE };
struct note {
	TAILQ_ENTRY(note) link;
	enum kind kind;
	struct kv_receipt receipt; /* KEEP */
	char *to;		   /* MOVE: the new folder; NULL: the paths are forgotten */
	char path[];
};

struct kv_receipt_rows {
	struct kv_db_table table; /* first */
	TAILQ_HEAD(notes, note) notes;
};

/* ---- writing ---- */

static int
keep_receipt(struct kv_receipt_rows *rows, const char *path, const struct kv_receipt *r)
{
	sqlite3_stmt *s = kv_db_statement(&rows->table, PUT);

	sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
	sqlite3_bind_blob(s, 2, r->digest, KV_DIGEST_LEN, SQLITE_STATIC);
	sqlite3_bind_int(s, 3, r->type);
	sqlite3_bind_text(s, 4, r->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 5, r->version, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 6, r->wall_updated);
	sqlite3_bind_int64(s, 7, (int64_t)r->size);
	sqlite3_bind_int64(s, 8, r->wall_mtime_ns);
	sqlite3_bind_int(s, 9, (int)r->mode);
	return kv_db_step(rows->table.db, s);
}

static int
change_path(struct kv_receipt_rows *rows, int which, const char *path, const char *to)
{
	sqlite3_stmt *s = kv_db_statement(&rows->table, which);

	sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
	if (to != NULL)
		sqlite3_bind_text(s, 2, to, -1, SQLITE_STATIC);
	return kv_db_step(rows->table.db, s);
}

static int
write_note(struct kv_receipt_rows *rows, const struct note *note)
{
	int result;

	if (note->kind == KEEP)
		return keep_receipt(rows, note->path, &note->receipt);
	if (note->kind == FORGET)
		return change_path(rows, DROP, note->path, NULL);
	if (note->to == NULL)
		return change_path(rows, DROP_BELOW, note->path, NULL);
	result = change_path(rows, CLEAR_BELOW, note->to, NULL);
	return result == SQLITE_DONE ? change_path(rows, MOVE_BELOW, note->path, note->to) : result;
}

static bool
has_notes(const struct kv_db_table *table)
{
	return !TAILQ_EMPTY(&((const struct kv_receipt_rows *)table)->notes);
}

static int
write_notes(struct kv_db_table *table, int n, int *n_written)
{
	struct kv_receipt_rows *rows = (struct kv_receipt_rows *)table;
	const struct note *note;
	int result = SQLITE_DONE;

	TAILQ_FOREACH(note, &rows->notes, link) {
		if (*n_written == n || result != SQLITE_DONE)
			break;
		result = write_note(rows, note);
		++*n_written;
	}
	return result;
}

static void
drop_first(struct kv_receipt_rows *rows)
{
	struct note *note = TAILQ_FIRST(&rows->notes);

	TAILQ_REMOVE(&rows->notes, note, link);
	free(note->to);
	free(note);
}

static void
notes_committed(struct kv_db_table *table, int n_written)
{
	while (n_written-- > 0)
		drop_first((struct kv_receipt_rows *)table);
}

static void
drop_notes(struct kv_db_table *table)
{
	struct kv_receipt_rows *rows = (struct kv_receipt_rows *)table;

	while (!TAILQ_EMPTY(&rows->notes))
		drop_first(rows);
}

/* ---- noting ---- */

/* NULL: out of memory, or no index. The same bytes may then be sent once more, and be refused. */
static struct note *
new_note(struct kv_receipt_rows *rows, enum kind kind, const char *path)
{
	const size_t len = strlen(path) + 1;
	struct note *note =
	    rows == NULL || !kv_db_is_usable(&rows->table) ? NULL : calloc(1, sizeof(*note) + len);

	if (note == NULL)
		return NULL;
	note->kind = kind;
	memcpy(note->path, path, len);
	return note;
}

static void
add_note(struct kv_receipt_rows *rows, struct note *note)
{
	TAILQ_INSERT_TAIL(&rows->notes, note, link);
	kv_db_wake(rows->table.db, 0);
}

void
kv_receipt_rows_keep(struct kv_receipt_rows *rows, const char *path, const struct kv_receipt *receipt)
{
	struct note *note = new_note(rows, receipt != NULL ? KEEP : FORGET, path);

	if (note == NULL)
		return;
	if (receipt != NULL)
		note->receipt = *receipt;
	add_note(rows, note);
}

void
kv_receipt_rows_move(struct kv_receipt_rows *rows, const char *path, const char *to)
{
	struct note *note = new_note(rows, MOVE, path);

	if (note == NULL)
		return;
	note->to = to != NULL ? strdup(to) : NULL; /* or out of memory: then the paths are forgotten */
	add_note(rows, note);
}

static bool
read_receipt(sqlite3_stmt *s, struct kv_receipt *r)
{
	*r = (struct kv_receipt){ .type = KV_KEYS };
	if (!kv_db_column_bytes(s, 0, r->digest, KV_DIGEST_LEN))
		return false;
	r->type = (enum kv_type)sqlite3_column_int(s, 1);
	kv_db_column_text(s, 2, r->name, sizeof(r->name));
	kv_db_column_text(s, 3, r->version, sizeof(r->version));
	r->wall_updated = sqlite3_column_int64(s, 4);
	r->size = (uint64_t)sqlite3_column_int64(s, 5);
	r->wall_mtime_ns = sqlite3_column_int64(s, 6);
	r->mode = (uint32_t)sqlite3_column_int(s, 7);
	return (int)r->type >= 0 && r->type < KV_TYPES && kv_type_is_name(r->name);
}

static bool
take_receipt(struct kv_receipt_rows *rows, sqlite3_stmt *s, struct kv_receipt *r)
{
	bool is_found;

	*r = (struct kv_receipt){ .type = KV_KEYS };
	if (kv_db_step(rows->table.db, s) != SQLITE_ROW)
		return false;
	is_found = read_receipt(s, r);
	sqlite3_reset(s);
	return is_found;
}

/* The part of path from the slash after folder on; NULL: path is not below folder. */
static const char *
below(const char *path, const char *folder)
{
	const size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && path[n] == '/' ? path + n : NULL;
}

/*
 * Looks path up in the notes, the newest first: 1 and the receipt; 0: there is none; -1: the database
 * decides, and path is now the path to look up there.
 */
static int
find_note(const struct kv_receipt_rows *rows, char path[PATH_MAX], struct kv_receipt *receipt)
{
	const struct note *note;
	char before[PATH_MAX];
	const char *rest;

	TAILQ_FOREACH_REVERSE(note, &rows->notes, notes, link)
	{
		if (note->kind != MOVE && strcmp(note->path, path) == 0) {
			*receipt = note->receipt;
			return note->kind == KEEP;
		}
		if (note->kind != MOVE)
			continue;
		rest = note->to != NULL ? below(path, note->to) : NULL;
		if (rest != NULL) {
			if (snprintf(before, sizeof(before), "%s%s", note->path, rest) >= (int)sizeof(before))
				return 0;
			memcpy(path, before, sizeof(before));
		} else if (below(path, note->path) != NULL) {
			return 0;
		}
	}
	return -1;
}

bool
kv_receipt_rows_find_path(struct kv_receipt_rows *rows, const char *path, struct kv_receipt *receipt)
{
	char written[PATH_MAX];
	sqlite3_stmt *s;
	int found;

	if (rows == NULL || !kv_db_is_usable(&rows->table) || strlen(path) >= sizeof(written))
		return false;
	memcpy(written, path, strlen(path) + 1);
	found = find_note(rows, written, receipt);
	if (found >= 0)
		return found == 1;
	s = kv_db_statement(&rows->table, FIND_PATH);
	sqlite3_bind_text(s, 1, written, -1, SQLITE_TRANSIENT);
	return take_receipt(rows, s, receipt);
}

void
kv_receipt_rows_next(
    struct kv_receipt_rows *rows, const char *path, int n, kv_receipt_rows_visit *visit, void *arg)
{
	struct kv_receipt receipt;
	sqlite3_stmt *s;

	if (rows == NULL || !kv_db_is_usable(&rows->table))
		return;
	s = kv_db_statement(&rows->table, NEXT_PATHS);
	sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 2, n);
	while (kv_db_step(rows->table.db, s) == SQLITE_ROW)
		if (read_receipt(s, &receipt))
			visit(arg, (const char *)sqlite3_column_text(s, 8), &receipt);
}

bool
kv_receipt_rows_find_digest(struct kv_receipt_rows *rows, const unsigned char digest[KV_DIGEST_LEN],
    enum kv_type type, struct kv_receipt *receipt)
{
	sqlite3_stmt *s;

	if (rows == NULL || !kv_db_is_usable(&rows->table))
		return false;
	s = kv_db_statement(&rows->table, FIND_DIGEST);
	sqlite3_bind_blob(s, 1, digest, KV_DIGEST_LEN, SQLITE_STATIC);
	sqlite3_bind_int(s, 2, type);
	return take_receipt(rows, s, receipt);
}

struct kv_db_table *
kv_receipt_rows_table(struct kv_receipt_rows *rows)
{
	return &rows->table;
}

struct kv_receipt_rows *
kv_receipt_rows_new(void)
{
	struct kv_receipt_rows *rows = calloc(1, sizeof(*rows));

	if (rows == NULL)
		return NULL;
	rows->table = (struct kv_db_table){
		.sql = statements,
		.n_sql = STATEMENTS,
		.has_notes = has_notes,
		.write = write_notes,
		.committed = notes_committed,
		.drop = drop_notes,
	};
	TAILQ_INIT(&rows->notes);
	return rows;
}

void
kv_receipt_rows_free(struct kv_receipt_rows *rows)
{
	free(rows);
}
