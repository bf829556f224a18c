#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "cache/blob/diagnosis.h"
#include "cache/object.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "client/base/refusal_rows.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/rig.h"

static const struct kv_caller me = { .uid = 1000, .pid = 17, .command = "cat" };

static struct kv_object *object;
static int versions_err;
static size_t n_versions;
static int64_t versions_ms;
static int n_done;
static struct kv_diagnosed done_found;

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
done(void *arg, const struct kv_diagnosed *found)
{
	assert_ptr_equal(arg, &n_done);
	n_done++;
	done_found = *found;
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
begin(int err, long status, struct kv_diagnosed *found)
{
	const struct kv_question question = { .caller = me, .mono_deadline = kv_clock_mono_ms() };
	const struct kv_reply reply = { .err = err, .status = status, .why = "" };

	return kv_diagnosis_begin(rig.throttle, object, &question, &reply, done, &n_done, found);
}

static void
what_is_clear_is_logged_at_once(void **state)
{
	static const struct {
		int err;
		long status;
	} rows[] = { { -EACCES, 403 }, { -EBADMSG, 404 }, { -EINVAL, 422 }, { -EIO, 500 } };
	struct kv_diagnosed found;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		caught_clear();
		assert_null(begin(rows[i].err, rows[i].status, &found));
		assert_row(found.err == rows[i].err && !found.is_lost, i, "errno");
		assert_row(found.cause == kv_refusal_find(rows[i].status, NULL), i, "cause");
		assert_row(caught_line("op=backup object=secrets/a")[0] != '\0', i, "logged");
	}
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 0);
}

static void
without_lists_the_answer_alone_decides(void **state)
{
	struct kv_diagnosed found;

	(void)state;
	fake_vault_forbid_lists(rig.vault);
	assert_null(begin(-ENOENT, 404, &found));
	assert_true(found.err == -ENOENT && found.is_lost);
	assert_null(begin(-EBADMSG, 404, &found)); /* a proxy's */
	assert_true(found.err == -EBADMSG && !found.is_lost);
	assert_null(begin(-EINVAL, 400, &found));
	assert_true(found.err == -EINVAL && !found.is_lost);
	assert_null(begin(-ETIMEDOUT, 0, &found));
	assert_true(found.err == -ETIMEDOUT && !found.is_lost);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 0);
}

static void
the_version_list_decides_what_is_ambiguous(void **state)
{
	const struct {
		int err;
		long status;
		int versions_err;
		size_t n_versions;
		int end;
		bool is_lost;
		const struct kv_refusal_row *cause;
		const char *line;
	} rows[] = {
		{ -ENOENT, 404, -ENOENT, 0, -ENOENT, true, kv_refusal_find(404, NULL), "errno=ENOENT" },
		{ -ENOENT, 404, 0, 0, -ENOENT, true, kv_refusal_find(404, NULL), "errno=ENOENT" },
		{ -ENOENT, 404, 0, 1, -EBADMSG, false, &kv_refusal_wrong_404, "but lists its versions" },
		{ -ENOENT, 404, -EACCES, 0, -EBADMSG, false, &kv_refusal_lone_404, "cannot be listed" },
		{ -EINVAL, 400, 0, 501, -EFBIG, false, &kv_refusal_too_many_versions, "it has 501 versions" },
		{ -EINVAL, 400, 0, 500, -EINVAL, false, kv_refusal_find(400, NULL), "errno=EINVAL" },
		{ -ETIMEDOUT, 0, 0, 501, -EFBIG, false, &kv_refusal_too_many_versions,
		    "it has 501 versions" },
		{ -ETIMEDOUT, 0, -ENOENT, 0, -ETIMEDOUT, false, NULL, "errno=ETIMEDOUT" },
	};
	struct kv_diagnosed found;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		versions_err = rows[i].versions_err;
		n_versions = rows[i].n_versions;
		n_done = 0;
		caught_clear();
		assert_non_null(begin(rows[i].err, rows[i].status, &found));
		assert_int_equal(n_done, 0);
		fake_loop_run(rig.loop, 100);
		assert_row(n_done == 1, i, "once");
		assert_row(strstr(caught_line("op=backup"), rows[i].line) != NULL, i, caught_text());
		assert_row(
		    done_found.err == rows[i].end && done_found.is_lost == rows[i].is_lost, i, "means");
		assert_row(done_found.cause == rows[i].cause, i, "cause");
	}
}

static void
it_takes_a_moment_at_most_when_the_time_is_used_up(void **state)
{
	struct kv_diagnosed found;

	(void)state;
	versions_ms = -1;
	assert_non_null(begin(-ETIMEDOUT, 0, &found));
	fake_loop_run(rig.loop, 700);
	assert_int_equal(n_done, 0);
	fake_loop_run(rig.loop, 200);
	assert_int_equal(n_done, 1);
	assert_int_equal(done_found.err, -ETIMEDOUT);
}

static void
one_that_is_cancelled_is_never_done(void **state)
{
	struct kv_diagnosed found;

	(void)state;
	kv_diagnosis_cancel(begin(-ENOENT, 404, &found));
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(n_done, 0);
	kv_diagnosis_cancel(NULL);
}

static void
without_memory_a_404_is_not_trusted(void **state)
{
	struct kv_diagnosed found;

	(void)state;
	for (int n = 1; n <= 2; n++) {
		fake_alloc_fail_at(n);
		assert_null(begin(-ENOENT, 404, &found));
		fake_alloc_fail_at(0);
		assert_int_equal(found.err, -EIO);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_clear_is_logged_at_once),
		TEST(without_lists_the_answer_alone_decides),
		TEST(the_version_list_decides_what_is_ambiguous),
		TEST(it_takes_a_moment_at_most_when_the_time_is_used_up),
		TEST(one_that_is_cancelled_is_never_done),
		TEST(without_memory_a_404_is_not_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
