#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/blob/spill.h"
#include "client/base/buf.h"
#include "tests/unit/caught.h"

#define ROOM ((size_t)3 << 20)

static char folder[32];
static struct kv_spill *spill;

static int
set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/kvfs-spill.XXXXXX");
	caught_begin();
	spill = mkdtemp(folder) != NULL ? kv_spill_new(folder, ROOM) : NULL;
	return spill != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_spill_free(spill);
	caught_end();
	/* it has no name, so nothing is in the folder */
	return rmdir(folder);
}

/* len bytes that begin with c. */
static struct kv_blob *
blob_of(char c, size_t len)
{
	struct kv_blob *blob = NULL;
	struct kv_buf b;
	char *text = malloc(len);

	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)(c + (char)(i % 31));
	kv_buf_init(&b, len);
	assert_int_equal(kv_buf_append(&b, text, len), 0);
	assert_int_equal(kv_blob_new(&b, &blob), 0);
	kv_buf_release(&b);
	free(text);
	return blob;
}

static void
assert_kept(const struct kv_slot *slot, const struct kv_blob *blob)
{
	struct kv_blob *again = NULL;

	assert_int_equal(kv_spill_get(spill, slot, blob->len, blob->digest, &again), 0);
	assert_int_equal(again->len, blob->len);
	assert_memory_equal(again->data, blob->data, blob->len);
	kv_blob_unref(again);
}

/* The bytes on the disk of this process's file without a name in the folder; -1: there is none. */
static long
bytes_on_disk(void)
{
	DIR *fds = opendir("/proc/self/fd");
	long bytes = -1;

	assert_non_null(fds);
	for (const struct dirent *d = readdir(fds); d != NULL; d = readdir(fds)) {
		char path[PATH_MAX] = "";
		struct stat st;

		if (readlinkat(dirfd(fds), d->d_name, path, sizeof(path) - 1) > 0 &&
		    strncmp(path, folder, strlen(folder)) == 0 && fstatat(dirfd(fds), d->d_name, &st, 0) == 0)
			bytes = st.st_blocks * 512;
	}
	closedir(fds);
	return bytes;
}

static void
what_is_put_is_what_comes_back(void **state)
{
	static const size_t lengths[] = { 1, 4095, 4096, 4097, 100000 };
	struct kv_blob *blobs[N_OF(lengths)];
	struct kv_slot slots[N_OF(lengths)];

	(void)state;
	for (size_t i = 0; i < N_OF(lengths); i++) {
		blobs[i] = blob_of((char)('a' + i), lengths[i]);
		assert_int_equal(kv_spill_put(spill, blobs[i], &slots[i]), 0);
		kv_spill_check(spill);
	}
	for (size_t i = 0; i < N_OF(lengths); i++)
		assert_kept(&slots[i], blobs[i]);
	assert_true(bytes_on_disk() >= 100000);
	for (size_t i = 0; i < N_OF(lengths); i++) {
		kv_spill_drop(spill, &slots[i]);
		kv_spill_check(spill);
		assert_int_equal(slots[i].n, 0);
		kv_blob_unref(blobs[i]);
	}
	assert_int_equal(kv_spill_used(spill), 0);
	assert_int_equal(kv_spill_left(spill), ROOM);
	assert_int_equal(bytes_on_disk(), 0);
}

static void
another_digest_is_refused(void **state)
{
	struct kv_blob *one = blob_of('a', 5000), *other = blob_of('b', 5000), *again = NULL;
	struct kv_slot slot;

	(void)state;
	assert_int_equal(kv_spill_put(spill, one, &slot), 0);
	kv_spill_check(spill);
	assert_int_equal(kv_spill_get(spill, &slot, other->len, other->digest, &again), -EBADMSG);
	assert_null(again);
	assert_kept(&slot, one);
	kv_spill_drop(spill, &slot);
	kv_spill_check(spill);
	kv_blob_unref(one);
	kv_blob_unref(other);
}

static void
where_there_is_no_room_it_says_so_and_what_is_dropped_gives_room(void **state)
{
	struct kv_blob *half = blob_of('a', ROOM / 2), *little = blob_of('b', 100),
		       *whole = blob_of('c', ROOM + 1);
	struct kv_slot slots[2], third;

	(void)state;
	assert_int_equal(kv_spill_put(spill, whole, &third), -ENOSPC);
	kv_spill_check(spill);
	assert_int_equal(kv_spill_put(spill, half, &slots[0]), 0);
	kv_spill_check(spill);
	assert_int_equal(kv_spill_put(spill, half, &slots[1]), 0);
	kv_spill_check(spill);
	assert_int_equal(kv_spill_left(spill), 0);
	assert_int_equal(kv_spill_put(spill, little, &third), -ENOSPC);
	kv_spill_check(spill);
	kv_spill_drop(spill, &slots[0]);
	kv_spill_check(spill);
	assert_int_equal(kv_spill_put(spill, little, &third), 0);
	kv_spill_check(spill);
	assert_kept(&third, little);
	assert_kept(&slots[1], half);
	kv_spill_drop(spill, &slots[1]);
	kv_spill_check(spill);
	kv_spill_drop(spill, &third);
	kv_spill_check(spill);
	kv_blob_unref(half);
	kv_blob_unref(little);
	kv_blob_unref(whole);
}

static void
a_folder_that_is_not_there_is_an_error_of_the_put(void **state)
{
	struct kv_spill *lost = kv_spill_new("/nonexistent/kvfs", ROOM);
	struct kv_blob *blob = blob_of('a', 100);
	struct kv_slot slot;

	(void)state;
	assert_non_null(lost);
	assert_true(kv_spill_put(lost, blob, &slot) < 0);
	kv_blob_unref(blob);
	kv_spill_free(lost);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_put_is_what_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_digest_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    where_there_is_no_room_it_says_so_and_what_is_dropped_gives_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_folder_that_is_not_there_is_an_error_of_the_put, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
