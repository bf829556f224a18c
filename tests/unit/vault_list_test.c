#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/base/buf.h"
#include "fs/config/vault_list.h"

static struct kv_vault_list list;
static struct kv_buf why;

static int
set_up(void **state)
{
	(void)state;
	kv_buf_init(&why, 4096);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_vault_list_release(&list);
	kv_buf_release(&why);
	return 0;
}

static int
add(const char *text)
{
	int err;

	kv_vault_list_release(&list);
	kv_buf_clear(&why);
	err = kv_vault_list_add_all(&list, text, "here", &why);
	return err == 0 ? kv_vault_list_check(&list, &why) : err;
}

static void
a_vault_has_its_name_or_the_first_part_of_its_host(void **state)
{
	static const struct {
		const char *text, *vault, *folder;
	} rows[] = {
		{ "prod-eu", "prod-eu", "prod-eu" },
		{ "Prod-EU", "Prod-EU", "prod-eu" },
		{ "prod.vault.azure.net", "prod.vault.azure.net", "prod" },
		{ "https://prod.vault.azure.net/", "https://prod.vault.azure.net/", "prod" },
		{ "https://prod.vault.localhost:8443", "https://prod.vault.localhost:8443", "prod" },
		{ "us=prod.vault.azure.net", "prod.vault.azure.net", "us" },
		{ "US_1.a=https://[::1]:8443", "https://[::1]:8443", "US_1.a" },
		{ "127.0.0.1:8443", "127.0.0.1:8443", "127.0.0.1" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(add(rows[i].text) == 0, i, kv_buf_str(&why));
		assert_row(list.n == 1, i, rows[i].text);
		assert_row(strcmp(list.vaults[0].text, rows[i].vault) == 0, i, list.vaults[0].text);
		assert_row(strcmp(list.vaults[0].folder, rows[i].folder) == 0, i, list.vaults[0].folder);
	}
	assert_int_equal(add("  a b,c\t d=e , "), 0);
	assert_int_equal(list.n, 4);
	assert_string_equal(list.vaults[3].folder, "d");
}

static void
what_cannot_be_a_folder_is_refused_with_the_remedy(void **state)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{ "a b a", "here: two vaults are called 'a', a and a: give one another name, as in a2=a" },
		{ "prod.vault.azure.net prod.vault.azure.cn",
		    "here: two vaults are called 'prod', prod.vault.azure.net and prod.vault.azure.cn: give one "
		    "another name, as in prod2=prod.vault.azure.cn" },
		{ "x=a X=b", "here: two vaults are called 'X', a and b: give one another name, as in X2=b" },
		{ "[::1]:8443", "here: '[::1]:8443' needs a name for its folder, as in hsm1=[::1]:8443" },
		{ ".kvfs=a", "here: '.kvfs' cannot be the name of a vault's folder" },
		{ "=a", "here: '' cannot be the name of a vault's folder" },
		{ "a/b=c", "here: 'a/b' cannot be the name of a vault's folder" },
		{ "..=c", "here: '..' cannot be the name of a vault's folder" },
		{ "a=", "here: 'a=' needs a vault after it: a=VAULT" },
		{ "https://me:hunter2@a.vault.azure.net", "here: give a vault without a user name" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(add(rows[i].text) == -EINVAL, i, rows[i].text);
		assert_row(strncmp(kv_buf_str(&why), rows[i].sentence, strlen(rows[i].sentence)) == 0, i,
		    kv_buf_str(&why));
		assert_null(strstr(kv_buf_str(&why), "hunter2"));
	}
}

static void
a_path_is_told_from_a_vault(void **state)
{
	static const char *const paths[] = { "/", "/mnt", "./a", "../a", "a/b", "mnt/", ".", "..", "~/x",
		"~" };
	static const char *const vaults[] = { "a", "a.b", "a.vault.azure.net/", "https://a.b/c", "[::1]:8443",
		"x=a" };

	(void)state;
	for (size_t i = 0; i < N_OF(paths); i++)
		assert_row(kv_vault_list_is_path(paths[i]), i, paths[i]);
	for (size_t i = 0; i < N_OF(vaults); i++)
		assert_row(!kv_vault_list_is_path(vaults[i]), i, vaults[i]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vault_has_its_name_or_the_first_part_of_its_host),
		TEST(what_cannot_be_a_folder_is_refused_with_the_remedy),
		TEST(a_path_is_told_from_a_vault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
