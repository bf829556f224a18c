#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/vault/blob.h"
#include "client/vault/body.h"
#include "tests/unit/fake_alloc.h"

static void
the_value_of_a_backup_is_decoded(void **state)
{
	static const struct {
		const char *text;
		int err;
		const char *data;
	} rows[] = {
		{ "{\"value\":\"Zm9v\"}", 0, "foo" },
		{ " { \"value\" :\n\"Zm9v\" } \r\n", 0, "foo" },
		{ "{\"value\":\"Zm8\"}", 0, "fo" },
		{ "{\"value\":\"Zm8=\"}", 0, "fo" },
		{ "{\"value\":\"__-_\"}", 0, "\xff\xff\xbf" },
		{ "{\"value\":\"Zm\\u0039v\"}", 0, "foo" },
		{ "{\"value\":\"\\/\\/\\/\\/\"}", 0, "\xff\xff\xff" },
		{ "{\"other\":{\"value\":\"\"},\"value\":\"Zm9v\"}", 0, "foo" },
		{ "{\"value\":\"Zm9v\",\"other\":1}", 0, "foo" },
		{ "{\"value\":\"\"}", -EBADMSG, "" },
		{ "{\"value\":null}", -EBADMSG, "" },
		{ "{\"value\":5}", -EBADMSG, "" },
		{ "{\"value\":[]}", -EBADMSG, "" },
		{ "{}", -EBADMSG, "" },
		{ "", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v\"", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v}", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v\"}}", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v\"}x", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v\"},", -EBADMSG, "" },
		{ "\"value\":\"Zm9v\"}", -EBADMSG, "" },
		{ "{value:\"Zm9v\"}", -EBADMSG, "" },
		{ "{\"value\"\"Zm9v\"}", -EBADMSG, "" },
		{ "{\"value\":\"Zm9vA\"}", -EBADMSG, "" },
		{ "{\"value\":\"Zm 9v\"}", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v\\u0000\"}", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v\",\"value\":\"Zm9v\"}", -EBADMSG, "" },
		{ "{\"value\":\"Zm9vZm9vZm9vZm9v\"}", -EFBIG, "" },
		{ "{\"value\":\"Zm9vZm9vZm9vZm9v\",\"x\":1}", -EFBIG, "" },
	};
	struct kv_buf b;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const size_t len = strlen(rows[i].text);
		char *exact = malloc(len > 0 ? len : 1);

		memcpy(exact, rows[i].text, len);
		kv_buf_init(&b, 10);
		assert_int_equal(kv_buf_puts(&b, "x"), 0);
		assert_row(kv_body_decode(exact, len, &b) == rows[i].err, i, rows[i].text);
		assert_row(strcmp(kv_buf_str(&b) + 1, rows[i].data) == 0, i, rows[i].text);
		kv_buf_release(&b);
		free(exact);
	}
}

static void
what_is_restored_is_what_was_backed_up(void **state)
{
	static const size_t lens[] = { 0, 1, 2, 3, 4, 1000, 16885, 1 << 20 };
	struct kv_buf data, body, back;

	(void)state;
	for (size_t i = 0; i < N_OF(lens); i++) {
		kv_buf_init(&data, KV_BLOB_MAX);
		kv_buf_init(&body, 2 * KV_BLOB_MAX);
		kv_buf_init(&back, KV_BLOB_MAX);
		assert_int_equal(kv_buf_resize(&data, lens[i]), 0);
		for (size_t j = 0; j < lens[i]; j++)
			data.data[j] = (unsigned char)(j * 31 + j / 256);
		assert_int_equal(kv_body_encode(data.data, data.len, &body), 0);
		assert_int_equal(body.len, 12 + (lens[i] * 4 + 2) / 3);
		assert_memory_equal(body.data, "{\"value\":\"", 10);
		assert_memory_equal(body.data + body.len - 2, "\"}", 2);
		if (lens[i] > 0) {
			assert_int_equal(kv_body_decode(kv_buf_str(&body), body.len, &back), 0);
			assert_int_equal(back.len, data.len);
			assert_memory_equal(back.data, data.data, data.len);
		}
		kv_buf_release(&data);
		kv_buf_release(&body);
		kv_buf_release(&back);
	}
}

static void
the_largest_blob_passes_and_one_byte_more_does_not(void **state)
{
	struct kv_buf data, body, back;

	(void)state;
	kv_buf_init(&data, KV_BLOB_MAX + 1);
	kv_buf_init(&body, 2 * KV_BLOB_MAX);
	kv_buf_init(&back, KV_BLOB_MAX);
	assert_int_equal(kv_buf_resize(&data, KV_BLOB_MAX), 0);
	assert_int_equal(kv_body_encode(data.data, data.len, &body), 0);
	assert_int_equal(kv_body_decode(kv_buf_str(&body), body.len, &back), 0);
	assert_int_equal(back.len, KV_BLOB_MAX);
	kv_buf_release(&back);
	kv_buf_clear(&body);
	assert_int_equal(kv_buf_resize(&data, KV_BLOB_MAX + 1), 0);
	assert_int_equal(kv_body_encode(data.data, data.len, &body), 0);
	assert_int_equal(kv_body_decode(kv_buf_str(&body), body.len, &back), -EFBIG);
	assert_int_equal(back.len, 0);
	kv_buf_release(&data);
	kv_buf_release(&body);
	kv_buf_release(&back);
}

static void
a_body_that_does_not_fit_leaves_nothing(void **state)
{
	struct kv_buf body;

	(void)state;
	for (size_t max = 1; max < 17; max++) {
		kv_buf_init(&body, max);
		assert_int_equal(kv_buf_puts(&body, "x"), 0);
		assert_int_equal(kv_body_encode("foo", 3, &body), -EFBIG);
		assert_string_equal(kv_buf_str(&body), "x");
		kv_buf_release(&body);
	}
	kv_buf_init(&body, 17);
	assert_int_equal(kv_buf_puts(&body, "x"), 0);
	assert_int_equal(kv_body_encode("foo", 3, &body), 0);
	assert_string_equal(kv_buf_str(&body), "x{\"value\":\"Zm9v\"}");
	assert_int_equal(kv_body_encode("foo", SIZE_MAX, &body), -EFBIG);
	kv_buf_release(&body);
}

static int
read_backups(void)
{
	struct kv_buf b;
	int err;

	kv_buf_init(&b, 1000);
	err = kv_body_decode("{\"value\":\"Zm9v\"}", 16, &b);
	if (err == 0)
		err = kv_body_decode("{\"value\":\"Zm9v\",\"x\":\"\\u0000\"}", 29, &b);
	kv_buf_release(&b);
	if (err == 0) {
		err = kv_body_encode("foo", 3, &b);
		assert_string_equal(kv_buf_str(&b), err == 0 ? "{\"value\":\"Zm9v\"}" : "");
	}
	kv_buf_release(&b);
	return err;
}

static void
each_allocation_that_fails_is_enomem(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(read_backups());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_value_of_a_backup_is_decoded),
		cmocka_unit_test(what_is_restored_is_what_was_backed_up),
		cmocka_unit_test(the_largest_blob_passes_and_one_byte_more_does_not),
		cmocka_unit_test(a_body_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(each_allocation_that_fails_is_enomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
