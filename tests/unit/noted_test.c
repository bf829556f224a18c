#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "cache/list/noted.h"
#include "tests/unit/made_token.h"

static const char *
token_of(int page)
{
	char key[20];

	snprintf(key, sizeof(key), "N%06d", page);
	return made_token(key, false);
}

static void
add(struct kv_noted *noted, int page)
{
	const char *token = token_of(page);

	kv_noted_add(noted, token, strlen(token), page);
}

static void
of_many_pages_some_are_noted_evenly(void **state)
{
	static const struct {
		int n_pages, stride, n;
	} rows[] = { { 0, 1, 0 }, { 3, 1, 3 }, { 128, 1, 128 }, { 129, 2, 64 }, { 260, 4, 65 },
		{ 1129, 16, 70 }, { 10000, 128, 78 } };
	struct kv_noted noted;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_noted_init(&noted);
		for (int page = 1; page <= rows[i].n_pages; page++)
			add(&noted, page);
		assert_row(noted.n == rows[i].n && noted.stride == rows[i].stride, i, "how many");
		for (int k = 0; k < noted.n; k++) {
			assert_row(noted.pages[k] == (k + 1) * noted.stride, i, "which");
			assert_row(strcmp(noted.tokens[k], token_of(noted.pages[k])) == 0, i, "whose token");
		}
		kv_noted_release(&noted);
	}
}

/* The bookmarks of one part with so many pages. */
static int
n_marked(int n_pages)
{
	const int step = (n_pages + KV_BOOKMARKS - 1) / KV_BOOKMARKS;
	struct kv_noted_pages pages = { .step = step, .due = step };
	struct kv_bookmarks b = { .type = KV_SECRETS };
	struct kv_noted noted;
	int n;

	kv_noted_init(&noted);
	for (int page = 1; page < n_pages; page++)
		add(&noted, page);
	for (int k = 0; k < noted.n; k++)
		assert_int_equal(kv_noted_mark(&pages, noted.tokens[k], noted.pages[k], &b), 0);
	n = b.n;
	kv_bookmarks_clear(&b);
	kv_noted_release(&noted);
	return n;
}

static void
a_long_list_leaves_nearly_64_bookmarks_whatever_its_length(void **state)
{
	(void)state;
	for (int n_pages = 130; n_pages < 3000; n_pages += 61)
		assert_in_range(n_marked(n_pages), 40, KV_BOOKMARKS);
	assert_in_range(n_marked(1129), 60, KV_BOOKMARKS);
	assert_int_equal(n_marked(20), 19);
}

static void
bookmarks_are_a_step_apart_across_parts_and_ascend(void **state)
{
	struct kv_noted_pages pages = { .step = 10, .due = 10 };
	struct kv_bookmarks b = { .type = KV_SECRETS };

	(void)state;
	for (int page = 1; page <= 25; page++)
		assert_int_equal(kv_noted_mark(&pages, token_of(page), page, &b), 0);
	pages.base = 25;
	assert_int_equal(kv_noted_mark(&pages, token_of(20), 0, &b), 0); /* not due */
	assert_int_equal(kv_noted_mark(&pages, token_of(5), 6, &b), 0);	 /* due, and below the last one */
	assert_int_equal(kv_noted_mark(&pages, token_of(32), 7, &b), 0);
	assert_int_equal(b.n, 3);
	assert_string_equal(b.marks[0].key, "N000010");
	assert_string_equal(b.marks[1].key, "N000020");
	assert_string_equal(b.marks[2].key, "N000032");
	kv_bookmarks_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_many_pages_some_are_noted_evenly),
		cmocka_unit_test(a_long_list_leaves_nearly_64_bookmarks_whatever_its_length),
		cmocka_unit_test(bookmarks_are_a_step_apart_across_parts_and_ascend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
