#include "tests/unit/unit.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "fs/command/usage.h"

#define MOST 8

static char said[400];

/* The options of text, words separated by blanks, as letters; what was refused is in said. */
static const char *
options_of(const struct kv_usage *usage, const char *line)
{
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' },
		{ "kek", required_argument, NULL, 'k' }, { NULL, 0, NULL, 0 } };
	static char found[MOST];
	char words[100], *rest = words, *argv[MOST + 1] = { NULL };
	FILE *out = fmemopen(said, sizeof(said), "w"), *before = stderr;
	int argc = 0, c;
	size_t n = 0;

	assert_non_null(out);
	memset(said, 0, sizeof(said));
	memset(found, 0, sizeof(found));
	snprintf(words, sizeof(words), "%s", line);
	while (argc < MOST && (argv[argc] = strsep(&rest, " ")) != NULL)
		argc++;
	stderr = out;
	optind = 0;
	while (n < MOST - 1 && (c = kv_usage_option(usage, argc, argv, ":m:x", longs)) != -1) {
		found[n++] = (char)c;
		if (c == '?')
			break;
	}
	stderr = before;
	assert_int_equal(fclose(out), 0);
	return found;
}

static void
what_is_wrong_is_a_sentence_before_the_usage(void **state)
{
	static const struct kv_usage usage = { "verify", "[--json] ARCHIVE" };
	static const struct {
		const char *line, *found, *said;
	} rows[] = {
		{ "verify a b", "", "" },
		{ "verify --json a", "j", "" },
		{ "verify a --json -m x b", "jm", "" }, /* options after arguments */
		{ "verify -- --json", "", "" },
		{ "verify --jsn a", "?", "unknown option '--jsn'" },
		{ "verify a --jsn=s3cret", "?", "unknown option '--jsn'" },
		{ "verify --json=s3cret a", "?", "--json takes no value" },
		{ "verify a --kek", "?", "--kek needs a value" },
		{ "verify a -m", "?", "-m needs a value" },
		{ "verify -q a", "?", "unknown option '-q'" },
		{ "verify --json -xq a", "jx?", "unknown option '-q'" },
	};
	char whole[200];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(strcmp(options_of(&usage, rows[i].line), rows[i].found) == 0, i, rows[i].line);
		snprintf(whole, sizeof(whole), "kvfs: verify: %s\nusage: kvfs verify [--json] ARCHIVE\n",
		    rows[i].said);
		assert_row(strcmp(said, rows[i].said[0] != '\0' ? whole : "") == 0, i, said);
	}
}

static void
without_a_usage_the_sentence_names_the_help(void **state)
{
	static const struct kv_usage usage = { "byok wrap", NULL };

	(void)state;
	assert_string_equal(options_of(&usage, "wrap -h"), "?");
	assert_string_equal(said, "kvfs: byok wrap: unknown option '-h' (kvfs byok -h lists the options)\n");
}

static void
help_may_be_asked_for_anywhere_before_two_dashes(void **state)
{
	static const char *const rows[][4] = { { "verify", "-h", "a", NULL },
		{ "verify", "a", "--help", NULL }, { "verify", "a", "b", NULL },
		{ "verify", "--", "-h", NULL }, { "-h", "a", "b", NULL } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(kv_usage_is_help(3, (char *const *)(uintptr_t)rows[i]) == (i < 2), i, rows[i][1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_a_sentence_before_the_usage),
		cmocka_unit_test(without_a_usage_the_sentence_names_the_help),
		cmocka_unit_test(help_may_be_asked_for_anywhere_before_two_dashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
