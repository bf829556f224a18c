#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "client/vault/type.h"
#include "client/auth/credential.h"
#include "fs/config/nearest.h"
#include "fs/config/options.h"

/* make check-unit runs the tests at the top of the repository. */
#define PAGE "man/kvfs.1"

static const size_t sizes[KV_OPTION_KINDS] = {
	[KV_OPTION_FLAG] = sizeof(bool),
	[KV_OPTION_NUMBER] = sizeof(double),
	[KV_OPTION_PERCENT] = sizeof(double),
	[KV_OPTION_INTEGER] = sizeof(int),
	[KV_OPTION_OCTAL] = sizeof(mode_t),
	[KV_OPTION_SECONDS] = sizeof(int64_t),
	[KV_OPTION_SIZE] = sizeof(size_t),
	[KV_OPTION_CHOICE] = sizeof(int),
	[KV_OPTION_TYPES] = sizeof(bool[KV_TYPES]),
	[KV_OPTION_USER] = sizeof(uid_t),
	[KV_OPTION_GROUP] = sizeof(gid_t),
	[KV_OPTION_TEXT] = sizeof(char *),
	[KV_OPTION_WORDS] = sizeof(char *),
	[KV_OPTION_PATH] = sizeof(char *),
	[KV_OPTION_SECRET] = sizeof(char *),
	[KV_OPTION_VERSION] = sizeof(char *),
};

static void
every_row_is_whole(void **state)
{
	const struct kv_option *o;

	(void)state;
	for (size_t i = 0; (o = kv_options_at(i)) != NULL; i++) {
		assert_row(o->size == sizes[o->kind], i, "the member has another type than the kind says");
		assert_row((o->argument == NULL) == (o->kind == KV_OPTION_FLAG), i, o->name);
		assert_row((o->choices != NULL) == (o->kind == KV_OPTION_CHOICE), i, o->name);
		assert_row(o->kind != KV_OPTION_SECONDS || o->most > 0, i, o->name);
		assert_row(o->help != NULL && strlen(o->help) < 70, i, o->name);
		assert_row(kv_options_section(o->section) != NULL, i, o->name);
		for (size_t other = 0; other < i; other++)
			assert_row(kv_options_at(other)->at != o->at, i, o->name);
	}
}

static void
an_option_has_a_name_and_perhaps_an_older_one(void **state)
{
	const struct kv_option *o;

	(void)state;
	for (size_t i = 0; (o = kv_options_at(i)) != NULL; i++) {
		assert_int_equal(kv_options_find(o->name, strlen(o->name)), i);
		assert_true(o->older == NULL || kv_options_find(o->older, strlen(o->older)) == (int)i);
	}
	assert_int_equal(kv_options_find("lookers", 7), kv_options_find("stat_only", 9));
	assert_int_equal(kv_options_find("rat", 3), -1);
	assert_int_equal(kv_options_find("rates", 5), -1);
	assert_int_equal(kv_options_find("rates", 4), kv_options_find("rate", 4));
	assert_int_equal(kv_options_find("", 0), -1);
}

static void
a_misspelt_name_is_like_the_nearest(void **state)
{
	static const char *const rows[][2] = { { "rat", "rate" }, { "tpyes", "types" },
		{ "cacerts", "cacert" }, { "max-inflight", "max_inflight" }, { "clientid", "client_id" } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_string_equal(kv_options_nearest(rows[i][0], strlen(rows[i][0])), rows[i][1]);
	assert_null(kv_options_nearest("xyz", 3));
	assert_null(kv_options_nearest("a-very-long-word-that-is-no-option-at-all", 41));
}

/* ---- the manual page: .It Cm NAME [Ns = Ns …] [, NAME …] in its list of options ---- */

/* Reads the names of the items into seen, by option; one that is in no row fails the test. */
static void
read_page(bool seen[KV_OPTIONS_MOST])
{
	FILE *page = fopen(PAGE, "re");
	bool is_in_options = false;
	char line[512];

	assert_non_null(page);
	while (fgets(line, sizeof(line), page) != NULL) {
		if (strncmp(line, ".Ss ", 4) == 0 || strncmp(line, ".Sh ", 4) == 0)
			is_in_options = strcmp(line, ".Ss Options\n") == 0;
		if (!is_in_options || strncmp(line, ".It Cm ", 7) != 0)
			continue;
		for (char *rest = line + 7, *word = rest; rest != NULL; word = rest) {
			int k;

			rest = strstr(rest, " , ");
			if (rest != NULL) {
				*rest = '\0';
				rest += 3;
			}
			if (strncmp(word, "Cm ", 3) == 0)
				word += 3;
			k = kv_options_find(word, strcspn(word, " \n"));
			assert_row(k >= 0, 0, word);
			seen[k] = true;
		}
	}
	fclose(page);
}

static void
the_manual_page_and_the_table_have_the_same_options(void **state)
{
	bool seen[KV_OPTIONS_MOST] = { false };

	(void)state;
	read_page(seen);
	for (size_t i = 0; kv_options_at(i) != NULL; i++)
		assert_row(seen[i], i, kv_options_at(i)->name);
}

/* Each word of auth= is an item of CREDENTIALS, but auto, which is described below them. */
static void
the_manual_page_describes_every_credential(void **state)
{
	bool seen[KV_AUTHS_MOST] = { false };
	FILE *page = fopen(PAGE, "re");
	char line[512], item[64];

	(void)state;
	assert_non_null(page);
	while (fgets(line, sizeof(line), page) != NULL)
		for (int i = 0; kv_auths[i].word != NULL; i++) {
			snprintf(item, sizeof(item), ".It Cm %s\n", kv_auths[i].word);
			seen[i] = seen[i] || strcmp(line, item) == 0;
		}
	fclose(page);
	for (int i = 0; kv_auths[i].word != NULL; i++)
		assert_row(seen[i], (size_t)i, kv_auths[i].word);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(an_option_has_a_name_and_perhaps_an_older_one),
		cmocka_unit_test(a_misspelt_name_is_like_the_nearest),
		cmocka_unit_test(the_manual_page_and_the_table_have_the_same_options),
		cmocka_unit_test(the_manual_page_describes_every_credential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
