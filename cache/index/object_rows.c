/*
 * The rows of objects.
 *
 * The queue holds a reference to each noted object. Ids are reserved a block at a time, in a transaction
 * that is committed before they are used, so that no two mounts ever assign the same one. If none is left,
 * an object keeps an inode number that is a digest of its name.
 *
 * A sibling's row has its object's key, and the number of its kind in the type: type + KV_TYPES * kind.
 *
 * The rows are stored in the order of type and upper-cased name, which is about the order of the service's
 * lists, so that writing a listing touches few pages.
 *
 * Invariants: an object in the queue has is_noted set and is referenced; the remaining ids are of one
 * block. (The content of the file is never asserted: others may write it.)
 */
#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "cache/index/db.h"
#include "cache/index/object_rows.h"
#include "client/vault/backup.h"

#define BLOCK	  4096 /* ids reserved at a time */
#define FIRST_INO 16
#define KINDS	  4    /* inode numbers per object: its blob's, and room for other files of it */
#define SOON_MS	  1000 /* a crash loses the sizes and digests of so much time, which are fetched again */

enum { RESERVE, FIND, PUT, DROP, COUNT, ALL, STATEMENTS };
static const char *const statements[STATEMENTS] = {
	[RESERVE] = "UPDATE counter SET next = next + ? RETURNING next",
	[FIND] =
	    "SELECT id, fingerprint, updated, size, digest, fetched FROM object WHERE type = ? AND key = ?",
	/* no effect if the row has another id: another mount wrote the object first */
	[PUT] = "INSERT INTO object VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
		" name = excluded.name, fingerprint = excluded.fingerprint,"
		" updated = excluded.updated, size = excluded.size, digest = excluded.digest,"
		" fetched = excluded.fetched WHERE id = excluded.id",
	[DROP] = "DELETE FROM object WHERE type IN (?1, ?1 + 3, ?1 + 6) AND key = ?2", /* and the siblings' */
	[COUNT] = "SELECT count(*) FROM object WHERE type = ?",
	[ALL] = "SELECT key FROM object WHERE type = ?",
};
_Static_assert(KV_TYPES == 3 && KV_KINDS == 3, "as DROP assumes");
_Static_assert(STATEMENTS <= KV_DB_STATEMENTS, "as many as a table may have");

struct kv_object_rows {
	struct kv_db_table table; /* first */
	TAILQ_HEAD(, kv_object) noted;
	int64_t next_id, end_id;
	int64_t spare_id, reserved_id; /* starts of blocks, or -1: the next; one not yet committed */
};

/* ---- ids ---- */

static uint64_t
number_of(int64_t id)
{
	return FIRST_INO + KINDS * (uint64_t)id;
}

static int
reserve(struct kv_object_rows *rows)
{
	sqlite3_stmt *s = kv_db_statement(&rows->table, RESERVE);
	int result;

	sqlite3_bind_int(s, 1, BLOCK);
	result = kv_db_step(rows->table.db, s);
	if (result != SQLITE_ROW)
		return result;
	rows->reserved_id = sqlite3_column_int64(s, 0) - BLOCK;
	sqlite3_reset(s);
	return SQLITE_DONE;
}

/* The next id; -1: none is left now. */
static int64_t
next_id(struct kv_object_rows *rows)
{
	if (rows->next_id == rows->end_id && rows->spare_id >= 0) {
		rows->next_id = rows->spare_id;
		rows->end_id = rows->next_id + BLOCK;
		rows->spare_id = -1;
	}
	if (rows->spare_id < 0)
		kv_db_wake(rows->table.db, 0);
	return rows->next_id < rows->end_id ? rows->next_id++ : -1;
}

/* ---- writing ---- */

static void
bind_bytes(sqlite3_stmt *s, int at, const void *bytes, size_t len, bool has)
{
	if (has)
		sqlite3_bind_blob(s, at, bytes, (int)len, SQLITE_STATIC);
	else
		sqlite3_bind_null(s, at);
}

static void
bind_key(sqlite3_stmt *s, const struct kv_object *object)
{
	const char *key = object->of != NULL ? object->of->key : object->key;

	sqlite3_bind_int(s, 1, (int)object->type + KV_TYPES * (int)object->kind);
	sqlite3_bind_text(s, 2, key, -1, SQLITE_STATIC);
}

/*
 * s had no effect because of object's id: repeats it with the id of the row, and takes over its inode
 * number unless object's own is in use.
 */
static int
put_by_its_id(struct kv_object_rows *rows, sqlite3_stmt *s, struct kv_object *object)
{
	sqlite3_stmt *found = kv_db_statement(&rows->table, FIND);
	int result;
	int64_t id;

	bind_key(found, object);
	result = kv_db_step(rows->table.db, found);
	if (result != SQLITE_ROW)
		return result;
	id = sqlite3_column_int64(found, 0);
	sqlite3_reset(found);
	if (!object->is_ino_used)
		object->ino = number_of(id);
	sqlite3_bind_int64(s, 3, id);
	return kv_db_step(rows->table.db, s);
}

static int
put_object(struct kv_object_rows *rows, struct kv_object *object)
{
	sqlite3_stmt *s = kv_db_statement(&rows->table, object->is_gone ? DROP : PUT);
	int result;

	bind_key(s, object);
	if (!object->is_gone) {
		sqlite3_bind_int64(s, 3, (int64_t)(object->ino - FIRST_INO) / KINDS);
		sqlite3_bind_text(s, 4, object->name, -1, SQLITE_STATIC);
		bind_bytes(s, 5, object->fingerprint, KV_FINGERPRINT_LEN, object->has_fingerprint);
		sqlite3_bind_int64(s, 6, object->wall_updated);
		sqlite3_bind_int64(s, 7, object->size);
		bind_bytes(s, 8, object->digest, KV_DIGEST_LEN, object->has_digest);
		sqlite3_bind_int64(s, 9, object->wall_fetched);
	}
	result = kv_db_step(rows->table.db, s);
	if (result == SQLITE_DONE && !object->is_gone && kv_db_changed(rows->table.db) == 0)
		result = put_by_its_id(rows, s, object);
	return result;
}

static bool
has_notes(const struct kv_db_table *table)
{
	return !TAILQ_EMPTY(&((const struct kv_object_rows *)table)->noted);
}

static int
write_notes(struct kv_db_table *table, int n, int *n_written)
{
	struct kv_object_rows *rows = (struct kv_object_rows *)table;
	struct kv_object *object;
	int result = SQLITE_DONE;

	rows->reserved_id = -1;
	if (rows->spare_id < 0)
		result = reserve(rows);
	TAILQ_FOREACH(object, &rows->noted, noted) {
		if (*n_written == n || result != SQLITE_DONE)
			break;
		result = put_object(rows, object);
		++*n_written;
	}
	return result;
}

static void
drop_first(struct kv_object_rows *rows)
{
	struct kv_object *object = TAILQ_FIRST(&rows->noted);

	TAILQ_REMOVE(&rows->noted, object, noted);
	object->is_noted = false;
	kv_object_unref(object);
}

static void
notes_committed(struct kv_db_table *table, int n_written)
{
	struct kv_object_rows *rows = (struct kv_object_rows *)table;

	if (rows->reserved_id >= 0)
		rows->spare_id = rows->reserved_id;
	while (n_written-- > 0)
		drop_first(rows);
}

static void
drop_notes(struct kv_db_table *table)
{
	struct kv_object_rows *rows = (struct kv_object_rows *)table;

	while (!TAILQ_EMPTY(&rows->noted))
		drop_first(rows);
}

/* ---- the interface ---- */

void
kv_object_rows_begin(struct kv_object_rows *rows)
{
	if (rows != NULL)
		kv_db_begin_reading(rows->table.db);
}

void
kv_object_rows_settle(struct kv_object_rows *rows)
{
	if (rows != NULL)
		kv_db_settle(rows->table.db);
}

static void
read_row(sqlite3_stmt *s, struct kv_object *object)
{
	object->ino = number_of(sqlite3_column_int64(s, 0));
	object->has_fingerprint = kv_db_column_bytes(s, 1, object->fingerprint, KV_FINGERPRINT_LEN);
	object->wall_updated = sqlite3_column_int64(s, 2);
	object->has_digest =
	    object->has_fingerprint && kv_db_column_bytes(s, 4, object->digest, KV_DIGEST_LEN);
	object->size = object->has_digest ? sqlite3_column_int64(s, 3) : -1;
	if (object->size < (object->kind == KV_KIND_BLOB ? KV_BACKUP_MIN : 1) ||
	    object->size > (int64_t)KV_BLOB_MAX) {
		object->size = -1; /* not the size of a backup that this kvfs would accept */
		object->has_digest = false;
	}
	object->wall_fetched = sqlite3_column_int64(s, 5);
}

void
kv_object_rows_recall(struct kv_object_rows *rows, struct kv_object *object)
{
	sqlite3_stmt *s;
	int result;
	int64_t id;

	if (rows == NULL || !kv_db_is_usable(&rows->table))
		return;
	s = kv_db_statement(&rows->table, FIND);
	bind_key(s, object);
	result = kv_db_step(rows->table.db, s);
	if (result == SQLITE_ROW) {
		read_row(s, object);
		sqlite3_reset(s);
	} else if (result == SQLITE_DONE && (id = next_id(rows)) >= 0) {
		object->ino = number_of(id);
		kv_object_rows_note(rows, object);
	}
}

void
kv_object_rows_note(struct kv_object_rows *rows, struct kv_object *object)
{
	/* an inode number that is a digest is not an id: such an object is not stored */
	if (rows == NULL || !kv_db_is_usable(&rows->table) || object->is_noted || object->ino >> 62 != 0)
		return;
	object->is_noted = true;
	kv_object_ref(object); /* not inside the macro, which evaluates its argument four times */
	TAILQ_INSERT_TAIL(&rows->noted, object, noted);
	kv_db_wake(rows->table.db, SOON_MS);
}

static int64_t
count_rows(struct kv_object_rows *rows, enum kv_type type)
{
	sqlite3_stmt *s = kv_db_statement(&rows->table, COUNT);
	int64_t count = 0;

	sqlite3_bind_int(s, 1, type);
	if (kv_db_step(rows->table.db, s) == SQLITE_ROW)
		count = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return count;
}

void
kv_object_rows_prune(struct kv_object_rows *rows, enum kv_type type, size_t n,
    bool (*is_listed)(const void *arg, const char *key), const void *arg)
{
	sqlite3_stmt *s;

	if (rows == NULL || !kv_db_is_usable(&rows->table) || count_rows(rows, type) <= (int64_t)n)
		return;
	s = kv_db_statement(&rows->table, ALL);
	sqlite3_bind_int(s, 1, type);
	while (kv_db_step(rows->table.db, s) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(s, 0);
		struct kv_object *gone;

		if (key == NULL || is_listed(arg, key) || (gone = kv_object_new(type, key)) == NULL)
			continue;
		gone->is_gone = true;
		gone->ino = 0;
		kv_object_rows_note(rows, gone);
		kv_object_unref(gone);
	}
}

void
kv_object_rows_check(const struct kv_object_rows *rows)
{
	const struct kv_object *object;

	if (rows == NULL)
		return;
	TAILQ_FOREACH(object, &rows->noted, noted) {
		assert(object->is_noted && object->refs > 0);
	}
	assert(rows->next_id <= rows->end_id && rows->end_id - rows->next_id <= BLOCK);
}

struct kv_db_table *
kv_object_rows_table(struct kv_object_rows *rows)
{
	return &rows->table;
}

struct kv_object_rows *
kv_object_rows_new(void)
{
	struct kv_object_rows *rows = calloc(1, sizeof(*rows));

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
	TAILQ_INIT(&rows->noted);
	rows->spare_id = rows->reserved_id = -1;
	return rows;
}

void
kv_object_rows_free(struct kv_object_rows *rows)
{
	free(rows);
}
