#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/revalidate.h"
#include "cache/list/listing.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "tests/unit/rig.h"

#define MADE	   1600000000
#define NOW	   1700000000
#define MAX_AGE_MS 1000000

static char asked_for[100];	/* "a b": whose versions, in order */
static const char *changed_one; /* whose versions have one of wall_changed */
static int64_t wall_changed;
static int versions_err;
static char unknown[100]; /* whose content is another now */

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	const size_t len = strlen(asked_for);

	reply->wall_date = kv_clock_wall_s();
	if (call->op == KV_OP_LIST) {
		reply->page = fake_vault_page("a b c", MADE, "");
		return 10;
	}
	assert_int_equal(call->op, KV_OP_VERSIONS);
	assert_int_equal(fake_vault_under_way(rig.vault), 1); /* one at a time */
	snprintf(asked_for + len, sizeof(asked_for) - len, "%s%s", len > 0 ? " " : "", call->name);
	reply->err = versions_err;
	if (reply->err != 0) {
		reply->status = 403;
		return 10;
	}
	reply->page = fake_vault_page(call->name,
	    changed_one != NULL && strcmp(call->name, changed_one) == 0 ? wall_changed : MADE, "");
	return 10;
}

static void
changed(void *arg, struct kv_object *object)
{
	const size_t len = strlen(unknown);

	(void)arg;
	snprintf(unknown + len, sizeof(unknown) - len, "%s%s", len > 0 ? " " : "", object->name);
}

/* Each of them was fetched at wall_fetched and has 10 bytes. */
static void
list_and_fetch(int64_t wall_fetched)
{
	struct kv_object *const *objects;
	size_t n;

	rig_use_listing(KV_SECRETS);
	fake_loop_run(rig.loop, 100);
	objects = kv_listing_view(rig.listings[KV_SECRETS], &n, NULL, NULL);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++) {
		objects[i]->size = 10;
		objects[i]->wall_fetched = wall_fetched;
	}
	unknown[0] = '\0';
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(answer, 200, 0);
	rig.listings[KV_SECRETS] = kv_listing_new(rig.throttle, NULL, KV_SECRETS, 600000, changed, NULL);
	assert_non_null(rig.listings[KV_SECRETS]);
	rig.revalidate = kv_revalidate_new(rig.throttle, rig.listings, MAX_AGE_MS);
	assert_non_null(rig.revalidate);
	asked_for[0] = '\0';
	changed_one = NULL;
	versions_err = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_end();
	return 0;
}

static struct kv_object *
find(const char *name)
{
	struct kv_object *object;

	assert_int_equal(kv_listing_find(rig.listings[KV_SECRETS], name, &object), 0);
	return object;
}

static void
those_fetched_long_ago_are_looked_at_one_after_the_other(void **state)
{
	(void)state;
	list_and_fetch(NOW - MAX_AGE_MS / 1000 - 10);
	find("b")->wall_fetched = NOW - 5;
	kv_revalidate_type(rig.revalidate, KV_SECRETS);
	fake_loop_run(rig.loop, 1000);
	assert_string_equal(asked_for, "a c");
	assert_string_equal(unknown, "");
	kv_revalidate_type(rig.revalidate, KV_SECRETS); /* they are fresh now */
	fake_loop_run(rig.loop, 1000);
	assert_string_equal(asked_for, "a c");
}

static void
a_version_that_changed_since_makes_the_object_unknown(void **state)
{
	static const struct {
		int64_t changed; /* after the fetch, seconds */
		bool is_changed;
	} rows[] = { { 100, true }, { 1, true }, { 0, true }, { -1, true }, { -2, false }, { -100, false } };
	const int64_t wall_fetched = NOW - MAX_AGE_MS / 1000 - 1000;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		list_and_fetch(wall_fetched);
		changed_one = "b";
		wall_changed = wall_fetched + rows[i].changed;
		kv_revalidate_type(rig.revalidate, KV_SECRETS);
		fake_loop_run(rig.loop, 1000);
		assert_row((find("b")->size < 0) == rows[i].is_changed, i, "size");
		assert_row(strcmp(unknown, rows[i].is_changed ? "b" : "") == 0, i, unknown);
		assert_row((find("b")->wall_updated == wall_changed) == rows[i].is_changed, i, "time");
	}
}

static void
what_cannot_be_asked_stays_as_it_was(void **state)
{
	(void)state;
	list_and_fetch(NOW - MAX_AGE_MS / 1000 - 10);
	versions_err = -EACCES;
	kv_revalidate_type(rig.revalidate, KV_SECRETS);
	fake_loop_run(rig.loop, 1000);
	assert_string_equal(asked_for, "a b c");
	assert_string_equal(unknown, "");
	assert_int_equal(find("a")->size, 10);
	assert_string_not_equal(caught_line("op=versions object=secrets/a status=403"), "");
}

static void
it_can_end_while_it_asks(void **state)
{
	(void)state;
	list_and_fetch(NOW - MAX_AGE_MS / 1000 - 10);
	kv_revalidate_type(rig.revalidate, KV_SECRETS);
	kv_revalidate_type(rig.revalidate, KV_SECRETS); /* one round is enough */
	fake_loop_run(rig.loop, 5);
	assert_string_equal(asked_for, "a");
	kv_revalidate_free(rig.revalidate);
	rig.revalidate = NULL;
	fake_loop_run(rig.loop, 1000);
	assert_string_equal(asked_for, "a");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(those_fetched_long_ago_are_looked_at_one_after_the_other),
		TEST(a_version_that_changed_since_makes_the_object_unknown),
		TEST(what_cannot_be_asked_stays_as_it_was),
		TEST(it_can_end_while_it_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
