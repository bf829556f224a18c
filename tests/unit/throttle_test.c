#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "tests/unit/rig.h"

/* What came back, in order: the err of each, and by which arg. */
static struct {
	int err;
	long status;
	int attempts;
	bool was_sent;
	int64_t mono, mono_deadline;
	char tag;
} done[5000];
static int n_done;

/* What was asked, and by which tag. */
static struct asked {
	char tag;
	struct kv_ticket *ticket;
} all_asked[5000];
static int n_asked;

static void
take(void *arg, struct kv_reply *reply)
{
	const struct asked *a = arg;

	done[n_done].err = reply->err;
	done[n_done].status = reply->status;
	done[n_done].attempts = reply->attempts;
	done[n_done].was_sent = reply->was_sent;
	done[n_done].mono = kv_clock_mono_ms();
	done[n_done].mono_deadline = kv_throttle_deadline(a->ticket);
	done[n_done++].tag = a->tag;
}

static int
set_up(void **state)
{
	(void)state;
	n_done = n_asked = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_end();
	return 0;
}

/* A call of a question that must be answered by mono_deadline; 0: its first one. */
static struct kv_ticket *
ask_until(enum kv_op op, enum kv_type type, enum kv_priority priority, char tag, int64_t mono_deadline)
{
	const struct kv_task task = { .call = { .op = op, .type = type, .name = "x" },
		.priority = priority,
		.is_quiet = true,
		.mono_deadline = mono_deadline };
	struct asked *asked = &all_asked[n_asked++];

	assert_true((size_t)n_asked <= N_OF(all_asked));
	asked->tag = tag;
	assert_int_equal(kv_throttle_send(rig.throttle, &task, take, asked, &asked->ticket), 0);
	return asked->ticket;
}

static struct kv_ticket *
ask(enum kv_op op, enum kv_type type, enum kv_priority priority, const char *tag)
{
	return ask_until(op, type, priority, *tag, 0);
}

static int64_t
well(const struct kv_call *call, struct kv_reply *reply)
{
	(void)call;
	(void)reply;
	return 10;
}

static int64_t
never(const struct kv_call *call, struct kv_reply *reply)
{
	(void)call;
	(void)reply;
	return -1;
}

static int64_t
slow_token(const struct kv_call *call, struct kv_reply *reply)
{
	(void)call;
	(void)reply;
	return 27000; /* with the token */
}

/* ---- tests ---- */

static void
a_call_is_answered_once_and_never_at_once(void **state)
{
	(void)state;
	rig_begin(well, 100, 10);
	ask(KV_OP_LIST, KV_KEYS, KV_METADATA, "a");
	assert_int_equal(n_done, 0);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(n_done, 1);
	assert_int_equal(done[0].err, 0);
	assert_int_equal(done[0].attempts, 1);
}

static void
the_rate_is_kept(void **state)
{
	(void)state;
	rig_begin(well, 50, 10);
	for (int i = 0; i < 1000; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 10000);
	assert_in_range(n_done, 470, 500);
	fake_loop_run(rig.loop, 20000);
	assert_int_equal(n_done, 1000);
}

static void
no_more_are_under_way_than_allowed(void **state)
{
	(void)state;
	rig_begin(never, 1000, 7);
	for (int i = 0; i < 50; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 5000);
	assert_int_equal(fake_vault_under_way(rig.vault), 7);
}

static void
the_higher_priority_goes_first_and_can_be_raised(void **state)
{
	struct kv_ticket *last;

	(void)state;
	rig_begin(well, 5, 1);
	ask(KV_OP_BACKUP, KV_SECRETS, KV_AHEAD, "4");
	ask(KV_OP_LIST, KV_SECRETS, KV_REFRESH, "3");
	ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "2");
	ask(KV_OP_LIST, KV_SECRETS, KV_METADATA, "1");
	last = ask(KV_OP_BACKUP, KV_SECRETS, KV_AHEAD, "0");
	kv_throttle_raise(last, KV_METADATA);
	fake_loop_run(rig.loop, 10000);
	assert_int_equal(n_done, 5);
	for (int i = 0; i < 5; i++)
		assert_row(done[i].tag == "10234"[i], (size_t)i, "order");
}

static int64_t
lists_only(const struct kv_call *call, struct kv_reply *reply)
{
	(void)reply;
	return call->op == KV_OP_LIST ? 10 : -1;
}

/* The times, of those that were done between from and to, at which one or more were. */
static int
n_times(int from, int to)
{
	int n = 0;

	for (int i = from; i < to; i++)
		n += i == from || done[i].mono != done[i - 1].mono;
	return n;
}

static void
what_nobody_waits_for_goes_in_batches_at_the_same_rate(void **state)
{
	int n;

	(void)state;
	rig_begin(well, 400, 1000);
	for (int i = 0; i < 3000; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_AHEAD, "a");
	fake_loop_run(rig.loop, 5000);
	assert_in_range(n_done, 1960, 2010);
	assert_in_range(n_times(0, n_done), 5000 / 55, 5000 / 50 + 2);
	/* a reader does not wait for the batch */
	for (int i = 0; i < 20; i++) {
		n = n_done;
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "r");
		fake_loop_run(rig.loop, 17);
		while (n < n_done && done[n].tag != 'r')
			n++;
		assert_row(n < n_done, (size_t)i, "read");
	}
}

/* A near vault: the reader comes to the end of each batch, and asks for the next object itself. */
static void
a_reader_that_catches_up_does_not_lower_the_rate(void **state)
{
	(void)state;
	rig_begin(well, 400, 1000);
	for (int i = 0; i < 3000; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_AHEAD, "a");
	for (int ms = 0; ms < 5000; ms += 12) {
		if (ms % 50 > 20)
			ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "r");
		fake_loop_run(rig.loop, 12);
	}
	assert_in_range(n_done, 1960, 2010);
}

static void
a_slow_rate_is_not_made_slower_by_batches(void **state)
{
	(void)state;
	rig_begin(well, 15, 1000);
	for (int i = 0; i < 1000; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_AHEAD, "a");
	fake_loop_run(rig.loop, 20000);
	assert_in_range(n_done, 290, 310);
	assert_in_range(n_times(10, n_done), n_done - 12, n_done - 10);
}

static void
a_list_is_answered_while_all_reads_hang(void **state)
{
	(void)state;
	rig_begin(lists_only, 1000, 64);
	for (int i = 0; i < 200; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 1000);
	ask(KV_OP_LIST, KV_SECRETS, KV_METADATA, "l");
	fake_loop_run(rig.loop, 50);
	assert_int_equal(n_done, 1);
	assert_int_equal(done[0].tag, 'l');
}

static int left_to_fail;
static long fail_status;
static int fail_err;
static int64_t fail_retry_after_ms = -1;

static int64_t
badly_at_first(const struct kv_call *call, struct kv_reply *reply)
{
	(void)call;
	if (left_to_fail > 0) {
		left_to_fail--;
		reply->status = fail_status;
		reply->err = fail_err;
		reply->was_sent = true;
		reply->retry_after_ms = fail_retry_after_ms;
	}
	return 10;
}

static void
what_passes_is_tried_again(void **state)
{
	static const struct {
		long status;
		int err;
	} rows[] = { { 408, -ETIMEDOUT }, { 429, -EBUSY }, { 500, -EIO }, { 503, -EIO }, { 504, -EIO },
		{ 0, -EIO }, { 0, -ETIMEDOUT }, { 0, -ECONNREFUSED }, { 0, -EHOSTUNREACH } };

	(void)state;
	rig_begin(badly_at_first, 100, 10);
	for (size_t i = 0; i < N_OF(rows); i++) {
		n_done = 0;
		left_to_fail = 3;
		fail_status = rows[i].status;
		fail_err = rows[i].err;
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
		fake_loop_run(rig.loop, 60000);
		assert_row(n_done == 1 && done[0].err == 0 && done[0].attempts == 4, i, "tried again");
	}
}

static void
what_stays_is_not_tried_again(void **state)
{
	static const struct {
		long status;
		int err;
	} rows[] = { { 400, -EINVAL }, { 401, -EACCES }, { 403, -EACCES }, { 404, -ENOENT }, { 409, -EEXIST },
		{ 200, -EBADMSG }, { 0, -EFBIG }, { 0, -ENOMEM } };

	(void)state;
	rig_begin(badly_at_first, 100, 10);
	for (size_t i = 0; i < N_OF(rows); i++) {
		n_done = 0;
		left_to_fail = 100;
		fail_status = rows[i].status;
		fail_err = rows[i].err;
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
		fake_loop_run(rig.loop, 60000);
		assert_row(
		    n_done == 1 && done[0].err == rows[i].err && done[0].attempts == 1, i, "not again");
	}
}

static void
the_deadline_ends_it_with_the_last_word(void **state)
{
	static const struct {
		long status;
		int err, end;
	} rows[] = { { 503, -EIO, -EIO }, { 429, -EBUSY, -EBUSY }, { 0, -EHOSTUNREACH, -EHOSTUNREACH } };

	(void)state;
	rig_begin(badly_at_first, 100, 10);
	for (size_t i = 0; i < N_OF(rows); i++) {
		n_done = 0;
		left_to_fail = 1000000;
		fail_status = rows[i].status;
		fail_err = rows[i].err;
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
		fake_loop_run(rig.loop, 301000);
		assert_row(n_done == 1 && done[0].err == rows[i].end, i, "the end");
	}
}

static int64_t
limited_for_20_s(const struct kv_call *call, struct kv_reply *reply)
{
	(void)call;
	if (kv_clock_mono_ms() < 1020000) {
		reply->status = 429;
		reply->err = -EBUSY;
	}
	return 10;
}

/* How many lines of the log have this in them. */
static int
n_lines(const char *part)
{
	int n = 0;

	for (const char *at = caught_text(); (at = strstr(at, part)) != NULL; at++)
		n++;
	return n;
}

static int64_t
limited_with_a_retry_after(const struct kv_call *call, struct kv_reply *reply)
{
	(void)call;
	reply->status = 429;
	reply->err = -EBUSY;
	reply->retry_after_ms = (int64_t)86400 * 1000;
	return 10;
}

static void
what_a_closed_class_kept_from_being_sent_says_what_closed_it(void **state)
{
	static const struct {
		long status;
		int err, end;
	} rows[] = { { 503, -EIO, -EIO }, { 0, -ECONNREFUSED, -ECONNREFUSED } };

	(void)state;
	rig_begin(limited_with_a_retry_after, 100, 2);
	for (int i = 0; i < 50; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 311000);
	assert_int_equal(n_done, 50);
	for (int i = 0; i < n_done; i++)
		assert_row(done[i].err == -EBUSY, (size_t)i, "EBUSY");
	assert_in_range(fake_vault_calls(rig.vault, KV_OP_BACKUP), 2, 40); /* one in 10 s */
	tear_down(state);
	for (size_t r = 0; r < N_OF(rows); r++) {
		set_up(state);
		rig_begin(badly_at_first, 100, 64);
		left_to_fail = 1000000;
		fail_status = rows[r].status;
		fail_err = rows[r].err;
		for (int i = 0; i < 200; i++)
			ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
		fake_loop_run(rig.loop, 620000);
		assert_int_equal(n_done, 200);
		for (int i = 0; i < n_done; i++)
			assert_row(done[i].err == rows[r].end, r, "errno");
		if (r + 1 < N_OF(rows))
			tear_down(state);
	}
}

static void
a_503_with_a_retry_after_stops_no_other(void **state)
{
	(void)state;
	rig_begin(badly_at_first, 100, 10);
	left_to_fail = 1;
	fail_status = 503;
	fail_err = -EIO;
	fail_retry_after_ms = 60000;
	ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "f");
	fake_loop_run(rig.loop, 100);
	ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 100);
	assert_int_equal(n_done, 1);
	assert_int_equal(done[0].tag, 'a');
	fake_loop_run(rig.loop, 9000);
	assert_int_equal(n_done, 1);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(n_done, 2);
	assert_int_equal(done[1].err, 0);
	fail_retry_after_ms = -1;
}

static void
a_class_that_closes_and_opens_is_a_line_each(void **state)
{
	(void)state;
	rig_begin(limited_for_20_s, 0, 0);
	for (int i = 0; i < 50; i++)
		ask(KV_OP_BACKUP, KV_KEYS, KV_READ, "a");
	fake_loop_run(rig.loop, 19000);
	assert_non_null(strstr(caught_line("event=closed"), "class=keys rate=25.0 why="));
	assert_non_null(strstr(caught_line("event=closed"), "vault=fake.vault.example"));
	assert_string_equal(caught_line("event=reopened"), "");
	fake_loop_run(rig.loop, 10000);
	assert_non_null(strstr(caught_line("event=reopened"), "class=keys rate="));
	fake_loop_run(rig.loop, 200000);
	assert_int_equal(n_lines("event="), 2);
}

static void
a_vault_that_is_down_and_well_again_is_a_line_each(void **state)
{
	(void)state;
	rig_begin(badly_at_first, 200, 64);
	left_to_fail = 100;
	fail_status = 503;
	fail_err = -EIO;
	for (int i = 0; i < 200; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 200000);
	assert_non_null(strstr(caught_line("event=paused"), "errno=EIO why="));
	assert_non_null(strstr(caught_line("event=resumed"), "vault=fake.vault.example"));
	assert_int_equal(n_lines("event="), 2);
}

/* Answers nothing until it is back. */
static bool is_back;

static int64_t
silent(const struct kv_call *call, struct kv_reply *reply)
{
	return is_back ? well(call, reply) : never(call, reply);
}

/* How long a backup takes, in ms. */
static int64_t
ms_of(enum kv_op op)
{
	const int64_t mono_asked = kv_clock_mono_ms();
	const int n = n_done;

	ask(op, KV_SECRETS, KV_READ, "x");
	while (n_done == n)
		fake_loop_run(rig.loop, 100);
	return done[n].mono - mono_asked;
}

static void
a_vault_that_was_silent_for_a_whole_time_out_is_then_asked_for_two_seconds(void **state)
{
	(void)state;
	is_back = false;
	rig_begin(silent, 100, 0);
	assert_in_range(ms_of(KV_OP_BACKUP), 299000, 301000);
	for (int i = 0; i < 100; i++) {
		assert_in_range(ms_of(KV_OP_BACKUP), 1900, 2100);
		assert_int_equal(done[n_done - 1].err, -ETIMEDOUT);
		assert_true(done[n_done - 1].mono_deadline <= done[n_done - 1].mono);
	}
	is_back = true;
	assert_in_range(ms_of(KV_OP_BACKUP), 0, 2000);
	assert_int_equal(done[n_done - 1].err, 0);
	assert_int_equal(done[n_done - 1].mono_deadline, done[n_done - 1].mono + 300000);
	is_back = false; /* it has answered since */
	assert_in_range(ms_of(KV_OP_BACKUP), 290000, 301000);
}

static void
after_as_long_again_a_silent_vault_is_waited_for_again(void **state)
{
	(void)state;
	is_back = false;
	rig_begin(silent, 100, 0);
	assert_in_range(ms_of(KV_OP_BACKUP), 299000, 301000);
	fake_loop_run(rig.loop, 300000);
	assert_in_range(ms_of(KV_OP_BACKUP), 299000, 301000);
}

static void
a_restore_to_a_silent_vault_has_its_whole_time_out(void **state)
{
	(void)state;
	is_back = false;
	rig_begin(silent, 100, 0);
	assert_in_range(ms_of(KV_OP_BACKUP), 299000, 301000);
	assert_in_range(ms_of(KV_OP_RESTORE), 299000, 301000);
}

static void
an_answer_that_never_comes_is_a_time_out(void **state)
{
	(void)state;
	rig_begin(never, 100, 10);
	ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 301000);
	assert_int_equal(n_done, 1);
	assert_int_equal(done[0].err, -ETIMEDOUT);
}

static void
what_follows_from_a_call_ends_with_its_deadline(void **state)
{
	(void)state;
	rig_begin(never, 100, 2);
	ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 290000);
	(void)ask_until(KV_OP_VERSIONS, KV_SECRETS, KV_METADATA, 'f', 1300000); /* sent */
	(void)ask_until(KV_OP_VERSIONS, KV_SECRETS, KV_METADATA, 'f', 1300000); /* there is no place for it */
	fake_loop_run(rig.loop, 9990);
	assert_int_equal(n_done, 0);
	fake_loop_run(rig.loop, 20);
	assert_int_equal(n_done, 3);
	for (int i = 0; i < n_done; i++) {
		assert_row(done[i].err == -ETIMEDOUT, (size_t)i, "errno");
		assert_row(done[i].mono_deadline == 1300000, (size_t)i, "handed on");
	}
	(void)ask_until(
	    KV_OP_VERSIONS, KV_SECRETS, KV_METADATA, 'f', kv_clock_mono_ms() - 5); /* too late already */
	fake_loop_run(rig.loop, 1);
	assert_int_equal(n_done, 4);
}

static void
a_restore_whose_answer_was_lost_is_sent_once(void **state)
{
	(void)state;
	rig_begin(badly_at_first, 100, 10);
	left_to_fail = 1;
	fail_status = 0;
	fail_err = -EIO;
	ask(KV_OP_RESTORE, KV_SECRETS, KV_RESTORE, "a");
	fake_loop_run(rig.loop, 60000);
	assert_int_equal(n_done, 1);
	assert_int_equal(done[0].err, -EIO);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_RESTORE), 1);
}

/* The vault may have acted on it: its close must not be told that nothing was sent. */
static void
a_restore_sent_in_the_millisecond_of_its_deadline_was_sent(void **state)
{
	(void)state;
	rig_begin(never, 100, 10);
	fake_vault_token_takes(rig.vault, 50);
	(void)ask_until(KV_OP_RESTORE, KV_SECRETS, KV_RESTORE, 'a', kv_clock_mono_ms() + 50);
	fake_loop_run(rig.loop, 60);
	assert_int_equal(n_done, 1);
	assert_int_equal(done[0].err, -ETIMEDOUT);
	assert_true(done[0].was_sent);
}

static void
a_call_that_waits_for_its_turn_or_its_token_is_not_sent(void **state)
{
	const struct kv_ticket *first, *second;

	(void)state;
	rig_begin(never, 100, 1);
	fake_vault_token_takes(rig.vault, 50);
	first = ask(KV_OP_RECOVER, KV_SECRETS, KV_RESTORE, "a");
	second = ask(KV_OP_RECOVER, KV_SECRETS, KV_RESTORE, "b");
	fake_loop_run(rig.loop, 30);
	assert_false(kv_throttle_is_sent(first) || kv_throttle_is_sent(second));
	fake_loop_run(rig.loop, 100);
	assert_true(kv_throttle_is_sent(first));
	assert_false(kv_throttle_is_sent(second));
}

static void
while_the_vault_says_429_only_probes_go_out(void **state)
{
	(void)state;
	rig_begin(limited_for_20_s, 200, 64);
	for (int i = 0; i < 100; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 20000);
	assert_int_equal(n_done, 0);
	assert_in_range(
	    fake_vault_calls(rig.vault, KV_OP_BACKUP), 40, 170); /* 2 at once, then one in 0.125 to 0.375 s */
	fake_loop_run(rig.loop, 280000);
	assert_int_equal(n_done, 100);
	for (int i = 0; i < n_done; i++)
		assert_int_equal(done[i].err, 0);
}

static int n_answers;

static int64_t
one_in_ten_is_503(const struct kv_call *call, struct kv_reply *reply)
{
	(void)call;
	if (++n_answers % 10 == 0) {
		reply->status = 503;
		reply->err = -EIO;
	}
	return 75;
}

static void
one_503_in_ten_costs_little(void **state)
{
	(void)state;
	rig_begin(one_in_ten_is_503, 200, 64);
	for (int i = 0; i < 2000; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 12500);
	assert_in_range(n_done, 1980, 2000); /* some of the last may be resting */
	fake_loop_run(rig.loop, 60000);
	assert_int_equal(n_done, 2000);
	for (int i = 0; i < n_done; i++)
		assert_int_equal(done[i].err, 0);
}

static void
a_vault_that_is_down_is_only_probed(void **state)
{
	int calls;

	(void)state;
	rig_begin(badly_at_first, 200, 64);
	left_to_fail = 1000000;
	fail_status = 0;
	fail_err = -ECONNREFUSED;
	for (int i = 0; i < 500; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 10000);
	calls = fake_vault_calls(rig.vault, KV_OP_BACKUP);
	fake_loop_run(rig.loop, 10000);
	assert_in_range(fake_vault_calls(rig.vault, KV_OP_BACKUP) - calls, 20, 100);
	left_to_fail = 0;
	fake_loop_run(rig.loop, 280000);
	assert_int_equal(n_done, 500);
	assert_int_equal(done[499].err, 0);
}

static void
at_the_start_nobody_waits_long(void **state)
{
	(void)state;
	rig_begin(badly_at_first, 100, 10);
	kv_throttle_set_patient(rig.throttle, false);
	left_to_fail = 1000000;
	fail_status = 0;
	fail_err = -ECONNREFUSED;
	ask(KV_OP_LIST, KV_SECRETS, KV_METADATA, "a");
	fake_loop_run(rig.loop, 100);
	assert_int_equal(n_done, 1);
	fail_status = 503;
	fail_err = -EIO;
	ask(KV_OP_LIST, KV_SECRETS, KV_METADATA, "a");
	fake_loop_run(rig.loop, 12100);
	assert_int_equal(n_done, 2);
}

/* An az that must be compiled first. */
static void
at_the_start_a_slow_token_is_waited_for_and_then_the_vault(void **state)
{
	(void)state;
	rig_begin(slow_token, 100, 10);
	fake_vault_token_takes(rig.vault, 25000);
	kv_throttle_set_patient(rig.throttle, false);
	ask(KV_OP_LIST, KV_SECRETS, KV_METADATA, "a");
	fake_loop_run(rig.loop, 27500);
	assert_int_equal(n_done, 1);
	assert_int_equal(done[0].err, 0);
	fake_vault_use(rig.vault, never);
	ask(KV_OP_LIST, KV_SECRETS, KV_METADATA, "a");
	fake_loop_run(rig.loop, 36000);
	assert_int_equal(n_done, 1);
	fake_loop_run(rig.loop, 2000);
	assert_int_equal(n_done, 2);
	assert_int_equal(done[1].err, -ETIMEDOUT);
}

static void
a_cancelled_call_is_never_answered(void **state)
{
	struct kv_ticket *tickets[4];

	(void)state;
	rig_begin(well, 100, 2);
	for (int i = 0; i < 4; i++)
		tickets[i] = ask(KV_OP_LIST, KV_SECRETS, KV_METADATA, "a");
	kv_throttle_cancel(tickets[0]);
	fake_loop_run(rig.loop, 1);
	kv_throttle_cancel(tickets[1]);
	kv_throttle_cancel(tickets[3]);
	fake_loop_run(rig.loop, 10000);
	assert_int_equal(n_done, 1);
}

static int64_t
slowly(const struct kv_call *call, struct kv_reply *reply)
{
	(void)call;
	(void)reply;
	return 250;
}

static void
as_many_are_under_way_as_the_rate_needs(void **state)
{
	struct kv_throttle_state now;

	(void)state;
	rig_begin(slowly, 400, 0);
	for (int i = 0; i < 2000; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 4000);
	kv_throttle_state(rig.throttle, 0, &now);
	assert_string_equal(now.name, "all");
	assert_in_range(now.latency_ms, 249, 251);
	assert_in_range(now.window, 195, 205);
	assert_in_range(now.in_flight, 90, 105);
	assert_in_range(n_done, 1400, 1600);
	assert_in_range(now.queued, 300, 600);
	assert_false(kv_throttle_is_paused(rig.throttle));
	fake_loop_run(rig.loop, 60000);
}

static int n_hang;

static int64_t
some_hang(const struct kv_call *call, struct kv_reply *reply)
{
	(void)reply;
	return call->op == KV_OP_BACKUP && n_hang-- > 0 ? -1 : 75;
}

static void
reads_that_hang_do_not_stop_the_others(void **state)
{
	struct kv_throttle_state now;

	(void)state;
	rig_begin(some_hang, 400, 0);
	n_hang = 64;
	for (int i = 0; i < 64; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "h");
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(n_done, 0);
	for (int i = 0; i < 400; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 3000);
	assert_int_equal(n_done, 400);
	kv_throttle_state(rig.throttle, 0, &now);
	assert_int_equal(now.in_flight, 64);
	assert_int_equal(now.hung, 64);
	assert_in_range(now.latency_ms, 74, 76);
}

static void
where_all_hang_one_at_a_time_follows(void **state)
{
	(void)state;
	rig_begin(never, 400, 0);
	for (int i = 0; i < 1000; i++)
		ask(KV_OP_BACKUP, KV_SECRETS, KV_READ, "a");
	fake_loop_run(rig.loop, 500);
	assert_in_range(fake_vault_under_way(rig.vault), 100, 210);
	n_done = fake_vault_under_way(rig.vault);
	fake_loop_run(rig.loop, 20000);
	assert_in_range(fake_vault_under_way(rig.vault) - n_done, 1, 200 + 40);
}

static void
what_was_learnt_goes_on_in_another_mount(void **state)
{
	struct kv_throttle_state now;
	struct kv_learned learned = { .rate = 17, .limit = 40, .age_ms = 30000 };

	(void)state;
	rig_begin(well, 0, 0);
	assert_int_equal(kv_throttle_classes(rig.throttle), 3);
	kv_throttle_state(rig.throttle, 1, &now);
	assert_string_equal(now.name, "keys");
	assert_true(now.rate == 25 && now.limit == 0);
	kv_throttle_resume(rig.throttle, 1, &learned);
	learned = (struct kv_learned){ .rate = 0 };
	fake_loop_run(rig.loop, 1000);
	kv_throttle_learned(rig.throttle, 1, &learned);
	assert_true(learned.rate == 17 && learned.limit == 40);
	assert_int_equal(learned.age_ms, 31000);
	for (int i = 0; i < 1000; i++)
		ask(KV_OP_BACKUP, KV_KEYS, KV_READ, "a");
	fake_loop_run(rig.loop, 10000);
	assert_in_range(n_done, 165, 175);
}

static void
a_rate_that_the_user_gave_is_not_what_was_learnt(void **state)
{
	const struct kv_learned learned = { .rate = 17, .limit = 40, .age_ms = 0 };
	struct kv_throttle_state now;

	(void)state;
	rig_begin(well, 100, 0);
	assert_int_equal(kv_throttle_classes(rig.throttle), 1);
	kv_throttle_resume(rig.throttle, 0, &learned);
	kv_throttle_state(rig.throttle, 0, &now);
	assert_true(now.rate == 100 && now.limit == 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_call_is_answered_once_and_never_at_once),
		TEST(the_rate_is_kept),
		TEST(no_more_are_under_way_than_allowed),
		TEST(a_list_is_answered_while_all_reads_hang),
		TEST(the_higher_priority_goes_first_and_can_be_raised),
		TEST(what_nobody_waits_for_goes_in_batches_at_the_same_rate),
		TEST(a_reader_that_catches_up_does_not_lower_the_rate),
		TEST(a_slow_rate_is_not_made_slower_by_batches),
		TEST(what_passes_is_tried_again),
		TEST(what_stays_is_not_tried_again),
		TEST(the_deadline_ends_it_with_the_last_word),
		TEST(what_a_closed_class_kept_from_being_sent_says_what_closed_it),
		TEST(a_503_with_a_retry_after_stops_no_other),
		TEST(a_class_that_closes_and_opens_is_a_line_each),
		TEST(a_vault_that_is_down_and_well_again_is_a_line_each),
		TEST(an_answer_that_never_comes_is_a_time_out),
		TEST(a_vault_that_was_silent_for_a_whole_time_out_is_then_asked_for_two_seconds),
		TEST(after_as_long_again_a_silent_vault_is_waited_for_again),
		TEST(a_restore_to_a_silent_vault_has_its_whole_time_out),
		TEST(what_follows_from_a_call_ends_with_its_deadline),
		TEST(a_restore_whose_answer_was_lost_is_sent_once),
		TEST(a_restore_sent_in_the_millisecond_of_its_deadline_was_sent),
		TEST(a_call_that_waits_for_its_turn_or_its_token_is_not_sent),
		TEST(while_the_vault_says_429_only_probes_go_out),
		TEST(one_503_in_ten_costs_little),
		TEST(a_vault_that_is_down_is_only_probed),
		TEST(at_the_start_nobody_waits_long),
		TEST(at_the_start_a_slow_token_is_waited_for_and_then_the_vault),
		TEST(a_cancelled_call_is_never_answered),
		TEST(as_many_are_under_way_as_the_rate_needs),
		TEST(reads_that_hang_do_not_stop_the_others),
		TEST(where_all_hang_one_at_a_time_follows),
		TEST(what_was_learnt_goes_on_in_another_mount),
		TEST(a_rate_that_the_user_gave_is_not_what_was_learnt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
