#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/auth/credential.h"
#include "client/base/buf.h"

static void
every_credential_has_a_kind(void **state)
{
	bool has_kind[KV_AUTHS_MOST] = { false };
	int auth;

	(void)state;
	for (size_t i = 0; kv_credential_at(i, &auth) != NULL; i++) {
		assert_in_range(auth, 0, KV_AUTHS_MOST - 1);
		has_kind[auth] = true;
	}
	for (int i = 0; kv_auths[i].word != NULL; i++) {
		assert_row(has_kind[i], (size_t)i, kv_auths[i].word);
		assert_row(kv_auths[i].noun != NULL, (size_t)i, kv_auths[i].word);
		assert_row(kv_auths[i].group == KV_AUTH_NAMED || kv_auths[i].sdk_name != NULL, (size_t)i,
		    kv_auths[i].word);
	}
}

static void
every_kind_is_whole(void **state)
{
	static const struct kv_credential_options none;
	const struct kv_credential_kind *kind;
	struct kv_buf why;
	int auth;

	(void)state;
	kv_buf_init(&why, 1000);
	for (size_t i = 0; (kind = kv_credential_at(i, &auth)) != NULL; i++) {
		assert_row(kind->ask != NULL, i, kv_auths[auth].word);
		if (kind->presence == NULL) {
			fail_msg("%s", kv_auths[auth].word);
			return;
		}
		assert_row(kind->presence(&none, &why) != KV_CONFIGURED, i, kv_auths[auth].word);
		assert_row(kind->presence(&none, NULL) != KV_CONFIGURED, i, kv_auths[auth].word);
	}
	kv_buf_release(&why);
}

static void
the_list_of_words_is_the_table(void **state)
{
	char list[300] = "auto";

	(void)state;
	for (int i = 0; kv_auths[i].word != NULL; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), ", %s", kv_auths[i].word);
	assert_string_equal(list, KV_CREDENTIAL_WORDS);
}

/* The words of an order, separated by ':'. */
static const char *
words_of(const struct kv_auth_order *order)
{
	static char words[200];

	words[0] = '\0';
	for (int i = 0; i < order->n; i++)
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%s", i > 0 ? ":" : "",
		    kv_auths[order->auths[i]].word);
	return words;
}

static void
an_order_is_a_list_of_words(void **state)
{
	static const char *const good[] = { "cli", "env:cli", "cli:managed:env" },
				 *const bad[] = { "", ":", "Auto", "auto:cli", "cli:cli", "env:", ":env",
					 "env,cli", "az" };
	struct kv_auth_order order;

	(void)state;
	for (size_t i = 0; i < N_OF(good); i++) {
		assert_row(kv_auth_order_parse(good[i], &order) == 0, i, good[i]);
		assert_row(strcmp(words_of(&order), good[i]) == 0, i, words_of(&order));
	}
	assert_int_equal(kv_auth_order_parse("auto", &order), 0);
	assert_int_equal(order.n, 0);
	for (size_t i = 0; i < N_OF(bad); i++)
		if (strcmp(bad[i], "env:") != 0) /* a colon at the end adds no word */
			assert_row(kv_auth_order_parse(bad[i], &order) == -EINVAL, i, bad[i]);
}

static void
azure_token_credentials_narrows_as_in_the_sdks(void **state)
{
	static const struct {
		const char *value, *words;
	} rows[] = { { "AzureCliCredential", "cli" }, { " azureclicredential\t", "cli" },
		{ "EnvironmentCredential", "env" }, { "ManagedIdentityCredential", "managed" } };
	static const char *const bad[] = { "", "production", "cli", "AzureCli",
		"InteractiveBrowserCredential" };
	struct kv_auth_order order;
	struct kv_buf why;

	(void)state;
	kv_buf_init(&why, 1000);
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(kv_auth_order_narrow(rows[i].value, &order, &why) == 0, i, rows[i].value);
		assert_row(strcmp(words_of(&order), rows[i].words) == 0, i, words_of(&order));
	}
	assert_int_equal(kv_auth_order_narrow("PROD", &order, &why), 0);
	for (int i = 0; i < order.n; i++)
		assert_int_equal(kv_auths[order.auths[i]].group, KV_AUTH_PROD);
	assert_int_equal(kv_auth_order_narrow("dev", &order, &why), 0);
	for (int i = 0; i < order.n; i++)
		assert_int_equal(kv_auths[order.auths[i]].group, KV_AUTH_DEV);
	for (size_t i = 0; i < N_OF(bad); i++) {
		kv_buf_clear(&why);
		assert_row(kv_auth_order_narrow(bad[i], &order, &why) == -EINVAL, i, bad[i]);
		assert_non_null(strstr(kv_buf_str(&why), "AzureCliCredential"));
	}
	assert_non_null(strstr(kv_buf_str(&why), "kvfs does not have this credential"));
	kv_buf_release(&why);
}

static void
every_variable_has_a_place(void **state)
{
	struct kv_credential_options options = { .tenant = NULL };
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
	struct kv_credential_options options = { .tenant = NULL };

	(void)state;
	for (size_t i = 0; i <= KV_CREDENTIAL_VARIABLES; i++) {
		snprintf(names[i], sizeof(names[i]), "V%zu", i);
		assert_int_equal(kv_credential_set_variable(&options, names[i], "x"),
		    i < KV_CREDENTIAL_VARIABLES ? 0 : -E2BIG);
	}
	assert_string_equal(kv_credential_variable(&options, "V47"), "x");
	assert_null(kv_credential_variable(&options, "V48"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_credential_has_a_kind),
		cmocka_unit_test(every_kind_is_whole),
		cmocka_unit_test(the_list_of_words_is_the_table),
		cmocka_unit_test(an_order_is_a_list_of_words),
		cmocka_unit_test(azure_token_credentials_narrows_as_in_the_sdks),
		cmocka_unit_test(every_variable_has_a_place),
		cmocka_unit_test(no_more_variables_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
