#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/dropbox/upload.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"

static struct kv_loop *loop;
static struct kv_upload *upload;
static size_t staged;
static int n_expired;
static struct kv_writer me; /* who writes */

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
	me = (struct kv_writer){ .id = 1 };
	upload = kv_upload_new(loop, &staged, KV_BLOB_MAX / 2 * 3);
	assert_non_null(upload);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_upload_free(upload);
	assert_int_equal(staged, 0);
	assert_int_equal(fake_loop_timers(loop), 0);
	kv_loop_free(loop);
	return 0;
}

static int
put(const char *text, size_t offset)
{
	return kv_upload_write(upload, &me, text, strlen(text), offset);
}

/* It is on its way; and it is answered with err. */
static void
send(void)
{
	struct kv_buf none;
	struct kv_blob *blob;

	kv_buf_init(&none, 0);
	assert_int_equal(kv_upload_send(upload, &none, &blob), 0);
	kv_blob_unref(blob);
	upload->submit = (struct kv_submit *)(void *)&none; /* in the place of fs/dropbox/submit's */
	kv_upload_check(upload);
}

static void
end(int err)
{
	upload->submit = NULL;
	kv_upload_end(upload, err);
	kv_upload_check(upload);
}

/* Another writer. */
static struct kv_writer
another(void)
{
	return (struct kv_writer){ .id = 2 };
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
		assert_row(kv_upload_size(upload) == rows[i].len, i, "size");
		assert_row(memcmp(upload->data.data, rows[i].content, rows[i].len) == 0, i, "content");
		assert_row(staged == rows[i].len, i, "staged");
	}
	assert_int_equal(kv_upload_truncate(upload, &me, 3), 0);
	assert_int_equal(kv_upload_size(upload), 3);
	assert_int_equal(staged, 3);
	assert_int_equal(kv_upload_truncate(upload, &me, 4), 0);
	assert_memory_equal(upload->data.data, "HEl\0", 4);
	assert_int_equal(staged, 4);
}

static void
a_write_sets_the_time(void **state)
{
	(void)state;
	assert_true(upload->wall_mtime_ns == 1700000000 * INT64_C(1000000000));
	fake_clock_advance(5000);
	assert_int_equal(put("x", 0), 0);
	assert_true(upload->wall_mtime_ns == 1700000005 * INT64_C(1000000000));
}

static void
nothing_is_written_while_it_is_being_sent(void **state)
{
	(void)state;
	assert_int_equal(put("hello", 0), 0);
	send();
	assert_int_equal(kv_upload_size(upload), 5);
	assert_int_equal(put("x", 0), -EBUSY);
	assert_int_equal(me.err, -EBUSY); /* its close must not say that this was restored */
	me.err = 0;
	assert_int_equal(put("x", 5), -EBUSY);
	me.err = 0;
	assert_int_equal(kv_upload_truncate(upload, &me, 0), -EBUSY);
	assert_int_equal(kv_upload_truncate(upload, &me, 5), 0);
	assert_int_equal(upload->state, KV_UPLOAD_SENDING);
	end(0);
}

static void
a_write_from_the_start_makes_a_sent_file_new(void **state)
{
	static const int rows[] = { 0, -EACCES };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const enum kv_upload_state sent = rows[i] == 0 ? KV_UPLOAD_DONE : KV_UPLOAD_FAILED;

		tear_down(state);
		set_up(state);
		assert_int_equal(put("hello", 0), 0);
		send();
		end(rows[i]);
		assert_int_equal(put("x", 1), -EINVAL); /* the rest of it is not here any more */
		assert_int_equal(put("x", 0), -EINVAL); /* what failed once fails for good */
		me.err = 0;
		assert_int_equal(kv_upload_truncate(upload, &me, 3), -EINVAL);
		me.err = 0;
		assert_row(upload->state == sent && kv_upload_size(upload) == 5, i, "as it was");
		assert_int_equal(put("new", 0), 0);
		assert_row(upload->state == KV_UPLOAD_OPEN && upload->err == 0, i, "new");
		assert_row(kv_upload_size(upload) == 3 && staged == 3, i, "size");
		assert_row(upload->rewritten == 5, i, "two bytes are missing");
		assert_int_equal(kv_upload_truncate(upload, &me, 2), 0);
		assert_row(upload->rewritten == 0, i, "the writer says how much there is to be");
		kv_upload_check(upload);
	}
}

static void
a_sent_file_that_is_emptied_is_new(void **state)
{
	(void)state;
	assert_int_equal(put("hello", 0), 0);
	send();
	end(0);
	assert_int_equal(kv_upload_truncate(upload, &me, 0), 0);
	assert_int_equal(upload->state, KV_UPLOAD_OPEN);
	assert_int_equal(kv_upload_size(upload), 0);
	assert_int_equal(upload->rewritten, 0);
}

static void
each_writer_is_told_of_its_own_bytes(void **state)
{
	struct kv_writer other = another();

	(void)state;
	assert_int_equal(put("mine", 0), 0);
	assert_int_equal(kv_upload_write(upload, &other, "part", 4, 4), 0); /* together */
	assert_false(kv_upload_is_replaced(upload, &me) || kv_upload_is_replaced(upload, &other));
	other = another();
	assert_int_equal(kv_upload_write(upload, &other, "others", 6, 0), 0); /* or instead */
	assert_true(kv_upload_is_replaced(upload, &me));
	assert_int_equal(kv_upload_size(upload), 6);
	assert_int_equal(put("more", 4), -ESTALE);
	assert_int_equal(kv_upload_truncate(upload, &me, 3), -ESTALE);
	assert_int_equal(kv_upload_truncate(upload, &me, 0), 0); /* from now on it is this one's */
	assert_true(kv_upload_is_replaced(upload, &other));
	assert_int_equal(put("mine", 0), 0);
	kv_upload_check(upload);
}

static void
what_no_blob_can_be_is_too_large(void **state)
{
	static const size_t most = KV_BLOB_MAX / 2 * 3; /* base64 with line ends */

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		const size_t offsets[] = { SIZE_MAX, SIZE_MAX - 1, most };

		assert_row((i < 3 ? put("x", offsets[i]) :
				    kv_upload_truncate(upload, &me, i == 3 ? most + 1 : SIZE_MAX)) == -EFBIG,
		    i, "too large");
		assert_int_equal(kv_upload_size(upload), 0);
		assert_int_equal(kv_upload_truncate(upload, &me, 0), 0);
	}
	assert_int_equal(put("x", KV_BLOB_MAX - 1), 0);
}

static void
a_write_that_fails_breaks_the_file_until_it_is_emptied(void **state)
{
	struct kv_writer other = another();

	(void)state;
	assert_int_equal(kv_upload_truncate(upload, &me, KV_BLOB_MAX), 0);
	assert_int_equal(put("x", KV_BLOB_MAX / 2 * 3), -EFBIG);
	assert_int_equal(staged, 0);
	assert_int_equal(upload->state, KV_UPLOAD_BROKEN);
	kv_upload_check(upload);
	assert_int_equal(put("new", 0), -EFBIG);
	assert_int_equal(kv_upload_write(upload, &other, "new", 3, 0), -EFBIG);
	assert_int_equal(kv_upload_truncate(upload, &me, 0), 0);
	assert_int_equal(put("new", 0), 0);
	assert_int_equal(upload->state, KV_UPLOAD_OPEN);
}

static void
what_nobody_can_send_any_more_is_freed(void **state)
{
	(void)state;
	assert_int_equal(put("hello", 0), 0);
	kv_upload_abandon(upload);
	assert_int_equal(staged, 0);
	assert_int_equal(upload->state, KV_UPLOAD_BROKEN);
	kv_upload_check(upload);
}

static void
all_files_together_have_a_limit(void **state)
{
	struct kv_upload *other = kv_upload_new(loop, &staged, KV_BLOB_MAX / 2 * 3);
	struct kv_writer writer = another();

	(void)state;
	assert_non_null(other);
	assert_int_equal(kv_upload_truncate(other, &writer, KV_BLOB_MAX), 0);
	assert_int_equal(put("hello", 0), 0);
	assert_int_equal(put("x", KV_BLOB_MAX), -ENOSPC);
	assert_int_equal(upload->state, KV_UPLOAD_BROKEN);
	assert_int_equal(staged, KV_BLOB_MAX);
	kv_upload_free(other);
	assert_int_equal(kv_upload_truncate(upload, &me, 0), 0);
	assert_int_equal(kv_upload_truncate(upload, &me, KV_BLOB_MAX), 0);
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
		assert_row(kv_upload_is_staging(rows[i].name) == rows[i].is_staging, i, rows[i].name);
}

static void
its_timer_goes_with_it(void **state)
{
	struct kv_upload *other = kv_upload_new(loop, &staged, KV_BLOB_MAX / 2 * 3);

	(void)state;
	assert_non_null(other);
	kv_upload_on_expiry(upload, expire, &n_expired);
	kv_upload_on_expiry(other, expire, &n_expired);
	kv_timer_set(&upload->expiry, 1000);
	kv_timer_set(&other->expiry, 1000);
	kv_upload_free(other);
	kv_upload_free(NULL);
	fake_loop_run(loop, 2000);
	assert_int_equal(n_expired, 1);
}

static int
write_once(void)
{
	int err;

	kv_upload_free(upload);
	me = (struct kv_writer){ .id = 1 };
	upload = kv_upload_new(loop, &staged, KV_BLOB_MAX / 2 * 3);
	if (upload == NULL)
		return -ENOMEM;
	err = put("hello", 0);
	if (err == 0)
		err = kv_upload_truncate(upload, &me, 1000);
	assert_int_equal(staged, kv_upload_size(upload));
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
		TEST(each_writer_is_told_of_its_own_bytes),
		TEST(what_no_blob_can_be_is_too_large),
		TEST(a_write_that_fails_breaks_the_file_until_it_is_emptied),
		TEST(what_nobody_can_send_any_more_is_freed),
		TEST(all_files_together_have_a_limit),
		TEST(what_rsync_is_still_writing_is_known_by_its_name),
		TEST(its_timer_goes_with_it),
		TEST(no_allocation_that_fails_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
