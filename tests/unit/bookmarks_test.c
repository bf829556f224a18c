#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cache/index/bookmark_rows.h"
#include "cache/list/bookmarks.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/index_dir.h"
#include "tests/unit/made_token.h"

static int
add(struct kv_bookmarks *b, const char *key)
{
	const char *token = made_token(key, false);

	return kv_bookmarks_add(b, token, strlen(token));
}

static void
bookmarks_ascend_and_are_at_most_64(void **state)
{
	struct kv_bookmarks b = { .type = KV_SECRETS };
	char key[10];

	(void)state;
	assert_int_equal(add(&b, "B"), 0);
	assert_int_equal(add(&b, "B"), -EINVAL);
	assert_int_equal(add(&b, "A"), -EINVAL);
	assert_int_equal(kv_bookmarks_add(&b, "token", 5), -EINVAL);
	assert_int_equal(b.n, 1);
	for (int i = 1; i <= KV_BOOKMARKS; i++) {
		snprintf(key, sizeof(key), "C%03d", i);
		assert_int_equal(add(&b, key), i < KV_BOOKMARKS ? 0 : -EINVAL);
	}
	kv_bookmarks_check(&b);
	kv_bookmarks_clear(&b);
	assert_int_equal(b.n, 0);
}

static void
the_next_mount_has_them(void **state)
{
	struct kv_index index = index_dir_open();
	struct kv_bookmarks b, keys;

	(void)state;
	kv_bookmarks_open(&b, KV_SECRETS, index.bookmarks);
	assert_int_equal(b.n, 0);
	assert_int_equal(add(&b, "A"), 0);
	assert_int_equal(add(&b, "B-2"), 0);
	kv_bookmarks_save(&b);
	kv_bookmarks_clear(&b);
	kv_index_close(&index);
	index = index_dir_open();
	kv_bookmarks_open(&b, KV_SECRETS, index.bookmarks);
	assert_int_equal(b.n, 2);
	assert_string_equal(b.marks[1].key, "B-2");
	kv_bookmarks_open(&keys, KV_KEYS, index.bookmarks);
	assert_int_equal(keys.n, 0);
	kv_bookmarks_clear(&b);
	kv_index_close(&index);
}

static void
those_that_are_given_up_are_gone_for_good(void **state)
{
	struct kv_index index = index_dir_open();
	struct kv_bookmarks b;

	(void)state;
	kv_bookmarks_open(&b, KV_SECRETS, index.bookmarks);
	assert_int_equal(add(&b, "A"), 0);
	kv_bookmarks_save(&b);
	kv_bookmarks_give_up(&b);
	kv_bookmarks_give_up(&b);
	assert_true(b.is_given_up && b.n == 0);
	kv_bookmarks_open(&b, KV_SECRETS, index.bookmarks);
	assert_int_equal(b.n, 0);
	kv_index_close(&index);
}

/* One that is not where the others say may be anything: all are left out. */
static void
damaged_ones_are_none(void **state)
{
	static const char *const rows[] = { "", "\n", "x", "BA", "AA", "A\nx" };
	struct kv_index index = index_dir_open();
	struct kv_bookmarks b;
	char text[3000];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		text[0] = '\0';
		for (const char *c = rows[i]; *c != '\0'; c++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			    *c == 'A' || *c == 'B' ? made_token((char[2]){ *c, '\0' }, false) :
						     (char[2]){ *c, '\0' },
			    *c == 'A' || *c == 'B' ? "\n" : "");
		kv_bookmark_rows_keep(index.bookmarks, KV_SECRETS, text);
		kv_bookmarks_open(&b, KV_SECRETS, index.bookmarks);
		assert_row(b.n == 0, i, rows[i]);
	}
	kv_index_close(&index);
}

static void
without_an_index_nothing_is_kept(void **state)
{
	struct kv_bookmarks b;

	(void)state;
	kv_bookmarks_open(&b, KV_SECRETS, NULL);
	assert_int_equal(add(&b, "A"), 0);
	kv_bookmarks_save(&b);
	kv_bookmarks_give_up(&b);
	kv_bookmarks_open(&b, KV_SECRETS, NULL);
	assert_int_equal(b.n, 0);
}

static void
no_allocation_that_fails_leaves_some_of_them(void **state)
{
	struct kv_index index = index_dir_open();
	struct kv_bookmarks b;
	bool has_failed = true;

	(void)state;
	kv_bookmarks_open(&b, KV_SECRETS, index.bookmarks);
	assert_int_equal(add(&b, "A"), 0);
	assert_int_equal(add(&b, "B"), 0);
	kv_bookmarks_save(&b);
	kv_bookmarks_clear(&b);
	for (int n = 1; has_failed; n++) {
		fake_alloc_fail_at(n);
		kv_bookmarks_open(&b, KV_SECRETS, index.bookmarks);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		assert_true(b.n == 2 || (has_failed && b.n == 0));
		kv_bookmarks_clear(&b);
	}
	kv_index_close(&index);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, index_dir_set_up, index_dir_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(bookmarks_ascend_and_are_at_most_64),
		TEST(the_next_mount_has_them),
		TEST(those_that_are_given_up_are_gone_for_good),
		TEST(damaged_ones_are_none),
		TEST(without_an_index_nothing_is_kept),
		TEST(no_allocation_that_fails_leaves_some_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
