#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/quote.h"
#include "client/base/json.h"

static void
a_string_is_what_any_parser_reads_back(void **state)
{
	static const struct {
		const char *text, *json;
	} rows[] = {
		{ NULL, "null" },
		{ "", "\"\"" },
		{ "myvault.vault.azure.net", "\"myvault.vault.azure.net\"" },
		{ "a \"b\" \\ c/d", "\"a \\\"b\\\" \\\\ c/d\"" },
		{ "\n\t\x1b\x7f", "\"\\u000a\\u0009\\u001b\\u007f\"" },
		{ "Schlüssel €", "\"Schlüssel €\"" },
		{ "\xf0\x9f\x94\x91", "\"\xf0\x9f\x94\x91\"" },
		{ "\xff", "\"\xef\xbf\xbd\"" },
		{ "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },			/* overlong */
		{ "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* a surrogate */
		{ "x\xe2\x82", "\"x\xef\xbf\xbd\xef\xbf\xbd\"" },		/* cut */
		{ "\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	};
	struct kv_buf b;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_init(&b, 1000);
		assert_row(kv_quote_json(&b, rows[i].text) == 0, i, "quote");
		assert_row(strcmp(kv_buf_str(&b), rows[i].json) == 0, i, "json");
		kv_buf_release(&b);
	}
}

static void
every_byte_makes_valid_json(void **state)
{
	struct kv_json *root;
	struct kv_buf b;
	char text[3] = "";

	(void)state;
	for (int first = 1; first < 256; first++)
		for (int second = 0; second < 256; second += 5) {
			text[0] = (char)first;
			text[1] = (char)second;
			kv_buf_init(&b, 1000);
			assert_int_equal(kv_buf_puts(&b, "{\"a\":"), 0);
			assert_int_equal(kv_quote_json(&b, text), 0);
			assert_int_equal(kv_buf_puts(&b, "}"), 0);
			assert_int_equal(kv_json_parse((const char *)b.data, b.len, &root), 0);
			kv_json_free(root);
			kv_buf_release(&b);
		}
}

static void
what_does_not_fit_is_an_error(void **state)
{
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 4);
	assert_int_equal(kv_quote_json(&b, "abcd"), -EFBIG);
	kv_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_string_is_what_any_parser_reads_back),
		cmocka_unit_test(every_byte_makes_valid_json),
		cmocka_unit_test(what_does_not_fit_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
