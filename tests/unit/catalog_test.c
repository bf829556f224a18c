#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/catalog.h"
#include "client/base/clock.h"
#include "client/vault/item.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"

#define OLD INT64_C(1600000000)
#define NOW INT64_C(1700000000)

static struct kv_catalog *catalog;
static char changed_names[200]; /* " a b", in order */

static void
changed(void *arg, struct kv_object *object)
{
	const size_t len = strlen(changed_names);

	assert_ptr_equal(arg, &catalog);
	assert_int_equal(object->size, -1);
	snprintf(changed_names + len, sizeof(changed_names) - len, " %s", object->name);
}

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, NOW);
	changed_names[0] = '\0';
	catalog = kv_catalog_new(KV_SECRETS, NULL, changed, &catalog);
	return catalog != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_catalog_check(catalog);
	kv_catalog_free(catalog);
	return 0;
}

static struct kv_item
item_of(const char *name, int64_t wall_updated)
{
	struct kv_item item = { .is_enabled = true, .wall_updated = wall_updated };

	snprintf(item.name, sizeof(item.name), "%s", name);
	memset(item.fingerprint, (int)(wall_updated % 251), sizeof(item.fingerprint));
	return item;
}

/* NULL: that listing had it already. */
static struct kv_object *
list(const char *name, int64_t wall_updated, uint64_t serial)
{
	const struct kv_item item = item_of(name, wall_updated);
	struct kv_object *object;

	assert_int_equal(kv_catalog_list(catalog, &item, serial, kv_clock_wall_s(), &object), 0);
	kv_catalog_check(catalog);
	return object;
}

static struct kv_object *
add(const char *name, int64_t wall_updated)
{
	const struct kv_item item = item_of(name, wall_updated);
	struct kv_object *object;

	assert_int_equal(kv_catalog_add(catalog, &item, &object), 0);
	kv_catalog_check(catalog);
	return object;
}

static char kept[100];

static int
keep(void *arg, struct kv_object *object)
{
	const size_t len = strlen(kept);

	assert_null(arg);
	snprintf(kept + len, sizeof(kept) - len, " %s", object->name);
	return 0;
}

static void
an_object_is_found_in_any_case_and_is_one_for_all_listings(void **state)
{
	struct kv_object *object = list("Db", OLD, 1);

	(void)state;
	assert_non_null(object);
	assert_ptr_equal(kv_catalog_find(catalog, "dB"), object);
	assert_true(kv_catalog_has_key(catalog, "DB"));
	assert_null(kv_catalog_find(catalog, "D"));
	assert_null(list("Db", OLD, 1));
	assert_ptr_equal(list("Db", OLD, 2), object);
	assert_int_equal(kv_catalog_count(catalog), 1);
}

/* A Managed HSM sends no Date, and the two clocks may differ by minutes. */
static void
without_a_date_a_recent_item_is_believed_for_one_listing(void **state)
{
	static const struct {
		int64_t wall_updated;
		bool is_trusted;
	} rows[] = { { NOW - 301, true }, { NOW - 300, false }, { NOW, false }, { NOW + 250, false },
		{ NOW + 4000, false }, { 0, true } };
	struct kv_object *object;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		char name[] = { (char)('a' + i), '\0' };
		const struct kv_item item = item_of(name, rows[i].wall_updated);

		assert_int_equal(kv_catalog_list(catalog, &item, 1, 0, &object), 0);
		assert_row(object->has_fingerprint == rows[i].is_trusted, i, name);
	}
}

static void
a_changed_item_makes_an_object_unknown(void **state)
{
	struct kv_object *object = list("a", OLD, 1);

	(void)state;
	object->size = 10;
	changed_names[0] = '\0';
	list("a", OLD, 2);
	assert_string_equal(changed_names, "");
	assert_int_equal(object->size, 10);
	list("a", OLD + 1, 3);
	assert_string_equal(changed_names, " a");
	assert_int_equal(object->wall_updated, OLD + 1);
	list("A", OLD + 1, 4);
	assert_string_equal(changed_names, " a A");
	assert_string_equal(object->name, "A");
}

static void
a_young_item_is_no_fingerprint(void **state)
{
	struct kv_object *object = list("a", NOW - 2, 1);

	(void)state;
	assert_false(object->has_fingerprint);
	fake_clock_advance(1000);
	list("a", NOW - 2, 2);
	assert_true(object->has_fingerprint);
}

static void
what_was_added_is_the_same_when_it_is_listed(void **state)
{
	struct kv_object *object = add("new", OLD);

	(void)state;
	object->size = 10;
	object->wall_fetched = OLD + 3;
	changed_names[0] = '\0';
	list("new", OLD, 1);
	assert_string_equal(changed_names, "");
	add("new", OLD + 1);
	assert_string_equal(changed_names, " new");
}

static void
what_was_added_and_fetched_in_the_second_of_its_update_may_be_another_when_it_is_listed(void **state)
{
	struct kv_object *object = add("new", OLD);

	(void)state;
	object->size = 10;
	object->wall_fetched = OLD;
	changed_names[0] = '\0';
	list("new", OLD, 1);
	assert_string_equal(changed_names, " new");
}

static void
a_sweep_removes_what_was_not_listed_but_for_what_was_added_since(void **state)
{
	struct kv_object *gone = kv_object_ref(list("gone", OLD, 1));
	int64_t mono_started;

	(void)state;
	list("stays", OLD, 1);
	add("before", OLD);
	fake_clock_advance(10);
	mono_started = kv_clock_mono_ms();
	list("stays", OLD, 2);
	add("added", OLD);
	kept[0] = changed_names[0] = '\0';
	assert_int_equal(kv_catalog_sweep(catalog, 2, mono_started, keep, NULL), 0);
	assert_string_equal(kept, " added");
	assert_string_equal(changed_names, " before gone");
	assert_true(gone->is_gone);
	assert_int_equal(gone->refs, 1);
	assert_int_equal(kv_catalog_count(catalog), 2);
	kv_object_unref(gone);
}

static void
count(void *arg, struct kv_object *object)
{
	(void)object;
	++*(int *)arg;
}

static void
an_object_that_is_removed_is_not_there_and_removed_once(void **state)
{
	struct kv_object *object = kv_object_ref(list("a", OLD, 1));
	int n = 0;

	(void)state;
	list("b", OLD, 1);
	for (int i = 0; i < 2; i++) {
		kv_catalog_remove(catalog, object);
		kv_catalog_check(catalog);
		assert_null(kv_catalog_find(catalog, "a"));
	}
	kv_catalog_each(catalog, count, &n);
	assert_int_equal(n, 1);
	kv_object_unref(object);
}

static void
without_memory_nothing_changes(void **state)
{
	const struct kv_item item = item_of("b", OLD);
	struct kv_object *object;

	(void)state;
	list("a", OLD, 1);
	fake_alloc_fail_at(1);
	assert_int_equal(kv_catalog_list(catalog, &item, 2, NOW, &object), -ENOMEM);
	assert_null(object);
	fake_alloc_fail_at(1);
	assert_int_equal(kv_catalog_add(catalog, &item, &object), -ENOMEM);
	assert_null(object);
	fake_alloc_fail_at(0);
	kv_catalog_check(catalog);
	assert_int_equal(kv_catalog_count(catalog), 1);
	fake_alloc_fail_at(1);
	assert_int_equal(kv_catalog_sweep(catalog, 2, 0, keep, NULL), -ENOMEM);
	fake_alloc_fail_at(0);
	assert_int_equal(kv_catalog_count(catalog), 1);
}

/* ---- siblings ---- */

#define MAX_AGE 1000

static struct kv_object *
sibling(struct kv_object *object, enum kv_kind kind)
{
	struct kv_object *s = kv_catalog_sibling(catalog, object, kind, MAX_AGE);

	assert_non_null(s);
	kv_catalog_check(catalog);
	return s;
}

/* As if its content had been fetched now. */
static void
fetch(struct kv_object *object)
{
	object->size = 100;
	object->wall_fetched = kv_clock_wall_s();
}

static void
a_sibling_is_one_and_has_the_times_of_its_object(void **state)
{
	struct kv_object *object = list("Db", OLD, 1), *json = sibling(object, KV_KIND_JSON);

	(void)state;
	assert_string_equal(json->name, "Db.json");
	assert_string_equal(json->key, "DB.JSON");
	assert_string_equal(sibling(object, KV_KIND_PEM)->name, "Db.pem");
	assert_ptr_equal(sibling(object, KV_KIND_JSON), json);
	assert_ptr_equal(json->of, object);
	assert_int_not_equal(json->ino, object->ino);
	list("DB", OLD + 5, 2);
	assert_string_equal(json->name, "DB.json");
	assert_int_equal(json->wall_updated, OLD + 5);
	assert_null(kv_catalog_find(catalog, "Db.json"));
	assert_int_equal(kv_catalog_count(catalog), 1);
}

static void
a_change_of_the_object_makes_its_siblings_unknown(void **state)
{
	struct kv_object *object = list("a", OLD, 1), *json = sibling(object, KV_KIND_JSON);

	(void)state;
	fetch(json);
	changed_names[0] = '\0';
	list("a", OLD, 2);
	assert_int_equal(json->size, 100);
	list("a", OLD + 1, 3);
	assert_int_equal(json->size, -1);
	assert_string_equal(changed_names, " a a.json");
	fetch(json);
	add("a", OLD + 2);
	assert_int_equal(json->size, -1);
	kv_catalog_invalidate(catalog, object);
	kv_catalog_check(catalog);
}

static void
what_the_list_does_not_show_is_unknown_after_a_while(void **state)
{
	struct kv_object *object = list("a", OLD, 1), *json = sibling(object, KV_KIND_JSON);

	(void)state;
	fetch(json);
	fake_clock_set(1000000, NOW + MAX_AGE);
	assert_int_equal(sibling(object, KV_KIND_JSON)->size, 100);
	fake_clock_set(1000000, NOW + MAX_AGE + 1);
	assert_int_equal(sibling(object, KV_KIND_JSON)->size, -1);
}

static void
a_sibling_is_gone_with_its_object_and_lives_as_long_as_it_is_held(void **state)
{
	struct kv_object *object = kv_object_ref(list("a", OLD, 1)), *json = sibling(object, KV_KIND_JSON);

	(void)state;
	kv_object_ref(json);
	changed_names[0] = '\0';
	kv_catalog_remove(catalog, object);
	assert_string_equal(changed_names, " a a.json");
	assert_true(json->is_gone);
	assert_null(object->beside);
	assert_null(kv_catalog_sibling(catalog, object, KV_KIND_JSON, MAX_AGE));
	kv_object_unref(object);
	assert_string_equal(json->of->name, "a");
	kv_object_unref(json);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_object_is_found_in_any_case_and_is_one_for_all_listings),
		TEST(a_changed_item_makes_an_object_unknown),
		TEST(without_a_date_a_recent_item_is_believed_for_one_listing),
		TEST(a_young_item_is_no_fingerprint),
		TEST(what_was_added_is_the_same_when_it_is_listed),
		TEST(what_was_added_and_fetched_in_the_second_of_its_update_may_be_another_when_it_is_listed),
		TEST(a_sweep_removes_what_was_not_listed_but_for_what_was_added_since),
		TEST(an_object_that_is_removed_is_not_there_and_removed_once),
		TEST(without_memory_nothing_changes),
		TEST(a_sibling_is_one_and_has_the_times_of_its_object),
		TEST(a_change_of_the_object_makes_its_siblings_unknown),
		TEST(what_the_list_does_not_show_is_unknown_after_a_while),
		TEST(a_sibling_is_gone_with_its_object_and_lives_as_long_as_it_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
