#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/base/clock.h"
#include "client/base/loop.h"
#include "client/base/spawn.h"
#include "tests/unit/emulator.h"

#define DEADLINE_S 30 /* of one test: then SIGALRM ends the program */
#define LONG_MS	   (DEADLINE_S * 1000)
#define MIB	   (1 << 20)

static struct kv_loop *loop;
static int n_descriptors;

static struct {
	int n, err, status;
	size_t len;
	char out[MIB + 1], diagnostics[10000];
} done;

static void
take(void *arg, int err, int status, const char *out, const char *diagnostics)
{
	assert_ptr_equal(arg, &done);
	done.n++;
	done.err = err;
	done.status = status;
	done.len = strlen(out);
	snprintf(done.out, sizeof(done.out), "%s", out);
	snprintf(done.diagnostics, sizeof(done.diagnostics), "%s", diagnostics);
	kv_loop_stop(loop);
}

static int
count_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static int
set_up(void **state)
{
	(void)state;
	alarm(DEADLINE_S);
	setenv("PATH", "/usr/bin:/bin", 1); /* a folder in it that is closed to us would be EACCES */
	n_descriptors = count_descriptors();
	loop = kv_loop_new();
	done.n = 0;
	return 0;
}

/* Nothing is left of any program: no process, dead or alive, and no descriptor. */
static int
tear_down(void **state)
{
	(void)state;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	kv_loop_free(loop);
	assert_int_equal(count_descriptors(), n_descriptors);
	alarm(0);
	return 0;
}

static struct kv_spawn *
start(const char *const argv[], int timeout_ms)
{
	struct kv_spawn *run;

	done.n = 0;
	assert_int_equal(kv_spawn_start(loop, argv, timeout_ms, take, &done, &run), 0);
	assert_non_null(run);
	assert_int_equal(done.n, 0);
	return run;
}

static void
run(const char *const argv[], int timeout_ms)
{
	(void)start(argv, timeout_ms);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_int_equal(done.n, 1);
}

static void
run_shell(const char *script, int timeout_ms)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	run(argv, timeout_ms);
}

static void
what_it_prints_and_how_it_ends_is_told(void **state)
{
	static const struct {
		const char *script, *out, *diagnostics;
		int status;
	} rows[] = {
		{ "true", "", "", 0 },
		{ "echo a; echo b >&2", "a\n", "b\n", 0 },
		{ "echo a; exit 3", "a\n", "", 3 },
		{ "echo b >&2; exit 255", "", "b\n", 255 },
		{ "echo a; kill -9 $$", "a\n", "", 128 + SIGKILL },
		{ "kill -15 $$", "", "", 128 + SIGTERM },
		{ "exec >&-; echo b >&2; exit 4", "", "b\n", 4 },
		{ "exec >&- 2>&-; exit 5", "", "", 5 },
		{ "cat; echo end", "end\n", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		run_shell(rows[i].script, LONG_MS);
		assert_row(done.err == 0, i, rows[i].script);
		assert_row(done.status == rows[i].status, i, rows[i].script);
		assert_row(strcmp(done.out, rows[i].out) == 0, i, done.out);
		assert_row(strcmp(done.diagnostics, rows[i].diagnostics) == 0, i, done.diagnostics);
	}
}

static void
arguments_are_passed_without_a_shell(void **state)
{
	static const char *const argv[] = { "printf", "%s|", "$HOME", "*", "a b", "; exit 1", "\"'", NULL };

	(void)state;
	run(argv, LONG_MS);
	assert_int_equal(done.err, 0);
	assert_string_equal(done.out, "$HOME|*|a b|; exit 1|\"'|");
}

static void
a_program_that_is_not_there_is_enoent(void **state)
{
	static const char *const argv[] = { "no-such-program-of-kvfs", NULL };
	static const char *const absolute[] = { "/no/such/program", NULL };

	(void)state;
	if (is_emulated())
		skip();
	run(argv, LONG_MS);
	assert_int_equal(done.err, -ENOENT);
	assert_string_equal(done.out, "");
	run(absolute, LONG_MS);
	assert_int_equal(done.err, -ENOENT);
}

static void
a_file_that_cannot_be_run_is_an_error(void **state)
{
	static const char *const argv[] = { "/dev/null", NULL };

	(void)state;
	if (is_emulated())
		skip();
	run(argv, LONG_MS);
	assert_int_equal(done.err, -EACCES);
}

static void
who_takes_too_long_is_killed(void **state)
{
	static const char *const scripts[] = { "echo a; exec sleep 1000", "trap '' TERM; exec sleep 1000",
		"exec >&- 2>&-; exec sleep 1000",
		/* leaves the group that it was given */
		"exec perl -e 'setpgrp(0, getpgrp(getppid())); sleep 1000'" };

	(void)state;
	for (size_t i = 0; i < N_OF(scripts); i++) {
		const int64_t mono_began = kv_clock_mono_ms();

		run_shell(scripts[i], 300);
		assert_row(done.err == -ETIMEDOUT, i, scripts[i]);
		assert_row(kv_clock_mono_ms() - mono_began >= 300, i, "not before");
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
}

/* Whether pid is no process any more, or one that its new parent has not waited for yet. */
static int
is_gone(pid_t pid)
{
	char path[40], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 1;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X'; /* it ended while it was looked at */
	fclose(f);
	return state == 'Z' || state == 'X';
}

static void
wait_until_gone(pid_t pid)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	assert_true(pid > 1);
	while (!is_gone(pid)) /* the alarm ends it */
		nanosleep(&pause, NULL);
}

/* A process that it leaves behind keeps the pipe open: nobody knows whether more will come. */
static void
who_leaves_its_output_to_another_takes_too_long(void **state)
{
	pid_t left;

	(void)state;
	run_shell("sleep 1000 & echo $!", 500);
	assert_int_equal(done.err, -ETIMEDOUT);
	left = (pid_t)strtol(done.out, NULL, 10);
	wait_until_gone(left);
}

static void
what_a_program_has_started_is_killed_with_it(void **state)
{
	static const char *const scripts[] = { "sleep 1000 & echo $!; wait",
		"sleep 1000 & echo $!; exec sleep 1000" };

	(void)state;
	for (size_t i = 0; i < N_OF(scripts); i++) {
		run_shell(scripts[i], 500);
		assert_int_equal(done.err, -ETIMEDOUT);
		wait_until_gone((pid_t)strtol(done.out, NULL, 10));
	}
}

/* az leaves one that sends what it has counted. */
static void
what_a_program_that_went_well_leaves_is_let_be(void **state)
{
	pid_t left;

	(void)state;
	run_shell("sleep 1000 >/dev/null 2>&1 & echo $!", LONG_MS);
	assert_int_equal(done.err, 0);
	left = (pid_t)strtol(done.out, NULL, 10);
	assert_false(is_gone(left));
	assert_int_equal(kill(left, SIGKILL), 0);
}

static void
a_mebibyte_may_be_printed_and_not_more(void **state)
{
	(void)state;
	run_shell("head -c 1048576 /dev/zero | tr '\\0' x", LONG_MS);
	assert_int_equal(done.err, 0);
	assert_int_equal(done.len, MIB);
	run_shell("head -c 1048577 /dev/zero | tr '\\0' x", LONG_MS);
	assert_int_equal(done.err, -EFBIG);
	run_shell("exec yes", LONG_MS);
	assert_int_equal(done.err, -EFBIG);
	run_shell("exec yes >&2", LONG_MS);
	assert_int_equal(done.err, -EFBIG);
}

static void
who_is_cancelled_is_killed_and_not_told_of(void **state)
{
	static const char *const sleeper[] = { "sleep", "1000", NULL };
	static const char *const quick[] = { "true", NULL };
	static const char *const none[] = { "no-such-program-of-kvfs", NULL };
	const char *const *const rows[] = { sleeper, quick, none };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_spawn_cancel(start(rows[i], LONG_MS));
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		run(quick, LONG_MS);
		assert_int_equal(done.n, 1);
	}
	kv_spawn_cancel(NULL);
}

static void
several_run_at_one_time(void **state)
{
	const char *const argv[] = { "sh", "-c", "echo a; sleep 0.1; echo b", NULL };
	int n = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		(void)start(argv, LONG_MS);
	while (n < 20) {
		done.n = 0;
		assert_int_equal(kv_loop_run(loop), 0);
		assert_int_equal(done.err, 0);
		assert_string_equal(done.out, "a\nb\n");
		n += done.n;
	}
	assert_int_equal(n, 20);
}

static void
a_program_inherits_no_descriptor_and_no_blocked_or_ignored_signal(void **state)
{
	const char *const list[] = { "ls", "/proc/self/fd", NULL };
	const char *const mask[] = { "grep", "SigBlk", "/proc/self/status", NULL };
	const char *const sleeper[] = { "sleep", "1000", NULL };
	char first[1000]; /* with what the test itself was given */
	sigset_t set, before;
	struct kv_spawn *other;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	run(list, LONG_MS);
	assert_true(done.len < sizeof(first));
	memcpy(first, done.out, done.len + 1);
	other = start(sleeper, LONG_MS);
	run(list, LONG_MS);
	assert_string_equal(done.out, first);
	run(mask, LONG_MS);
	assert_string_equal(done.out, "SigBlk:\t0000000000000000\n");
	run_shell("kill -XFSZ $$", LONG_MS);
	assert_int_equal(done.status, 128 + SIGXFSZ);
	signal(SIGXFSZ, SIG_DFL);
	kv_spawn_cancel(other);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_it_prints_and_how_it_ends_is_told),
		TEST(arguments_are_passed_without_a_shell),
		TEST(a_program_that_is_not_there_is_enoent),
		TEST(a_file_that_cannot_be_run_is_an_error),
		TEST(who_takes_too_long_is_killed),
		TEST(who_leaves_its_output_to_another_takes_too_long),
		TEST(what_a_program_has_started_is_killed_with_it),
		TEST(what_a_program_that_went_well_leaves_is_let_be),
		TEST(a_mebibyte_may_be_printed_and_not_more),
		TEST(who_is_cancelled_is_killed_and_not_told_of),
		TEST(several_run_at_one_time),
		TEST(a_program_inherits_no_descriptor_and_no_blocked_or_ignored_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
