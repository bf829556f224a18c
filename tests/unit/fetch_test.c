#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "cache/blob/fetch.h"
#include "cache/object.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/rig.h"

static const struct kv_caller me = { .uid = 1000, .pid = 17, .command = "cat" };

static struct kv_object *object;
static struct kv_fetch *fetch; /* that is under way */
static int backup_err;
static int n_done;
static struct kv_fetch_result result;
static char content[20];

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	char text[20];

	if (call->op == KV_OP_VERSIONS) {
		reply->err = -ENOENT;
		reply->status = 404;
		return 10;
	}
	reply->err = backup_err;
	reply->wall_date = 1234;
	if (backup_err != 0) {
		reply->status = backup_err == -ENOENT ? 404 : 403;
	} else {
		snprintf(text, sizeof(text), "blob %d", fake_vault_calls(rig.vault, KV_OP_BACKUP));
		reply->blob = fake_vault_blob(text);
	}
	return 100;
}

static void
done(void *arg, const struct kv_fetch_result *r)
{
	assert_ptr_equal(arg, &n_done);
	n_done++;
	fetch = NULL;
	result = *r;
	content[0] = '\0';
	if (r->blob != NULL)
		snprintf(content, sizeof(content), "%.*s", (int)r->blob->len, (const char *)r->blob->data);
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(answer, 0, 8);
	object = kv_object_new(KV_SECRETS, "a");
	backup_err = n_done = 0;
	return object != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_fetch_cancel(fetch);
	fetch = NULL;
	kv_object_unref(object);
	rig_end();
	return 0;
}

static void
begin(void)
{
	n_done = 0;
	assert_int_equal(kv_fetch_begin(rig.throttle, object, KV_READ, &me, done, &n_done, &fetch), 0);
	kv_fetch_check(fetch);
	assert_int_equal(n_done, 0);
}

static void
run(int64_t ms)
{
	fake_loop_run(rig.loop, ms);
	if (fetch != NULL)
		kv_fetch_check(fetch);
}

static void
a_blob_comes_with_its_date(void **state)
{
	(void)state;
	begin();
	run(1000);
	assert_int_equal(n_done, 1);
	assert_int_equal(result.err, 0);
	assert_int_equal(result.wall_date, 1234);
	assert_false(result.is_stale || result.is_lost);
	assert_string_equal(content, "blob 1");
}

static void
an_object_that_changes_is_fetched_again_four_times_at_most(void **state)
{
	static const struct {
		int n_changes, n_backups;
		bool is_stale;
	} rows[] = { { 1, 2, false }, { 3, 4, false }, { 9, 4, true } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		begin();
		for (int n = 0; fetch != NULL && n < rows[i].n_changes; n++) {
			kv_fetch_invalidate(fetch);
			run(100);
		}
		run(1000);
		assert_row(n_done == 1, i, "once");
		assert_row(fake_vault_calls(rig.vault, KV_OP_BACKUP) == rows[i].n_backups, i, "backups");
		assert_row(result.is_stale == rows[i].is_stale, i, "stale");
	}
}

static void
an_object_that_is_gone_is_not_fetched_again(void **state)
{
	(void)state;
	begin();
	object->is_gone = true;
	kv_fetch_invalidate(fetch);
	run(1000);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_BACKUP), 1);
	assert_true(result.is_stale);
}

static void
a_failure_is_diagnosed(void **state)
{
	(void)state;
	backup_err = -ENOENT;
	begin();
	run(105);
	assert_int_equal(n_done, 0);
	run(100);
	assert_int_equal(result.err, -ENOENT);
	assert_true(result.is_lost);
	backup_err = -EACCES;
	begin();
	run(105);
	assert_int_equal(result.err, -EACCES);
	assert_false(result.is_lost);
}

static void
one_that_is_cancelled_is_never_done(void **state)
{
	static const int64_t rows[] = { 0, 50, 105 }; /* the last: while it is diagnosed */

	(void)state;
	backup_err = -ENOENT;
	for (size_t i = 0; i < N_OF(rows); i++) {
		begin();
		run(rows[i]);
		kv_fetch_cancel(fetch);
		fetch = NULL;
		run(1000);
		assert_row(n_done == 0, i, "done");
	}
	kv_fetch_cancel(NULL);
}

static void
without_memory_nothing_is_begun(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(kv_fetch_begin(rig.throttle, object, KV_READ, &me, done, &n_done, &fetch));
	run(1000);
	assert_int_equal(n_done, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_blob_comes_with_its_date),
		TEST(an_object_that_changes_is_fetched_again_four_times_at_most),
		TEST(an_object_that_is_gone_is_not_fetched_again),
		TEST(a_failure_is_diagnosed),
		TEST(one_that_is_cancelled_is_never_done),
		TEST(without_memory_nothing_is_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
