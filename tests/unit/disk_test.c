#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/blob/disk.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "tests/unit/caught.h"

static char folder[32];
static struct kv_disk *disk;
static struct kv_object *object;
static struct kv_blob *blob;

static struct kv_blob *
blob_of(const char *text)
{
	struct kv_blob *b = NULL;
	struct kv_buf raw;

	kv_buf_init(&raw, 1000);
	assert_int_equal(kv_buf_append(&raw, text, strlen(text)), 0);
	assert_int_equal(kv_blob_new(&raw, &b), 0);
	kv_buf_release(&raw);
	return b;
}

/* What the index has of an object whose blob was fetched. */
static void
know(struct kv_object *o, const struct kv_blob *b)
{
	o->size = (int64_t)b->len;
	o->has_digest = true;
	memcpy(o->digest, b->digest, KV_DIGEST_LEN);
}

static void
open_disk(bool keeps_all)
{
	struct kv_buf why;

	kv_buf_init(&why, 512);
	assert_int_equal(kv_disk_new(folder, "v", keeps_all, &disk, &why), 0);
	kv_buf_release(&why);
}

static int
set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/kvfs-disk.XXXXXX");
	caught_begin();
	if (mkdtemp(folder) == NULL)
		return -1;
	open_disk(true);
	object = kv_object_new(KV_SECRETS, "Db");
	assert_non_null(object);
	blob = blob_of("the blob of db");
	know(object, blob);
	return 0;
}

static void
remove_path(const char *below)
{
	char path[100];

	snprintf(path, sizeof(path), "%s%s", folder, below);
	assert_int_equal(remove(path), 0);
}

static int
tear_down(void **state)
{
	(void)state;
	kv_disk_drop(disk, object);
	kv_disk_free(disk);
	kv_object_unref(object);
	kv_blob_unref(blob);
	caught_end();
	remove_path("/v.blobs/keys");
	remove_path("/v.blobs/secrets");
	remove_path("/v.blobs/certificates");
	remove_path("/v.blobs");
	remove_path("");
	return 0;
}

static const char *
file_of_object(void)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/v.blobs/secrets/DB", folder);
	return path;
}

static void
assert_kept(void)
{
	struct kv_blob *again = kv_disk_get(disk, object);

	assert_non_null(again);
	assert_int_equal(again->len, blob->len);
	assert_memory_equal(again->data, blob->data, blob->len);
	kv_blob_unref(again);
}

static void
a_blob_is_there_in_the_next_mount_for_its_owner_alone(void **state)
{
	struct stat st;

	(void)state;
	kv_disk_put(disk, object, blob);
	assert_kept();
	kv_disk_free(disk);
	open_disk(true);
	assert_kept();
	assert_int_equal(stat(file_of_object(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
what_was_not_put_or_was_dropped_is_not_there(void **state)
{
	(void)state;
	assert_null(kv_disk_get(disk, object));
	kv_disk_put(disk, object, blob);
	kv_disk_drop(disk, object);
	assert_null(kv_disk_get(disk, object));
	assert_int_not_equal(access(file_of_object(), F_OK), 0);
}

static void
a_blob_of_another_digest_or_length_is_not_given(void **state)
{
	(void)state;
	kv_disk_put(disk, object, blob);
	object->digest[0] ^= 1;
	assert_null(kv_disk_get(disk, object));
	object->digest[0] ^= 1;
	kv_disk_put(disk, object, blob);
	object->size++;
	assert_null(kv_disk_get(disk, object));
}

static void
a_damaged_file_is_not_given(void **state)
{
	int fd;

	(void)state;
	kv_disk_put(disk, object, blob);
	fd = open(file_of_object(), O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "X", 1, 5), 1);
	close(fd);
	assert_null(kv_disk_get(disk, object));
	kv_disk_put(disk, object, blob);
	assert_kept();
	assert_int_equal(truncate(file_of_object(), 3), 0);
	assert_null(kv_disk_get(disk, object));
}

/* What opens it otherwise waits for somebody to write, and the whole mount with it. */
static void
a_fifo_in_its_place_is_not_waited_for(void **state)
{
	(void)state;
	kv_disk_put(disk, object, blob);
	assert_int_equal(unlink(file_of_object()), 0);
	assert_int_equal(mkfifo(file_of_object(), 0600), 0);
	assert_false(kv_disk_has(disk, object));
	assert_null(kv_disk_get(disk, object));
	kv_disk_put(disk, object, blob);
	assert_kept();
}

static bool
is_it(const void *arg, const char *key)
{
	return strcmp(arg, key) == 0;
}

static void
what_the_vault_no_longer_has_is_pruned(void **state)
{
	char db[] = "DB", other[] = "OTHER";

	(void)state;
	kv_disk_put(disk, object, blob);
	kv_disk_prune(disk, KV_KEYS, is_it, other);
	kv_disk_prune(disk, KV_SECRETS, is_it, db);
	assert_kept();
	kv_disk_prune(disk, KV_SECRETS, is_it, other);
	assert_int_not_equal(access(file_of_object(), F_OK), 0);
}

static void
put_file(const char *name, int64_t wall_written)
{
	const struct timespec times[2] = { { .tv_sec = wall_written }, { .tv_sec = wall_written } };
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/v.blobs/secrets/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void
what_a_crash_left_half_written_is_pruned(void **state)
{
	static const struct {
		const char *name;
		int64_t age_s;
		bool stays;
	} rows[] = {
		{ "DB.4711", 3600, false },
		{ "OTHER.1", 3600, false }, /* of an object that is no longer there */
		{ "DB.4712", 5, true },	    /* another mount is writing it */
		{ "DB.bak", 3600, true },   /* nothing of ours */
		{ "notes.txt", 3600, true },
		{ "D_B.1", 3600, true },
	};
	char db[] = "DB", path[100];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		put_file(rows[i].name, kv_clock_wall_s() - rows[i].age_s);
	kv_disk_put(disk, object, blob);
	kv_disk_prune(disk, KV_SECRETS, is_it, db);
	assert_kept();
	for (size_t i = 0; i < N_OF(rows); i++) {
		snprintf(path, sizeof(path), "%s/v.blobs/secrets/%s", folder, rows[i].name);
		assert_row((unlink(path) == 0) == rows[i].stays, i, rows[i].name);
	}
}

/* n objects, the last of them updated at last, the others at 1000; which of them are wanted, as a mask. */
static unsigned int
wanted(size_t n, int64_t last)
{
	struct kv_object *objects[20];
	unsigned int mask = 0;

	assert_true(n <= N_OF(objects));
	for (size_t i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "o%zu", i);
		objects[i] = kv_object_new(KV_SECRETS, name);
		assert_non_null(objects[i]);
		know(objects[i], blob);
		objects[i]->wall_updated = i + 1 < n ? 1000 : last;
	}
	kv_disk_keep_newest(disk, KV_SECRETS, objects, n);
	for (size_t i = 0; i < n; i++) {
		mask |= kv_disk_keeps(disk, objects[i]) ? 1U << i : 0;
		kv_object_unref(objects[i]);
	}
	return mask;
}

static void
else_only_the_newest_of_a_type_are_kept(void **state)
{
	(void)state;
	kv_disk_put(disk, object, blob);
	kv_disk_free(disk);
	open_disk(false);
	assert_false(kv_disk_keeps(disk, object)); /* nothing is listed yet */
	assert_false(kv_disk_keeps(NULL, object));
	assert_int_equal(wanted(3, 2000), 1U << 2);
	assert_null(kv_disk_get(disk, object)); /* it is none of them */
	assert_int_equal(wanted(3, 1000), 7);
	assert_int_equal(wanted(16, 1000), 0xffff);
	assert_int_equal(wanted(17, 1000), 0); /* somebody has imported them */
	object->wall_updated = 1000;
	assert_false(kv_disk_keeps(disk, object));
	assert_int_equal(wanted(17, 1001), 1U << 16);
	object->wall_updated = 3000; /* changed since it was listed */
	assert_true(kv_disk_keeps(disk, object));
	object->has_digest = false;
	assert_false(kv_disk_keeps(disk, object));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_blob_is_there_in_the_next_mount_for_its_owner_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_was_not_put_or_was_dropped_is_not_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_blob_of_another_digest_or_length_is_not_given, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_damaged_file_is_not_given, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_fifo_in_its_place_is_not_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_the_vault_no_longer_has_is_pruned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_crash_left_half_written_is_pruned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(else_only_the_newest_of_a_type_are_kept, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
