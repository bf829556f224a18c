#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/crypto.h"
#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/base/json_quote.h"
#include "tests/unit/fake_alloc.h"

/* Parse a copy that ends where the text does, so that a sanitizer sees who reads on. */
static int
parse_bytes(const char *text, size_t len, struct kv_json **root)
{
	char *exact = malloc(len > 0 ? len : 1);
	int err;

	memcpy(exact, text, len);
	err = kv_json_parse(exact, len, root);
	free(exact);
	assert_true((err == 0) == (*root != NULL));
	return err;
}

static struct kv_json *
parse(const char *text)
{
	struct kv_json *root;

	assert_row(parse_bytes(text, strlen(text), &root) == 0, 0, text);
	return root;
}

static void
one_object_is_taken(void **state)
{
	static const char *const rows[] = { "{}", " {} ", "\t{\r\n}\n", "{\"a\":1}", "\xef\xbb\xbf{}",
		"{ \"a\" : [ 1 , 2 ] }", "{\"a\":{\"b\":{\"c\":[[],{}]}}}", "{\"\":null}",
		"{\"a\":\"\\\"}\"}", "{\"a\":\"\\ud83d\\ude00\"}" };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		kv_json_free(parse(rows[i]));
	kv_json_free(NULL);
}

static void
anything_else_is_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = { { "", 0 }, { " ", 1 }, { "}", 1 }, { "{", 1 }, { "[]", 2 }, { "null", 4 }, { "1", 1 },
		{ "\"}\"", 3 }, { "\"}", 2 }, { "[{}", 3 }, { "{}{}", 4 }, { "{},{}", 5 }, { "x{}", 3 },
		{ "{}x", 3 }, { "{}\0", 3 }, { "\0{}", 3 }, { "{\"a\":1,}", 8 }, { "{\"a\":1,", 7 },
		{ "{,}", 3 }, { "{\"a\"}", 5 }, { "{\"a\":}", 6 }, { "{a:1}", 5 }, { "{'a':1}", 7 },
		{ "{\"a\":\"b}", 8 }, { "{\"a\":\"\\}", 8 }, { "{\"a\":\"\\x\"}", 10 },
		{ "{\"a\":\"\\u12\"}", 12 }, { "{\"a\":\"\\u}", 9 }, { "{\"a\":\"\\ud83d\"}", 14 },
		{ "{\"a\":tru}", 9 }, { "{\"a\":nul}", 9 }, { "{\"a\":-}", 7 }, { "{\"a\":.5}", 8 },
		{ "{\"a\":[1}", 8 }, { "{\"a\":\"b\0c\"}", 11 }, { "{\"a\":1}\0{\"a\":2}", 15 },
		{ "\xef\xbb\xbf", 3 }, { "\xef\xbb\xbf}", 4 }, { "<html>{}</html>", 15 }, { "//x\n{}", 6 },
		{ "{}//}", 5 }, { "{\"a\":NaN}", 9 } };
	struct kv_json *root;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(parse_bytes(rows[i].text, rows[i].len, &root) == -EBADMSG, i, rows[i].text);
}

static void
no_beginning_of_a_text_is_taken(void **state)
{
	static const char text[] =
	    "{\"a\":[1,2,{\"b\":\"c\\n\\u00e4\"}],\"d\":null,\"e\":true,\"f\":-1.5e3,\"g\":{}}";
	struct kv_json *root;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(parse_bytes(text, n, &root), -EBADMSG);
	assert_int_equal(parse_bytes(text, sizeof(text) - 1, &root), 0);
	kv_json_free(root);
}

static void
deep_nesting_is_refused_and_not_followed(void **state)
{
	struct kv_json *root;
	struct kv_buf b;

	(void)state;
	for (int depth = 1; depth < 2000000; depth *= 4) {
		kv_buf_init(&b, 10000000);
		assert_int_equal(kv_buf_puts(&b, "{\"a\":"), 0);
		assert_int_equal(kv_buf_resize(&b, b.len + (size_t)depth), 0);
		memset(b.data + 5, '[', (size_t)depth);
		assert_int_equal(kv_buf_resize(&b, b.len + (size_t)depth), 0);
		memset(b.data + 5 + depth, ']', (size_t)depth);
		assert_int_equal(kv_buf_puts(&b, "}"), 0);
		assert_int_equal(kv_json_parse(kv_buf_str(&b), b.len, &root), depth < 1000 ? 0 : -EBADMSG);
		kv_json_free(root);
		kv_buf_release(&b);
	}
}

static void
a_nul_hides_nothing(void **state)
{
	static const struct {
		const char *text, *value;
	} rows[] = {
		{ "{\"a\":\"x\\u0000y\"}", "x\xef\xbf\xbdy" },
		{ "{\"a\":\"\\u0000\"}", "\xef\xbf\xbd" },
		{ "{\"a\":\"\\u0000\\u0000\\u0000\"}", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "{\"a\":\"\\\\u0000\"}", "\\u0000" },
		{ "{\"a\":\"\\\\\\u0000\"}", "\\\xef\xbf\xbd" },
		{ "{\"a\":\"\\u00000\"}",
		    "\xef\xbf\xbd"
		    "0" },
	};
	struct kv_json *root;
	const char *value;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		root = parse(rows[i].text);
		assert_int_equal(kv_json_string(root, "a", &value), 0);
		assert_row(strcmp(value, rows[i].value) == 0, i, value);
		kv_json_free(root);
	}
	root = parse("{\"a\\u0000b\":1}");
	assert_int_equal(kv_json_string(root, "a", &value), 0);
	assert_null(value);
	kv_json_free(root);
}

static void
members_are_found_by_type(void **state)
{
	struct kv_json *root = parse(
	    "{\"s\":\"x\",\"e\":\"\",\"o\":{\"p\":1},\"t\":true,\"f\":false,\"n\":5,\"z\":null,\"l\":[]}");
	const struct kv_json *v;
	const char *s;
	bool b = true;
	double number;
	int64_t n;

	(void)state;
	assert_int_equal(kv_json_number(root, "n", &number), 0);
	assert_true(number == 5);
	assert_int_equal(kv_json_number(root, "z", &number), 0);
	assert_true(number == 0);
	assert_int_equal(kv_json_number(root, "s", &number), -EBADMSG);
	assert_int_equal(kv_json_string(root, "s", &s), 0);
	assert_string_equal(s, "x");
	assert_int_equal(kv_json_string(root, "e", &s), 0);
	assert_string_equal(s, "");
	assert_int_equal(kv_json_object(root, "o", &v), 0);
	assert_int_equal(kv_json_integer(v, "p", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(kv_json_bool(root, "f", &b), 0);
	assert_false(b);
	assert_int_equal(kv_json_bool(root, "t", &b), 0);
	assert_true(b);
	assert_int_equal(kv_json_member(root, "l", &v), 0);
	assert_true(kv_json_is_array(v));
	assert_int_equal(kv_json_count(v), 0);
	assert_null(kv_json_first(v));
	/* another type */
	for (const char *const *name = (const char *const[]){ "o", "t", "n", "l", NULL }; *name != NULL;
	     name++) {
		s = "x";
		assert_int_equal(kv_json_string(root, *name, &s), -EBADMSG);
		assert_null(s);
	}
	assert_int_equal(kv_json_object(root, "s", &v), -EBADMSG);
	assert_null(v);
	assert_int_equal(kv_json_object(root, "l", &v), -EBADMSG);
	assert_int_equal(kv_json_bool(root, "n", &b), -EBADMSG);
	assert_int_equal(kv_json_integer(root, "s", &n), -EBADMSG);
	assert_int_equal(kv_json_integer(root, "t", &n), -EBADMSG);
	kv_json_free(root);
}

static void
null_and_nothing_are_missing(void **state)
{
	static const char *const names[] = { "z", "q", "S", "s " };
	struct kv_json *root = parse("{\"s\":\"x\",\"z\":null}");
	const struct kv_json *v;
	const char *s;
	bool b = true;
	int64_t n;

	(void)state;
	for (size_t i = 0; i < N_OF(names); i++) {
		s = "x";
		n = 5;
		v = root;
		assert_int_equal(kv_json_string(root, names[i], &s), 0);
		assert_null(s);
		assert_int_equal(kv_json_integer(root, names[i], &n), 0);
		assert_int_equal(n, 0);
		assert_int_equal(kv_json_object(root, names[i], &v), 0);
		assert_null(v);
		assert_int_equal(kv_json_bool(root, names[i], &b), 0);
		assert_true(b);
	}
	assert_int_equal(kv_json_string(NULL, "s", &s), 0);
	assert_null(s);
	kv_json_free(root);
}

static void
a_member_that_is_there_twice_is_refused(void **state)
{
	struct kv_json *root = parse("{\"a\":\"x\",\"b\":1,\"\\u0061\":\"y\",\"c\":null,\"c\":null}");
	const struct kv_json *v;
	const char *s;
	int64_t n;

	(void)state;
	assert_int_equal(kv_json_string(root, "a", &s), -EBADMSG);
	assert_null(s);
	assert_int_equal(kv_json_member(root, "c", &v), -EBADMSG);
	assert_int_equal(kv_json_integer(root, "b", &n), 0);
	kv_json_free(root);
}

static void
integers_are_whole_and_exact(void **state)
{
	static const struct {
		const char *text;
		int err;
		int64_t n;
	} rows[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "1529958782", 0, 1529958782 },
		{ "1529958782.0", 0, 1529958782 },
		{ "1e3", 0, 1000 },
		{ "4294967296", 0, 4294967296 },
		{ "9007199254740991", 0, 9007199254740991 },
		{ "9007199254740992", 0, 9007199254740992 },
		{ "9007199254740994", -EBADMSG, 0 },
		{ "18446744073709551616", -EBADMSG, 0 },
		{ "1e300", -EBADMSG, 0 },
		{ "1e999", -EBADMSG, 0 },
		{ "-1", -EBADMSG, 0 },
		{ "-1e999", -EBADMSG, 0 },
		{ "0.5", -EBADMSG, 0 },
		{ "\"5\"", -EBADMSG, 0 },
		{ "[5]", -EBADMSG, 0 },
	};
	char text[100];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_json *root;
		int64_t n = 7;

		snprintf(text, sizeof(text), "{\"n\":%s}", rows[i].text);
		root = parse(text);
		assert_row(kv_json_integer(root, "n", &n) == rows[i].err, i, text);
		assert_int_equal(n, rows[i].n);
		kv_json_free(root);
	}
}

static void
elements_come_in_order(void **state)
{
	struct kv_json *root = parse("{\"a\":[3,\"x\",{}]}");
	const struct kv_json *array, *e;
	int64_t n;

	(void)state;
	assert_int_equal(kv_json_member(root, "a", &array), 0);
	assert_int_equal(kv_json_count(array), 3);
	e = kv_json_first(array);
	assert_int_equal(kv_json_as_integer(e, &n), 0);
	assert_int_equal(n, 3);
	assert_null(kv_json_as_string(e));
	e = kv_json_next(e);
	assert_string_equal(kv_json_as_string(e), "x");
	assert_int_equal(kv_json_as_integer(e, &n), -EBADMSG);
	e = kv_json_next(e);
	assert_true(kv_json_is_object(e) && !kv_json_is_array(e));
	assert_null(kv_json_next(e));
	assert_false(kv_json_is_object(NULL));
	assert_false(kv_json_is_array(NULL));
	assert_null(kv_json_as_string(NULL));
	assert_int_equal(kv_json_as_integer(NULL, &n), -EBADMSG);
	kv_json_free(root);
}

static void
fingerprint_of(const char *text, unsigned char fingerprint[KV_JSON_FINGERPRINT])
{
	struct kv_json *root = parse(text);

	assert_int_equal(kv_json_fingerprint(root, fingerprint), 0);
	kv_json_free(root);
}

static void
a_fingerprint_depends_on_content_alone(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_same;
	} rows[] = {
		{ "{}", " { } ", true },
		{ "{\"a\":1,\"b\":2}", "{\"b\":2, \"a\":1}", true },
		{ "{\"x\":{\"a\":1,\"b\":{\"c\":[],\"d\":null}}}",
		    "{\"x\":{\"b\":{\"d\":null,\"c\":[]},\"a\":1}}", true },
		{ "{\"a\":\"\\u0041\\/\"}", "{\"a\":\"A/\"}", true },
		{ "{\"a\":1.0}", "{\"a\":1}", true },
		{ "{\"a\":[{\"x\":1,\"y\":2}]}", "{\"a\":[{\"y\":2,\"x\":1}]}", true },
		{ "{\"a\":1}", "{\"a\":2}", false },
		{ "{\"a\":1}", "{\"A\":1}", false },
		{ "{\"a\":1}", "{\"a\":\"1\"}", false },
		{ "{\"a\":1}", "{\"a\":1,\"b\":null}", false },
		{ "{\"a\":[1,2]}", "{\"a\":[2,1]}", false },
		{ "{\"a\":[1,2]}", "{\"a\":[12]}", false },
		{ "{\"a\":[[1],2]}", "{\"a\":[[1,2]]}", false },
		{ "{\"a\":true}", "{\"a\":false}", false },
		{ "{\"a\":null}", "{\"a\":false}", false },
		{ "{\"a\":\"n\"}", "{\"a\":null}", false },
		{ "{\"a\":{}}", "{\"a\":[]}", false },
		{ "{\"ab\":\"c\"}", "{\"a\":\"bc\"}", false },
		{ "{\"a\":\"x1:b\"}", "{\"a\":\"x\",\"b\":\"\"}", false },
		{ "{\"a\":1529958782}", "{\"a\":1529958783}", false },
		{ "{\"a\":9007199254740991}", "{\"a\":9007199254740990}", false },
		{ "{\"a\":\"x\\u0000\"}", "{\"a\":\"x\"}", false },
		{ "{\"n\":{\"a\":{}},\"m\":1}", "{\"n\":{\"a\":{},\"m\":1}}", false },
	};
	unsigned char a[KV_JSON_FINGERPRINT], b[KV_JSON_FINGERPRINT];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		fingerprint_of(rows[i].a, a);
		fingerprint_of(rows[i].b, b);
		assert_row((memcmp(a, b, sizeof(a)) == 0) == rows[i].is_same, i, rows[i].a);
	}
}

/* Fingerprints are kept from mount to mount: another spelling would have every vault fetched anew. */
static void
a_fingerprint_is_the_digest_of_one_spelling(void **state)
{
	static const struct {
		const char *json, *spelling;
	} rows[] = {
		{ "{}", "{}" },
		{ "{\"b\":1,\"a\":\"\"}", "{1:a0:1:b1;}" },
		{ "{\"updated\":1700000000,\"exp\":0}", "{3:exp0;7:updated1700000000;}" },
		{ "{\"n\":[9007199254740992,9007199254740994,18446744073709551616]}",
		    "{1:n[9007199254740992;9007199254740994;1.8446744073709552e+19;]}" },
		{ "{\"n\":[-1,0.5,-0.0,1e300]}", "{1:n[-1;0.5;-0;1.0000000000000001e+300;]}" },
		{ "{\"n\":[true,false,null]}", "{1:n[tfn]}" },
	};
	unsigned char fingerprint[KV_JSON_FINGERPRINT], digest[KV_DIGEST_LEN];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		fingerprint_of(rows[i].json, fingerprint);
		assert_int_equal(kv_crypto_sha256(rows[i].spelling, strlen(rows[i].spelling), digest), 0);
		assert_row(memcmp(fingerprint, digest, sizeof(fingerprint)) == 0, i, rows[i].json);
	}
}

static void
what_could_be_read_in_two_ways_has_no_fingerprint(void **state)
{
	static const char *const rows[] = { "{\"a\":1,\"a\":1}", "{\"x\":{\"a\":1,\"b\":2,\"a\":1}}",
		"{\"x\":[{\"\":1,\"\":2}]}" };
	unsigned char fingerprint[KV_JSON_FINGERPRINT];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_json *root = parse(rows[i]);

		assert_row(kv_json_fingerprint(root, fingerprint) == -EBADMSG, i, rows[i]);
		kv_json_free(root);
	}
}

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
		assert_row(kv_json_quote(&b, rows[i].text) == 0, i, "quote");
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
			assert_int_equal(kv_json_quote(&b, text), 0);
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
	assert_int_equal(kv_json_quote(&b, "abcd"), -EFBIG);
	kv_buf_release(&b);
}

static void
strings_are_wiped(void **state)
{
	struct kv_json *root;

	(void)state;
	fake_alloc_watch("s3cret-token");
	root = parse("{\"a\":{\"b\":[1,{\"c\":\"s3cret-token\"}]},\"d\":\"s3cret-token\"}");
	assert_int_equal(fake_alloc_unwiped(), 1); /* parse()'s own copy of the text */
	kv_json_free(root);
	assert_int_equal(fake_alloc_unwiped(), 1);
	fake_alloc_watch(NULL);
}

static int
parse_and_fingerprint(void)
{
	static const char text[] = "{\"b\":[1,{\"c\":\"x\\u0000\",\"a\":\"y\"}],\"a\":null,\"c\":true}";
	unsigned char fingerprint[KV_JSON_FINGERPRINT];
	struct kv_json *root;
	int err = kv_json_parse(text, sizeof(text) - 1, &root);

	assert_true((err == 0) == (root != NULL));
	if (err == 0)
		err = kv_json_fingerprint(root, fingerprint);
	kv_json_free(root);
	return err;
}

static void
each_allocation_that_fails_is_enomem(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(parse_and_fingerprint());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_object_is_taken),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(no_beginning_of_a_text_is_taken),
		cmocka_unit_test(deep_nesting_is_refused_and_not_followed),
		cmocka_unit_test(a_nul_hides_nothing),
		cmocka_unit_test(members_are_found_by_type),
		cmocka_unit_test(null_and_nothing_are_missing),
		cmocka_unit_test(a_member_that_is_there_twice_is_refused),
		cmocka_unit_test(integers_are_whole_and_exact),
		cmocka_unit_test(elements_come_in_order),
		cmocka_unit_test(a_fingerprint_depends_on_content_alone),
		cmocka_unit_test(a_fingerprint_is_the_digest_of_one_spelling),
		cmocka_unit_test(what_could_be_read_in_two_ways_has_no_fingerprint),
		cmocka_unit_test(a_string_is_what_any_parser_reads_back),
		cmocka_unit_test(every_byte_makes_valid_json),
		cmocka_unit_test(what_does_not_fit_is_an_error),
		cmocka_unit_test(strings_are_wiped),
		cmocka_unit_test(each_allocation_that_fails_is_enomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
