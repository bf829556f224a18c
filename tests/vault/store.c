/*
 * All objects and their versions, in SQLite.
 *
 * Each statement is prepared once, at its first use. synchronous is off: the state of a test need
 * not survive a crash of the machine, only the end of the process.
 */
#include <ctype.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/clock.h"
#include "tests/vault/mem.h"
#include "tests/vault/queries.h"
#include "tests/vault/store.h"

struct lv_store {
	sqlite3 *db;
	sqlite3_stmt *statements[QUERIES];
	int64_t due_ms; /* nothing is due before */
	bool keeps_past;
};

static _Noreturn void
give_up(struct lv_store *s)
{
	fprintf(stderr, "localvault: %s\n", sqlite3_errmsg(s->db));
	abort();
}

static sqlite3_stmt *
prepare(struct lv_store *s, enum query q)
{
	if (s->statements[q] == NULL &&
	    sqlite3_prepare_v3(
		s->db, lv_queries[q], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[q], NULL) != SQLITE_OK)
		give_up(s);
	return s->statements[q];
}

static void
bind_text(sqlite3_stmt *q, int at, const char *value)
{
	sqlite3_bind_text(q, at, value, -1, SQLITE_TRANSIENT);
}

/* True while there are rows. */
static bool
next(struct lv_store *s, sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);

	if (rc == SQLITE_ROW)
		return true;
	sqlite3_reset(q);
	if (rc != SQLITE_DONE)
		give_up(s);
	return false;
}

/* For an insert: 0, or -EEXIST. */
static int
insert(struct lv_store *s, sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);

	sqlite3_reset(q);
	if (rc == SQLITE_CONSTRAINT)
		return -EEXIST;
	if (rc != SQLITE_DONE)
		give_up(s);
	return 0;
}

int
lv_store_open(struct lv_store **out, const char *file, struct lv_text *why)
{
	struct lv_store *s = lv_mem_alloc(sizeof(*s));

	*out = NULL;
	/* --print-env reads while the server runs */
	if (sqlite3_open(file, &s->db) != SQLITE_OK || sqlite3_busy_timeout(s->db, 30000) != SQLITE_OK ||
	    sqlite3_exec(s->db, lv_queries_schema, NULL, NULL, NULL) != SQLITE_OK) {
		lv_text_printf(why, "cannot open %s: %s", file, sqlite3_errmsg(s->db));
		lv_store_close(s);
		return -EIO;
	}
	*out = s;
	return 0;
}

void
lv_store_close(struct lv_store *s)
{
	int q;

	if (s == NULL)
		return;
	for (q = 0; q < QUERIES; q++)
		sqlite3_finalize(s->statements[q]);
	sqlite3_close(s->db);
	free(s);
}

void
lv_store_begin(struct lv_store *s)
{
	next(s, prepare(s, BEGIN));
}

void
lv_store_commit(struct lv_store *s)
{
	next(s, prepare(s, COMMIT));
}

void
lv_store_undo(struct lv_store *s)
{
	next(s, prepare(s, ROLLBACK));
}

static void
upper_case(char *to, const char *from)
{
	while (*from != '\0')
		*to++ = (char)toupper((unsigned char)*from++);
	*to = '\0';
}

static void
copy_column(char *to, size_t size, sqlite3_stmt *q, int at)
{
	const unsigned char *text = sqlite3_column_text(q, at);

	snprintf(to, size, "%s", text != NULL ? (const char *)text : "");
}

static char *
borrow_column(sqlite3_stmt *q, int at)
{
	/* the rows are only read; the struct's members are not const because others own theirs */
	return (char *)(uintptr_t)sqlite3_column_text(q, at);
}

/* The row's object and version, their texts borrowed from the row. */
static void
read_object(sqlite3_stmt *q, struct lv_object *o)
{
	o->id = sqlite3_column_int64(q, 0);
	o->type = (enum lv_type)sqlite3_column_int(q, 1);
	copy_column(o->name, sizeof(o->name), q, 2);
	o->state = (enum lv_state)sqlite3_column_int(q, 3);
	o->due_ms = sqlite3_column_int64(q, 4);
	o->wall_deleted = sqlite3_column_int64(q, 5);
	o->wall_purge = sqlite3_column_int64(q, 6);
	o->is_managed = sqlite3_column_int(q, 7) != 0;
	copy_column(o->current, sizeof(o->current), q, 8);
	o->policy = borrow_column(q, 9);
	o->pending = borrow_column(q, 10);
}

static void
read_version(sqlite3_stmt *q, int at, struct lv_version *v)
{
	copy_column(v->id, sizeof(v->id), q, at);
	v->is_enabled = sqlite3_column_int(q, at + 1) != 0;
	v->created = sqlite3_column_int64(q, at + 2);
	v->updated = sqlite3_column_int64(q, at + 3);
	v->nbf = sqlite3_column_int64(q, at + 4);
	v->exp = sqlite3_column_int64(q, at + 5);
	v->tags = borrow_column(q, at + 6);
	v->kind = borrow_column(q, at + 7);
	v->detail = borrow_column(q, at + 8);
	v->public = borrow_column(q, at + 9);
	v->secret = borrow_column(q, at + 10);
}

static void
own_object(struct lv_object *o)
{
	o->policy = lv_mem_dup(o->policy);
	o->pending = lv_mem_dup(o->pending);
}

int
lv_store_find(struct lv_store *s, const char *vault, enum lv_type type, const char *name, struct lv_object *o)
{
	sqlite3_stmt *q = prepare(s, FIND);
	char upper[LV_NAME_MAX + 1];

	upper_case(upper, name);
	bind_text(q, 1, vault);
	sqlite3_bind_int(q, 2, (int)type);
	bind_text(q, 3, upper);
	*o = (struct lv_object){ 0 };
	if (!next(s, q))
		return -ENOENT;
	read_object(q, o);
	own_object(o);
	sqlite3_reset(q);
	return 0;
}

void
lv_store_release_object(struct lv_object *o)
{
	free(o->policy);
	free(o->pending);
	*o = (struct lv_object){ 0 };
}

static void
bind_object(sqlite3_stmt *q, const struct lv_object *o)
{
	sqlite3_bind_int(q, 4, (int)o->state);
	sqlite3_bind_int64(q, 5, o->due_ms);
	sqlite3_bind_int64(q, 6, o->wall_deleted);
	sqlite3_bind_int64(q, 7, o->wall_purge);
	sqlite3_bind_int(q, 8, o->is_managed);
	bind_text(q, 9, o->current);
	bind_text(q, 10, o->policy);
	bind_text(q, 11, o->pending);
}

static void
note_due(struct lv_store *s, const struct lv_object *o)
{
	if (o->due_ms > 0 && o->due_ms < s->due_ms)
		s->due_ms = o->due_ms;
}

int
lv_store_add(struct lv_store *s, const char *vault, struct lv_object *o)
{
	sqlite3_stmt *q = prepare(s, ADD);
	char upper[LV_NAME_MAX + 1];
	int err;

	upper_case(upper, o->name);
	sqlite3_bind_int(q, 2, (int)o->type);
	bind_text(q, 3, o->name);
	bind_object(q, o);
	bind_text(q, 12, vault);
	bind_text(q, 13, upper);
	err = insert(s, q);
	if (err == 0)
		o->id = sqlite3_last_insert_rowid(s->db);
	note_due(s, o);
	return err;
}

void
lv_store_save(struct lv_store *s, const struct lv_object *o)
{
	sqlite3_stmt *q = prepare(s, SAVE);

	sqlite3_bind_int64(q, 1, o->id);
	bind_object(q, o);
	next(s, q);
	note_due(s, o);
}

void
lv_store_erase(struct lv_store *s, int64_t object)
{
	enum query q;

	for (q = ERASE; q <= ERASE_VERSIONS; q++) {
		sqlite3_bind_int64(prepare(s, q), 1, object);
		next(s, prepare(s, q));
	}
}

int
lv_store_get(struct lv_store *s, const struct lv_object *o, const char *id, struct lv_version *v)
{
	sqlite3_stmt *q = prepare(s, GET);

	sqlite3_bind_int64(q, 1, o->id);
	bind_text(q, 2, *id != '\0' ? id : o->current);
	*v = (struct lv_version){ .nbf = LV_NEVER, .exp = LV_NEVER };
	if (!next(s, q))
		return -ENOENT;
	read_version(q, 0, v);
	v->tags = lv_mem_dup(v->tags);
	v->kind = lv_mem_dup(v->kind);
	v->detail = lv_mem_dup(v->detail);
	v->public = lv_mem_dup(v->public);
	v->secret = lv_mem_dup(v->secret);
	sqlite3_reset(q);
	return 0;
}

void
lv_store_release_version(struct lv_version *v)
{
	free(v->tags);
	free(v->kind);
	free(v->detail);
	free(v->public);
	free(v->secret);
	*v = (struct lv_version){ 0 };
}

static void
bind_version(sqlite3_stmt *q, int64_t object, const struct lv_version *v)
{
	sqlite3_bind_int64(q, 1, object);
	bind_text(q, 2, v->id);
	sqlite3_bind_int(q, 3, v->is_enabled);
	sqlite3_bind_int64(q, 4, v->created);
	sqlite3_bind_int64(q, 5, v->updated);
	sqlite3_bind_int64(q, 6, v->nbf);
	sqlite3_bind_int64(q, 7, v->exp);
	bind_text(q, 8, v->tags);
	bind_text(q, 9, v->kind);
	bind_text(q, 10, v->detail);
	bind_text(q, 11, v->public);
	bind_text(q, 12, v->secret);
}

int
lv_store_put(struct lv_store *s, int64_t object, const struct lv_version *v)
{
	sqlite3_stmt *q = prepare(s, PUT);

	bind_version(q, object, v);
	return insert(s, q);
}

void
lv_store_change(struct lv_store *s, int64_t object, const struct lv_version *v)
{
	sqlite3_stmt *q = prepare(s, CHANGE);

	bind_version(q, object, v);
	next(s, q);
}

int
lv_store_count(struct lv_store *s, int64_t object)
{
	sqlite3_stmt *q = prepare(s, COUNT);
	int count = 0;

	sqlite3_bind_int64(q, 1, object);
	if (next(s, q))
		count = sqlite3_column_int(q, 0);
	sqlite3_reset(q);
	return count;
}

void
lv_store_keep_past(struct lv_store *s)
{
	if (s->keeps_past)
		return;
	s->keeps_past = true;
	if (sqlite3_exec(s->db, lv_queries_past, NULL, NULL, NULL) != SQLITE_OK)
		give_up(s);
}

static void
walk_objects(
    struct lv_store *s, sqlite3_stmt *q, const struct lv_store_range *range, lv_store_object *each, void *arg)
{
	struct lv_object o = { 0 };
	struct lv_version v = { 0 };
	int end = 0;

	bind_text(q, 1, range->vault);
	sqlite3_bind_int(q, 2, (int)range->type);
	sqlite3_bind_int(q, 4, range->is_deleted);
	sqlite3_bind_int(q, 5, range->with_pending);
	sqlite3_bind_int(q, 6, range->limit);
	if (range->lag_ms > 0)
		sqlite3_bind_int64(q, 7, lv_clock_wall_ms() - range->lag_ms);
	while (end == 0 && next(s, q)) {
		read_object(q, &o);
		read_version(q, OBJECT_COUNT, &v);
		end = each(arg, &o, &v);
	}
	sqlite3_reset(q);
}

void
lv_store_walk(struct lv_store *s, const struct lv_store_range *range, lv_store_object *each, void *arg)
{
	sqlite3_stmt *q = prepare(s, range->lag_ms > 0 ? WALK_PAST : WALK);

	bind_text(q, 3, range->from);
	walk_objects(s, q, range, each, arg);
}

void
lv_store_walk_added(struct lv_store *s, const struct lv_store_range *range, lv_store_object *each, void *arg)
{
	sqlite3_stmt *q = prepare(s, range->lag_ms > 0 ? WALK_ADDED_PAST : WALK_ADDED);

	sqlite3_bind_int64(q, 3, range->behind);
	walk_objects(s, q, range, each, arg);
}

static void
walk_versions(struct lv_store *s, sqlite3_stmt *q, lv_store_version *each, void *arg)
{
	struct lv_version v = { 0 };
	int end = 0;

	while (end == 0 && next(s, q)) {
		read_version(q, 0, &v);
		end = each(arg, &v);
	}
	sqlite3_reset(q);
}

void
lv_store_walk_versions(
    struct lv_store *s, int64_t object, const char *from, int limit, lv_store_version *each, void *arg)
{
	sqlite3_stmt *q = prepare(s, WALK_VERSIONS);

	sqlite3_bind_int64(q, 1, object);
	bind_text(q, 2, from);
	sqlite3_bind_int(q, 3, limit);
	walk_versions(s, q, each, arg);
}

void
lv_store_walk_made(
    struct lv_store *s, int64_t object, const char *behind, int limit, lv_store_version *each, void *arg)
{
	sqlite3_stmt *q = prepare(s, WALK_MADE);

	sqlite3_bind_int64(q, 1, object);
	bind_text(q, 2, behind);
	sqlite3_bind_int(q, 3, limit);
	walk_versions(s, q, each, arg);
}

int
lv_store_next_due(struct lv_store *s, int64_t now_ms, struct lv_object *o, char **vault)
{
	sqlite3_stmt *q;

	*o = (struct lv_object){ 0 };
	if (now_ms < s->due_ms)
		return -ENOENT;
	q = prepare(s, DUE);
	sqlite3_bind_int64(q, 1, now_ms);
	if (next(s, q)) {
		read_object(q, o);
		own_object(o);
		*vault = lv_mem_dup((const char *)sqlite3_column_text(q, OBJECT_COUNT));
		sqlite3_reset(q);
		return 0;
	}
	/* the next look is for the earliest of those that are left, or for a later one */
	s->due_ms = INT64_MAX;
	sqlite3_bind_int64(q, 1, INT64_MAX);
	if (next(s, q))
		s->due_ms = sqlite3_column_int64(q, 4);
	sqlite3_reset(q);
	return -ENOENT;
}

char *
lv_store_fact(struct lv_store *s, const char *name)
{
	sqlite3_stmt *q = prepare(s, FACT);
	char *value = NULL;

	bind_text(q, 1, name);
	if (next(s, q))
		value = lv_mem_dup((const char *)sqlite3_column_text(q, 0));
	sqlite3_reset(q);
	return value;
}

void
lv_store_set_fact(struct lv_store *s, const char *name, const char *value)
{
	sqlite3_stmt *q = prepare(s, SET_FACT);

	bind_text(q, 1, name);
	bind_text(q, 2, value);
	next(s, q);
}
