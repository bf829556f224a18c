#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/base/json_put.h"
#include "tests/unit/fake_alloc.h"

static int
put(const char *text, struct kv_buf *out)
{
	struct kv_json *root;
	int err = kv_json_parse(text, strlen(text), &root);

	if (err == 0)
		err = kv_json_put(out, root, 0);
	kv_json_free(root);
	return err;
}

static void
values_are_written_for_people(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "{}", "{}" },
		{ "{\"a\":{},\"b\":[]}", "{\n  \"a\": {},\n  \"b\": []\n}" },
		{ "{\"b\":1,\"a\":\"x\\ny\"}", "{\n  \"a\": \"x\\u000ay\",\n  \"b\": 1\n}" },
		{ "{\"a\":[1,\"b\",true,null]}", "{\n  \"a\": [1, \"b\", true, null]\n}" },
		{ "{\"a\":[{\"b\":false}]}", "{\n  \"a\": [\n    {\n      \"b\": false\n    }\n  ]\n}" },
		{ "{\"a\":-1.5,\"b\":1707779676,\"c\":9007199254740992}",
		    "{\n  \"a\": -1.5,\n  \"b\": 1707779676,\n  \"c\": 9007199254740992\n}" },
		{ "{\"a\":[9007199254740994,18446744073709551616,-5,1e300]}",
		    "{\n  \"a\": [9007199254740994, 18446744073709551616, -5, 1.0000000000000001e+300]\n}" },
		{ "{\"key_ops\":[\"verify\",\"sign\"]}", "{\n  \"key_ops\": [\"sign\", \"verify\"]\n}" },
		{ "{\"key_ops\":[2,{\"a\":1}]}",
		    "{\n  \"key_ops\": [\n    2,\n    {\n      \"a\": 1\n    }\n  ]\n}" },
		{ "{\"ekus\":[\"2\",\"1\"]}", "{\n  \"ekus\": [\"2\", \"1\"]\n}" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_buf out;

		kv_buf_init(&out, 1000);
		assert_int_equal(put(rows[i].text, &out), 0);
		assert_row(strcmp(kv_buf_str(&out), rows[i].want) == 0, i, kv_buf_str(&out));
		kv_buf_release(&out);
	}
}

static void
what_two_parsers_could_read_differently_is_refused(void **state)
{
	struct kv_buf out;

	(void)state;
	kv_buf_init(&out, 1000);
	assert_int_equal(put("{\"a\":1,\"b\":2,\"a\":3}", &out), -EBADMSG);
	kv_buf_release(&out);
}

static void
a_number_that_is_not_finite_is_refused(void **state)
{
	static const char *const texts[] = { "{\"a\":1e400}", "{\"a\":[-1e400]}" };

	(void)state;
	for (size_t i = 0; i < N_OF(texts); i++) {
		struct kv_buf out;

		kv_buf_init(&out, 1000);
		assert_row(put(texts[i], &out) == -EBADMSG, i, texts[i]);
		kv_buf_release(&out);
	}
}

static void
the_maximum_and_the_want_of_memory_are_reported(void **state)
{
	static const char text[] = "{\"a\":[1,2,{\"b\":\"c\"}],\"d\":{\"e\":null}}";
	struct kv_buf out;
	bool has_failed = true;

	(void)state;
	kv_buf_init(&out, 20);
	assert_int_equal(put(text, &out), -EFBIG);
	kv_buf_release(&out);
	for (int n = 1; has_failed; n++) {
		int err;

		kv_buf_init(&out, 1000);
		fake_alloc_fail_at(n);
		err = put(text, &out);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		assert_int_equal(err, has_failed ? -ENOMEM : 0);
		kv_buf_release(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_written_for_people),
		cmocka_unit_test(what_two_parsers_could_read_differently_is_refused),
		cmocka_unit_test(a_number_that_is_not_finite_is_refused),
		cmocka_unit_test(the_maximum_and_the_want_of_memory_are_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
