#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/vault/vault.h"
#include "fs/mount/process.h"
#include "fs/object/takes_all.h"
#include "tests/unit/emulator.h"

#define LONG 9000

/* words: separated by single blanks. */
static bool
takes_all(const char *words)
{
	char text[256];
	const size_t len = strlen(words) + 1;

	assert_true(len <= sizeof(text));
	memcpy(text, words, len);
	for (size_t i = 0; i < len; i++)
		if (text[i] == ' ')
			text[i] = '\0';
	return kv_takes_all_words(text, text, len);
}

static void
a_plain_copy_or_archive_takes_all(void **state)
{
	static const char *const all[] = {
		"cp -r a b",
		"cp -a a b",
		"cp -rpv a b",
		"cp -R --preserve=all a b",
		"cp --recursive -t b a",
		"cp -rtb a",
		"cp a -r -- -n b",
		"tar c a",
		"tar cf a.tar a",
		"tar -cf a.tar a",
		"tar -czf a.tar.gz -C a .",
		"tar -Ca -c -f a.tar .",
		"tar --create --file=a.tar --directory a .",
		"tar cfC a.tar a .",
		"tar -v --zstd -cf - a",
		"tar -c -Izstd -f a a",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!takes_all(all[i]))
			fail_msg("%s", all[i]);
}

static void
a_selection_or_an_unknown_option_does_not(void **state)
{
	static const char *const some[] = {
		"cp -rn a b",
		"cp -ru a b",
		"cp -rl a b",
		"cp -rs a b",
		"cp -ri a b",
		"cp -r --attributes-only a b",
		"cp -r --update a b",
		"cp -r --no-clobber a b",
		"cp -r --recurs a b",
		"tar cf a.tar --exclude=x a",
		"tar cf a.tar a --exclude x",
		"tar c -X x a",
		"tar cX x a",
		"tar cfX a.tar x a",
		"tar -cf a.tar --exclude-from=x a",
		"tar -c --newer-mtime=x a",
		"tar -cN x a",
		"tar -cg snar a",
		"tar -c --listed-incremental=snar a",
		"tar -c --no-recursion a",
		"tar -c -T list",
		"tar cu a",
		"tar rf a.tar a",
		"tar -tf a.tar",
		"tar xf a.tar",
		"tar --exc=x -c a",
		"tar",
		"tar f c",
		"rsync -a a b",
		"restic backup a",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		if (takes_all(some[i]))
			fail_msg("%s", some[i]);
}

/* Whether a shell that is called tar, and stops itself, takes all: it runs as "tar -c SCRIPT [word]". */
static bool
process_takes_all(char *word, char *variable)
{
	char *const words[] = { (char[]){ "tar" }, (char[]){ "-c" }, (char[]){ "kill -STOP $$" }, word,
		NULL };
	char *const variables[] = { variable, NULL };
	struct kv_caller caller = { .command = "tar", .pid = fork() };
	bool answer;

	if (caller.pid == 0) {
		execve("/bin/sh", words, variables);
		_exit(1);
	}
	assert_int_equal(waitpid(caller.pid, NULL, WUNTRACED), caller.pid);
	answer = kv_takes_all(&caller);
	assert_int_equal(kill(caller.pid, SIGKILL), 0);
	assert_int_equal(waitpid(caller.pid, NULL, 0), caller.pid);
	return answer;
}

static void
the_command_line_and_the_environment_of_the_process_decide(void **state)
{
	char operand[] = "a", exclude[] = "--exclude=x", path[] = "PATH=/bin",
	     options[] = "TAR_OPTIONS=--exclude=x";
	char *word;

	(void)state;
	if (is_emulated())
		skip();
	word = malloc(LONG);
	assert_true(process_takes_all(operand, path));
	assert_false(process_takes_all(exclude, path));
	assert_false(process_takes_all(operand, options));
	assert_non_null(word);
	memset(word, 'a', LONG);
	word[LONG - 1] = '\0';
	assert_false(process_takes_all(word, path));
	free(word);
}

static void
a_process_that_has_exited_takes_nothing(void **state)
{
	struct kv_caller caller = { .command = "cp", .pid = fork() };

	(void)state;
	if (caller.pid == 0)
		_exit(0);
	assert_int_equal(waitpid(caller.pid, NULL, 0), caller.pid);
	assert_false(kv_takes_all(&caller));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_copy_or_archive_takes_all),
		cmocka_unit_test(a_selection_or_an_unknown_option_does_not),
		cmocka_unit_test(the_command_line_and_the_environment_of_the_process_decide),
		cmocka_unit_test(a_process_that_has_exited_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
