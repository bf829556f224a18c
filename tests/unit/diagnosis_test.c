#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "cache/blob/diagnosis.h"
#include "cache/object.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/rig.h"

static const struct kv_caller me = { .uid = 1000, .pid = 17, .command = "cat" };

static struct kv_object *object;
static int versions_err;
static size_t n_versions;
static int64_t versions_ms;
static int n_done, done_err;
static bool done_is_lost;

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	char names[2 * 600] = "";

	assert_int_equal(call->op, KV_OP_VERSIONS);
	for (size_t i = 0; i < n_versions; i++) {
		names[2 * i] = 'a';
		names[2 * i + 1] = i + 1 < n_versions ? ' ' : '\0';
	}
	reply->err = versions_err;
	if (versions_err != 0)
		reply->status = versions_err == -ENOENT ? 404 : 403;
	else
		reply->page = fake_vault_page(names, 1600000000, "");
	return versions_ms;
}

static void
done(void *arg, int err, bool is_lost)
{
	assert_ptr_equal(arg, &n_done);
	n_done++;
	done_err = err;
	done_is_lost = is_lost;
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(answer, 0, 8);
	object = kv_object_new(KV_SECRETS, "a");
	versions_err = n_done = 0;
	n_versions = 1;
	versions_ms = 10;
	return object != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_object_unref(object);
	rig_end();
	return 0;
}

/* The backup's time is used up. */
static struct kv_diagnosis *
begin(int err, long status, int *final_err)
{
	const struct kv_question question = { .caller = me, .mono_deadline = kv_clock_mono_ms() };
	const struct kv_reply reply = { .err = err, .status = status, .why = "" };

	return kv_diagnosis_begin(rig.throttle, object, &question, &reply, done, &n_done, final_err);
}

static void
what_is_clear_is_logged_at_once(void **state)
{
	static const struct {
		int err;
		long status;
	} rows[] = { { -EACCES, 403 }, { -EBADMSG, 404 }, { -EINVAL, 422 }, { -EIO, 500 } };
	int err;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		caught_clear();
		assert_null(begin(rows[i].err, rows[i].status, &err));
		assert_row(err == rows[i].err, i, "errno");
		assert_row(caught_line("op=backup object=secrets/a")[0] != '\0', i, "logged");
	}
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 0);
}

static void
the_version_list_decides_what_is_ambiguous(void **state)
{
	static const struct {
		int err;
		long status;
		int versions_err;
		size_t n_versions;
		int end;
		bool is_lost;
	} rows[] = {
		{ -ENOENT, 404, -ENOENT, 0, -ENOENT, true },
		{ -ENOENT, 404, 0, 0, -ENOENT, true },
		{ -ENOENT, 404, 0, 1, -EBADMSG, false },
		{ -ENOENT, 404, -EACCES, 0, -EBADMSG, false },
		{ -EINVAL, 400, 0, 501, -EFBIG, false },
		{ -EINVAL, 400, 0, 500, -EINVAL, false },
		{ -ETIMEDOUT, 0, 0, 501, -EFBIG, false },
		{ -ETIMEDOUT, 0, -ENOENT, 0, -ETIMEDOUT, false },
	};
	int err;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		versions_err = rows[i].versions_err;
		n_versions = rows[i].n_versions;
		n_done = 0;
		assert_non_null(begin(rows[i].err, rows[i].status, &err));
		assert_int_equal(n_done, 0);
		fake_loop_run(rig.loop, 100);
		assert_row(n_done == 1, i, "once");
		assert_row(done_err == rows[i].end && done_is_lost == rows[i].is_lost, i, "means");
	}
}

static void
it_takes_a_moment_at_most_when_the_time_is_used_up(void **state)
{
	int err;

	(void)state;
	versions_ms = -1;
	assert_non_null(begin(-ETIMEDOUT, 0, &err));
	fake_loop_run(rig.loop, 700);
	assert_int_equal(n_done, 0);
	fake_loop_run(rig.loop, 200);
	assert_int_equal(n_done, 1);
	assert_int_equal(done_err, -ETIMEDOUT);
}

static void
one_that_is_cancelled_is_never_done(void **state)
{
	int err;

	(void)state;
	kv_diagnosis_cancel(begin(-ENOENT, 404, &err));
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(n_done, 0);
	kv_diagnosis_cancel(NULL);
}

static void
without_memory_a_404_is_not_trusted(void **state)
{
	int err;

	(void)state;
	for (int n = 1; n <= 2; n++) {
		fake_alloc_fail_at(n);
		assert_null(begin(-ENOENT, 404, &err));
		fake_alloc_fail_at(0);
		assert_int_equal(err, -EIO);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_clear_is_logged_at_once),
		TEST(the_version_list_decides_what_is_ambiguous),
		TEST(it_takes_a_moment_at_most_when_the_time_is_used_up),
		TEST(one_that_is_cancelled_is_never_done),
		TEST(without_memory_a_404_is_not_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
