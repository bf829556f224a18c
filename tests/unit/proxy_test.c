#include "tests/unit/unit.h"

#include <errno.h>
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
		bool is_https;
	} rows[] = {
		{ "https_proxy", "http://proxy.corp:3128", "proxy.corp:3128", false },
		{ "HTTPS_PROXY", "proxy.corp:3128/", "proxy.corp:3128", false },
		{ "HTTPS_PROXY", "https://proxy.corp", "proxy.corp", true },
		{ "all_proxy", "socks5h://10.0.0.1:1080", "10.0.0.1:1080", false },
		{ "ALL_PROXY", "http://me:s3cret@proxy.corp:3128/x", "proxy.corp:3128", false },
		{ "https_proxy", "http://me:s3%40cret@[::1]:3128", "[::1]:3128", false },
		{ "https_proxy", "", "", false },
		{ "http_proxy", "http://proxy.corp:3128", "", false },
	};
	struct kv_proxy_used used;

	for (size_t i = 0; i < N_OF(rows); i++) {
		bool found;

		set_up(state);
		setenv(rows[i].variable, rows[i].value, 1);
		found = kv_proxy_find(NULL, "v.vault.azure.net", &used);
		assert_row(strcmp(used.address, rows[i].address) == 0, i, used.address);
		assert_row(found == (used.address[0] != '\0'), i, rows[i].value);
		assert_row(used.is_https == rows[i].is_https, i, rows[i].value);
		if (found)
			assert_string_equal(used.from, rows[i].variable);
		unsetenv(rows[i].variable);
	}
}

static void
the_option_takes_precedence_over_the_environment(void **state)
{
	const struct kv_proxy option = { .url = "socks5h://other.corp:1080", .from = "-o proxy" };
	const struct kv_proxy none = { .url = "none", .from = "-o proxy" };
	struct kv_proxy_used used;

	(void)state;
	setenv("https_proxy", "http://proxy.corp:3128", 1);
	assert_true(kv_proxy_find(&option, "v.vault.azure.net", &used));
	assert_string_equal(used.address, "other.corp:1080");
	assert_string_equal(used.from, "-o proxy");
	assert_false(kv_proxy_find(&none, "v.vault.azure.net", &used));
	assert_string_equal(kv_proxy_url(&none), "");
	assert_string_equal(kv_proxy_url(&option), option.url);
	assert_string_equal(used.address, "");
	setenv("no_proxy", ".azure.net", 1);
	assert_false(kv_proxy_find(&option, "v.vault.azure.net", &used));
	set_up(NULL);
}

static void
no_proxy_is_kept(void **state)
{
	static const struct {
		const char *host, *list;
		bool is_excepted;
	} rows[] = {
		{ "v.vault.azure.net", "*", true },
		{ "v.vault.azure.net", "vault.azure.net", true },
		{ "v.vault.azure.net", ".vault.azure.net", true },
		{ "v.vault.azure.net", "other, V.VAULT.azure.net", true },
		{ "v.vault.azure.net", "localhost azure.net.", true },
		{ "v.vault.azure.net", "ault.azure.net", false },
		{ "v.vault.azure.net", "x.v.vault.azure.net", false },
		{ "v.vault.azure.net", ".", false },
		{ "v.vault.azure.net", ",, ,", false },
		{ "10.1.2.3", "10.0.0.0/8", true },
		{ "10.1.2.3", "10.1.2.3", true },
		{ "10.1.2.3", "x,10.1.2.0/30", true },
		{ "10.1.2.4", "10.1.2.0/30", false },
		{ "10.1.2.4", "10.1.2.0/33", false },
		{ "10.1.2.4", "0.0.0.0/0", true },
		{ "fd00::1", "fd00::/8", true },
		{ "fd00::1", "[fd00::1]", true },
		{ "fd00::1", "fe00::/8", false },
		{ "fd00::1", "10.0.0.0/8", false },
		{ "v.vault.azure.net", "10.0.0.0/8", false },
	};
	struct kv_proxy_used used;

	(void)state;
	setenv("https_proxy", "http://proxy.corp:3128", 1);
	for (size_t i = 0; i < N_OF(rows); i++) {
		setenv("no_proxy", rows[i].list, 1);
		assert_row(!kv_proxy_find(NULL, rows[i].host, &used) == rows[i].is_excepted, i, rows[i].list);
	}
	set_up(NULL);
}

static void
what_is_no_proxy_is_refused(void **state)
{
	static const struct {
		const char *url;
		int err;
		bool has_user;
	} rows[] = {
		{ "http://proxy.corp:3128", 0, false },
		{ "proxy.corp:3128", 0, false },
		{ "https://proxy.corp/", 0, false },
		{ "socks5h://[::1]:1080", 0, false },
		{ "http://me:pass@proxy.corp", 0, true },
		{ "me@proxy.corp:1", 0, true },
		{ "ftp://proxy.corp", -EINVAL, false },
		{ "file:///etc/passwd", -EINVAL, false },
		{ "http://", -EINVAL, false },
		{ "http://proxy.corp:99999", -EINVAL, false },
		{ "http://a b", -EINVAL, false },
		{ "http://me:p@ss@proxy.corp:3128", -EINVAL, true },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		bool has_user;

		assert_row(kv_proxy_check(rows[i].url, &has_user) == rows[i].err, i, rows[i].url);
		assert_row(has_user == rows[i].has_user, i, rows[i].url);
	}
}

static void
a_variable_that_is_no_proxy_is_named_without_its_value(void **state)
{
	const struct kv_proxy by_environment = { .url = NULL }, none = { .url = "none" };
	struct kv_buf why;

	(void)state;
	kv_buf_init(&why, 500);
	assert_int_equal(kv_proxy_check_environment(&by_environment, &why), 0);
	setenv("ALL_PROXY", "http://me:s3@cret@proxy.corp:3128", 1);
	assert_int_equal(kv_proxy_check_environment(&none, &why), 0);
	assert_int_equal(why.len, 0);
	assert_int_equal(kv_proxy_check_environment(&by_environment, &why), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "ALL_PROXY"));
	assert_null(strstr(kv_buf_str(&why), "cret"));
	setenv("https_proxy", "http://proxy.corp", 1); /* it comes first */
	assert_int_equal(kv_proxy_check_environment(&by_environment, &why), 0);
	kv_buf_release(&why);
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
		kv_misfit_say(rows[i].body, strlen(rows[i].body), "v.vault.azure.net", NULL, &why);
		assert_row(strstr(kv_buf_str(&why), rows[i].words) != NULL, i, kv_buf_str(&why));
		assert_row(strstr(kv_buf_str(&why), "s3cret") == NULL, i, kv_buf_str(&why));
		assert_row(strstr(kv_buf_str(&why), "is v.vault.azure.net a vault") != NULL, i, "whose");
	}
	memset(body, 'x', sizeof(body));
	memcpy(body, "<html><title>", 13);
	kv_buf_clear(&why);
	kv_misfit_say(body, sizeof(body), "v.vault.azure.net", NULL, &why);
	assert_true(why.len < 300);
	setenv("https_proxy", "http://me:s3cret@proxy.corp:3128", 1);
	kv_buf_clear(&why);
	kv_misfit_say("<html>", 6, "v.vault.azure.net", NULL, &why);
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
		TEST(the_option_takes_precedence_over_the_environment),
		TEST(no_proxy_is_kept),
		TEST(what_is_no_proxy_is_refused),
		TEST(a_variable_that_is_no_proxy_is_named_without_its_value),
		TEST(an_answer_that_is_not_key_vaults_is_described_and_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
