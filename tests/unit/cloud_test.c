#include "tests/unit/unit.h"

#include <string.h>

#include "fs/config/cloud.h"

static void
a_vault_has_the_authority_of_its_cloud(void **state)
{
	static const char *const rows[][2] = {
		{ "myvault.vault.azure.net", "https://login.microsoftonline.com" },
		{ "m.managedhsm.azure.net", "https://login.microsoftonline.com" },
		{ "myvault.vault.azure.cn", "https://login.chinacloudapi.cn" },
		{ "m.managedhsm.azure.cn", "https://login.chinacloudapi.cn" },
		{ "m.managedhsm.usgovcloudapi.net", "https://login.microsoftonline.us" },
		{ "v.vault.sovcloud-api.fr", "https://login.sovcloud-identity.fr" },
		{ "m.managedhsm.sovcloud-api.fr", "https://login.sovcloud-identity.fr" },
		{ "v.vault.sovcloud-api.de", "https://login.sovcloud-identity.de" },
		{ "m.managedhsm.sovcloud-api.de", "https://login.sovcloud-identity.de" },
		{ "evilvault.azure.cn", "https://login.microsoftonline.com" },
		{ ".vault.azure.cn", "https://login.microsoftonline.com" },
		{ "localhost", "https://login.microsoftonline.com" },
		{ "", "https://login.microsoftonline.com" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(strcmp(kv_cloud_authority(rows[i][0]), rows[i][1]) == 0, i, rows[i][0]);
}

static void
a_name_has_the_suffix_of_the_authoritys_cloud(void **state)
{
	static const char *const rows[][2] = {
		{ NULL, ".vault.azure.net" },
		{ "https://login.microsoftonline.com/", ".vault.azure.net" },
		{ "https://login.chinacloudapi.cn", ".vault.azure.cn" },
		{ "login.microsoftonline.us", ".vault.usgovcloudapi.net" },
		{ "https://adfs.example", ".vault.azure.net" },
		{ "login.windows.net", ".vault.azure.net" },
		{ "https://STS.windows.net:443/x", ".vault.azure.net" },
		{ "login.microsoft.com", ".vault.azure.net" },
		{ "login.partner.microsoftonline.cn", ".vault.azure.cn" },
		{ "login-us.microsoftonline.com", ".vault.usgovcloudapi.net" },
		{ "login.usgovcloudapi.net", ".vault.usgovcloudapi.net" },
		{ "https://login.sovcloud-identity.fr", ".vault.sovcloud-api.fr" },
		{ "https://login.sovcloud-identity.de/", ".vault.sovcloud-api.de" },
		{ "https://login.chinacloudapi.cn.example", ".vault.azure.net" },
		{ "https://xlogin.chinacloudapi.cn", ".vault.azure.net" },
		{ "https://example/login.chinacloudapi.cn", ".vault.azure.net" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(strcmp(kv_cloud_suffix(rows[i][0], false), rows[i][1]) == 0, i, rows[i][1]);
}

static void
some_suffixes_are_not_known(void **state)
{
	(void)state;
	assert_null(kv_cloud_suffix("https://login.sovcloud-identity.sg", false));
	assert_null(kv_cloud_suffix("login.microsoftonline.eaglex.ic.gov", true));
}

static void
a_managed_hsm_has_a_suffix_of_its_own(void **state)
{
	static const struct {
		const char *host;
		bool is_hsm;
	} rows[] = {
		{ "m.managedhsm.azure.net", true },
		{ "m.managedhsm.azure.cn", true },
		{ "m.managedhsm.sovcloud-api.fr", true },
		{ "m.managedhsm.localhost", true }, /* no published cloud's */
		{ "m.vault.azure.net", false },
		{ "managedhsm.vault.azure.net", false },
		{ "m.example.managedhsm.example", false },
		{ "managedhsm.azure.net", false },
		{ "localhost", false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(kv_cloud_is_hsm(rows[i].host) == rows[i].is_hsm, i, rows[i].host);
	assert_string_equal(kv_cloud_suffix(NULL, true), ".managedhsm.azure.net");
	assert_string_equal(kv_cloud_suffix("login.chinacloudapi.cn", true), ".managedhsm.azure.cn");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vault_has_the_authority_of_its_cloud),
		cmocka_unit_test(a_name_has_the_suffix_of_the_authoritys_cloud),
		cmocka_unit_test(some_suffixes_are_not_known),
		cmocka_unit_test(a_managed_hsm_has_a_suffix_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
