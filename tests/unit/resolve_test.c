#include "tests/unit/unit.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "client/http/resolve.h"

static void
an_entry_is_for_one_port_or_for_all(void **state)
{
	static const struct {
		const char *text;
		const char *entries[3];
	} rows[] = {
		{ "v.vault.azure.net:10.0.0.4", { "v.vault.azure.net::10.0.0.4:" } },
		{ "V.vault.azure.net:443:10.0.0.4", { "v.vault.azure.net:443:10.0.0.4:" } },
		{ "v:[fd00::4]", { "v::[fd00::4]:" } },
		{ "v:8443:[fd00::4]", { "v:8443:[fd00::4]:" } },
		{ "[::1]:[fd00::4]", { "[::1]::[fd00::4]:" } },
		{ "[::1]:8443:127.0.0.1", { "[::1]:8443:127.0.0.1:" } },
		{ "a:1.2.3.4+b:443:[::1]+c:5.6.7.8", { "a::1.2.3.4:", "b:443:[::1]:", "c::5.6.7.8:" } },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct curl_slist *list, *one;
		size_t n = 0;

		assert_row(kv_resolve_parse(rows[i].text, &list) == 0, i, rows[i].text);
		for (one = list; one != NULL; one = one->next) {
			assert_row(
			    n < 3 && rows[i].entries[n] != NULL && strcmp(one->data, rows[i].entries[n]) == 0,
			    i, one->data);
			n++;
		}
		assert_row(n == 3 || rows[i].entries[n] == NULL, i, "too few");
		curl_slist_free_all(list);
		assert_int_equal(kv_resolve_parse(rows[i].text, NULL), 0);
	}
}

static void
anything_else_is_refused(void **state)
{
	static const char *const rows[] = { "", "v", "v:", ":10.0.0.4", "v:10.0.0", "v:10.0.0.256",
		"v:host.example", "v:fd00::4", "v:[fd00::4", "v:[10.0.0.4]", "v:[]", "v:0:10.0.0.4",
		"v:99999:10.0.0.4", "v:x:10.0.0.4", "+v:10.0.0.4", "v:10.0.0.4+", "v:10.0.0.4++w:10.0.0.4",
		"*:10.0.0.4", "v/x:10.0.0.4", "me@v:10.0.0.4", "v:10.0.0.4,w:10.0.0.4", "[fd00::4]",
		"-v?:1.2.3.4" };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct curl_slist *list;

		assert_row(kv_resolve_parse(rows[i], &list) == -EINVAL, i, rows[i]);
		assert_null(list);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_for_one_port_or_for_all),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
