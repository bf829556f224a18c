#include "tests/unit/unit.h"

#include <string.h>

#include "client/base/buf.h"
#include "client/base/fault.h"
#include "tests/unit/fake_alloc.h"

#define V "https://v.vault.azure.net"

static void
an_error_body_is_read_as_far_as_it_goes(void **state)
{
	static const struct {
		const char *text, *code, *inner, *message;
	} rows[] = {
		{ "{\"error\":{\"code\":\"KeyNotFound\",\"message\":\"Key not found: a\"}}", "KeyNotFound",
		    "", "Key not found: a" },
		{ "{\"error\":{\"code\":\"Forbidden\",\"message\":\"m\",\"innererror\":{\"code\":\"SecretDisabled\"}}}",
		    "Forbidden", "SecretDisabled", "m" },
		{ "{\"error\":{\"code\":\"a\",\"innererror\":{\"code\":\"b\",\"innererror\":{\"code\":\"c\",\"innererror\":{}}}}}",
		    "a", "c", "" },
		{ "{\"error\":{\"code\":\"a\",\"innererror\":{\"innererror\":{\"code\":\"c\"}}}}", "a", "c",
		    "" },
		{ "{\"error\":{\"code\":\"Malformed backup blob\",\"message\":null}}",
		    "Malformed backup blob", "", "" },
		{ "{\"error\":{\"message\":\"  Caller is\\r\\n\\tnot\\u0000 allowed.\\r\\n \"}}", "", "",
		    "Caller is not\xef\xbf\xbd allowed." },
		{ "{\"error\":{\"message\":\"\\u001b[31mred\\u007f\"}}", "", "", "[31mred" },
		{ "{\"error\":{\"code\":5,\"message\":\"m\",\"innererror\":[]}}", "", "", "m" },
		{ "{\"error\":\"invalid_client\"}", "", "", "" },
		{ "{\"error\":null}", "", "", "" },
		{ "{}", "", "", "" },
		{ "", "", "", "" },
		{ "<html>503</html>", "", "", "" },
		{ "{\"error\":{\"code\":\"a\"}", "", "", "" },
	};
	struct kv_fault fault;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		memset(&fault, 'x', sizeof(fault));
		kv_fault_parse(rows[i].text, strlen(rows[i].text), &fault);
		assert_row(strcmp(fault.code, rows[i].code) == 0, i, rows[i].text);
		assert_row(strcmp(fault.inner, rows[i].inner) == 0, i, rows[i].text);
		assert_row(strcmp(fault.message, rows[i].message) == 0, i, fault.message);
	}
}

static void
an_activity_id_is_found_at_the_end_of_a_message(void **state)
{
	static const struct {
		const char *message, *id;
	} rows[] = {
		{ "Key not found: k (Activity ID: 0d6e71f6-7e05-11ec-a044-000d3a731e50)",
		    "0d6e71f6-7e05-11ec-a044-000d3a731e50" },
		{ "Key not found: k (Activity ID: 0d6e71f6", "" },
		{ "Key not found: k (Activity ID: )", "" },
		{ "Key not found: k (Activity ID: 1 op=restore)", "" },
		{ "(Activity ID: 1111111111111111111111111111111111111111111111111)", "" },
		{ "Key not found: k", "" },
		{ "", "" },
	};
	struct kv_fault fault = { .message = "" };
	char id[40];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		snprintf(fault.message, sizeof(fault.message), "%s", rows[i].message);
		kv_fault_activity(&fault, id, sizeof(id));
		assert_row(strcmp(id, rows[i].id) == 0, i, id);
	}
}

static void
long_texts_are_cut_at_a_character(void **state)
{
	static const char *const characters[] = { "x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff",
		"a " };
	struct kv_fault fault;
	struct kv_buf text;

	(void)state;
	for (size_t i = 0; i < N_OF(characters); i++) {
		const size_t n = strlen(characters[i]);

		kv_buf_init(&text, 20000);
		assert_int_equal(kv_buf_puts(&text, "{\"error\":{\"code\":\"-"), 0);
		for (int j = 0; j < 600; j++)
			assert_int_equal(kv_buf_puts(&text, characters[i]), 0);
		assert_int_equal(kv_buf_puts(&text, "\",\"message\":\""), 0);
		for (int j = 0; j < 1200; j++)
			assert_int_equal(kv_buf_puts(&text, characters[i]), 0);
		assert_int_equal(kv_buf_puts(&text, "\"}}"), 0);
		kv_fault_parse(kv_buf_str(&text), text.len, &fault);
		assert_true(strlen(fault.code) > sizeof(fault.code) - 1 - n &&
		    strlen(fault.code) < sizeof(fault.code));
		assert_true(strlen(fault.message) > sizeof(fault.message) - 1 - n);
		if (n > 1 && characters[i][1] != ' ') {
			assert_int_equal((strlen(fault.code) - 1) % n, 0);
			assert_int_equal(strlen(fault.message) % n, 0);
		}
		kv_buf_release(&text);
	}
}

static void
controls_do_not_hide_behind_a_lead_byte(void **state)
{
	static const char text[] = "{\"error\":{\"message\":\"a\xf0\nb\xe2\r\rc\xc3\"}}";
	struct kv_fault fault;

	(void)state;
	kv_fault_parse(text, strlen(text), &fault);
	assert_string_equal(fault.message, "a\xf0 b\xe2 c\xc3");
}

static void
what_cannot_fail_is_empty_without_memory(void **state)
{
	static const char text[] = "{\"error\":{\"code\":\"a\",\"message\":\"b\"}}";
	struct kv_fault fault;

	(void)state;
	for (int n = 1; n < 50; n++) {
		fake_alloc_fail_at(n);
		kv_fault_parse(text, strlen(text), &fault);
		assert_string_equal(fault.code, fake_alloc_has_failed() ? "" : "a");
	}
	fake_alloc_fail_at(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_body_is_read_as_far_as_it_goes),
		cmocka_unit_test(an_activity_id_is_found_at_the_end_of_a_message),
		cmocka_unit_test(long_texts_are_cut_at_a_character),
		cmocka_unit_test(controls_do_not_hide_behind_a_lead_byte),
		cmocka_unit_test(what_cannot_fail_is_empty_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
