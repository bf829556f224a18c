#include "tests/unit/unit.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/base/clock.h"
#include "client/vault/vault.h"
#include "fs/mount/process.h"

/* A process that waits to be killed. */
static pid_t
start(void)
{
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void
end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
a_process_is_its_number_and_when_it_began(void **state)
{
	const int64_t mono_before = kv_clock_mono_ms();
	const pid_t pid = start();
	const struct kv_caller caller = { .pid = pid }, nobody = { .pid = 0 };
	const struct kv_process process = kv_process_of(&caller);

	(void)state;
	assert_int_equal(process.id, pid);
	assert_true(process.mono_begun > mono_before - KV_TICK_MS);
	assert_true(process.mono_begun <= kv_clock_mono_ms());
	end(pid);
	assert_int_equal(kv_process_of(&caller).id, 0);
	assert_int_equal(kv_process_of(&nobody).id, 0);
}

static void
a_signal_that_is_handled_does_not_kill(void **state)
{
	const pid_t pid = start();
	sigset_t set;

	(void)state;
	assert_int_equal(kv_process_fate(pid), KV_LIVES);
	end(pid);
	assert_int_equal(kv_process_fate(pid), KV_IS_KILLED);
	assert_int_equal(kv_process_fate(0), KV_UNSEEN);
	assert_int_equal(kv_process_fate(getpid()), KV_LIVES);
	/* pending, as in a process that waits for a FUSE answer */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGALRM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	assert_int_equal(raise(SIGALRM), 0);
	assert_int_equal(kv_process_fate(getpid()), KV_LIVES);
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(kv_process_fate(getpid()), KV_IS_KILLED);
	signal(SIGTERM, SIG_IGN); /* discards it */
	signal(SIGALRM, SIG_IGN);
	assert_int_equal(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
	signal(SIGTERM, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
}

static void
the_command_is_that_of_who_has_the_number_now(void **state)
{
	struct kv_process_reader reader = { 0 };
	const pid_t pid = start();
	char mine[16], command[16];

	(void)state;
	kv_process_command(&reader, getpid(), mine, sizeof(mine));
	assert_true(strncmp("process_test", mine, strlen(mine)) == 0 && mine[0] != '\0');
	kv_process_command(&reader, pid, command, sizeof(command));
	assert_string_equal(command, mine); /* a fork has its parent's */
	kv_process_command(&reader, pid, command, sizeof(command));
	assert_string_equal(command, mine);
	end(pid);
	kv_process_command(&reader, pid, command, sizeof(command));
	assert_string_equal(command, "");
	kv_process_release(&reader);
	kv_process_release(&reader);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_its_number_and_when_it_began),
		cmocka_unit_test(a_signal_that_is_handled_does_not_kill),
		cmocka_unit_test(the_command_is_that_of_who_has_the_number_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
