#include "tests/unit/unit.h"

#include <string.h>

#include "client/base/buf.h"
#include "client/base/detail.h"
#include "tests/unit/fake_alloc.h"

static void
a_detail_is_what_stands_between_two_texts(void **state)
{
	static const struct {
		const char *text, *name, *value;
	} rows[] = {
		{ "x Action: 'Microsoft.KeyVault/vaults/keys/read' Resource: '/s/k'", "action",
		    "Microsoft.KeyVault/vaults/keys/read" },
		{ "x Action: 'Microsoft.KeyVault/vaults/keys/read' Resource: '/s/k'", "resource", "/s/k" },
		{ "Not authorized to access Microsoft.KeyVault/managedHsm/keys/create on '/keys' (A)",
		    "action", "Microsoft.KeyVault/managedHsm/keys/create" },
		{ "Not authorized to access a on '/keys' (A)", "resource", "/keys" },
		{ "Caller: name=A b;appid=a1;oid=B-2;iss=x", "oid", "B-2" },
		{ "Caller: name=A b;appid=a1;oid=B-2;iss=x", "appid", "a1" },
		{ "does not have secrets list permission on key vault", "permission", "secrets list" },
		{ "Client address: 10.0.0.1 from unknown subnet Caller: x", "address", "10.0.0.1" },
		{ "Client address (fd00::1) is not authorized", "address", "fd00::1" },
		{ "Expected one of https://a/, https://b/, found https://c/.", "expected",
		    "https://a/, https://b/" },
		{ "Expected one of https://a/, https://b/, found https://c/.", "found", "https://c/" },
		{ "Expected a, found: b. ", "found", "b" },
		/* what is not there, is empty, has no end, or cannot be such a detail */
		{ "", "action", "" },
		{ "Action: ''", "action", "" },
		{ "Action: 'a/b", "action", "" },
		{ "Action: 'a b'", "action", "" },
		{ "oid=zz;", "oid", "" },
		{ "oid=", "oid", "" },
		{ "Client address: a;b x", "address", "" },
		{ "Action: 'a'", "no such detail", "" },
	};
	char value[KV_DETAIL_SIZE];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		memset(value, 'x', sizeof(value));
		kv_detail_find(rows[i].text, rows[i].name, value);
		assert_row(strcmp(value, rows[i].value) == 0, i, value);
	}
}

static void
one_that_is_too_long_is_unknown(void **state)
{
	char text[2000] = "Action: '", value[KV_DETAIL_SIZE];

	(void)state;
	memset(text + 9, 'a', 600);
	text[609] = '\'';
	kv_detail_find(text, "action", value);
	assert_string_equal(value, "");
	memset(text + 9, 'a', 511);
	text[9 + 511] = '\'';
	kv_detail_find(text, "action", value);
	assert_int_equal(strlen(value), 511);
}

static const struct kv_detail given[] = { { "who", "v" }, { "empty", "" }, { "null", NULL }, { NULL, NULL } };

static void
a_template_says_what_is_known(void **state)
{
	static const struct {
		const char *template, *text;
	} rows[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "{who}", "v" },
		{ "a {who} b", "a v b" },
		{ "a[ ({who})] b", "a (v) b" },
		{ "a[ ({empty})] b", "a b" },
		{ "a[ ({null})] b", "a b" },
		{ "a [{null}|none] b", "a none b" },
		{ "a [{who}|none] b", "a v b" },
		{ "a [{null}|of {who}] b", "a of v b" },
		{ "[{who} {null}]", "" },
		{ "[{oid}|x][{action}|y]", "1ay" },
		{ "a{null}b", "ab" },
		/* not whole */
		{ "a [x", "a x" },
		{ "a {who", "a v" },
	};
	struct kv_buf b;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_init(&b, 100);
		kv_detail_fill(rows[i].template, "oid=1a;", given, &b);
		assert_row(strcmp(kv_buf_str(&b), rows[i].text) == 0, i, kv_buf_str(&b));
		kv_buf_release(&b);
	}
}

/* {who} in a message is not a template. */
static void
what_comes_from_outside_is_not_filled_again(void **state)
{
	static const struct kv_detail outside[] = { { "message", "[{who}|%s]" }, { "who", "v" },
		{ NULL, NULL } };
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 100);
	kv_detail_fill("[{message}]", "", outside, &b);
	assert_string_equal(kv_buf_str(&b), "[{who}|%s]");
	kv_buf_release(&b);
}

static void
a_sentence_that_is_too_long_is_cut(void **state)
{
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 5);
	kv_detail_fill("abc[ {who}]{who}{who}", "", given, &b);
	assert_string_equal(kv_buf_str(&b), "abc v");
	kv_buf_release(&b);
}

static void
without_memory_a_sentence_is_shorter(void **state)
{
	struct kv_buf b;

	(void)state;
	for (int n = 1; n < 6; n++) {
		kv_buf_init(&b, 100);
		fake_alloc_fail_at(n);
		kv_detail_fill("abc[ {who}][{null}|d]", "", given, &b);
		fake_alloc_fail_at(0);
		assert_true(b.len <= strlen("abc vd"));
		kv_buf_release(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_detail_is_what_stands_between_two_texts),
		cmocka_unit_test(one_that_is_too_long_is_unknown),
		cmocka_unit_test(a_template_says_what_is_known),
		cmocka_unit_test(what_comes_from_outside_is_not_filled_again),
		cmocka_unit_test(a_sentence_that_is_too_long_is_cut),
		cmocka_unit_test(without_memory_a_sentence_is_shorter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
