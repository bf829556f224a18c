#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/buf.h"
#include "tests/unit/fake_alloc.h"

/* What the header promises of every buffer. */
static void
assert_sound(const struct kv_buf *b)
{
	assert_non_null(b->data);
	assert_true(b->len <= b->max);
	assert_true(b->size == 0 ? b->len == 0 : b->len < b->size);
	assert_int_equal(b->data[b->len], 0);
}

static void
assert_holds(const struct kv_buf *b, const char *content, size_t len)
{
	assert_sound(b);
	assert_int_equal(b->len, len);
	assert_memory_equal(b->data, content, len);
}

static void
a_new_buffer_is_the_empty_string(void **state)
{
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 10);
	assert_holds(&b, "", 0);
	assert_string_equal(kv_buf_str(&b), "");
	kv_buf_clear(&b);
	assert_int_equal(kv_buf_append(&b, NULL, 0), 0);
	assert_int_equal(kv_buf_resize(&b, 0), 0);
	assert_int_equal(kv_buf_write_at(&b, NULL, 0, 5), 0);
	assert_int_equal(b.size, 0);
	kv_buf_release(&b);
	kv_buf_release(&b);
}

static void
max_is_reached_and_not_passed(void **state)
{
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 5);
	assert_int_equal(kv_buf_puts(&b, "abc"), 0);
	assert_int_equal(kv_buf_puts(&b, "def"), -EFBIG);
	assert_int_equal(kv_buf_printf(&b, "%d", 123), -EFBIG);
	assert_int_equal(kv_buf_put_encoded(&b, "/"), -EFBIG);
	assert_int_equal(kv_buf_write_at(&b, "xyz", 3, 3), -EFBIG);
	assert_int_equal(kv_buf_write_at(&b, "x", 1, 5), -EFBIG);
	assert_int_equal(kv_buf_resize(&b, 6), -EFBIG);
	assert_int_equal(kv_buf_reserve(&b, 6), -EFBIG);
	assert_holds(&b, "abc", 3);
	assert_int_equal(kv_buf_puts(&b, "de"), 0);
	assert_holds(&b, "abcde", 5);
	kv_buf_release(&b);

	kv_buf_init(&b, 0);
	assert_int_equal(kv_buf_puts(&b, "x"), -EFBIG);
	assert_int_equal(kv_buf_puts(&b, ""), 0);
	kv_buf_release(&b);
}

static void
sizes_do_not_wrap(void **state)
{
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 100);
	assert_int_equal(kv_buf_puts(&b, "abc"), 0);
	assert_int_equal(kv_buf_append(&b, "", SIZE_MAX), -EFBIG);
	assert_int_equal(kv_buf_append(&b, "", SIZE_MAX - 2), -EFBIG);
	assert_int_equal(kv_buf_write_at(&b, "x", 1, SIZE_MAX), -EFBIG);
	assert_int_equal(kv_buf_write_at(&b, "", SIZE_MAX, 1), -EFBIG);
	assert_int_equal(kv_buf_write_at(&b, "", SIZE_MAX, SIZE_MAX), -EFBIG);
	assert_int_equal(kv_buf_reserve(&b, SIZE_MAX), -EFBIG);
	assert_holds(&b, "abc", 3);
	kv_buf_release(&b);

	kv_buf_init(&b, SIZE_MAX);
	assert_int_equal(kv_buf_puts(&b, "abc"), 0);
	assert_int_equal(kv_buf_reserve(&b, SIZE_MAX), -EFBIG);
	assert_holds(&b, "abc", 3);
	kv_buf_release(&b);
}

static void
content_survives_growth(void **state)
{
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 100000);
	for (int i = 0; i < 100000; i++) {
		const char c = (char)('a' + i % 26);

		assert_int_equal(kv_buf_append(&b, &c, 1), 0);
	}
	assert_sound(&b);
	assert_int_equal(kv_buf_append(&b, "x", 1), -EFBIG);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	kv_buf_release(&b);
}

static void
growth_is_by_doubling(void **state)
{
	struct kv_buf b;
	size_t size = 0;
	int grown = 0;

	(void)state;
	kv_buf_init(&b, (size_t)64 << 20);
	while (b.len < (size_t)4 << 20) {
		assert_int_equal(kv_buf_append(&b, "0123456789abcdef", 16), 0);
		grown += b.size != size;
		size = b.size;
	}
	assert_true(grown < 30);
	kv_buf_release(&b);
}

static void
printf_appends(void **state)
{
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 300);
	assert_int_equal(kv_buf_printf(&b, "%s", ""), 0);
	assert_int_equal(kv_buf_printf(&b, "%s=%d", "a", 1), 0);
	assert_int_equal(kv_buf_printf(&b, ";%0200d", 7), 0);
	assert_sound(&b);
	assert_int_equal(b.len, 3 + 1 + 200);
	assert_memory_equal(b.data, "a=1;0000", 8);
	assert_int_equal(b.data[203], '7');
	kv_buf_release(&b);
}

/* Of each length into each room that is left: what does not fit in the room makes the buffer grow. */
static void
printf_appends_whatever_room_is_left(void **state)
{
	static char spaces[300];

	(void)state;
	memset(spaces, ' ', sizeof(spaces) - 1);
	for (int before = 0; before < 140; before++)
		for (int n = 1; n < 140; n++) {
			struct kv_buf b;

			kv_buf_init(&b, 300);
			assert_int_equal(kv_buf_append(&b, spaces, (size_t)before), 0);
			assert_int_equal(kv_buf_printf(&b, "%0*d", n, 7), 0);
			assert_sound(&b);
			assert_int_equal(b.len, before + n);
			assert_memory_equal(b.data, spaces, before);
			assert_int_equal(strspn((char *)b.data + before, "0"), n - 1);
			assert_int_equal(b.data[b.len - 1], '7');
			kv_buf_release(&b);
		}
}

static void
all_but_unreserved_characters_are_encoded(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "AZaz09-._~", "AZaz09-._~" },
		{ "a b", "a%20b" },
		{ "a/b?c=d&e+f%", "a%2Fb%3Fc%3Dd%26e%2Bf%25" },
		{ "\x01\x7f\xff\xc3\xa4", "%01%7F%FF%C3%A4" },
	};
	struct kv_buf b;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_init(&b, 100);
		assert_int_equal(kv_buf_puts(&b, "="), 0);
		assert_int_equal(kv_buf_put_encoded(&b, rows[i].in), 0);
		assert_sound(&b);
		assert_string_equal(kv_buf_str(&b) + 1, rows[i].out);
		kv_buf_release(&b);
	}
}

static void
a_gap_is_filled_with_zeros(void **state)
{
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 20);
	assert_int_equal(kv_buf_write_at(&b, "end", 3, 5), 0);
	assert_holds(&b, "\0\0\0\0\0end", 8);
	assert_int_equal(kv_buf_write_at(&b, "in", 2, 1), 0);
	assert_holds(&b, "\0in\0\0end", 8);
	assert_int_equal(kv_buf_write_at(&b, "DER", 3, 7), 0);
	assert_holds(&b, "\0in\0\0enDER", 10);
	/* what was cut does not come back */
	assert_int_equal(kv_buf_resize(&b, 2), 0);
	assert_int_equal(kv_buf_resize(&b, 6), 0);
	assert_holds(&b, "\0i\0\0\0\0", 6);
	kv_buf_release(&b);
	/* nor what a caller wrote beyond len */
	kv_buf_init(&b, 20);
	assert_int_equal(kv_buf_reserve(&b, 10), 0);
	memset(b.data, 'x', 11);
	b.data[0] = '\0';
	assert_int_equal(kv_buf_resize(&b, 10), 0);
	assert_holds(&b, "\0\0\0\0\0\0\0\0\0\0", 10);
	kv_buf_release(&b);
}

static void
taken_memory_is_the_callers(void **state)
{
	struct kv_buf b;
	unsigned char *data;
	size_t len;

	(void)state;
	kv_buf_init(&b, 20);
	assert_int_equal(kv_buf_puts(&b, "abc"), 0);
	data = kv_buf_take(&b, &len);
	assert_int_equal(len, 3);
	assert_string_equal((char *)data, "abc");
	assert_holds(&b, "", 0);
	assert_int_equal(kv_buf_puts(&b, "def"), 0);
	assert_string_equal((char *)data, "abc");
	kv_buf_free_taken(data, len);
	kv_buf_release(&b);
	/* an empty one too */
	data = kv_buf_take(&b, &len);
	assert_non_null(data);
	assert_int_equal(len, 0);
	assert_int_equal(data[0], 0);
	kv_buf_free_taken(data, len);
	kv_buf_free_taken(NULL, 0);
	kv_buf_free_string(NULL);
}

static void
a_sentence_that_does_not_fit_is_cut(void **state)
{
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 10);
	kv_buf_say(&b, "%s", "");
	kv_buf_say(&b, "hello %s", "you");
	assert_holds(&b, "hello you", 9);
	kv_buf_say(&b, ", %d", 5);
	assert_holds(&b, "hello you,", 10);
	kv_buf_say(&b, "more");
	assert_holds(&b, "hello you,", 10);
	kv_buf_release(&b);
	kv_buf_say(NULL, "nobody listens");
}

static void
no_memory_goes_back_unwiped(void **state)
{
	static const char secret[] = "s3cret-in-a-buffer";
	struct kv_buf b;
	unsigned char *data;
	char *copy, *volatile unread;
	size_t len;

	(void)state;
	fake_alloc_watch(secret);
	kv_buf_init(&b, 10000);
	assert_int_equal(kv_buf_puts(&b, secret), 0);
	assert_int_equal(kv_buf_resize(&b, 5000), 0); /* grows: the first piece goes back */
	kv_buf_clear(&b);
	assert_null(memmem(b.data, b.size, secret, 5));
	assert_int_equal(kv_buf_puts(&b, secret), 0);
	assert_int_equal(kv_buf_resize(&b, 1), 0);
	assert_null(memmem(b.data + 1, b.size - 1, secret + 1, 5));
	assert_int_equal(kv_buf_puts(&b, secret), 0);
	kv_buf_release(&b);
	assert_int_equal(kv_buf_puts(&b, secret), 0);
	data = kv_buf_take(&b, &len);
	kv_buf_free_taken(data, len);
	copy = strdup(secret);
	kv_buf_free_string(copy);
	assert_int_equal(fake_alloc_unwiped(), 0);
	/* and the watch itself works (volatile: a compiler may leave out a copy that nobody reads) */
	unread = strdup(secret);
	free(unread);
	assert_int_equal(fake_alloc_unwiped(), 1);
	fake_alloc_watch(NULL);
}

static int
use_all(struct kv_buf *b)
{
	int err = kv_buf_puts(b, "a");

	if (err == 0)
		err = kv_buf_printf(b, "%0100d", 1);
	if (err == 0)
		err = kv_buf_put_encoded(
		    b, "////////////////////////////////////////////////////////////////////////");
	if (err == 0)
		err = kv_buf_write_at(b, "x", 1, 1000);
	if (err == 0)
		err = kv_buf_resize(b, 3000);
	if (err == 0)
		err = kv_buf_reserve(b, 9000);
	assert_sound(b);
	kv_buf_release(b);
	return err;
}

static int
take_empty(struct kv_buf *b)
{
	size_t len;
	unsigned char *data = kv_buf_take(b, &len);

	assert_sound(b);
	kv_buf_free_taken(data, len);
	return data != NULL ? 0 : -ENOMEM;
}

static void
each_allocation_that_fails_is_enomem(void **state)
{
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 10000);
	EACH_ALLOCATION_FAILS(use_all(&b));
	EACH_ALLOCATION_FAILS(take_empty(&b));
	fake_alloc_fail_at(1);
	kv_buf_say(&b, "a sentence");
	assert_true(fake_alloc_has_failed());
	assert_holds(&b, "", 0);
	fake_alloc_fail_at(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_buffer_is_the_empty_string),
		cmocka_unit_test(max_is_reached_and_not_passed),
		cmocka_unit_test(sizes_do_not_wrap),
		cmocka_unit_test(content_survives_growth),
		cmocka_unit_test(growth_is_by_doubling),
		cmocka_unit_test(printf_appends),
		cmocka_unit_test(printf_appends_whatever_room_is_left),
		cmocka_unit_test(all_but_unreserved_characters_are_encoded),
		cmocka_unit_test(a_gap_is_filled_with_zeros),
		cmocka_unit_test(taken_memory_is_the_callers),
		cmocka_unit_test(a_sentence_that_does_not_fit_is_cut),
		cmocka_unit_test(no_memory_goes_back_unwiped),
		cmocka_unit_test(each_allocation_that_fails_is_enomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
