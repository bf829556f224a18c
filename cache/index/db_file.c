/*
 * Opening an index.
 *
 * Nothing is written to a file before it has proved to be empty or an index of kvfs. Only one process at a
 * time inspects and replaces a file: it locks the folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/index/db_file.h"
#include "client/base/buf.h"
#include "client/base/log.h"

#define MODULE	       "index"
#define APPLICATION_ID 0x6b766673 /* "kvfs" */

/* Each leads from one version of the file to the next; PRAGMA user_version counts them. */
static const char *const migrations[] = {
	"CREATE TABLE object(type INTEGER, key TEXT, id INTEGER NOT NULL, name TEXT NOT NULL,"
	" fingerprint BLOB, updated INTEGER, size INTEGER, digest BLOB, fetched INTEGER,"
	" PRIMARY KEY(type, key)) WITHOUT ROWID;"
	"CREATE TABLE counter(next INTEGER NOT NULL);"
	"INSERT INTO counter VALUES(0);"
	"CREATE TABLE receipt(path TEXT PRIMARY KEY, digest BLOB NOT NULL, type INTEGER NOT NULL,"
	" name TEXT NOT NULL, version TEXT NOT NULL, updated INTEGER, size INTEGER, mtime INTEGER,"
	" mode INTEGER) WITHOUT ROWID;"
	"CREATE INDEX receipt_digest ON receipt(digest, type);"
	"CREATE TABLE pace(class TEXT PRIMARY KEY, rate REAL, most REAL, kept INTEGER) WITHOUT ROWID;",
	"CREATE TABLE bookmark(type INTEGER PRIMARY KEY, tokens TEXT NOT NULL);",
};
#define VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

/* ---- the folder and the file ---- */

static int
make_folder(const char *folder)
{
	char *path = strdup(folder);
	int err = path != NULL ? 0 : -ENOMEM;

	for (char *slash = path; err == 0 && (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
		*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			err = -errno;
	}
	if (err == 0 && mkdir(path, 0700) != 0 && errno != EEXIST)
		err = -errno;
	free(path);
	return err;
}

/* Makes sure that path is a regular file of this user that nobody else can read; creates it if missing. */
static int
make_file(const char *path, struct kv_buf *why)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	struct stat st = { .st_mode = 0 };
	int err = fd < 0 || fstat(fd, &st) != 0 ? -errno : 0;

	if (err == 0 && (!S_ISREG(st.st_mode) || st.st_uid != geteuid())) {
		kv_buf_say(why, "it belongs to another user, or is not a regular file");
		err = -EPERM;
	} else if (err == 0 && (st.st_mode & 077) != 0 && fchmod(fd, 0600) != 0) {
		err = -errno;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

/* Keeps the old file beside the new one, but not its WAL or journal. */
static int
set_aside(const char *path)
{
	static const char *const companions[] = { "-wal", "-shm", "-journal" };
	char other[4096];
	struct kv_buf why;

	if (snprintf(other, sizeof(other), "%s.damaged", path) >= (int)sizeof(other))
		return -ENAMETOOLONG;
	if (rename(path, other) != 0)
		return -errno;
	kv_buf_init(&why, sizeof(other) + 100);
	kv_buf_say(&why,
	    "it is damaged, or not an index of kvfs: it was renamed to %s, and a new one was created", other);
	kv_log_event(KV_LOG_WARNING, MODULE, "file=%s why=%s", path, kv_buf_str(&why));
	kv_buf_release(&why);
	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
		snprintf(other, sizeof(other), "%s%s", path, companions[i]);
		(void)unlink(other);
	}
	return 0;
}

/* ---- the content of the file ---- */

/* *number: the first column of the first row. An SQLite result. */
static int
ask_number(sqlite3 *db, const char *sql, int64_t *number)
{
	sqlite3_stmt *s = NULL;
	int result = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	*number = 0;
	if (result == SQLITE_OK && (result = sqlite3_step(s)) == SQLITE_ROW) {
		*number = sqlite3_column_int64(s, 0);
		result = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return result;
}

static int
check(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	int result = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL);
	const char *word;

	if (result == SQLITE_OK && (result = sqlite3_step(s)) == SQLITE_ROW) {
		word = (const char *)sqlite3_column_text(s, 0);
		result = word == NULL ? SQLITE_NOMEM : strcmp(word, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
	}
	sqlite3_finalize(s);
	return result;
}

/* SQLITE_NOTADB: it is not an index of kvfs. */
static int
inspect(sqlite3 *db, int64_t *version)
{
	int64_t id, tables;
	int result = ask_number(db, "PRAGMA user_version", version);

	if (result == SQLITE_OK)
		result = check(db);
	if (result == SQLITE_OK)
		result = ask_number(db, "PRAGMA application_id", &id);
	if (result == SQLITE_OK)
		result = ask_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (result == SQLITE_OK && id != APPLICATION_ID && tables != 0)
		result = SQLITE_NOTADB;
	return result;
}

static int
migrate(sqlite3 *db)
{
	int64_t version = 0;
	char set[80];
	int result = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (result == SQLITE_OK) /* another mount may have migrated it meanwhile */
		result = ask_number(db, "PRAGMA user_version", &version);
	for (; result == SQLITE_OK && version < VERSION; version++)
		result = sqlite3_exec(db, migrations[version], NULL, NULL, NULL);
	snprintf(set, sizeof(set), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
	    APPLICATION_ID, VERSION);
	if (result == SQLITE_OK)
		result = sqlite3_exec(db, set, NULL, NULL, NULL);
	return result;
}

/* Checks the file, and migrates it if it is empty or older. An SQLite result. */
static int
make_good(sqlite3 *db, kv_db_file_try *try, void *arg, struct kv_buf *why)
{
	int64_t version = 0;
	int result;

	sqlite3_busy_timeout(db, KV_DB_FILE_START_MS);
	result = inspect(db, &version);
	if (result == SQLITE_OK && version > VERSION) {
		kv_buf_say(why, "it was written by a newer kvfs");
		return SQLITE_MISMATCH;
	}
	if (result == SQLITE_OK)
		result = sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	if (result == SQLITE_OK && version < VERSION)
		result = migrate(db);
	return result == SQLITE_OK ? try(arg, db) : result;
}

static bool
is_damage(int result)
{
	return (result & 0xff) == SQLITE_ERROR || (result & 0xff) == SQLITE_CORRUPT ||
	    (result & 0xff) == SQLITE_NOTADB;
}

static int
open_file(const char *path, kv_db_file_try *try, void *arg, sqlite3 **db, struct kv_buf *why)
{
	int result = SQLITE_OK, err = 0;

	for (int attempt = 0; err == 0 && attempt < 2; attempt++) {
		err = make_file(path, why);
		if (err != 0)
			return err;
		result = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
		if (result == SQLITE_OK)
			result = make_good(*db, try, arg, why);
		if (result == SQLITE_OK)
			return 0;
		sqlite3_close(*db);
		*db = NULL;
		err = is_damage(result) && attempt == 0 ? set_aside(path) : -EIO;
	}
	if (why->len == 0)
		kv_buf_say(why, "%s", sqlite3_errstr(result));
	return err != 0 ? err : -EIO;
}

int
kv_db_file_open(const char *folder, const char *vault, kv_db_file_try *try, void *arg, sqlite3 **db,
    char **path, struct kv_buf *why)
{
	int err = make_folder(folder), fd = -1;

	*db = NULL;
	*path = NULL;
	if (err == 0 && asprintf(path, "%s/%s.db", folder, vault) < 0) {
		*path = NULL;
		err = -ENOMEM;
	}
	if (err == 0 && (fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		err = -errno;
	if (err == 0 && flock(fd, LOCK_EX) != 0)
		err = -errno;
	if (err == 0)
		err = open_file(*path, try, arg, db, why);
	if (fd >= 0)
		close(fd);
	if (err != 0 && why->len == 0)
		kv_buf_say(why, "%s", strerror(-err));
	return err;
}
