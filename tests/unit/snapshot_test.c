#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/snapshot.h"
#include "client/vault/vault.h"
#include "tests/unit/fake_clock.h"

static struct kv_snapshot *snapshot;

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	snapshot = kv_snapshot_new(NULL, 1);
	return snapshot != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_snapshot_unref(snapshot);
	return 0;
}

static void
append(const char *name)
{
	struct kv_object *object = kv_object_new(KV_KEYS, name);

	assert_non_null(object);
	assert_int_equal(kv_snapshot_append(snapshot, object), 0);
	kv_snapshot_check(snapshot);
	kv_object_unref(object);
}

static bool
has(const struct kv_snapshot *g, const char *key)
{
	for (size_t i = 0; i < g->objects.n; i++)
		if (strcmp(g->objects.at[i]->key, key) == 0)
			return true;
	return false;
}

/* One that waits. What it does when it is told: cancel another, wait once more. */
struct waiter {
	struct kv_snapshot_wait *wait, **victim;
	bool is_insatiable;
	int n, err;
	const struct kv_reply *reply;
};

static void
told(void *arg, int err, const struct kv_reply *reply)
{
	struct waiter *w = arg;

	w->n++;
	w->err = err;
	w->reply = reply;
	w->wait = NULL;
	if (w->victim != NULL) {
		kv_snapshot_cancel(*w->victim);
		*w->victim = NULL;
	}
	if (w->is_insatiable && snapshot->state == KV_LOADING)
		assert_int_equal(kv_snapshot_wait_for(snapshot, snapshot->objects.n, told, w, &w->wait), 0);
}

static void
tell(void)
{
	kv_snapshot_notify(snapshot, has, NULL);
	kv_snapshot_check(snapshot);
}

static void
it_is_read_while_it_comes_in_and_when_it_has_ended(void **state)
{
	static const struct {
		const char *what;
		int end_err, err; /* at its end */
	} rows[] = { { "complete", 0, 0 }, { "failed", -EACCES, -EACCES } };
	int err;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		append("a");
		assert_string_equal(kv_snapshot_at(snapshot, 0, &err)->name, "a");
		assert_null(kv_snapshot_at(snapshot, 1, &err));
		assert_row(err == -EAGAIN, i, "coming");
		kv_snapshot_end(snapshot, rows[i].end_err);
		assert_row(kv_snapshot_is_complete(snapshot) == (rows[i].err == 0), i, rows[i].what);
		assert_null(kv_snapshot_at(snapshot, 1, &err));
		assert_row(err == rows[i].err, i, rows[i].what);
		kv_snapshot_unref(snapshot);
		(void)set_up(NULL);
	}
}

static void
each_is_told_when_what_it_waits_for_is_there(void **state)
{
	struct waiter page = { 0 }, second = { 0 }, name = { 0 }, end = { 0 };

	(void)state;
	assert_int_equal(kv_snapshot_wait_for_page(snapshot, told, &page, &page.wait), 0);
	assert_int_equal(kv_snapshot_wait_for(snapshot, 1, told, &second, &second.wait), 0);
	assert_int_equal(kv_snapshot_wait_for_name(snapshot, "Db", told, &name, &name.wait), 0);
	assert_int_equal(kv_snapshot_wait_for(snapshot, SIZE_MAX, told, &end, &end.wait), 0);
	tell();
	assert_int_equal(page.n + second.n + name.n + end.n, 0);
	append("a");
	snapshot->n_pages = 1;
	tell();
	assert_int_equal(page.n, 1);
	assert_int_equal(second.n + name.n + end.n, 0);
	append("db");
	tell();
	assert_int_equal(second.n, 1);
	assert_int_equal(name.n, 1);
	assert_int_equal(end.n, 0);
	kv_snapshot_end(snapshot, 0);
	tell();
	assert_int_equal(end.n, 1);
	assert_int_equal(page.n + second.n + name.n, 3);
}

static void
all_are_told_of_a_failure_and_what_the_vault_said(void **state)
{
	const struct kv_reply reply = { .status = 403, .err = -EACCES };
	struct waiter index = { 0 }, name = { 0 };

	(void)state;
	assert_int_equal(kv_snapshot_wait_for(snapshot, 0, told, &index, &index.wait), 0);
	assert_int_equal(kv_snapshot_wait_for_name(snapshot, "x", told, &name, &name.wait), 0);
	kv_snapshot_end(snapshot, -EACCES);
	kv_snapshot_notify(snapshot, has, &reply);
	kv_snapshot_check(snapshot);
	assert_int_equal(index.err, -EACCES);
	assert_int_equal(name.err, -EACCES);
	assert_ptr_equal(index.reply, &reply);
	assert_ptr_equal(name.reply, &reply);
}

static void
a_completion_may_cancel_others_and_wait_again(void **state)
{
	struct waiter victim = { 0 }, killer = { .victim = &victim.wait }, eager = { .is_insatiable = true };

	(void)state;
	assert_int_equal(kv_snapshot_wait_for(snapshot, 0, told, &victim, &victim.wait), 0);
	assert_int_equal(kv_snapshot_wait_for(snapshot, 0, told, &killer, &killer.wait), 0);
	assert_int_equal(kv_snapshot_wait_for(snapshot, 0, told, &eager, &eager.wait), 0);
	append("a");
	tell();
	assert_int_equal(victim.n, 0);
	assert_int_equal(killer.n, 1);
	assert_int_equal(eager.n, 1);
	append("b");
	tell();
	assert_int_equal(eager.n, 2);
}

static void
who_still_waits_when_it_is_released_is_told_nothing(void **state)
{
	struct waiter w = { 0 };

	(void)state;
	assert_int_equal(kv_snapshot_wait_for(snapshot, 0, told, &w, &w.wait), 0);
	assert_ptr_equal(kv_snapshot_ref(snapshot), snapshot);
	kv_snapshot_unref(snapshot);
	kv_snapshot_unref(snapshot);
	assert_int_equal(w.n, 0);
	kv_snapshot_cancel(NULL);
	kv_snapshot_unref(NULL);
	(void)set_up(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    it_is_read_while_it_comes_in_and_when_it_has_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    each_is_told_when_what_it_waits_for_is_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    all_are_told_of_a_failure_and_what_the_vault_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_completion_may_cancel_others_and_wait_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    who_still_waits_when_it_is_released_is_told_nothing, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
