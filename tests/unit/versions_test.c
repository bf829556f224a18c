#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "cache/list/versions.h"
#include "tests/unit/fake_versions.h"
#include "tests/unit/rig.h"

static const struct kv_question me = { .caller = { .uid = 1000, .pid = 17, .command = "cat" } };

/* ---- what is told ---- */

static struct {
	int n, err;
	struct kv_versions versions;
} told;

static void
tell_versions(void *arg, int err, const struct kv_versions *v)
{
	assert_ptr_equal(arg, &told);
	assert_int_equal(v != NULL, err == 0);
	told.n++;
	told.err = err;
	if (v != NULL)
		told.versions = *v;
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(fake_versions_answer, 200, 8);
	fake_versions_reset();
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

/* The version list of "a", to its end. */
static int
ask(const char *version)
{
	struct kv_versions_call *call;
	int err;

	memset(&told, 0, sizeof(told));
	err = version == NULL ?
	    kv_versions_read(rig.throttle, KV_KEYS, "a", &me, tell_versions, &told, &call) :
	    kv_versions_confirm(
		rig.throttle, KV_KEYS, "a", version, KV_READ, &me, tell_versions, &told, &call);
	assert_int_equal(err, 0);
	assert_int_equal(told.n, 0);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(told.n, 1);
	return told.err;
}

static int
n_asked(void)
{
	return fake_vault_calls(rig.vault, KV_OP_VERSIONS);
}

/* ---- tests ---- */

static void
all_pages_of_versions_are_read(void **state)
{
	(void)state;
	VERSIONS({ "a", "v1", 100, 900, false }, { "a", "v2", 300, 300, false },
	    { "a", "v3", 200, 200, true }, { "a", "v4", 250, 250, false });
	for (fake_versions.per_page = 1; fake_versions.per_page <= 5; fake_versions.per_page++) {
		assert_int_equal(ask(NULL), 0);
		assert_row(told.versions.n == 4, fake_versions.per_page, "how many");
		assert_row(
		    strcmp(told.versions.newest.version, "v2") == 0, fake_versions.per_page, "the last made");
		assert_row(!told.versions.newest.is_managed, fake_versions.per_page, "of that one");
		assert_row(
		    told.versions.wall_updated == 900, fake_versions.per_page, "the last change of any");
		assert_row(told.versions.wall_oldest == 100, fake_versions.per_page, "the first made of any");
		assert_row(!told.versions.has_version, fake_versions.per_page, "none was asked for");
	}
	assert_int_equal(n_asked(), 4 + 2 + 2 + 1 + 1);
}

static void
the_oldest_version_may_be_anywhere(void **state)
{
	static const int64_t orders[][3] = { { 100, 200, 300 }, { 300, 200, 100 }, { 200, 100, 300 },
		{ 100, 100, 100 } };

	(void)state;
	for (size_t i = 0; i < N_OF(orders); i++)
		for (fake_versions.per_page = 1; fake_versions.per_page <= 3; fake_versions.per_page++) {
			VERSIONS({ "a", "v1", orders[i][0], 900, false },
			    { "a", "v2", orders[i][1], 50, false }, { "a", "v3", orders[i][2], 900, false });
			assert_int_equal(ask(NULL), 0);
			assert_row(told.versions.wall_oldest == 100, i, "created, not updated");
		}
}

static void
a_version_is_among_them_in_any_case(void **state)
{
	static const struct {
		const char *version;
		bool has;
	} rows[] = { { "0a1b", true }, { "0A1B", true }, { "ff", true }, { "0a1", false }, { "0a1bc", false },
		{ "", false }, { NULL, false } };

	(void)state;
	VERSIONS({ "a", "0a1b", 100, 100, false }, { "a", "ff", 100, 100, false });
	fake_versions.per_page = 1;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_int_equal(ask(rows[i].version), 0);
		assert_row(told.versions.has_version == rows[i].has, i, "has_version");
	}
}

static void
no_versions_mean_no_object(void **state)
{
	(void)state;
	assert_int_equal(ask(NULL), -ENOENT);
	fake_versions.err = -ENOENT;
	fake_versions.status = 404;
	assert_int_equal(ask(NULL), -ENOENT);
	assert_string_equal(caught_text(), ""); /* the caller knows what it means */
}

static void
any_other_failure_is_returned_and_logged(void **state)
{
	(void)state;
	fake_versions.err = -EACCES;
	fake_versions.status = 403;
	assert_int_equal(ask(NULL), -EACCES);
	assert_string_equal(caught_text(),
	    "vault=fake.vault.example op=versions object=keys/a status=403 errno=EACCES uid=1000 pid=17 cmd=cat "
	    "why=\"fake.vault.example refuses this, without a reason of Azure Key Vault: check whether a proxy or a "
	    "firewall answers\"\n");
}

static void
a_version_list_without_an_end_ends(void **state)
{
	struct kv_versions_call *call;

	(void)state;
	VERSIONS({ "a", "v1", 100, 100, false });
	fake_versions.is_endless = true;
	assert_int_equal(kv_versions_read(rig.throttle, KV_KEYS, "a", &me, tell_versions, &told, &call), 0);
	fake_loop_run(rig.loop, 300000);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, -EBADMSG);
	assert_string_not_equal(caught_line("errno=EBADMSG"), "");
}

static void
a_call_that_is_cancelled_is_never_answered(void **state)
{
	struct kv_versions_call *call;

	(void)state;
	VERSIONS({ "a", "v1", 100, 100, false }, { "a", "v2", 100, 100, false });
	fake_versions.per_page = 1;
	for (int ms = 0; ms < 20; ms += 5) {
		assert_int_equal(
		    kv_versions_read(rig.throttle, KV_KEYS, "a", &me, tell_versions, &told, &call), 0);
		fake_loop_run(rig.loop, ms);
		kv_versions_cancel(call);
		fake_loop_run(rig.loop, 1000);
		assert_row(told.n == 0, (size_t)ms, "answered");
	}
	kv_versions_cancel(NULL);
}

static void
a_version_is_confirmed_by_the_page_that_has_it(void **state)
{
	struct kv_versions_call *call;

	(void)state;
	VERSIONS(
	    { "a", "v1", 100, 900, false }, { "a", "v2", 300, 301, false }, { "a", "v3", 200, 200, false });
	fake_versions.per_page = 1;
	assert_int_equal(
	    kv_versions_confirm(rig.throttle, KV_KEYS, "a", "v2", KV_AHEAD, &me, tell_versions, &told, &call),
	    0);
	kv_versions_raise(call, KV_METADATA);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, 0);
	assert_true(told.versions.has_version);
	assert_int_equal(told.versions.wall_version_updated, 301);
	assert_int_equal(n_asked(), 2);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(all_pages_of_versions_are_read),
		TEST(the_oldest_version_may_be_anywhere),
		TEST(a_version_is_among_them_in_any_case),
		TEST(no_versions_mean_no_object),
		TEST(any_other_failure_is_returned_and_logged),
		TEST(a_version_list_without_an_end_ends),
		TEST(a_call_that_is_cancelled_is_never_answered),
		TEST(a_version_is_confirmed_by_the_page_that_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
