#include "tests/unit/unit.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/index/index.h"
#include "client/base/buf.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"

static char folder[32];
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
static struct kv_loop *loop;

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	snprintf(folder, sizeof(folder), "/tmp/kvfs-index.XXXXXX");
	caught_begin();
	loop = kv_loop_new();
	return mkdtemp(folder) != NULL && loop != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "v.db", "v.db-wal", "v.db-shm", "v.db.damaged" };
	char path[64];

	(void)state;
	assert_int_equal(fake_loop_timers(loop), 0);
	kv_loop_free(loop);
	caught_end();
	for (size_t i = 0; i < N_OF(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

static struct kv_index *
opened(void)
{
	struct kv_index *index = NULL;
	struct kv_buf why;

	kv_buf_init(&why, 512);
	assert_int_equal(kv_index_open(loop, folder, "v", &index, &why), 0);
	kv_buf_release(&why);
	return index;
}

/* As a listing finds it. */
static struct kv_object *
recalled(struct kv_index *index, const char *name)
{
	struct kv_object *object = kv_object_new(KV_SECRETS, name);

	assert_non_null(object);
	kv_index_recall(index, object);
	return object;
}

static void
know(struct kv_index *index, struct kv_object *object, int64_t size)
{
	object->has_fingerprint = object->has_digest = true;
	memset(object->fingerprint, 7, KV_FINGERPRINT_LEN);
	memset(object->digest, 9, KV_DIGEST_LEN);
	object->size = size;
	kv_index_note(index, object);
}

static void
what_was_noted_is_recalled_under_any_spelling(void **state)
{
	struct kv_index *index = opened();
	struct kv_object *object = recalled(index, "Db"), *again;

	(void)state;
	know(index, object, 4711);
	kv_index_close(index);
	index = opened();
	again = recalled(index, "DB");
	assert_int_equal(again->ino, object->ino);
	assert_int_equal(again->size, 4711);
	assert_true(again->has_fingerprint && again->has_digest);
	assert_memory_equal(again->digest, object->digest, KV_DIGEST_LEN);
	kv_object_unref(object);
	kv_object_unref(again);
	kv_index_close(index);
}

static bool
is_written(const char *name, int64_t size)
{
	struct kv_index *other = opened();
	struct kv_object *object = recalled(other, name);
	const bool is = object->size == size;

	kv_object_unref(object);
	kv_index_close(other);
	return is;
}

static void
notes_are_written_soon_without_an_fsync_and_synced_when_idle(void **state)
{
	struct kv_index *index = opened();
	struct kv_object *object = recalled(index, "a");

	(void)state;
	know(index, object, 500);
	n_syncs = 0;
	fake_loop_run(loop, 1000);
	assert_int_equal(n_syncs, 0);
	fake_loop_run(loop, 600000);
	assert_true(n_syncs > 0);
	assert_true(is_written("a", 500));
	kv_object_unref(object);
	kv_index_close(index);
}

static void
while_another_process_writes_nothing_waits_and_nothing_is_lost(void **state)
{
	struct kv_index *index = opened();
	struct kv_object *object = recalled(index, "a");
	sqlite3 *other = NULL;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/v.db", folder);
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	know(index, object, 500);
	fake_loop_run(loop, 5000);
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	assert_false(is_written("a", 500));
	fake_loop_run(loop, 5000);
	assert_true(is_written("a", 500));
	kv_object_unref(object);
	kv_index_close(index);
}

static void
an_object_that_is_gone_is_forgotten_and_its_number_not_given_again(void **state)
{
	struct kv_index *index = opened();
	struct kv_object *object = recalled(index, "a"), *other;

	(void)state;
	know(index, object, 500);
	object->is_gone = true;
	kv_index_note(index, object);
	kv_index_close(index);
	index = opened();
	other = recalled(index, "b");
	assert_int_not_equal(other->ino, object->ino);
	kv_object_unref(object);
	kv_object_unref(other);
	kv_index_close(index);
}

static void
two_indexes_on_one_file_never_give_one_number_twice(void **state)
{
	struct kv_index *one = opened(), *two = opened();
	struct kv_object *a = recalled(one, "a"), *b = recalled(two, "b");

	(void)state;
	assert_int_not_equal(a->ino, b->ino);
	kv_object_unref(a);
	kv_object_unref(b);
	kv_index_close(one);
	kv_index_close(two);
}

/* Both list an object that neither knew. */
static void
the_second_to_write_takes_the_number_of_the_first(void **state)
{
	static struct kv_node *const told = (struct kv_node *)&folder; /* any node: its number was told */
	struct kv_index *indexes[3] = { opened(), opened(), opened() };
	struct kv_object *objects[3], *again;

	(void)state;
	for (int i = 0; i < 3; i++)
		objects[i] = recalled(indexes[i], "a");
	assert_int_not_equal(objects[0]->ino, objects[1]->ino);
	assert_int_not_equal(objects[0]->ino, objects[2]->ino);
	know(indexes[0], objects[0], 100);
	kv_index_settle(indexes[0]);
	know(indexes[1], objects[1], 200);
	kv_index_settle(indexes[1]);
	assert_int_equal(objects[1]->ino, objects[0]->ino);
	objects[2]->node = told;
	know(indexes[2], objects[2], 300);
	kv_index_settle(indexes[2]);
	assert_int_not_equal(objects[2]->ino, objects[0]->ino);
	for (int i = 0; i < 3; i++)
		kv_index_close(indexes[i]);
	indexes[0] = opened();
	again = recalled(indexes[0], "a");
	assert_int_equal(again->ino, objects[0]->ino);
	assert_int_equal(again->size, 300);
	kv_object_unref(again);
	for (int i = 0; i < 3; i++)
		kv_object_unref(objects[i]);
	kv_index_close(indexes[0]);
}

static void
a_file_that_is_no_index_is_set_aside(void **state)
{
	struct kv_index *index;
	char path[64], aside[80];
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/v.db", folder);
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		assert_true(fputs("not a database\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	index = opened();
	assert_int_equal(access(aside, F_OK), 0);
	kv_object_unref(recalled(index, "a"));
	kv_index_close(index);
}

static void
it_is_readable_by_its_owner_alone(void **state)
{
	struct kv_index *index = opened();
	struct stat st;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/v.db", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	kv_index_close(index);
}

static void
a_receipt_is_found_by_its_path_and_by_its_bytes(void **state)
{
	struct kv_index *index = opened();
	struct kv_receipt receipt = { .type = KV_SECRETS, .size = 100, .mode = 0600 }, found;
	unsigned char other[KV_DIGEST_LEN] = { 1 };

	(void)state;
	memset(receipt.digest, 3, KV_DIGEST_LEN);
	snprintf(receipt.name, sizeof(receipt.name), "db");
	snprintf(receipt.version, sizeof(receipt.version), "v1");
	kv_index_keep_receipt(index, "secrets/db.blob", &receipt);
	kv_index_close(index);
	index = opened();
	assert_true(kv_index_find_path(index, "secrets/db.blob", &found));
	assert_string_equal(found.version, "v1");
	assert_false(kv_index_find_path(index, "secrets/other.blob", &found));
	assert_true(kv_index_find_digest(index, receipt.digest, KV_SECRETS, &found));
	assert_false(kv_index_find_digest(index, receipt.digest, KV_KEYS, &found));
	assert_false(kv_index_find_digest(index, other, KV_SECRETS, &found));
	/* borg removes what is there before it writes it: the path is forgotten, the bytes are not */
	kv_index_keep_receipt(index, "secrets/db.blob", NULL);
	kv_index_close(index);
	index = opened();
	assert_false(kv_index_find_path(index, "secrets/db.blob", &found));
	assert_true(kv_index_find_digest(index, receipt.digest, KV_SECRETS, &found));
	kv_index_close(index);
}

static void
a_size_that_no_backup_has_is_not_believed(void **state)
{
	static const struct {
		int64_t size, recalled;
	} rows[] = { { -7, -1 }, { 0, -1 }, { 1, -1 }, { 63, -1 }, { 64, 64 }, { 64 << 20, 64 << 20 },
		{ (64 << 20) + 1, -1 }, { INT64_MAX, -1 } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_index *index = opened();
		struct kv_object *object = recalled(index, "a"), *again;

		know(index, object, rows[i].size);
		kv_index_close(index);
		index = opened();
		again = recalled(index, "a");
		assert_row(again->size == rows[i].recalled, i, "size");
		assert_row(again->has_digest == (rows[i].recalled >= 0), i, "digest");
		kv_object_unref(object);
		kv_object_unref(again);
		kv_index_close(index);
	}
}

static void
without_an_index_nothing_is_found(void **state)
{
	struct kv_object *object = recalled(NULL, "a");
	struct kv_receipt found;
	unsigned char digest[KV_DIGEST_LEN] = { 0 };

	(void)state;
	assert_int_equal(object->size, -1);
	know(NULL, object, 500);
	assert_false(kv_index_find_path(NULL, "a", &found));
	assert_false(kv_index_find_digest(NULL, digest, KV_SECRETS, &found));
	kv_object_unref(object);
	kv_index_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_was_noted_is_recalled_under_any_spelling, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    notes_are_written_soon_without_an_fsync_and_synced_when_idle, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    while_another_process_writes_nothing_waits_and_nothing_is_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    an_object_that_is_gone_is_forgotten_and_its_number_not_given_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    two_indexes_on_one_file_never_give_one_number_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    the_second_to_write_takes_the_number_of_the_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_is_no_index_is_set_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_is_readable_by_its_owner_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_receipt_is_found_by_its_path_and_by_its_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_size_that_no_backup_has_is_not_believed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_an_index_nothing_is_found, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
