#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/vault/misfit.h"
#include "client/http/proxy.h"

static int
set_up(void **state)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
		"no_proxy", "NO_PROXY" };

	(void)state;
	for (size_t i = 0; i < N_OF(names); i++)
		unsetenv(names[i]);
	return 0;
}

static void
a_proxy_is_named_without_its_password(void **state)
{
	static const struct {
		const char *variable, *value, *address;
	} rows[] = {
		{ "https_proxy", "http://proxy.corp:3128", "proxy.corp:3128" },
		{ "HTTPS_PROXY", "proxy.corp:3128/", "proxy.corp:3128" },
		{ "all_proxy", "socks5h://10.0.0.1:1080", "10.0.0.1:1080" },
		{ "ALL_PROXY", "http://me:s3cret@proxy.corp:3128/x", "proxy.corp:3128" },
		{ "https_proxy", "http://me:s3@cret@[::1]:3128", "[::1]:3128" },
		{ "https_proxy", "", "" },
		{ "http_proxy", "http://proxy.corp:3128", "" },
	};
	char address[100];

	for (size_t i = 0; i < N_OF(rows); i++) {
		const char *variable;

		set_up(state);
		setenv(rows[i].variable, rows[i].value, 1);
		variable = kv_proxy_of("v.vault.azure.net", address, sizeof(address));
		assert_row(strcmp(address, rows[i].address) == 0, i, address);
		assert_row((variable != NULL) == (address[0] != '\0'), i, rows[i].value);
		if (variable != NULL)
			assert_string_equal(variable, rows[i].variable);
		unsetenv(rows[i].variable);
	}
	setenv("https_proxy", "http://a-very-long-name.corp:3128", 1);
	assert_non_null(kv_proxy_of("v", address, 8));
	assert_string_equal(address, "a-very-");
}

static void
no_proxy_is_kept(void **state)
{
	static const struct {
		const char *list;
		bool is_excepted;
	} rows[] = {
		{ "*", true },
		{ "vault.azure.net", true },
		{ ".vault.azure.net", true },
		{ "other, V.VAULT.azure.net", true },
		{ "localhost azure.net.", true },
		{ "ault.azure.net", false },
		{ "x.v.vault.azure.net", false },
		{ ".", false },
		{ ",, ,", false },
	};
	char address[100];

	(void)state;
	setenv("https_proxy", "http://proxy.corp:3128", 1);
	for (size_t i = 0; i < N_OF(rows); i++) {
		setenv("no_proxy", rows[i].list, 1);
		assert_row((kv_proxy_of("v.vault.azure.net", address, sizeof(address)) == NULL) ==
			rows[i].is_excepted,
		    i, rows[i].list);
	}
	set_up(NULL);
}

static void
an_answer_that_is_not_key_vaults_is_described_and_not_shown(void **state)
{
	static const struct {
		const char *body, *words;
	} rows[] = {
		{ "<!DOCTYPE html>\n<html><head>\n<TITLE lang=\"en\">\n Access \t denied\n</TITLE>s3cret",
		    "an HTML page titled \"Access denied\"" },
		{ "\xef\xbb\xbf  <html>s3cret</html>", "an HTML page" },
		{ "<html><title></title>s3cret", "an HTML page" },
		{ "<html><title", "an HTML page" },
		{ "<html><title>\x1b[31mred \xc2\x9b", "titled \"[31mred ??\"" },
		{ "<?xml version=\"1.0\"?><Error>s3cret", "an XML document" },
		{ "{\"value\":\"s3cret\"}", "JSON that is not" },
		{ "[\"s3cret\"]", "JSON that is not" },
		{ "s3cret", "6 bytes that are not JSON" },
		{ " \n", "an empty answer" },
		{ "", "an empty answer" },
	};
	struct kv_buf why;
	char body[9000];

	(void)state;
	kv_buf_init(&why, 1000);
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_clear(&why);
		kv_misfit_say(rows[i].body, strlen(rows[i].body), "v.vault.azure.net", &why);
		assert_row(strstr(kv_buf_str(&why), rows[i].words) != NULL, i, kv_buf_str(&why));
		assert_row(strstr(kv_buf_str(&why), "s3cret") == NULL, i, kv_buf_str(&why));
		assert_row(strstr(kv_buf_str(&why), "is v.vault.azure.net a vault") != NULL, i, "whose");
	}
	memset(body, 'x', sizeof(body));
	memcpy(body, "<html><title>", 13);
	kv_buf_clear(&why);
	kv_misfit_say(body, sizeof(body), "v.vault.azure.net", &why);
	assert_true(why.len < 300);
	setenv("https_proxy", "http://me:s3cret@proxy.corp:3128", 1);
	kv_buf_clear(&why);
	kv_misfit_say("<html>", 6, "v.vault.azure.net", &why);
	assert_string_equal(kv_buf_str(&why), "an HTML page, from the proxy proxy.corp:3128 (https_proxy)?");
	kv_buf_release(&why);
	set_up(NULL);
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_proxy_is_named_without_its_password),
		TEST(no_proxy_is_kept),
		TEST(an_answer_that_is_not_key_vaults_is_described_and_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
