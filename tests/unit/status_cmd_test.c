#include "tests/unit/unit.h"

#include <string.h>
#include <unistd.h>

#include "fs/command/mounted.h"
#include "fs/command/status_cmd.h"
#include "fs/command/status_text.h"
#include "fs/command/usage.h"

#define USAGE "usage: kvfs status MOUNTPOINT[/VAULT] [--watch]\n"

/* The exit status, and in sentence what was on stderr. */
static int
status(int argc, const char *const argv[], char *sentence, size_t size)
{
	FILE *out = fmemopen(sentence, size, "w"), *before = stderr;
	const char *sorted[8];
	int result;

	assert_non_null(out);
	memcpy(sorted, argv, (size_t)argc * sizeof(argv[0])); /* getopt_long(3) changes the order */
	sorted[argc] = NULL;
	stderr = out;
	result = kv_status_cmd(argc, (char *const *)(uintptr_t)sorted);
	stderr = before;
	assert_int_equal(fclose(out), 0);
	return result;
}

static void
what_cannot_be_shown_is_one_sentence(void **state)
{
	static const struct {
		const char *argv[3];
		int argc;
		const char *sentence;
	} rows[] = {
		{ { "status" }, 1, "kvfs: status: no mount point is given\n" USAGE },
		{ { "status", "--watch" }, 2, "kvfs: status: no mount point is given\n" USAGE },
		{ { "status", "/", "/tmp" }, 3, "kvfs: status: too many arguments: '/tmp'\n" USAGE },
		{ { "status", "--look", "/" }, 3, "kvfs: status: unknown option '--look'\n" USAGE },
		{ { "status", "/", "--wach" }, 3, "kvfs: status: unknown option '--wach'\n" USAGE },
		{ { "status", "/nonesuch" }, 2, "kvfs: /nonesuch: No such file or directory\n" },
		{ { "status", "/proc" }, 2, "kvfs: /proc is a mount of proc, not of kvfs\n" },
		{ { "status", "/proc/self/" }, 2, "kvfs: nothing is mounted on /proc/self/\n" },
		{ { "status", "/usr/bin/", "--watch" }, 3, "kvfs: nothing is mounted on /usr/bin/\n" },
	};
	char sentence[300];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		memset(sentence, 0, sizeof(sentence));
		assert_row(
		    status(rows[i].argc, rows[i].argv, sentence, sizeof(sentence)) == 1, i, rows[i].sentence);
		assert_row(strcmp(sentence, rows[i].sentence) == 0, i, sentence);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_shown_is_one_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
