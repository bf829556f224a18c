#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/auth/credential.h"

static void
every_kind_has_a_word_and_every_word_a_kind(void **state)
{
	bool has_kind[32] = { false };
	int auth, n = 0;

	(void)state;
	assert_string_equal(kv_credential_words[0], "auto");
	while (kv_credential_words[n] != NULL)
		n++;
	for (size_t i = 0; kv_credential_at(i, &auth) != NULL; i++) {
		assert_in_range(auth, 1, n - 1);
		has_kind[auth] = true;
	}
	for (int i = 1; i < n; i++)
		assert_row(has_kind[i], (size_t)i, kv_credential_words[i]);
}

static void
every_kind_is_whole(void **state)
{
	static const struct kv_credential_options none;
	const struct kv_credential_kind *kind;
	int auth;

	(void)state;
	for (size_t i = 0; (kind = kv_credential_at(i, &auth)) != NULL; i++) {
		assert_row(kind->ask != NULL, i, kv_credential_words[auth]);
		if (kind->presence == NULL) {
			fail_msg("%s", kv_credential_words[auth]);
			return;
		}
		assert_row(kind->presence(&none) != KV_CONFIGURED, i, kv_credential_words[auth]);
	}
}

static void
the_list_of_words_is_the_table(void **state)
{
	char list[200] = "auto";

	(void)state;
	for (int i = 1; kv_credential_words[i] != NULL; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), ", %s", kv_credential_words[i]);
	assert_string_equal(list, KV_CREDENTIAL_WORDS);
}

static void
every_variable_has_a_place(void **state)
{
	struct kv_credential_options options = { .auth = 0 };
	const struct kv_credential_variable *variable;
	size_t n;

	(void)state;
	for (n = 0; (variable = kv_credential_variable_at(n)) != NULL; n++) {
		assert_null(kv_credential_variable(&options, variable->name));
		assert_int_equal(kv_credential_set_variable(&options, variable->name, "a"), 0);
		assert_int_equal(kv_credential_set_variable(&options, variable->name, variable->name), 0);
	}
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		variable = kv_credential_variable_at(i);
		assert_string_equal(kv_credential_variable(&options, variable->name), variable->name);
	}
	assert_null(kv_credential_variable(&options, "HOME"));
}

static void
no_more_variables_than_there_is_room_for(void **state)
{
	static char names[KV_CREDENTIAL_VARIABLES + 1][8];
	struct kv_credential_options options = { .auth = 0 };

	(void)state;
	for (size_t i = 0; i <= KV_CREDENTIAL_VARIABLES; i++) {
		snprintf(names[i], sizeof(names[i]), "V%zu", i);
		assert_int_equal(kv_credential_set_variable(&options, names[i], "x"),
		    i < KV_CREDENTIAL_VARIABLES ? 0 : -E2BIG);
	}
	assert_string_equal(kv_credential_variable(&options, "V31"), "x");
	assert_null(kv_credential_variable(&options, "V32"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_a_word_and_every_word_a_kind),
		cmocka_unit_test(every_kind_is_whole),
		cmocka_unit_test(the_list_of_words_is_the_table),
		cmocka_unit_test(every_variable_has_a_place),
		cmocka_unit_test(no_more_variables_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
