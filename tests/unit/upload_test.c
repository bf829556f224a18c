#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/restore/upload.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"

static struct kv_loop *loop;
static struct kv_drop *drop;
static size_t staged;
static int n_expired;

static void
expire(void *arg)
{
	(*(int *)arg)++;
}

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	loop = kv_loop_new();
	staged = 0;
	n_expired = 0;
	drop = kv_drop_new(loop, &staged, expire, &n_expired);
	assert_non_null(drop);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_drop_free(drop);
	assert_int_equal(staged, 0);
	assert_int_equal(fake_loop_timers(loop), 0);
	kv_loop_free(loop);
	return 0;
}

static int
put(const char *text, size_t offset)
{
	return kv_drop_write(drop, text, strlen(text), offset);
}

/* What fs/restore does with a file that is on its way, and after it. */
static void
send(enum kv_drop_state state)
{
	drop->size = drop->data.len;
	staged -= drop->data.len;
	kv_buf_release(&drop->data);
	drop->state = state;
	drop->err = state == KV_DROP_FAILED ? -EACCES : 0;
}

static void
what_is_written_is_there(void **state)
{
	static const struct {
		const char *text;
		size_t offset, len;
		const char *content;
	} rows[] = {
		{ "hello", 0, 5, "hello" },
		{ " you", 5, 9, "hello you" },
		{ "HE", 0, 9, "HEllo you" },
		{ "!", 10, 11, "HEllo you\0!" }, /* a gap is zeros */
		{ "", 20, 11, "HEllo you\0!" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(put(rows[i].text, rows[i].offset) == 0, i, "written");
		assert_row(kv_drop_size(drop) == rows[i].len, i, "size");
		assert_row(memcmp(drop->data.data, rows[i].content, rows[i].len) == 0, i, "content");
		assert_row(staged == rows[i].len, i, "staged");
	}
	assert_int_equal(kv_drop_truncate(drop, 3), 0);
	assert_int_equal(kv_drop_size(drop), 3);
	assert_int_equal(staged, 3);
	assert_int_equal(kv_drop_truncate(drop, 4), 0);
	assert_memory_equal(drop->data.data, "HEl\0", 4);
	assert_int_equal(staged, 4);
}

static void
a_write_sets_the_time(void **state)
{
	(void)state;
	assert_true(drop->wall_mtime_ns == 1700000000 * INT64_C(1000000000));
	fake_clock_advance(5000);
	assert_int_equal(put("x", 0), 0);
	assert_true(drop->wall_mtime_ns == 1700000005 * INT64_C(1000000000));
}

static void
nothing_is_written_while_it_is_being_sent(void **state)
{
	(void)state;
	assert_int_equal(put("hello", 0), 0);
	send(KV_DROP_SENDING);
	assert_int_equal(kv_drop_size(drop), 5);
	assert_int_equal(put("x", 0), -EBUSY);
	assert_int_equal(put("x", 5), -EBUSY);
	assert_int_equal(kv_drop_truncate(drop, 0), -EBUSY);
	assert_int_equal(kv_drop_truncate(drop, 5), 0);
	assert_int_equal(drop->state, KV_DROP_SENDING);
}

static void
a_write_from_the_start_makes_a_sent_file_new(void **state)
{
	static const enum kv_drop_state rows[] = { KV_DROP_DONE, KV_DROP_FAILED };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		assert_int_equal(put("hello", 0), 0);
		send(rows[i]);
		assert_int_equal(put("x", 1), -EINVAL); /* the rest of it is not here any more */
		assert_int_equal(kv_drop_truncate(drop, 3), -EINVAL);
		assert_int_equal(kv_drop_truncate(drop, 5), 0);
		assert_row(drop->state == rows[i] && kv_drop_size(drop) == 5, i, "as it was");
		assert_int_equal(put("new", 0), 0);
		assert_row(drop->state == KV_DROP_WRITING && drop->err == 0, i, "new");
		assert_row(kv_drop_size(drop) == 3 && staged == 3, i, "size");
	}
}

static void
a_sent_file_that_is_emptied_is_new(void **state)
{
	(void)state;
	assert_int_equal(put("hello", 0), 0);
	send(KV_DROP_DONE);
	assert_int_equal(kv_drop_truncate(drop, 0), 0);
	assert_int_equal(drop->state, KV_DROP_WRITING);
	assert_int_equal(kv_drop_size(drop), 0);
}

static void
what_no_blob_can_be_is_too_large(void **state)
{
	static const size_t text_max = KV_BLOB_MAX / 3 * 4 + 4; /* base64url */

	(void)state;
	assert_int_equal(put("x", SIZE_MAX), -EFBIG);
	assert_int_equal(put("x", SIZE_MAX - 1), -EFBIG);
	assert_int_equal(put("x", text_max), -EFBIG);
	assert_int_equal(kv_drop_truncate(drop, text_max + 1), -EFBIG);
	assert_int_equal(kv_drop_truncate(drop, SIZE_MAX), -EFBIG);
	assert_int_equal(kv_drop_size(drop), 0);
	assert_int_equal(put("x", KV_BLOB_MAX - 1), 0);
}

static void
a_file_that_grew_too_large_gives_its_room_back_and_fails_for_good(void **state)
{
	(void)state;
	assert_int_equal(kv_drop_truncate(drop, KV_BLOB_MAX), 0);
	assert_int_equal(put("x", KV_BLOB_MAX / 3 * 4 + 4), -EFBIG);
	assert_int_equal(staged, 0);
	assert_int_equal(drop->state, KV_DROP_FAILED);
	assert_int_equal(drop->err, -EFBIG);
	assert_int_equal(put("x", KV_BLOB_MAX), -EFBIG);
	assert_int_equal(put("new", 0), 0);
	assert_int_equal(drop->state, KV_DROP_WRITING);
}

static void
all_files_together_have_a_limit(void **state)
{
	struct kv_drop *other = kv_drop_new(loop, &staged, expire, &n_expired);

	(void)state;
	assert_non_null(other);
	assert_int_equal(kv_drop_truncate(other, KV_BLOB_MAX), 0);
	assert_int_equal(put("hello", 0), 0);
	assert_int_equal(kv_drop_truncate(drop, KV_BLOB_MAX), -ENOSPC);
	assert_int_equal(put("x", KV_BLOB_MAX), -ENOSPC);
	assert_int_equal(put("HELLO", 0), 0); /* no more than before */
	assert_int_equal(kv_drop_size(drop), 5);
	kv_drop_free(other);
	assert_int_equal(staged, 5);
	assert_int_equal(kv_drop_truncate(drop, KV_BLOB_MAX), 0);
}

static void
what_rsync_is_still_writing_is_known_by_its_name(void **state)
{
	static const struct {
		const char *name;
		bool is_staging;
	} rows[] = {
		{ ".a.blob.AbC123", true },
		{ ".a.zzzzzz", true },
		{ "..a.zzzzzz", true },
		{ "a.blob", false },
		{ "a.blob.AbC123", false },
		{ ".a.blob", false },
		{ ".a.blob.AbC12", false },
		{ ".a.blob.AbC1234", false },
		{ ".a.blob.AbC-23", false },
		{ ".AbC123", false },
		{ "..AbC123", false },
		{ ".", false },
		{ "", false },
		{ ".a.", false },
		{ ".a.\xc3\xa4\xc3\xa4\xc3\xa4", false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(kv_drop_is_staging(rows[i].name) == rows[i].is_staging, i, rows[i].name);
}

static void
its_timer_goes_with_it(void **state)
{
	struct kv_drop *other = kv_drop_new(loop, &staged, expire, &n_expired);

	(void)state;
	assert_non_null(other);
	kv_timer_set(&drop->expiry, 1000);
	kv_timer_set(&other->expiry, 1000);
	kv_drop_free(other);
	kv_drop_free(NULL);
	fake_loop_run(loop, 2000);
	assert_int_equal(n_expired, 1);
}

static int
write_once(void)
{
	int err;

	kv_drop_free(drop);
	drop = kv_drop_new(loop, &staged, expire, &n_expired);
	if (drop == NULL)
		return -ENOMEM;
	err = put("hello", 0);
	if (err == 0)
		err = kv_drop_truncate(drop, 1000);
	assert_int_equal(staged, kv_drop_size(drop));
	return err;
}

static void
no_allocation_that_fails_does_harm(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(write_once());
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_there),
		TEST(a_write_sets_the_time),
		TEST(nothing_is_written_while_it_is_being_sent),
		TEST(a_write_from_the_start_makes_a_sent_file_new),
		TEST(a_sent_file_that_is_emptied_is_new),
		TEST(what_no_blob_can_be_is_too_large),
		TEST(a_file_that_grew_too_large_gives_its_room_back_and_fails_for_good),
		TEST(all_files_together_have_a_limit),
		TEST(what_rsync_is_still_writing_is_known_by_its_name),
		TEST(its_timer_goes_with_it),
		TEST(no_allocation_that_fails_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
