/* The SQL of the store. */
#include "tests/vault/queries.h"

#define OBJECT_COLUMNS                                                                        \
	"o.id, o.type, o.name, o.state, o.due_ms, o.deleted, o.purge, o.managed, o.current, " \
	"o.policy, o.pending"
#define VERSION_COLUMNS                                                                             \
	"v.id, v.enabled, v.created, v.updated, v.nbf, v.exp, v.tags, v.kind, v.detail, v.public, " \
	"v.secret"

const char lv_queries_schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;"
    "CREATE TABLE IF NOT EXISTS object ("
    "  id INTEGER PRIMARY KEY, vault TEXT NOT NULL, type INTEGER NOT NULL, upper TEXT NOT NULL,"
    "  name TEXT NOT NULL, state INTEGER NOT NULL, due_ms INTEGER NOT NULL,"
    "  deleted INTEGER NOT NULL, purge INTEGER NOT NULL, managed INTEGER NOT NULL,"
    "  current TEXT NOT NULL, policy TEXT, pending TEXT, UNIQUE (vault, type, upper));"
    "CREATE TABLE IF NOT EXISTS version ("
    "  made INTEGER PRIMARY KEY, object INTEGER NOT NULL, id TEXT NOT NULL,"
    "  enabled INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,"
    "  nbf INTEGER NOT NULL, exp INTEGER NOT NULL, tags TEXT, kind TEXT, detail TEXT,"
    "  public TEXT, secret TEXT, UNIQUE (object, id));"
    "CREATE INDEX IF NOT EXISTS due ON object (due_ms) WHERE due_ms > 0;"
    "CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);";

/* A list of objects, of the active or of the deleted ones. */
#define WALK_OF(table, from, order)                                         \
	"SELECT " OBJECT_COLUMNS ", " VERSION_COLUMNS " FROM " table        \
	" o LEFT JOIN version v ON v.object = o.id AND v.id = o.current"    \
	" WHERE o.vault = ?1 AND o.type = ?2 AND " from " AND"              \
	" CASE WHEN ?4 THEN o.state = 1 AND o.due_ms = 0 AND NOT o.managed" \
	" ELSE o.state = 0 AND (?5 OR o.current != '') END ORDER BY " order " LIMIT ?6"

/* The objects at a time: of each the last state until then. SQLite takes the row of max(). */
#define PAST "(SELECT *, max(change) FROM past WHERE at_ms <= ?7 GROUP BY id HAVING NOT gone)"

/* Triggers keep each state of an object. That of a version is not kept: what a list shows late
 * are names, and which version is the current one. */
#define PAST_COLUMNS \
	"id, vault, type, upper, name, state, due_ms, deleted, purge, managed, current, policy, pending"
#define NOW_MS "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
#define PAST_TRIGGER(event, gone, row)                                                                    \
	"CREATE TEMP TRIGGER past_" event " AFTER " event " ON main.object BEGIN"                         \
	" INSERT INTO past (at_ms, gone, " PAST_COLUMNS ") SELECT " NOW_MS ", " gone ", " row ".id, " row \
	".vault, " row ".type, " row ".upper, " row ".name, " row ".state, " row ".due_ms, " row          \
	".deleted, " row ".purge, " row ".managed, " row ".current, " row ".policy, " row ".pending;"     \
	" END;"
const char lv_queries_past[] =
    "CREATE TEMP TABLE past (change INTEGER PRIMARY KEY, at_ms INTEGER, gone INTEGER, id INTEGER, vault TEXT,"
    " type INTEGER, upper TEXT, name TEXT, state INTEGER, due_ms INTEGER, deleted INTEGER, purge INTEGER,"
    " managed INTEGER, current TEXT, policy TEXT, pending TEXT);"
    "INSERT INTO past (at_ms, gone, " PAST_COLUMNS ") SELECT 0, 0, " PAST_COLUMNS
    " FROM object;" PAST_TRIGGER("INSERT", "0", "new") PAST_TRIGGER("UPDATE", "0", "new")
	PAST_TRIGGER("DELETE", "1", "old");

const char *const lv_queries[QUERIES] = {
	[BEGIN] = "BEGIN",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[FIND] =
	    "SELECT " OBJECT_COLUMNS " FROM object o WHERE o.vault = ?1 AND o.type = ?2 AND o.upper = ?3",
	[ADD] = "INSERT INTO object (vault, type, upper, name, state, due_ms, deleted, purge,"
		" managed, current, policy, pending)"
		" VALUES (?12, ?2, ?13, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[SAVE] = "UPDATE object SET state = ?4, due_ms = ?5, deleted = ?6, purge = ?7,"
		 " managed = ?8, current = ?9, policy = ?10, pending = ?11 WHERE id = ?1",
	[ERASE] = "DELETE FROM object WHERE id = ?1",
	[ERASE_VERSIONS] = "DELETE FROM version WHERE object = ?1",
	[GET] = "SELECT " VERSION_COLUMNS " FROM version v WHERE v.object = ?1 AND v.id = ?2",
	[PUT] = "INSERT INTO version (object, id, enabled, created, updated, nbf, exp, tags, kind,"
		" detail, public, secret)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	[CHANGE] = "UPDATE version SET enabled = ?3, created = ?4, updated = ?5, nbf = ?6,"
		   " exp = ?7, tags = ?8, kind = ?9, detail = ?10, public = ?11, secret = ?12"
		   " WHERE object = ?1 AND id = ?2",
	[COUNT] = "SELECT count(*) FROM version WHERE object = ?1",
	[WALK] = WALK_OF("object", "o.upper >= ?3", "o.upper"),
	[WALK_PAST] = WALK_OF(PAST, "o.upper >= ?3", "o.upper"),
	[WALK_ADDED] = WALK_OF("object", "o.id > ?3", "o.id"),
	[WALK_ADDED_PAST] = WALK_OF(PAST, "o.id > ?3", "o.id"),
	[WALK_VERSIONS] = "SELECT " VERSION_COLUMNS " FROM version v WHERE v.object = ?1 AND v.id >= ?2"
			  " ORDER BY v.id LIMIT ?3",
	[WALK_MADE] = "SELECT " VERSION_COLUMNS " FROM version v WHERE v.object = ?1 AND v.made >"
		      " coalesce((SELECT made FROM version WHERE object = ?1 AND id = ?2), 0)"
		      " ORDER BY v.made LIMIT ?3",
	[DUE] = "SELECT " OBJECT_COLUMNS ", o.vault FROM object o"
		" WHERE o.due_ms > 0 AND o.due_ms <= ?1 ORDER BY o.due_ms LIMIT 1",
	[FACT] = "SELECT value FROM fact WHERE name = ?1",
	[SET_FACT] = "INSERT OR REPLACE INTO fact (name, value) VALUES (?1, ?2)",
};
