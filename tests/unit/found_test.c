#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "fs/deleted/found.h"

static struct kv_item
item_of(int64_t wall_created, int64_t wall_updated, const char *version)
{
	struct kv_item item = { .name = "a", .wall_created = wall_created, .wall_updated = wall_updated };

	snprintf(item.version, sizeof(item.version), "%s", version);
	return item;
}

/* The deleted object: created at 100, updated at 200, version v2. */
static void
what_a_get_shows_is_it_or_the_versions_decide(void **state)
{
	static const struct {
		int64_t wall_created, wall_updated;
		const char *version;
		enum kv_found found;
	} rows[] = {
		{ 100, 200, "v2", KV_FOUND_IT },
		{ 100, 200, "V2", KV_FOUND_IT },
		{ 100, 200, "", KV_FOUND_IT },
		{ 100, 0, "v2", KV_FOUND_IT },
		{ 100, 250, "v2", KV_FOUND_IT }, /* its attributes were changed since */
		{ 100, 150, "v2", KV_FOUND_UNCLEAR },
		{ 100, 200, "v1", KV_FOUND_UNCLEAR },
		{ 300, 300, "v3", KV_FOUND_UNCLEAR },
	};
	const struct kv_item was = item_of(100, 200, "v2"), nothing = item_of(0, 0, "");

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_item item =
		    item_of(rows[i].wall_created, rows[i].wall_updated, rows[i].version);

		assert_row(kv_found_item(&was, &item) == rows[i].found, i, rows[i].version);
		assert_row(kv_found_item(&nothing, &item) == KV_FOUND_IT, i, "nothing is known");
	}
}

static void
the_versions_show_another_object_and_an_older_state(void **state)
{
	static const struct {
		int64_t wall_oldest, wall_updated;
		const char *newest;
		enum kv_found found;
	} rows[] = {
		{ 50, 200, "v2", KV_FOUND_IT },
		{ 50, 300, "v2", KV_FOUND_IT },
		{ 50, 300, "v3", KV_FOUND_UNCLEAR },
		{ 300, 300, "v3", KV_FOUND_OTHER },
		{ 50, 150, "v1", KV_FOUND_OLDER },
		{ 50, 150, "v2", KV_FOUND_OLDER },
		{ 50, 0, "v2", KV_FOUND_IT },
	};
	const struct kv_item was = item_of(100, 200, "v2");

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_versions versions = { .n = 1,
			.newest = item_of(100, rows[i].wall_updated, rows[i].newest),
			.wall_oldest = rows[i].wall_oldest,
			.wall_updated = rows[i].wall_updated };

		assert_row(kv_found_versions(&was, &versions) == rows[i].found, i, rows[i].newest);
	}
}

static void
the_version_of_the_deleted_object_decides(void **state)
{
	const struct kv_item was = item_of(100, 200, "v2");
	struct kv_versions versions = { .n = 2, .has_version = true, .wall_version_updated = 200 };

	(void)state;
	assert_int_equal(kv_found_version(&was, &versions), KV_FOUND_IT);
	versions.wall_version_updated = 150;
	assert_int_equal(kv_found_version(&was, &versions), KV_FOUND_OLDER);
	versions = (struct kv_versions){ .n = 1 };
	assert_int_equal(kv_found_version(&was, &versions), KV_FOUND_OLDER);
}

static void
the_answer_to_the_recovery_tells_the_version(void **state)
{
	const struct kv_item answered = item_of(120, 180, "v2"), bare = item_of(0, 0, "");
	struct kv_item was = item_of(0, 0, "");

	(void)state;
	kv_found_note_recovered(&was, &answered);
	assert_int_equal(was.wall_created, 120);
	assert_int_equal(was.wall_updated, 180);
	assert_string_equal(was.version, "v2");
	kv_found_note_recovered(&was, &bare);
	assert_int_equal(was.wall_created, 120);
	assert_string_equal(was.version, "v2");
}

static void
both_reasons_have_a_sentence(void **state)
{
	(void)state;
	assert_non_null(strstr(kv_found_explain(KV_FOUND_OTHER), "another object"));
	assert_non_null(strstr(kv_found_explain(KV_FOUND_OLDER), "older state"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_get_shows_is_it_or_the_versions_decide),
		cmocka_unit_test(the_versions_show_another_object_and_an_older_state),
		cmocka_unit_test(the_version_of_the_deleted_object_decides),
		cmocka_unit_test(the_answer_to_the_recovery_tells_the_version),
		cmocka_unit_test(both_reasons_have_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
