#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "tests/unit/fake_alloc.h"

static void
bytes_and_text_are_the_same_both_ways(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *text;
	} rows[] = {
		{ "", 0, "" },
		{ "f", 1, "Zg" },
		{ "fo", 2, "Zm8" },
		{ "foo", 3, "Zm9v" },
		{ "foob", 4, "Zm9vYg" },
		{ "fooba", 5, "Zm9vYmE" },
		{ "foobar", 6, "Zm9vYmFy" },
		{ "\0", 1, "AA" },
		{ "\xff\xff\xff", 3, "____" },
		{ "\xfb\xef\xbe", 3, "----" },
		{ "\0\0\0\0", 4, "AAAAAA" },
	};
	struct kv_buf b;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_init(&b, 100);
		assert_int_equal(kv_base64_encode(rows[i].data, rows[i].len, &b), 0);
		assert_string_equal(kv_buf_str(&b), rows[i].text);
		assert_int_equal(b.len, strlen(rows[i].text));
		kv_buf_clear(&b);
		assert_int_equal(kv_buf_puts(&b, "x"), 0);
		assert_int_equal(kv_base64_decode(rows[i].text, strlen(rows[i].text), &b), 0);
		assert_int_equal(b.len, 1 + rows[i].len);
		assert_memory_equal(b.data + 1, rows[i].data, rows[i].len);
		assert_int_equal(b.data[b.len], 0);
		kv_buf_release(&b);
	}
}

static void
the_standard_form_has_its_alphabet_and_padding(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *text;
	} rows[] = { { "", 0, "" }, { "f", 1, "Zg==" }, { "fo", 2, "Zm8=" }, { "foo", 3, "Zm9v" },
		{ "\xff\xff\xff\xfb\xef\xbe\xff", 7, "////++++/w==" } };
	struct kv_buf b;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_init(&b, strlen(rows[i].text));
		assert_int_equal(kv_base64_encode_standard(rows[i].data, rows[i].len, &b), 0);
		assert_string_equal(kv_buf_str(&b), rows[i].text);
		if (rows[i].len > 0)
			assert_int_equal(kv_base64_encode_standard("f", 1, &b), -EFBIG);
		kv_buf_release(&b);
	}
}

static void
every_length_comes_back(void **state)
{
	unsigned char data[300];
	struct kv_buf text, back;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 167 + 13);
	for (size_t n = 0; n <= sizeof(data); n++) {
		kv_buf_init(&text, 400);
		kv_buf_init(&back, n);
		assert_int_equal(kv_base64_encode(data, n, &text), 0);
		assert_int_equal(text.len, (n * 4 + 2) / 3);
		assert_int_equal(kv_base64_decode(kv_buf_str(&text), text.len, &back), 0);
		assert_int_equal(back.len, n);
		assert_memory_equal(back.data, data, n);
		kv_buf_release(&text);
		kv_buf_release(&back);
	}
}

static void
the_ordinary_alphabet_and_padding_decode_too(void **state)
{
	static const struct {
		const char *text, *data;
	} rows[] = { { "Zg==", "f" }, { "Zm8=", "fo" }, { "Zm9v", "foo" }, { "++++", "\xfb\xef\xbe" },
		{ "////", "\xff\xff\xff" } };
	struct kv_buf b;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_init(&b, 100);
		assert_int_equal(kv_base64_decode(rows[i].text, strlen(rows[i].text), &b), 0);
		assert_string_equal(kv_buf_str(&b), rows[i].data);
		kv_buf_release(&b);
	}
}

static void
what_is_no_base64_is_refused_and_changes_nothing(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = { { "A", 1 }, { "AAAAA", 5 }, { "=", 1 }, { "==", 2 }, { "A=", 2 }, { "A==", 3 },
		{ "AA=", 3 }, { "A===", 4 }, { "====", 4 }, { "AAAA=", 5 }, { "AAAA====", 8 },
		{ "AA==AAAA", 8 }, { "A=AA", 4 }, { "AA A", 4 }, { "AAAA\n", 5 }, { "AA\nA", 4 },
		{ "AAA\0", 4 }, { "\0\0\0\0", 4 }, { "AA.A", 4 },
		{ "AA\x80"
		  "A",
		    4 },
		{ "AB", 2 }, { "Zh", 2 }, { "Zm9", 3 }, { "Zh==", 4 }, { "Zm9=", 4 } };
	struct kv_buf b;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_init(&b, 100);
		assert_int_equal(kv_buf_puts(&b, "x"), 0);
		assert_row(kv_base64_decode(rows[i].text, rows[i].len, &b) == -EINVAL, i, rows[i].text);
		assert_int_equal(b.len, 1);
		assert_string_equal(kv_buf_str(&b), "x");
		kv_buf_release(&b);
	}
}

static void
more_than_the_buffers_maximum_is_efbig(void **state)
{
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 3);
	assert_int_equal(kv_base64_encode("abc", 3, &b), -EFBIG);
	assert_int_equal(kv_base64_encode("abc", SIZE_MAX, &b), -EFBIG);
	assert_int_equal(kv_base64_decode("AAAAAA", 6, &b), -EFBIG);
	assert_int_equal(b.len, 0);
	assert_int_equal(kv_base64_decode("Zm9v", 4, &b), 0);
	assert_int_equal(kv_base64_decode("Zg", 2, &b), -EFBIG);
	assert_int_equal(kv_base64_encode("", 0, &b), 0);
	assert_string_equal(kv_buf_str(&b), "foo");
	kv_buf_release(&b);
}

static void
only_the_url_alphabet_is_url(void **state)
{
	unsigned char text[50], c;

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		memset(text, '_', sizeof(text));
		text[len] = '.'; /* behind it */
		assert_true(kv_base64_is_url(text, len));
		for (size_t i = 0; i < len; i++) {
			text[i] = '+';
			assert_false(kv_base64_is_url(text, len));
			text[i] = '_';
		}
	}
	for (int i = 0; i < 256; i++) {
		const bool is_url = (i >= 'A' && i <= 'Z') || (i >= 'a' && i <= 'z') ||
		    (i >= '0' && i <= '9') || i == '-' || i == '_';

		c = (unsigned char)i;
		assert_int_equal(kv_base64_is_url(&c, 1), is_url);
	}
}

static int
encode_and_decode(void)
{
	struct kv_buf a, b;
	int err;

	kv_buf_init(&a, 1000);
	kv_buf_init(&b, 1000);
	err = kv_base64_encode("foobar", 6, &a);
	if (err == 0)
		err = kv_base64_decode("Zm9v", 4, &b);
	kv_buf_release(&a);
	kv_buf_release(&b);
	return err;
}

static void
each_allocation_that_fails_is_enomem(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(encode_and_decode());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_and_text_are_the_same_both_ways),
		cmocka_unit_test(the_standard_form_has_its_alphabet_and_padding),
		cmocka_unit_test(every_length_comes_back),
		cmocka_unit_test(the_ordinary_alphabet_and_padding_decode_too),
		cmocka_unit_test(what_is_no_base64_is_refused_and_changes_nothing),
		cmocka_unit_test(more_than_the_buffers_maximum_is_efbig),
		cmocka_unit_test(only_the_url_alphabet_is_url),
		cmocka_unit_test(each_allocation_that_fails_is_enomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
