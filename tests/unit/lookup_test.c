#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "cache/list/lookup.h"
#include "cache/list/listing.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_vault.h"

#define OLD 1600000000

static const struct kv_caller me = { .uid = 1000, .pid = 17, .command = "cat" };

static struct kv_loop *loop;
static struct kv_vault *vault;
static struct kv_throttle *throttle;
static struct kv_listing *listing;
static struct kv_absent *absent;

/* ---- the vault ---- */

struct version {
	const char *name, *version;
	int64_t wall_created, wall_updated;
	bool is_managed;
};

static struct version versions[8];
static size_t n_versions;
static size_t per_page;
static bool is_endless;
static int versions_err;
static long versions_status;
static const char *listed[3];	     /* pages of names, 100 ms each */
static int list_err;		     /* of the second page */
static int64_t list_ms, versions_ms; /* how long a page takes; -1: for ever */

static int64_t
answer_versions(const struct kv_call *call, struct kv_reply *reply)
{
	const size_t first = call->next_link != NULL && !is_endless ? (size_t)(call->next_link[0] - '0') : 0;
	char next[2] = "", names[400] = "";
	size_t n = n_versions - first < per_page ? n_versions - first : per_page;

	if (versions_ms < 0)
		return -1;
	if (versions_err != 0) {
		reply->err = versions_err;
		reply->status = versions_status;
		return 10;
	}
	if (first + n < n_versions || is_endless)
		next[0] = (char)('0' + first + n);
	for (size_t i = 0; i < n; i++) {
		const size_t len = strlen(names);

		snprintf(
		    names + len, sizeof(names) - len, "%s%s", i > 0 ? " " : "", versions[first + i].name);
	}
	reply->page = fake_vault_page(names, OLD, next);
	for (size_t i = 0; i < n; i++) {
		struct kv_item *item = &reply->page->items[i];
		const struct version *v = &versions[first + i];

		snprintf(item->version, sizeof(item->version), "%s", v->version);
		item->wall_created = v->wall_created;
		item->wall_updated = v->wall_updated;
		item->is_managed = v->is_managed;
	}
	return 10;
}

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	const size_t i = call->next_link != NULL ? (size_t)(call->next_link[0] - '0') : 0;

	assert_int_equal(call->type, KV_KEYS);
	if (call->op == KV_OP_VERSIONS)
		return answer_versions(call, reply);
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

#define VERSIONS(...)                                                          \
	do {                                                                   \
		const struct version rows_[] = { __VA_ARGS__ };                \
		_Static_assert(sizeof(rows_) <= sizeof(versions), "too many"); \
		memcpy(versions, rows_, sizeof(rows_));                        \
		n_versions = N_OF(rows_);                                      \
	} while (0)

/* ---- what is told ---- */

static struct {
	int n, err;
	struct kv_versions versions;
	struct kv_object *object;
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

static void
tell_object(void *arg, int err, struct kv_object *object)
{
	assert_ptr_equal(arg, &told);
	assert_int_equal(object != NULL, err == 0);
	told.n++;
	told.err = err;
	told.object = object;
}

static void
changed(void *arg, struct kv_object *object)
{
	(void)arg;
	(void)object;
}

static int
set_up(void **state)
{
	const struct kv_throttle_options options = {
		.rate = 200, .share = 0.5, .max_inflight = 8, .timeout_ms = 300000
	};

	(void)state;
	fake_clock_set(1000000, 1700000000);
	loop = kv_loop_new();
	vault = fake_vault_new(loop, answer);
	throttle = kv_throttle_new(loop, vault, &options);
	listing = kv_listing_new(loop, throttle, NULL, KV_KEYS, 60000, changed, NULL);
	absent = kv_absent_new();
	assert_non_null(listing);
	assert_non_null(absent);
	listed[0] = "a";
	listed[1] = "b";
	listed[2] = "Spelt";
	n_versions = 0;
	per_page = 8;
	is_endless = false;
	versions_err = list_err = 0;
	list_ms = 100;
	versions_ms = 10;
	memset(&told, 0, sizeof(told));
	caught_begin();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	caught_end();
	kv_absent_free(absent);
	kv_listing_free(listing);
	kv_throttle_free(throttle);
	assert_int_equal(fake_vault_under_way(vault), 0);
	assert_int_equal(fake_loop_timers(loop), 0);
	fake_vault_free(vault);
	kv_loop_free(loop);
	return 0;
}

/* The version list of "a", to its end. */
static int
ask(const char *version)
{
	struct kv_lookup *lookup;

	memset(&told, 0, sizeof(told));
	assert_int_equal(
	    kv_versions_read(throttle, KV_KEYS, "a", version, &me, tell_versions, &told, &lookup), 0);
	assert_int_equal(told.n, 0);
	fake_loop_run(loop, 1000);
	assert_int_equal(told.n, 1);
	return told.err;
}

static struct kv_lookup *
begin(const char *name)
{
	struct kv_lookup *lookup;

	memset(&told, 0, sizeof(told));
	assert_int_equal(kv_lookup_find(loop, listing, absent, name, &me, tell_object, &told, &lookup), 0);
	assert_int_equal(told.n, 0);
	return lookup;
}

static int
find(const char *name)
{
	begin(name);
	fake_loop_run(loop, 1000);
	assert_int_equal(told.n, 1);
	return told.err;
}

static void
load(void)
{
	struct kv_snapshot_wait *wait;

	assert_int_equal(kv_listing_wait_for(listing, "a", NULL, NULL, &wait), 0);
	kv_snapshot_cancel(wait);
	fake_loop_run(loop, 1000);
	assert_true(kv_listing_is_serving(listing));
}

static int
n_asked(void)
{
	return fake_vault_calls(vault, KV_OP_VERSIONS);
}

/* ---- version lists ---- */

static void
all_pages_of_versions_are_read(void **state)
{
	(void)state;
	VERSIONS({ "a", "v1", 100, 900, false }, { "a", "v2", 300, 300, false },
	    { "a", "v3", 200, 200, true }, { "a", "v4", 250, 250, false });
	for (per_page = 1; per_page <= 5; per_page++) {
		assert_int_equal(ask(NULL), 0);
		assert_row(told.versions.n == 4, per_page, "how many");
		assert_row(strcmp(told.versions.newest.version, "v2") == 0, per_page, "the last made");
		assert_row(!told.versions.newest.is_managed, per_page, "of that one");
		assert_row(told.versions.wall_updated == 900, per_page, "the last change of any");
		assert_row(!told.versions.has_version, per_page, "none was asked for");
	}
	assert_int_equal(n_asked(), 4 + 2 + 2 + 1 + 1);
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
	per_page = 1;
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
	versions_err = -ENOENT;
	versions_status = 404;
	assert_int_equal(ask(NULL), -ENOENT);
	assert_string_equal(caught_text(), ""); /* the caller knows what it means */
}

static void
any_other_failure_is_told_and_logged(void **state)
{
	(void)state;
	versions_err = -EACCES;
	versions_status = 403;
	assert_int_equal(ask(NULL), -EACCES);
	assert_string_equal(caught_text(),
	    "vault=fake.vault.example op=versions object=keys/a status=403 errno=EACCES uid=1000 pid=17 cmd=cat\n");
}

static void
a_version_list_without_an_end_ends(void **state)
{
	struct kv_lookup *lookup;

	(void)state;
	VERSIONS({ "a", "v1", 100, 100, false });
	is_endless = true;
	assert_int_equal(
	    kv_versions_read(throttle, KV_KEYS, "a", NULL, &me, tell_versions, &told, &lookup), 0);
	fake_loop_run(loop, 300000);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, -EBADMSG);
	assert_string_not_equal(caught_line("errno=EBADMSG"), "");
}

static void
a_question_that_is_cancelled_is_never_answered(void **state)
{
	struct kv_lookup *lookup;

	(void)state;
	VERSIONS({ "a", "v1", 100, 100, false }, { "a", "v2", 100, 100, false });
	per_page = 1;
	for (int ms = 0; ms < 20; ms += 5) {
		assert_int_equal(
		    kv_versions_read(throttle, KV_KEYS, "a", NULL, &me, tell_versions, &told, &lookup), 0);
		fake_loop_run(loop, ms);
		kv_lookup_cancel(lookup);
		fake_loop_run(loop, 1000);
		assert_row(told.n == 0, (size_t)ms, "answered");
	}
	kv_lookup_cancel(NULL);
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
	assert_int_equal(kv_listing_find(listing, "new", &object), 0);
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
		struct version newest;
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
		assert_row(kv_listing_find(listing, "new", &object) == -EAGAIN, i, "not listed");
		assert_row(kv_listing_find(listing, "New", &object) == -EAGAIN, i, "not listed");
		kv_absent_forget(absent, KV_KEYS, "new");
	}
}

static void
a_no_is_kept_for_5_s(void **state)
{
	(void)state;
	load();
	assert_int_equal(find("new"), -ENOENT);
	assert_true(kv_absent_has(absent, KV_KEYS, "new"));
	assert_false(kv_absent_has(absent, KV_KEYS, "New"));
	assert_false(kv_absent_has(absent, KV_SECRETS, "new"));
	VERSIONS({ "new", "v1", 100, 100, false });
	assert_int_equal(find("new"), -ENOENT);
	assert_int_equal(n_asked(), 1);
	fake_loop_run(loop, 3500);
	assert_false(kv_absent_has(absent, KV_KEYS, "new"));
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
	kv_absent_forget(absent, KV_SECRETS, "new");
	assert_true(kv_absent_has(absent, KV_KEYS, "new"));
	kv_absent_forget(absent, KV_KEYS, "NEW");
	assert_false(kv_absent_has(absent, KV_KEYS, "new"));
	assert_int_equal(find("new"), 0);
}

static void
many_names_are_remembered_and_the_oldest_forgotten(void **state)
{
	char name[20];
	int n = 0;

	(void)state;
	load();
	for (int i = 0; i < 80; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		begin(name);
		fake_loop_run(loop, 20);
		assert_int_equal(told.err, -ENOENT);
	}
	for (int i = 0; i < 80; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		n += kv_absent_has(absent, KV_KEYS, name);
	}
	assert_in_range(n, 60, 80);
	assert_true(kv_absent_has(absent, KV_KEYS, "n79"));
}

static void
a_failure_is_no_no(void **state)
{
	(void)state;
	load();
	versions_err = -EACCES;
	versions_status = 403;
	assert_int_equal(find("new"), -EACCES);
	assert_false(kv_absent_has(absent, KV_KEYS, "new"));
	assert_string_not_equal(caught_line("op=versions object=keys/new status=403 errno=EACCES"), "");
}

static void
a_listing_that_comes_in_is_waited_for(void **state)
{
	(void)state;
	begin("b");
	fake_loop_run(loop, 150);
	assert_int_equal(told.n, 0);
	fake_loop_run(loop, 100);
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
	fake_loop_run(loop, 290);
	assert_int_equal(n_asked(), 0);
	fake_loop_run(loop, 100);
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
	assert_false(kv_absent_has(absent, KV_KEYS, "b"));
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
		fake_loop_run(loop, rows[i]);
		kv_lookup_cancel(lookup);
		fake_loop_run(loop, 10000);
		assert_row(told.n == 0, i, "answered");
		assert_row(n_asked() == (rows[i] > 300), i, "asked");
		kv_lookup_cancel(begin("new")); /* in a complete listing */
		fake_loop_run(loop, 10000);
		assert_row(told.n == 0, i, "answered");
	}
}

/* The listing takes most of the time-out, and the versions never come. */
static void
a_look_that_waits_for_both_takes_one_time_out(void **state)
{
	(void)state;
	list_ms = 90000; /* a page; three of them */
	versions_ms = -1;
	begin("not-listed");
	fake_loop_run(loop, 299000);
	assert_int_equal(n_asked(), 1);
	assert_int_equal(told.n, 0);
	fake_loop_run(loop, 2000);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, -ETIMEDOUT);
}

static void
a_version_is_confirmed_by_the_page_that_has_it(void **state)
{
	struct kv_lookup *lookup;

	(void)state;
	VERSIONS(
	    { "a", "v1", 100, 900, false }, { "a", "v2", 300, 301, false }, { "a", "v3", 200, 200, false });
	per_page = 1;
	assert_int_equal(
	    kv_lookup_confirm(throttle, KV_KEYS, "a", "v2", KV_AHEAD, &me, tell_versions, &told, &lookup), 0);
	kv_lookup_raise(lookup, KV_METADATA);
	fake_loop_run(loop, 1000);
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
		TEST(a_version_is_among_them_in_any_case),
		TEST(no_versions_mean_no_object),
		TEST(any_other_failure_is_told_and_logged),
		TEST(a_version_list_without_an_end_ends),
		TEST(a_question_that_is_cancelled_is_never_answered),
		TEST(an_object_that_is_not_listed_is_found_and_there_from_now_on),
		TEST(what_is_listed_is_found_without_a_question),
		TEST(what_is_not_shown_is_not_there),
		TEST(a_no_is_kept_for_5_s),
		TEST(a_no_is_forgotten_when_it_has_been_restored),
		TEST(many_names_are_remembered_and_the_oldest_forgotten),
		TEST(a_failure_is_no_no),
		TEST(a_listing_that_comes_in_is_waited_for),
		TEST(what_a_listing_did_not_bring_is_asked_for),
		TEST(a_listing_that_fails_is_the_answer),
		TEST(a_search_that_is_cancelled_is_never_answered),
		cmocka_unit_test_setup_teardown(
		    a_look_that_waits_for_both_takes_one_time_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_version_is_confirmed_by_the_page_that_has_it, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
