#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "cache/list/absent.h"
#include "cache/list/lookup.h"
#include "cache/list/listing.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "tests/unit/fake_versions.h"
#include "tests/unit/rig.h"

#define OLD 1600000000

static const struct kv_caller me = { .uid = 1000, .pid = 17, .command = "cat" };

/* ---- the vault ---- */

static const char *listed[3]; /* pages of names, 100 ms each */
static int list_err;	      /* of the second page */
static int64_t list_ms;	      /* how long a page takes; -1: for ever */

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	const size_t i = call->next_link != NULL ? (size_t)(call->next_link[0] - '0') : 0;

	assert_int_equal(call->type, KV_KEYS);
	if (call->op == KV_OP_VERSIONS)
		return fake_versions_answer(call, reply);
	assert_int_equal(call->op, KV_OP_LIST);
	reply->wall_date = kv_clock_wall_s();
	if (i == 1 && list_err != 0) {
		reply->err = list_err;
		reply->status = 403;
	} else {
		reply->page = fake_vault_page(listed[i], OLD, i == 0 ? "1" : i == 1 ? "2" : "");
	}
	return list_ms;
}

/* ---- what is told ---- */

static struct {
	int n, err;
	struct kv_object *object;
} told;

static void
tell_object(void *arg, int err, struct kv_object *object)
{
	assert_ptr_equal(arg, &told);
	assert_int_equal(object != NULL, err == 0);
	told.n++;
	told.err = err;
	told.object = object;
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(answer, 200, 8);
	rig_make_listing(KV_KEYS);
	rig.absent = kv_absent_new();
	assert_non_null(rig.absent);
	listed[0] = "a";
	listed[1] = "b";
	listed[2] = "Spelt";
	fake_versions_reset();
	list_err = 0;
	list_ms = 100;
	memset(&told, 0, sizeof(told));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_end();
	return 0;
}

static struct kv_lookup *
begin(const char *name)
{
	struct kv_lookup *lookup;

	memset(&told, 0, sizeof(told));
	assert_int_equal(kv_lookup_find(rig.loop, rig.listings[KV_KEYS], rig.absent, name, &me, tell_object,
			     &told, &lookup),
	    0);
	assert_int_equal(told.n, 0);
	return lookup;
}

static int
find(const char *name)
{
	begin(name);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(told.n, 1);
	return told.err;
}

static void
load(void)
{
	struct kv_snapshot_wait *wait;

	assert_int_equal(kv_listing_wait_for(rig.listings[KV_KEYS], "a", NULL, NULL, &wait), 0);
	kv_snapshot_cancel(wait);
	fake_loop_run(rig.loop, 1000);
	assert_true(kv_listing_is_serving(rig.listings[KV_KEYS]));
}

static int
n_asked(void)
{
	return fake_vault_calls(rig.vault, KV_OP_VERSIONS);
}

/* ---- one object ---- */

static void
an_object_that_is_not_listed_is_found_and_there_from_now_on(void **state)
{
	struct kv_object *object;

	(void)state;
	load();
	VERSIONS({ "new", "v1", 100, 700, false }, { "new", "v2", 200, 200, false });
	assert_int_equal(find("new"), 0);
	assert_string_equal(told.object->name, "new");
	assert_int_equal(told.object->wall_updated, 700);
	assert_int_equal(kv_listing_find(rig.listings[KV_KEYS], "new", &object), 0);
	assert_ptr_equal(object, told.object);
	assert_int_equal(find("new"), 0);
	assert_int_equal(n_asked(), 1);
}

static void
what_is_listed_is_found_without_a_question(void **state)
{
	(void)state;
	load();
	assert_int_equal(find("a"), 0);
	assert_string_equal(told.object->name, "a");
	assert_int_equal(find("spelt"), -ENOENT);
	assert_int_equal(n_asked(), 0);
}

static void
what_is_not_shown_is_not_there(void **state)
{
	static const struct {
		struct fake_version newest;
		const char *why;
	} rows[] = {
		{ { "new", "v1", 100, 100, true }, "a certificate's" },
		{ { "New", "v1", 100, 100, false }, "another spelling" },
	};
	struct kv_object *object;

	(void)state;
	load();
	for (size_t i = 0; i < N_OF(rows); i++) {
		VERSIONS(rows[i].newest);
		assert_row(find("new") == -ENOENT, i, rows[i].why);
		assert_row(
		    kv_listing_find(rig.listings[KV_KEYS], "new", &object) == -EAGAIN, i, "not listed");
		assert_row(
		    kv_listing_find(rig.listings[KV_KEYS], "New", &object) == -EAGAIN, i, "not listed");
		kv_absent_forget(rig.absent, KV_KEYS, "new");
	}
}

static void
a_no_is_kept_for_5_s(void **state)
{
	(void)state;
	load();
	assert_int_equal(find("new"), -ENOENT);
	assert_true(kv_absent_has(rig.absent, KV_KEYS, "new"));
	assert_false(kv_absent_has(rig.absent, KV_KEYS, "New"));
	assert_false(kv_absent_has(rig.absent, KV_SECRETS, "new"));
	VERSIONS({ "new", "v1", 100, 100, false });
	assert_int_equal(find("new"), -ENOENT);
	assert_int_equal(n_asked(), 1);
	fake_loop_run(rig.loop, 3500);
	assert_false(kv_absent_has(rig.absent, KV_KEYS, "new"));
	assert_int_equal(find("new"), 0);
	assert_int_equal(n_asked(), 2);
}

static void
a_no_is_forgotten_when_it_has_been_restored(void **state)
{
	(void)state;
	load();
	assert_int_equal(find("new"), -ENOENT);
	VERSIONS({ "new", "v1", 100, 100, false });
	kv_absent_forget(rig.absent, KV_SECRETS, "new");
	assert_true(kv_absent_has(rig.absent, KV_KEYS, "new"));
	kv_absent_forget(rig.absent, KV_KEYS, "NEW");
	assert_false(kv_absent_has(rig.absent, KV_KEYS, "new"));
	assert_int_equal(find("new"), 0);
}

static void
a_failure_is_no_no(void **state)
{
	(void)state;
	load();
	fake_versions.err = -EACCES;
	fake_versions.status = 403;
	assert_int_equal(find("new"), -EACCES);
	assert_false(kv_absent_has(rig.absent, KV_KEYS, "new"));
	assert_string_not_equal(caught_line("op=versions object=keys/new status=403 errno=EACCES"), "");
}

static void
a_listing_that_comes_in_is_waited_for(void **state)
{
	(void)state;
	begin("b");
	fake_loop_run(rig.loop, 150);
	assert_int_equal(told.n, 0);
	fake_loop_run(rig.loop, 100);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, 0);
	assert_string_equal(told.object->name, "b");
	assert_int_equal(n_asked(), 0);
}

static void
what_a_listing_did_not_bring_is_asked_for(void **state)
{
	(void)state;
	VERSIONS({ "new", "v1", 100, 100, false });
	begin("new");
	fake_loop_run(rig.loop, 290);
	assert_int_equal(n_asked(), 0);
	fake_loop_run(rig.loop, 100);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, 0);
	assert_int_equal(n_asked(), 1);
}

static void
a_listing_that_fails_is_the_answer(void **state)
{
	(void)state;
	list_err = -EACCES;
	assert_int_equal(find("b"), -EACCES);
	assert_int_equal(n_asked(), 0);
	assert_false(kv_absent_has(rig.absent, KV_KEYS, "b"));
}

static void
a_search_that_is_cancelled_is_never_answered(void **state)
{
	static const int rows[] = { 0, 50, 150, 250, 305 }; /* before the listing, in it, asked for */
	struct kv_lookup *lookup;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		lookup = begin("new");
		fake_loop_run(rig.loop, rows[i]);
		kv_lookup_cancel(lookup);
		fake_loop_run(rig.loop, 10000);
		assert_row(told.n == 0, i, "answered");
		assert_row(n_asked() == (rows[i] > 300), i, "asked");
		kv_lookup_cancel(begin("new")); /* in a complete listing */
		fake_loop_run(rig.loop, 10000);
		assert_row(told.n == 0, i, "answered");
	}
}

/* The listing takes most of the time-out, and the versions never come. */
static void
a_lookup_that_waits_for_both_takes_one_time_out(void **state)
{
	(void)state;
	list_ms = 90000; /* a page; three of them */
	fake_versions.ms = -1;
	begin("not-listed");
	fake_loop_run(rig.loop, 299000);
	assert_int_equal(n_asked(), 1);
	assert_int_equal(told.n, 0);
	fake_loop_run(rig.loop, 2000);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, -ETIMEDOUT);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_object_that_is_not_listed_is_found_and_there_from_now_on),
		TEST(what_is_listed_is_found_without_a_question),
		TEST(what_is_not_shown_is_not_there),
		TEST(a_no_is_kept_for_5_s),
		TEST(a_no_is_forgotten_when_it_has_been_restored),
		TEST(a_failure_is_no_no),
		TEST(a_listing_that_comes_in_is_waited_for),
		TEST(what_a_listing_did_not_bring_is_asked_for),
		TEST(a_listing_that_fails_is_the_answer),
		TEST(a_search_that_is_cancelled_is_never_answered),
		TEST(a_lookup_that_waits_for_both_takes_one_time_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
