#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "client/base/words.h"

static void
a_word_is_found_only_whole(void **state)
{
	static const struct {
		const char *list, *word;
		bool has;
	} rows[] = {
		{ "ls:tree:du", "ls", true },
		{ "ls:tree:du", "tree", true },
		{ "ls:tree:du", "du", true },
		{ "ls", "ls", true },
		{ "::ls:", "ls", true },
		{ "ls:tree:du", "tre", false },
		{ "ls:tree:du", "trees", false },
		{ "ls:tree:du", "ls:tree", false },
		{ "ls:tree:du", "", false },
		{ "::", "", false },
		{ "", "ls", false },
		{ NULL, "ls", false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(kv_words_has(rows[i].list, rows[i].word) == rows[i].has, i, rows[i].word);
}

static void
words_come_in_order(void **state)
{
	static const struct {
		const char *list, *words;
	} rows[] = {
		{ NULL, "" },
		{ "", "" },
		{ "keys", "<keys>" },
		{ "keys:secrets", "<keys><secrets>" },
		{ "keys:secrets:", "<keys><secrets>" },
		{ "keys::secrets", "<keys><><secrets>" },
		{ ":", "<>" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const char *list = rows[i].list, *word;
		char words[100] = "";
		size_t len;

		while (kv_words_next(&list, &word, &len))
			snprintf(
			    words + strlen(words), sizeof(words) - strlen(words), "<%.*s>", (int)len, word);
		assert_row(strcmp(words, rows[i].words) == 0, i, words);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_is_found_only_whole),
		cmocka_unit_test(words_come_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
