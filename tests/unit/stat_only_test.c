#include "tests/unit/unit.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/base/log.h"
#include "fs/object/stat_only.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_vault.h"

static struct kv_loop *loop;
static struct kv_stat_only stat_only;

/* Of processes that have ended; a test lets them run. */
static struct kv_caller find = { .uid = 1000, .command = "find" };
static struct kv_caller find_of_other = { .uid = 1001, .command = "find" };
static struct kv_caller rsync = { .uid = 1000, .command = "rsync" };

static pid_t
ended_process(void)
{
	const pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static int
set_up(void **state)
{
	(void)state;
	caught_begin();
	find.pid = find_of_other.pid = rsync.pid = ended_process();
	loop = kv_loop_new();
	kv_stat_only_init(&stat_only, loop, "ls:tree:du");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_stat_only_release(&stat_only);
	assert_int_equal(fake_loop_timers(loop), 0);
	kv_loop_free(loop);
	caught_end();
	return 0;
}

static void
fetch(const struct kv_caller *caller, int n)
{
	for (int i = 0; i < n; i++) {
		kv_stat_only_fetched(&stat_only, caller);
		fake_loop_run(loop, 9000);
	}
}

/* How many lines were logged since the last call, all of them about bursts. */
static int
lines(void)
{
	int n = 0;

	for (const char *text = caught_text(); (text = strchr(text, '\n')) != NULL; text++)
		n++;
	if (n > 0)
		assert_non_null(strstr(caught_text(), "event=stat_only"));
	caught_clear();
	return n;
}

static void
a_looker_is_known_by_its_whole_name(void **state)
{
	static const struct {
		const char *names, *command;
		bool is_one;
	} rows[] = {
		{ "ls:tree:du", "ls", true },
		{ "ls:tree:du", "tree", true },
		{ "ls:tree:du", "du", true },
		{ "ls:tree:du", "l", false },
		{ "ls:tree:du", "lsx", false },
		{ "ls:tree:du", "rsync", false },
		{ "ls:tree:du", "tre", false },
		{ "ls:tree:du", "ls:tree", false },
		{ "ls:tree:du", "", false },
		{ "ls", "ls", true },
		{ "::ls:", "ls", true },
		{ "::ls:", "", false },
		{ "", "", false },
		{ "", "ls", false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_caller caller = { .pid = 7 };
		struct kv_stat_only one;

		snprintf(caller.command, sizeof(caller.command), "%s", rows[i].command);
		kv_stat_only_init(&one, loop, rows[i].names);
		assert_row(kv_stat_only_has(&one, &caller) == rows[i].is_one, i, rows[i].command);
		kv_stat_only_release(&one);
	}
}

static void
twenty_sizes_and_no_read_are_one_line(void **state)
{
	const char *line;

	(void)state;
	fetch(&find, 20);
	assert_string_equal(caught_text(), "");
	fake_loop_run(loop, 20000);
	line = caught_line("event=stat_only");
	assert_non_null(strstr(line, "fetched=20"));
	assert_non_null(strstr(line, "uid=1000"));
	assert_non_null(strstr(line, "cmd=find"));
	assert_non_null(strstr(line, "-o stat_only=ls:tree:du:find"));
	assert_int_equal(lines(), 1);
	fake_loop_run(loop, 100000);
	assert_int_equal(lines(), 0);
}

static void
fewer_are_none(void **state)
{
	(void)state;
	fetch(&find, 19);
	fake_loop_run(loop, 20000);
	assert_int_equal(lines(), 0);
	fetch(&find, 19);
	fake_loop_run(loop, 20000);
	assert_int_equal(lines(), 0);
}

static void
who_reads_one_of_them_is_no_looker(void **state)
{
	(void)state;
	fetch(&rsync, 15);
	kv_stat_only_read(&stat_only, &rsync);
	fetch(&rsync, 15);
	fake_loop_run(loop, 20000);
	assert_int_equal(lines(), 0);
}

static void
a_read_counts_for_its_own_burst_and_caller_only(void **state)
{
	(void)state;
	fetch(&find, 20);
	kv_stat_only_read(&stat_only, &rsync);
	kv_stat_only_read(&stat_only, &find_of_other);
	fake_loop_run(loop, 20000);
	assert_int_equal(lines(), 1);
	kv_stat_only_read(&stat_only, &find);
	fetch(&find, 20);
	fake_loop_run(loop, 20000);
	assert_int_equal(lines(), 1);
}

static void
programs_that_look_at_the_same_time_are_told_apart(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		kv_stat_only_fetched(&stat_only, &find);
		kv_stat_only_fetched(&stat_only, &rsync);
		if (i < 19)
			kv_stat_only_fetched(&stat_only, &find_of_other);
		fake_loop_run(loop, 3000);
	}
	kv_stat_only_read(&stat_only, &rsync);
	fake_loop_run(loop, 20000);
	assert_non_null(strstr(caught_line("event=stat_only"), "cmd=find"));
	assert_int_equal(lines(), 1);
}

static void
a_program_that_still_runs_may_read_much_later(void **state)
{
	(void)state;
	rsync.pid = getpid();
	fetch(&rsync, 20);
	fake_loop_run(loop, 300000); /* it is paced: one answer took five minutes */
	fetch(&rsync, 20);
	fake_loop_run(loop, 300000);
	assert_int_equal(lines(), 0);
	kv_stat_only_read(&stat_only, &rsync);
	rsync.pid = ended_process();
	fetch(&rsync, 1);
	fake_loop_run(loop, 30000);
	assert_int_equal(lines(), 0);
	find.pid = getpid();
	fetch(&find, 20);
	fake_loop_run(loop, 300000);
	assert_int_equal(lines(), 0);
	find.pid = ended_process(); /* as its next process */
	fetch(&find, 1);
	fake_loop_run(loop, 30000);
	assert_int_equal(lines(), 1);
}

static void
nothing_is_said_of_a_program_whose_place_is_needed_while_it_runs(void **state)
{
	struct kv_caller other = { .uid = 1000, .pid = ended_process() };

	(void)state;
	rsync.pid = getpid();
	fetch(&rsync, 20);
	fake_loop_run(loop, 1000);
	for (int i = 0; i < KV_BURSTS; i++) {
		snprintf(other.command, sizeof(other.command), "other%d", i);
		kv_stat_only_fetched(&stat_only, &other);
	}
	fake_loop_run(loop, 30000);
	assert_int_equal(lines(), 0);
}

static void
the_end_tells_the_last_burst(void **state)
{
	(void)state;
	fetch(&find, 25);
	kv_stat_only_release(&stat_only);
	assert_int_equal(lines(), 1);
	kv_stat_only_init(&stat_only, loop, "ls");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_looker_is_known_by_its_whole_name),
		TEST(twenty_sizes_and_no_read_are_one_line),
		TEST(fewer_are_none),
		TEST(who_reads_one_of_them_is_no_looker),
		TEST(a_read_counts_for_its_own_burst_and_caller_only),
		TEST(programs_that_look_at_the_same_time_are_told_apart),
		TEST(a_program_that_still_runs_may_read_much_later),
		TEST(nothing_is_said_of_a_program_whose_place_is_needed_while_it_runs),
		TEST(the_end_tells_the_last_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
