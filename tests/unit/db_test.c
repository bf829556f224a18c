#include "tests/unit/unit.h"

#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/index/object_rows.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/index_dir.h"

static int n_syncs;

/* SQLite's, counted: an fsync takes a disk's time, in which nobody would be served. */
int
fsync(int fd)
{
	(void)fd;
	n_syncs++;
	return 0;
}

int
fdatasync(int fd)
{
	return fsync(fd);
}

static bool
is_written(const char *name, int64_t size)
{
	struct kv_index other = index_dir_open();
	struct kv_object *object = index_dir_recall(other.objects, name);
	const bool is = object->size == size;

	kv_object_unref(object);
	kv_index_close(&other);
	return is;
}

static void
notes_are_written_soon_without_an_fsync_and_synced_when_idle(void **state)
{
	struct kv_index index = index_dir_open();
	struct kv_object *object = index_dir_recall(index.objects, "a");

	(void)state;
	index_dir_note(index.objects, object, 500);
	n_syncs = 0;
	fake_loop_run(index_loop, 1000);
	assert_int_equal(n_syncs, 0);
	fake_loop_run(index_loop, 600000);
	assert_true(n_syncs > 0);
	assert_true(is_written("a", 500));
	kv_object_unref(object);
	kv_index_close(&index);
}

static void
while_another_process_writes_nothing_waits_and_nothing_is_lost(void **state)
{
	struct kv_index index = index_dir_open();
	struct kv_object *object = index_dir_recall(index.objects, "a");
	sqlite3 *other = NULL;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s", index_dir_path("v.db"));
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	index_dir_note(index.objects, object, 500);
	fake_loop_run(index_loop, 5000);
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	assert_false(is_written("a", 500));
	fake_loop_run(index_loop, 5000);
	assert_true(is_written("a", 500));
	kv_object_unref(object);
	kv_index_close(&index);
}

static void
a_file_that_is_no_index_is_set_aside(void **state)
{
	struct kv_index index;
	char path[64];
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s", index_dir_path("v.db"));
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		assert_true(fputs("not a database\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	index = index_dir_open();
	assert_int_equal(access(index_dir_path("v.db.damaged"), F_OK), 0);
	kv_object_unref(index_dir_recall(index.objects, "a"));
	kv_index_close(&index);
}

static void
it_is_readable_by_its_owner_alone(void **state)
{
	struct kv_index index = index_dir_open();
	struct stat st;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s", index_dir_path("v.db"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	kv_index_close(&index);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, index_dir_set_up, index_dir_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(notes_are_written_soon_without_an_fsync_and_synced_when_idle),
		TEST(while_another_process_writes_nothing_waits_and_nothing_is_lost),
		TEST(a_file_that_is_no_index_is_set_aside),
		TEST(it_is_readable_by_its_owner_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
