#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cache/list/versions.h"
#include "cache/pace/throttle.h"
#include "fs/dropbox/confirm.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/rig.h"

#define UPDATED 1600000000
#define START	RIG_MONO

static const struct kv_question cp = { .caller = { .uid = 1000, .pid = 17, .command = "cp" } };
/* The process that asks, and one that began later. */
static const struct kv_process old = { .id = 17, .mono_begun = START - 5000 };
static const struct kv_process new = { .id = 18, .mono_begun = START + 1000 };

static struct kv_confirms *confirms;
static struct kv_receipt receipt;

/* What the vault answers: the version that it has, or why not; after how long. */
static const char *version;
static int err;
static int64_t took_ms;

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	reply->err = err;
	reply->status = err == 0 ? 200 : err == -ENOENT ? 404 : 403;
	if (err == 0) {
		reply->page = fake_vault_page(call->name, UPDATED, "");
		reply->err = reply->page == NULL ? -ENOMEM : 0;
	}
	if (reply->err == 0 && reply->page != NULL) {
		snprintf(reply->page->items[0].version, sizeof(reply->page->items[0].version), "%s", version);
	}
	return took_ms;
}

/* After every turn of the loop. */
static void
check(void)
{
	rig_check();
	kv_confirms_check(confirms);
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(answer, 0, 8);
	fake_loop_check_with(rig.loop, check);
	confirms = kv_confirms_new(rig.throttle, KV_PROOF_UPDATED);
	assert_non_null(confirms);
	receipt =
	    (struct kv_receipt){ .type = KV_SECRETS, .name = "a", .version = "v1", .wall_updated = UPDATED };
	version = "v1";
	err = 0;
	took_ms = 10;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_confirms_check(confirms);
	kv_confirms_free(confirms);
	rig_end();
	return 0;
}

struct told {
	int n, err;
};

static void
tell(void *arg, int told_err)
{
	struct told *t = arg;

	t->n++;
	t->err = told_err;
}

/* Ask on process' behalf, and wait for the answer. */
static int
ask(const struct kv_process *process)
{
	struct kv_confirm_wait *wait;
	struct told told = { 0 };

	assert_int_equal(kv_confirms_ask(confirms, &receipt, process, &cp, tell, &told, &wait, NULL), 0);
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

static void
only_the_very_version_with_its_updated_is_a_yes(void **state)
{
	static const struct {
		const char *version;
		int64_t wall_updated; /* of the receipt */
		int err, expected;
	} rows[] = {
		{ "v1", UPDATED, 0, 0 },
		{ "V1", UPDATED, 0, 0 },
		{ "v2", UPDATED, 0, -ENOENT },
		{ "v1", UPDATED + 1, 0, -ENOENT },
		{ "v1", UPDATED, -ENOENT, -ENOENT },
		{ "v1", UPDATED, -EACCES, -EACCES },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		version = rows[i].version;
		err = rows[i].err;
		receipt.wall_updated = rows[i].wall_updated;
		assert_row(ask(&old) == rows[i].expected, i, rows[i].version);
		assert_row(
		    kv_confirms_is_fresh(confirms, &receipt, &old) == (rows[i].expected == 0), i, "known");
		fake_loop_run(rig.loop, 20000);
		tear_down(state);
		set_up(state);
	}
}

/* What was imported may have got tags or an expiry since, which is no reason to import it again. */
static void
of_an_import_the_version_is_enough(void **state)
{
	static const struct {
		const char *version;
		int64_t wall_updated; /* of the receipt */
		int err, expected;
	} rows[] = {
		{ "v1", UPDATED, 0, 0 },
		{ "V1", UPDATED - 1, 0, 0 },
		{ "v1", UPDATED + 1, 0, 0 },
		{ "v1", 0, 0, 0 },
		{ "v2", UPDATED, 0, -ENOENT },
		{ "v1", UPDATED, -ENOENT, -ENOENT },
		{ "v1", UPDATED, -EACCES, -EACCES },
	};
	struct kv_confirm_wait *wait;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_confirms_free(confirms);
		confirms = kv_confirms_new(rig.throttle, KV_PROOF_VERSION);
		version = rows[i].version;
		err = rows[i].err;
		receipt.wall_updated = rows[i].wall_updated;
		assert_row(ask(&old) == rows[i].expected, i, rows[i].version);
		assert_row(
		    kv_confirms_is_fresh(confirms, &receipt, &old) == (rows[i].expected == 0), i, "known");
		fake_loop_run(rig.loop, 20000);
		tear_down(state);
		set_up(state);
	}
	kv_confirms_free(confirms);
	confirms = kv_confirms_new(rig.throttle, KV_PROOF_VERSION);
	receipt.version[0] = '\0';
	assert_int_equal(kv_confirms_ask(confirms, &receipt, &old, &cp, tell, NULL, &wait, NULL), -ENOENT);
}

static void
a_receipt_without_a_time_is_never_confirmed(void **state)
{
	struct kv_confirm_wait *wait;

	(void)state;
	receipt.wall_updated = 0;
	kv_confirms_note(confirms, &receipt, START, &old);
	assert_false(kv_confirms_is_fresh(confirms, &receipt, &old));
	assert_int_equal(kv_confirms_ask(confirms, &receipt, &old, &cp, tell, NULL, &wait, NULL), -ENOENT);
	assert_int_equal(n_asked(), 0);
}

static void
a_yes_counts_as_of_the_moment_at_which_it_was_asked(void **state)
{
	(void)state;
	took_ms = 900;
	assert_int_equal(ask(&old), 0);
	fake_loop_run(rig.loop, 3900); /* 4 s after the answer, 4.9 s after the question */
	assert_true(kv_confirms_is_fresh(confirms, &receipt, &old));
	fake_loop_run(rig.loop, 200);
	assert_false(kv_confirms_is_fresh(confirms, &receipt, &old));
}

static void
a_later_no_is_not_undone_by_an_earlier_yes(void **state)
{
	struct kv_confirm_wait *first, *second;
	struct told yes = { 0 }, no = { 0 };

	(void)state;
	took_ms = 500;
	assert_int_equal(kv_confirms_ask(confirms, &receipt, NULL, &cp, tell, &yes, &first, NULL), 0);
	fake_loop_run(rig.loop, 100);
	took_ms = 10;
	err = -ENOENT; /* deleted meanwhile */
	assert_int_equal(kv_confirms_ask(confirms, &receipt, NULL, &cp, tell, &no, &second, NULL), 0);
	fake_loop_run(rig.loop, 100);
	assert_true(no.n == 1 && no.err == -ENOENT);
	fake_loop_run(rig.loop, 1000);
	assert_true(yes.n == 1 && yes.err == 0); /* true as of its question */
	assert_false(kv_confirms_is_fresh(confirms, &receipt, &old));
}

/* A completion that asks about the same version. */
static void
tell_and_ask(void *arg, int told_err)
{
	struct told *told = arg;
	struct kv_confirm_wait *wait;

	tell(&told[0], told_err);
	assert_int_equal(kv_confirms_ask(confirms, &receipt, &old, &cp, tell, &told[1], &wait, NULL), 0);
}

static void
what_is_asked_while_an_answer_is_given_out_is_another_question(void **state)
{
	struct kv_confirm_wait *first, *second;
	struct told told[2] = { { 0 } }, no = { 0 };

	(void)state;
	took_ms = 500;
	assert_int_equal(kv_confirms_ask(confirms, &receipt, NULL, &cp, tell_and_ask, told, &first, NULL), 0);
	fake_loop_run(rig.loop, 100);
	took_ms = 10;
	err = -ENOENT; /* deleted meanwhile: the yes of the first is no longer fresh */
	assert_int_equal(kv_confirms_ask(confirms, &receipt, NULL, &cp, tell, &no, &second, NULL), 0);
	fake_loop_run(rig.loop, 1000);
	assert_true(told[0].n == 1 && told[0].err == 0);
	assert_true(told[1].n == 1 && told[1].err == -ENOENT);
	assert_int_equal(n_asked(), 3);
}

static void
a_process_takes_no_answer_to_a_question_from_before_it_began(void **state)
{
	(void)state;
	assert_int_equal(ask(&old), 0);
	assert_true(kv_confirms_is_fresh(confirms, &receipt, &old));
	assert_false(kv_confirms_is_fresh(confirms, &receipt, &new));
	assert_false(kv_confirms_is_fresh(confirms, &receipt, &(struct kv_process){ 0 }));
	/* /proc rounds a start down by up to 10 ms: only its own questions count in that time */
	assert_false(kv_confirms_is_fresh(
	    confirms, &receipt, &(struct kv_process){ .id = 19, .mono_begun = START - 9 }));
	assert_true(kv_confirms_is_fresh(
	    confirms, &receipt, &(struct kv_process){ .id = 19, .mono_begun = START - 10 }));
	assert_true(kv_confirms_is_fresh(
	    confirms, &receipt, &(struct kv_process){ .id = old.id, .mono_begun = START - 9 }));
	fake_loop_run(rig.loop, 4500);
	assert_false(kv_confirms_is_fresh(confirms, &receipt, &old)); /* more than 5 s */
}

static void
one_question_serves_all_that_may_take_its_answer(void **state)
{
	struct kv_confirm_wait *waits[3];
	struct told told[3] = { { 0 } };
	bool was_under_way;

	(void)state;
	took_ms = 500;
	assert_int_equal(
	    kv_confirms_ask(confirms, &receipt, &old, &cp, tell, &told[0], &waits[0], &was_under_way), 0);
	assert_false(was_under_way);
	assert_int_equal(
	    kv_confirms_ask(confirms, &receipt, &old, &cp, tell, &told[1], &waits[1], &was_under_way), 0);
	assert_true(was_under_way);
	fake_loop_run(rig.loop, 100);
	/* a close, which takes no answer to a question from before it */
	assert_int_equal(
	    kv_confirms_ask(confirms, &receipt, NULL, &cp, tell, &told[2], &waits[2], &was_under_way), 0);
	assert_false(was_under_way);
	kv_confirms_cancel(waits[1]);
	fake_loop_run(rig.loop, 2000);
	assert_int_equal(n_asked(), 2);
	assert_true(told[0].n == 1 && told[1].n == 0 && told[2].n == 1);
	kv_confirms_cancel(NULL);
}

static void
what_was_asked_ahead_is_there_when_it_is_needed(void **state)
{
	struct kv_confirm_wait *wait;
	struct told told = { 0 };
	bool was_under_way;

	(void)state;
	kv_confirms_ask_ahead(confirms, &receipt, &old, &cp.caller);
	kv_confirms_ask_ahead(confirms, &receipt, &old, &cp.caller);
	assert_int_equal(
	    kv_confirms_ask(confirms, &receipt, &old, &cp, tell, &told, &wait, &was_under_way), 0);
	assert_true(was_under_way);
	fake_loop_run(rig.loop, 1000);
	assert_true(told.n == 1 && told.err == 0);
	kv_confirms_ask_ahead(confirms, &receipt, &old, &cp.caller);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(n_asked(), 1);
}

static void
ten_thousand_are_not_kept_for_ever(void **state)
{
	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(receipt.name, sizeof(receipt.name), "n%d", i);
		kv_confirms_note(confirms, &receipt, START + i * 10, &old);
		fake_clock_advance(10);
	}
	assert_true(kv_confirms_is_fresh(confirms, &receipt, &old));
	snprintf(receipt.name, sizeof(receipt.name), "n1");
	assert_false(kv_confirms_is_fresh(confirms, &receipt, &old));
}

static void
no_allocation_that_fails_does_harm(void **state)
{
	bool has_failed = true;

	(void)state;
	for (int n = 1; has_failed; n++) {
		struct kv_confirm_wait *wait;
		struct told told = { 0 };
		int result;

		snprintf(receipt.name, sizeof(receipt.name), "n%d", n);
		fake_alloc_fail_at(n);
		result = kv_confirms_ask(confirms, &receipt, &old, &cp, tell, &told, &wait, NULL);
		fake_loop_run(rig.loop, 60000);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		assert_row(result == -ENOMEM ? told.n == 0 : told.n == 1, (size_t)n, "told once");
		assert_row(result == 0 || result == -ENOMEM, (size_t)n, "errno");
		assert_row(told.err == 0 || told.err == -ENOMEM, (size_t)n, "told");
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(only_the_very_version_with_its_updated_is_a_yes),
		TEST(of_an_import_the_version_is_enough),
		TEST(a_receipt_without_a_time_is_never_confirmed),
		TEST(a_yes_counts_as_of_the_moment_at_which_it_was_asked),
		TEST(a_later_no_is_not_undone_by_an_earlier_yes),
		TEST(what_is_asked_while_an_answer_is_given_out_is_another_question),
		TEST(a_process_takes_no_answer_to_a_question_from_before_it_began),
		TEST(one_question_serves_all_that_may_take_its_answer),
		TEST(what_was_asked_ahead_is_there_when_it_is_needed),
		TEST(ten_thousand_are_not_kept_for_ever),
		TEST(no_allocation_that_fails_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
