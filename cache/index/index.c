/*
 * The index: a SQLite file for each vault.
 *
 * A noted object waits in a queue with a reference; a timer writes the queue, at most ROWS of it in a
 * turn of the loop, in one transaction. BUSY (another mount writes) means later. Ids are reserved a
 * block at a time, in a transaction of its own and before they are needed, so that no two mounts ever
 * give the same one; where none is left, an object keeps the number that is a digest of its name.
 *
 * The rows of objects are kept in the order of type and upper-cased name, which is about the order of
 * the service's lists: so a listing that is written touches few pages.
 */
#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cache/index/index.h"
#include "cache/index/file.h"
#include "client/vault/backup.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/loop.h"

#define MODULE	  "index"
#define BLOCK	  4096 /* ids reserved at a time */
#define FIRST_INO 16
#define KINDS	  4   /* inode numbers of an object: its blob's, and room for other files of it */
#define ROWS	  256 /* written in one turn: some 2 ms */
#define SOON_MS	  100
#define BUSY_MS	  50
#define IDLE_MS	  5000	/* without a note, before the WAL is put back */
#define WAL_PAGES 16384 /* 64 MiB: it is put back even if it is never idle */

enum statement {
	BEGIN_READING,
	BEGIN,
	COMMIT,
	ROLLBACK,
	RESERVE,
	FIND_OBJECT,
	PUT_OBJECT,
	DROP_OBJECT,
	COUNT_OBJECTS,
	ALL_OBJECTS,
	PUT_RECEIPT,
	DROP_RECEIPT,
	CLEAR_BELOW,
	MOVE_BELOW,
	DROP_BELOW,
	FIND_PATH,
	NEXT_PATHS,
	FIND_DIGEST,
	PUT_PACE,
	FIND_PACE,
	STATEMENTS
};
#define RECEIPT "digest, type, name, version, updated, size, mtime, mode"
/* ?1: a folder. '0' comes after '/'. */
#define IS_BELOW " path > ?1 || '/' AND path < ?1 || '0'"
static const char *const statements[STATEMENTS] = {
	[BEGIN_READING] = "BEGIN",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[RESERVE] = "UPDATE counter SET next = next + ? RETURNING next",
	[FIND_OBJECT] =
	    "SELECT id, fingerprint, updated, size, digest, fetched FROM object WHERE type = ? AND key = ?",
	/* nothing where it has another id: another mount was the first to know the object */
	[PUT_OBJECT] = "INSERT INTO object VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
		       " name = excluded.name, fingerprint = excluded.fingerprint,"
		       " updated = excluded.updated, size = excluded.size, digest = excluded.digest,"
		       " fetched = excluded.fetched WHERE id = excluded.id",
	[DROP_OBJECT] = "DELETE FROM object WHERE type = ? AND key = ?",
	[COUNT_OBJECTS] = "SELECT count(*) FROM object WHERE type = ?",
	[ALL_OBJECTS] = "SELECT key FROM object WHERE type = ?",
	[PUT_RECEIPT] = "REPLACE INTO receipt(path, " RECEIPT ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
	/* its bytes are in the vault still (borg makes a folder anew behind its files): no path begins with / */
	[DROP_RECEIPT] =
	    "UPDATE OR REPLACE receipt SET path = '/' || type || '/' || hex(digest) WHERE path = ?",
	[CLEAR_BELOW] = "DELETE FROM receipt WHERE" IS_BELOW,
	[MOVE_BELOW] =
	    "UPDATE OR REPLACE receipt SET path = ?2 || substr(path, length(?1) + 1) WHERE" IS_BELOW,
	[DROP_BELOW] =
	    "UPDATE OR REPLACE receipt SET path = '/' || type || '/' || hex(digest) WHERE" IS_BELOW,
	[FIND_PATH] = "SELECT " RECEIPT " FROM receipt WHERE path = ?",
	[NEXT_PATHS] = "SELECT " RECEIPT ", path FROM receipt WHERE path > ? ORDER BY path LIMIT ?",
	[FIND_DIGEST] =
	    "SELECT " RECEIPT " FROM receipt WHERE digest = ? AND type = ? ORDER BY updated DESC LIMIT 1",
	[PUT_PACE] = "REPLACE INTO pace VALUES(?, ?, ?, ?)",
	[FIND_PACE] = "SELECT rate, most, kept FROM pace WHERE class = ?",
};

/* What is to be written about receipts. */
enum note { KEEP, FORGET, MOVE };
struct pending {
	TAILQ_ENTRY(pending) link;
	enum note note;
	struct kv_receipt receipt; /* KEEP */
	char *to;		   /* MOVE: what is below path is below this now; NULL: it is forgotten */
	char path[];
};

struct kv_index {
	sqlite3 *db;
	sqlite3_stmt *prepared[STATEMENTS];
	char *path;
	bool is_broken, is_reading;
	TAILQ_HEAD(, kv_object) noted;
	TAILQ_HEAD(pendings, pending) receipts;
	int64_t next_id, end_id, spare_id; /* spare_id: begin of the block after this one, or -1 */
	int wal_pages;
	struct kv_timer soon, idle;
};

/* ---- statements ---- */

/* No more of it in this mount: what the disk does not keep, the vault will tell again. */
static void
give_up(struct kv_index *x, int result)
{
	struct kv_buf why;

	if (x->is_broken)
		return;
	x->is_broken = true;
	kv_buf_init(&why, 512);
	kv_buf_say(&why,
	    "%s: from now on nothing is remembered, and the next run fetches anew what is missing",
	    sqlite3_errstr(result));
	kv_log_event(KV_LOG_WARNING, MODULE, "file=%s why=%s", x->path, kv_buf_str(&why));
	kv_buf_release(&why);
}

static sqlite3_stmt *
statement(struct kv_index *x, enum statement which)
{
	sqlite3_reset(x->prepared[which]);
	return x->prepared[which];
}

/* SQLITE_ROW, SQLITE_DONE, SQLITE_BUSY, or a failure after which the index is given up. */
static int
step(struct kv_index *x, sqlite3_stmt *s)
{
	const int result = sqlite3_step(s);

	if (result != SQLITE_ROW)
		sqlite3_reset(s);
	if (result != SQLITE_ROW && result != SQLITE_DONE && result != SQLITE_BUSY)
		give_up(x, result);
	return result;
}

static int
run(struct kv_index *x, enum statement which)
{
	return step(x, statement(x, which));
}

/* Bytes of exactly len, or false. */
static bool
column_bytes(sqlite3_stmt *s, int column, void *bytes, size_t len)
{
	if (sqlite3_column_type(s, column) != SQLITE_BLOB || sqlite3_column_bytes(s, column) != (int)len)
		return false;
	memcpy(bytes, sqlite3_column_blob(s, column), len);
	return true;
}

static void
column_text(sqlite3_stmt *s, int column, char *text, size_t size)
{
	const unsigned char *value = sqlite3_column_text(s, column);

	snprintf(text, size, "%s", value != NULL ? (const char *)value : "");
}

/* ---- ids ---- */

static uint64_t
number_of(int64_t id)
{
	return FIRST_INO + KINDS * (uint64_t)id;
}

static bool
reserve(struct kv_index *x, int64_t *first)
{
	sqlite3_stmt *s = statement(x, RESERVE);
	bool is_done = false;

	if (run(x, BEGIN) != SQLITE_DONE)
		return false;
	sqlite3_bind_int(s, 1, BLOCK);
	if (step(x, s) == SQLITE_ROW) {
		*first = sqlite3_column_int64(s, 0) - BLOCK;
		sqlite3_reset(s);
		is_done = run(x, COMMIT) == SQLITE_DONE;
	}
	if (!is_done)
		(void)run(x, ROLLBACK);
	return is_done;
}

/* -1: none is left now. */
static int64_t
next_id(struct kv_index *x)
{
	if (x->next_id == x->end_id && x->spare_id >= 0) {
		x->next_id = x->spare_id;
		x->end_id = x->next_id + BLOCK;
		x->spare_id = -1;
	}
	if (x->spare_id < 0 && !kv_timer_is_set(&x->soon))
		kv_timer_set(&x->soon, 0);
	return x->next_id < x->end_id ? x->next_id++ : -1;
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
	sqlite3_bind_int(s, 1, object->type);
	sqlite3_bind_text(s, 2, object->key, -1, SQLITE_STATIC);
}

/* s has not put object because of its id: put it by the id that it has, which is its number unless that was told. */
static int
put_by_its_id(struct kv_index *x, sqlite3_stmt *s, struct kv_object *object)
{
	sqlite3_stmt *found = statement(x, FIND_OBJECT);
	int result;
	int64_t id;

	bind_key(found, object);
	result = step(x, found);
	if (result != SQLITE_ROW)
		return result;
	id = sqlite3_column_int64(found, 0);
	sqlite3_reset(found);
	if (object->node == NULL)
		object->ino = number_of(id);
	sqlite3_bind_int64(s, 3, id);
	return step(x, s);
}

static int
put_object(struct kv_index *x, struct kv_object *object)
{
	sqlite3_stmt *s = statement(x, object->is_gone ? DROP_OBJECT : PUT_OBJECT);
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
	result = step(x, s);
	if (result == SQLITE_DONE && !object->is_gone && sqlite3_changes(x->db) == 0)
		result = put_by_its_id(x, s, object);
	return result;
}

static int
keep_receipt(struct kv_index *x, const char *path, const struct kv_receipt *r)
{
	sqlite3_stmt *s = statement(x, PUT_RECEIPT);

	sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
	sqlite3_bind_blob(s, 2, r->digest, KV_DIGEST_LEN, SQLITE_STATIC);
	sqlite3_bind_int(s, 3, r->type);
	sqlite3_bind_text(s, 4, r->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 5, r->version, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 6, r->wall_updated);
	sqlite3_bind_int64(s, 7, (int64_t)r->size);
	sqlite3_bind_int64(s, 8, r->wall_mtime_ns);
	sqlite3_bind_int(s, 9, (int)r->mode);
	return step(x, s);
}

static int
change_path(struct kv_index *x, enum statement which, const char *path, const char *to)
{
	sqlite3_stmt *s = statement(x, which);

	sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
	if (to != NULL)
		sqlite3_bind_text(s, 2, to, -1, SQLITE_STATIC);
	return step(x, s);
}

static int
put_receipt(struct kv_index *x, const struct pending *p)
{
	int result;

	if (p->note == KEEP)
		return keep_receipt(x, p->path, &p->receipt);
	if (p->note == FORGET)
		return change_path(x, DROP_RECEIPT, p->path, NULL);
	if (p->to == NULL)
		return change_path(x, DROP_BELOW, p->path, NULL);
	result = change_path(x, CLEAR_BELOW, p->to, NULL);
	return result == SQLITE_DONE ? change_path(x, MOVE_BELOW, p->path, p->to) : result;
}

static void
unnote(struct kv_index *x, struct kv_object *object)
{
	TAILQ_REMOVE(&x->noted, object, noted);
	object->is_noted = false;
	kv_object_unref(object);
}

static void
drop_pending(struct kv_index *x)
{
	struct pending *p = TAILQ_FIRST(&x->receipts);

	TAILQ_REMOVE(&x->receipts, p, link);
	free(p->to);
	free(p);
}

static void
drop_all(struct kv_index *x)
{
	while (!TAILQ_EMPTY(&x->noted))
		unnote(x, TAILQ_FIRST(&x->noted));
	while (!TAILQ_EMPTY(&x->receipts))
		drop_pending(x);
}

static bool
has_notes(const struct kv_index *x)
{
	return !TAILQ_EMPTY(&x->noted) || !TAILQ_EMPTY(&x->receipts);
}

/* Some of what was noted. Nothing leaves its queue before it is written for good. */
static bool
write_some(struct kv_index *x)
{
	struct kv_object *object;
	struct pending *p;
	int n_objects = 0, n_receipts = 0, result = run(x, BEGIN);

	if (result != SQLITE_DONE)
		return false;
	TAILQ_FOREACH(p, &x->receipts, link) {
		if (n_receipts == ROWS || result != SQLITE_DONE)
			break;
		result = put_receipt(x, p);
		n_receipts++;
	}
	TAILQ_FOREACH(object, &x->noted, noted) {
		if (n_receipts + n_objects == ROWS || result != SQLITE_DONE)
			break;
		result = put_object(x, object);
		n_objects++;
	}
	if (result == SQLITE_DONE)
		result = run(x, COMMIT);
	if (result != SQLITE_DONE) {
		(void)run(x, ROLLBACK);
		return false;
	}
	while (n_receipts-- > 0)
		drop_pending(x);
	while (n_objects-- > 0)
		unnote(x, TAILQ_FIRST(&x->noted));
	return true;
}

static void
put_back_wal(struct kv_index *x)
{
	if (x->wal_pages > 0 && !x->is_broken)
		(void)sqlite3_wal_checkpoint_v2(x->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	x->wal_pages = 0;
}

static void
write_soon(void *arg)
{
	struct kv_index *x = arg;
	bool is_busy = false;

	if (x->spare_id < 0 && !x->is_broken)
		is_busy = !reserve(x, &x->spare_id);
	if (has_notes(x) && !x->is_broken)
		is_busy = !write_some(x) || is_busy;
	if (x->is_broken) {
		drop_all(x);
		return;
	}
	if (is_busy || has_notes(x))
		kv_timer_set(&x->soon, is_busy ? BUSY_MS : 0);
	if (x->wal_pages > WAL_PAGES)
		put_back_wal(x);
	kv_timer_set(&x->idle, IDLE_MS);
}

static void
is_idle(void *arg)
{
	put_back_wal(arg);
}

static int
wal_grew(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct kv_index *x = arg;

	(void)db;
	(void)name;
	x->wal_pages = pages;
	return SQLITE_OK;
}

static void
wake(struct kv_index *x, int64_t ms)
{
	if (!kv_timer_is_set(&x->soon))
		kv_timer_set(&x->soon, ms);
}

/* ---- objects ---- */

void
kv_index_begin_recalls(struct kv_index *x)
{
	if (x != NULL && !x->is_broken && !x->is_reading)
		x->is_reading = run(x, BEGIN_READING) == SQLITE_DONE;
}

void
kv_index_recall(struct kv_index *x, struct kv_object *object)
{
	sqlite3_stmt *s;
	int result;
	int64_t id;

	if (x == NULL || x->is_broken)
		return;
	s = statement(x, FIND_OBJECT);
	bind_key(s, object);
	result = step(x, s);
	if (result == SQLITE_DONE) {
		id = next_id(x);
		if (id < 0)
			return;
		object->ino = number_of(id);
		kv_index_note(x, object);
	} else if (result == SQLITE_ROW) {
		object->ino = number_of(sqlite3_column_int64(s, 0));
		object->has_fingerprint = column_bytes(s, 1, object->fingerprint, KV_FINGERPRINT_LEN);
		object->wall_updated = sqlite3_column_int64(s, 2);
		object->has_digest =
		    object->has_fingerprint && column_bytes(s, 4, object->digest, KV_DIGEST_LEN);
		object->size = object->has_digest ? sqlite3_column_int64(s, 3) : -1;
		if (object->size < KV_BACKUP_MIN || object->size > (int64_t)KV_BLOB_MAX) {
			object->size = -1; /* of no backup that this kvfs would have believed */
			object->has_digest = false;
		}
		object->wall_fetched = sqlite3_column_int64(s, 5);
		sqlite3_reset(s);
	}
}

void
kv_index_note(struct kv_index *x, struct kv_object *object)
{
	/* the number that is a digest is no id: nothing is remembered of that one in this mount */
	if (x == NULL || x->is_broken || object->is_noted || object->ino >> 62 != 0)
		return;
	object->is_noted = true;
	kv_object_ref(object); /* not inside the macro, which takes its argument four times */
	TAILQ_INSERT_TAIL(&x->noted, object, noted);
	wake(x, SOON_MS);
}

void
kv_index_settle(struct kv_index *x)
{
	if (x != NULL && x->is_reading) {
		(void)run(x, COMMIT);
		x->is_reading = false;
	}
	while (x != NULL && !x->is_broken && has_notes(x) && write_some(x))
		continue;
}

void
kv_index_prune(
    struct kv_index *x, enum kv_type type, size_t n, bool (*is_listed)(void *arg, const char *key), void *arg)
{
	sqlite3_stmt *s;
	int64_t count = 0;

	if (x == NULL || x->is_broken)
		return;
	s = statement(x, COUNT_OBJECTS);
	sqlite3_bind_int(s, 1, type);
	if (step(x, s) == SQLITE_ROW)
		count = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	if (count <= (int64_t)n)
		return;
	s = statement(x, ALL_OBJECTS);
	sqlite3_bind_int(s, 1, type);
	while (step(x, s) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(s, 0);
		struct kv_object *gone;

		if (key == NULL || is_listed(arg, key) || (gone = kv_object_new(type, key)) == NULL)
			continue;
		gone->is_gone = true;
		gone->ino = 0;
		kv_index_note(x, gone);
		kv_object_unref(gone);
	}
}

/* ---- receipts ---- */

/* Without memory for it the same bytes may be sent once more, and be refused: no worse than without an index. */
static struct pending *
new_pending(struct kv_index *x, enum note note, const char *path)
{
	const size_t len = strlen(path) + 1;
	struct pending *p = x == NULL || x->is_broken ? NULL : calloc(1, sizeof(*p) + len);

	if (p == NULL)
		return NULL;
	p->note = note;
	memcpy(p->path, path, len);
	return p;
}

static void
add_pending(struct kv_index *x, struct pending *p)
{
	TAILQ_INSERT_TAIL(&x->receipts, p, link);
	wake(x, 0);
}

void
kv_index_keep_receipt(struct kv_index *x, const char *path, const struct kv_receipt *receipt)
{
	struct pending *p = new_pending(x, receipt != NULL ? KEEP : FORGET, path);

	if (p == NULL)
		return;
	if (receipt != NULL)
		p->receipt = *receipt;
	add_pending(x, p);
}

void
kv_index_move_receipts(struct kv_index *x, const char *path, const char *to)
{
	struct pending *p = new_pending(x, MOVE, path);

	if (p == NULL)
		return;
	p->to = to != NULL ? strdup(to) : NULL; /* NULL too where memory ends: then they are forgotten */
	add_pending(x, p);
}

static bool
read_receipt(sqlite3_stmt *s, struct kv_receipt *r)
{
	*r = (struct kv_receipt){ .type = KV_KEYS };
	if (!column_bytes(s, 0, r->digest, KV_DIGEST_LEN))
		return false;
	r->type = (enum kv_type)sqlite3_column_int(s, 1);
	column_text(s, 2, r->name, sizeof(r->name));
	column_text(s, 3, r->version, sizeof(r->version));
	r->wall_updated = sqlite3_column_int64(s, 4);
	r->size = (uint64_t)sqlite3_column_int64(s, 5);
	r->wall_mtime_ns = sqlite3_column_int64(s, 6);
	r->mode = (uint32_t)sqlite3_column_int(s, 7);
	return (int)r->type >= 0 && r->type < KV_TYPES && kv_type_is_name(r->name);
}

static bool
take_receipt(struct kv_index *x, sqlite3_stmt *s, struct kv_receipt *r)
{
	bool is_found;

	*r = (struct kv_receipt){ .type = KV_KEYS };
	if (step(x, s) != SQLITE_ROW)
		return false;
	is_found = read_receipt(s, r);
	sqlite3_reset(s);
	return is_found;
}

/* What path has behind "folder/", or NULL where it is not below that. */
static const char *
below(const char *path, const char *folder)
{
	const size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && path[n] == '/' ? path + n : NULL;
}

/*
 * What the notes that are not written yet make of path, the newest first: 1 and the receipt, 0 for none, -1: what is
 * written decides, and path is where that has it.
 */
static int
find_pending(const struct kv_index *x, char path[PATH_MAX], struct kv_receipt *receipt)
{
	const struct pending *p;
	char before[PATH_MAX];
	const char *rest;

	TAILQ_FOREACH_REVERSE(p, &x->receipts, pendings, link)
	{
		if (p->note != MOVE && strcmp(p->path, path) == 0) {
			*receipt = p->receipt;
			return p->note == KEEP;
		}
		if (p->note != MOVE)
			continue;
		rest = p->to != NULL ? below(path, p->to) : NULL;
		if (rest != NULL) {
			if (snprintf(before, sizeof(before), "%s%s", p->path, rest) >= (int)sizeof(before))
				return 0;
			memcpy(path, before, sizeof(before));
		} else if (below(path, p->path) != NULL) {
			return 0;
		}
	}
	return -1;
}

bool
kv_index_find_path(struct kv_index *x, const char *path, struct kv_receipt *receipt)
{
	char written[PATH_MAX];
	sqlite3_stmt *s;
	int found;

	if (x == NULL || x->is_broken || strlen(path) >= sizeof(written))
		return false;
	memcpy(written, path, strlen(path) + 1);
	found = find_pending(x, written, receipt);
	if (found >= 0)
		return found == 1;
	s = statement(x, FIND_PATH);
	sqlite3_bind_text(s, 1, written, -1, SQLITE_TRANSIENT);
	return take_receipt(x, s, receipt);
}

void
kv_index_next_receipts(struct kv_index *x, const char *path, int n, kv_index_visit_receipt *visit, void *arg)
{
	struct kv_receipt receipt;
	sqlite3_stmt *s;

	if (x == NULL || x->is_broken)
		return;
	s = statement(x, NEXT_PATHS);
	sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 2, n);
	while (step(x, s) == SQLITE_ROW)
		if (read_receipt(s, &receipt))
			visit(arg, (const char *)sqlite3_column_text(s, 8), &receipt);
}

bool
kv_index_find_digest(struct kv_index *x, const unsigned char digest[KV_DIGEST_LEN], enum kv_type type,
    struct kv_receipt *receipt)
{
	sqlite3_stmt *s;

	if (x == NULL || x->is_broken)
		return false;
	s = statement(x, FIND_DIGEST);
	sqlite3_bind_blob(s, 1, digest, KV_DIGEST_LEN, SQLITE_STATIC);
	sqlite3_bind_int(s, 2, type);
	return take_receipt(x, s, receipt);
}

/* ---- pace ---- */

/* While another process writes it is not kept: the next minute will do. */
void
kv_index_keep_pace(struct kv_index *x, const char *class, double rate, double limit, int64_t age_s)
{
	sqlite3_stmt *s;

	if (x == NULL || x->is_broken)
		return;
	s = statement(x, PUT_PACE);
	sqlite3_bind_text(s, 1, class, -1, SQLITE_STATIC);
	sqlite3_bind_double(s, 2, rate);
	sqlite3_bind_double(s, 3, limit);
	sqlite3_bind_int64(s, 4, kv_clock_wall_s() - age_s);
	(void)step(x, s);
}

bool
kv_index_find_pace(struct kv_index *x, const char *class, double *rate, double *limit, int64_t *age_s)
{
	sqlite3_stmt *s;

	if (x == NULL || x->is_broken)
		return false;
	s = statement(x, FIND_PACE);
	sqlite3_bind_text(s, 1, class, -1, SQLITE_STATIC);
	if (step(x, s) != SQLITE_ROW)
		return false;
	*rate = sqlite3_column_double(s, 0);
	*limit = sqlite3_column_double(s, 1);
	*age_s = kv_clock_wall_s() - sqlite3_column_int64(s, 2);
	sqlite3_reset(s);
	return *rate > 0 && *limit >= 0 && *age_s >= 0;
}

/* ---- opening and closing ---- */

static void
release_statements(struct kv_index *x)
{
	for (int i = 0; i < STATEMENTS; i++) {
		sqlite3_finalize(x->prepared[i]);
		x->prepared[i] = NULL;
	}
}

static int
prepare(void *arg, sqlite3 *db)
{
	struct kv_index *x = arg;
	int result = SQLITE_OK;

	for (int i = 0; result == SQLITE_OK && i < STATEMENTS; i++)
		result = sqlite3_prepare_v3(
		    db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &x->prepared[i], NULL);
	if (result != SQLITE_OK)
		release_statements(x);
	return result;
}

static void
free_index(struct kv_index *x)
{
	drop_all(x);
	kv_timer_stop(&x->soon);
	kv_timer_stop(&x->idle);
	release_statements(x);
	sqlite3_close(x->db);
	free(x->path);
	free(x);
}

int
kv_index_open(
    struct kv_loop *loop, const char *folder, const char *vault, struct kv_index **index, struct kv_buf *why)
{
	struct kv_index *x = calloc(1, sizeof(*x));
	int err;

	*index = NULL;
	if (x == NULL)
		return -ENOMEM;
	TAILQ_INIT(&x->noted);
	TAILQ_INIT(&x->receipts);
	kv_timer_init(&x->soon, loop, write_soon, x);
	kv_timer_init(&x->idle, loop, is_idle, x);
	x->spare_id = -1;
	err = kv_index_file_open(folder, vault, prepare, x, &x->db, &x->path, why);
	if (err == 0 && reserve(x, &x->next_id)) {
		x->end_id = x->next_id + BLOCK;
		sqlite3_exec(
		    x->db, "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0", NULL, NULL, NULL);
		sqlite3_wal_hook(x->db, wal_grew, x);
		sqlite3_busy_timeout(x->db, 0);
		*index = x;
		return 0;
	}
	if (err == 0)
		kv_buf_say(why, "it cannot be written to");
	free_index(x);
	return err != 0 ? err : -EIO;
}

void
kv_index_close(struct kv_index *x)
{
	if (x == NULL)
		return;
	if (!x->is_broken && has_notes(x))
		sqlite3_busy_timeout(x->db, KV_INDEX_FILE_START_MS);
	while (!x->is_broken && has_notes(x) && write_some(x))
		continue;
	free_index(x);
}
