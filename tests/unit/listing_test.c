#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/listing.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/rig.h"

#define TTL_MS 60000
#define OLD    1600000000

static struct kv_listing *listing;
static int marker;

/* ---- the vault: a list of pages, each after a while; ms -1: it never comes ---- */

struct scripted {
	const char *names; /* "managed…" are managed */
	int64_t ms;
	int err;
	long status;
};

static struct scripted script[8];
static size_t n_script;
static bool goes_round; /* the last page names the first one as the next */
static size_t n_listed; /* requests */
static const char *touched;
static int64_t wall_touched; /* when the item touched was updated; the others long ago */

static struct kv_page *
make_page(size_t i)
{
	char next[2] = "";
	struct kv_page *page;

	if (i + 1 < n_script || goes_round)
		next[0] = (char)('0' + (i + 1) % n_script);
	page = fake_vault_page(script[i].names, OLD, next);
	if (page == NULL || (next[0] != '\0') != (page->next_link != NULL))
		return page; /* no memory: the caller sees it */
	for (size_t k = 0; k < page->n; k++) {
		struct kv_item *item = &page->items[k];

		item->is_managed = strncmp(item->name, "managed", 7) == 0;
		if (touched != NULL && strcmp(item->name, touched) == 0) {
			item->wall_updated = wall_touched;
			memset(item->fingerprint, (int)(wall_touched % 251), sizeof(item->fingerprint));
		}
	}
	return page;
}

static int64_t
list(const struct kv_call *call, struct kv_reply *reply)
{
	const size_t i = call->next_link != NULL ? (size_t)(call->next_link[0] - '0') : 0;

	n_listed++;
	assert_int_equal(call->op, KV_OP_LIST);
	assert_int_equal(call->type, KV_SECRETS);
	assert_true(i < n_script);
	reply->err = script[i].err;
	reply->status = script[i].status != 0 ? script[i].status : 200;
	reply->wall_date = kv_clock_wall_s();
	if (reply->err != 0)
		return script[i].ms;
	reply->page = make_page(i);
	if (reply->page == NULL || ((i + 1 < n_script || goes_round) && reply->page->next_link == NULL))
		reply->err = -ENOMEM;
	return script[i].ms;
}

#define PAGE(names, ms)         \
	{                       \
		names, ms, 0, 0 \
	}
#define SCRIPT(...)                                                      \
	do {                                                             \
		const struct scripted rows_[] = { __VA_ARGS__ };         \
		_Static_assert(sizeof(rows_) <= sizeof(script), "room"); \
		memcpy(script, rows_, sizeof(rows_));                    \
		n_script = N_OF(rows_);                                  \
	} while (0)

/* ---- what is told ---- */

static char changed_names[1000]; /* " a b", in order */

static void
changed(void *arg, struct kv_object *object)
{
	const size_t len = strlen(changed_names);

	assert_ptr_equal(arg, &marker);
	assert_int_equal(object->size, -1);
	snprintf(changed_names + len, sizeof(changed_names) - len, " %s", object->name);
}

static char progress[100]; /* a character for each time: + a page, c complete, f failed */

static void
progressed(void *arg, enum kv_type type, enum kv_snapshot_state state)
{
	const size_t len = strlen(progress);

	assert_ptr_equal(arg, &marker);
	assert_int_equal(type, KV_SECRETS);
	if (len + 1 < sizeof(progress))
		progress[len] = state == KV_LOADING ? '+' : state == KV_COMPLETE ? 'c' : 'f';
}

static struct told {
	int n, err;
	long status; /* of the reply, -1: none was given */
} told;

static void
tell(void *arg, int err, const struct kv_reply *reply)
{
	struct told *t = arg;

	t->n++;
	t->err = err;
	t->status = reply != NULL ? reply->status : -1;
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(list, 200, 8);
	listing = rig.listings[KV_SECRETS] =
	    kv_listing_new(rig.throttle, NULL, KV_SECRETS, TTL_MS, changed, &marker);
	assert_non_null(listing);
	kv_listing_on_progress(listing, progressed, &marker);
	memset(progress, 0, sizeof(progress));
	goes_round = false;
	touched = NULL;
	changed_names[0] = '\0';
	told = (struct told){ 0 };
	SCRIPT(PAGE("a b c", 10));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_end();
	return 0;
}

static int
n_lists(void)
{
	return fake_vault_calls(rig.vault, KV_OP_LIST);
}

static struct kv_snapshot *
open_it(void)
{
	struct kv_snapshot *g;

	assert_int_equal(kv_listing_open(listing, &g), 0);
	return g;
}

/* What opening it answers, and that it is being used. */
static int
open_err(void)
{
	struct kv_snapshot *g;
	const int err = kv_listing_open(listing, &g);

	kv_snapshot_unref(g);
	return err;
}

static int
find_err(const char *name)
{
	struct kv_object *object;

	return kv_listing_find(listing, name, &object);
}

static struct kv_object *
find(const char *name)
{
	struct kv_object *object;

	assert_int_equal(kv_listing_find(listing, name, &object), 0);
	return object;
}

/* A complete listing, as the script says. */
static void
load(void)
{
	struct kv_snapshot_wait *wait;

	assert_int_equal(kv_listing_begin(listing, tell, &told, &wait), 0);
	fake_loop_run(rig.loop, 100);
	assert_true(kv_listing_is_serving(listing));
}

/* Let the listing get old enough, use it and let the next one come in. */
static void
refresh(void)
{
	const int before = n_lists();

	fake_loop_run(rig.loop, TTL_MS - 10000);
	assert_int_equal(open_err(), 0);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(n_lists(), before + (int)n_script);
}

/* "a b c" of a snapshot as far as it goes; *err as kv_snapshot_at() has it at the end. */
static const char *
names_of(struct kv_snapshot *g, int *err)
{
	static char names[1000];
	struct kv_object *object;
	size_t len = 0;

	names[0] = '\0';
	for (size_t i = 0; (object = kv_snapshot_at(g, i, err)) != NULL; i++)
		if (!object->is_gone)
			len += (size_t)snprintf(
			    names + len, sizeof(names) - len, "%s%s", len > 0 ? " " : "", object->name);
	return names;
}

static const char *
names_now(void)
{
	struct kv_snapshot *g = open_it();
	int err;
	const char *names = names_of(g, &err);

	assert_int_equal(err, 0);
	kv_snapshot_unref(g);
	return names;
}

/* ---- a listing comes in ---- */

static void
pages_are_there_as_they_come_and_empty_ones_are_pages_too(void **state)
{
	struct kv_snapshot *g;
	struct kv_snapshot_wait *wait;
	int err;

	(void)state;
	SCRIPT(PAGE("", 100), PAGE("", 100), PAGE("a b", 100), PAGE("", 100), PAGE("c", 100));
	g = open_it();
	assert_null(kv_snapshot_at(g, 0, &err));
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(kv_snapshot_wait_for(g, 0, tell, &told, &wait), 0);
	fake_loop_run(rig.loop, 250);
	assert_int_equal(told.n, 0);
	fake_loop_run(rig.loop, 100);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, 0);
	assert_string_equal(names_of(g, &err), "a b");
	assert_int_equal(err, -EAGAIN);
	assert_false(kv_snapshot_is_complete(g));
	assert_string_equal(progress, "+++");
	assert_in_range(kv_listing_valid_ms(listing), TTL_MS - 400, TTL_MS - 300);
	assert_int_equal(kv_snapshot_wait_for(g, 2, tell, &told, &wait), 0);
	fake_loop_run(rig.loop, 300);
	assert_int_equal(told.n, 2);
	assert_string_equal(progress, "++++c");
	assert_true(kv_snapshot_is_complete(g));
	assert_string_equal(names_of(g, &err), "a b c");
	assert_int_equal(err, 0);
	assert_int_equal(kv_listing_count(listing), 3);
	kv_snapshot_unref(g);
}

static void
an_empty_vault_has_a_complete_listing(void **state)
{
	(void)state;
	SCRIPT(PAGE("", 10), PAGE("", 10));
	load();
	assert_string_equal(names_now(), "");
	assert_int_equal(find_err("a"), -EAGAIN);
	assert_int_equal(kv_listing_failure(listing), 0);
}

static void
a_name_is_found_while_the_rest_comes_in(void **state)
{
	struct kv_snapshot_wait *wait, *other;
	struct told last = { 0 };

	(void)state;
	SCRIPT(PAGE("a", 100), PAGE("b", 100), PAGE("c", 100));
	assert_int_equal(find_err("B"), -EAGAIN);
	assert_int_equal(kv_listing_wait_for(listing, "B", tell, &told, &wait), 0);
	assert_int_equal(kv_listing_wait_for(listing, "x", tell, &last, &other), 0);
	fake_loop_run(rig.loop, 150);
	assert_int_equal(find_err("b"), -EAGAIN);
	assert_int_equal(told.n, 0);
	fake_loop_run(rig.loop, 100);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, 0);
	assert_int_equal(find_err("b"), 0);
	assert_int_equal(last.n, 0);
	fake_loop_run(rig.loop, 100);
	assert_int_equal(last.n, 1);
	assert_int_equal(last.err, 0);
	assert_int_equal(find_err("x"), -EAGAIN);
	assert_int_equal(n_lists(), 3);
}

static void
the_first_page_or_its_failure_is_told_for_the_start(void **state)
{
	static const struct {
		struct scripted first;
		int err;
		long status;
	} rows[] = {
		{ { "a", 10, 0, 0 }, 0, -1 },
		{ { "", 10, 0, 0 }, 0, -1 },
		{ { "", 10, -EACCES, 403 }, -EACCES, 403 },
		{ { "", 10, -ENOENT, 404 }, -EBADMSG, 404 },
	};
	struct kv_snapshot_wait *wait;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		SCRIPT(rows[i].first, PAGE("z", -1));
		assert_int_equal(kv_listing_begin(listing, tell, &told, &wait), 0);
		assert_row(told.n == 0, i, "told at once");
		fake_loop_run(rig.loop, 100);
		assert_row(
		    told.n == 1 && told.err == rows[i].err && told.status == rows[i].status, i, "told");
	}
}

static void
the_list_is_never_said_not_to_be_there(void **state)
{
	struct kv_snapshot *g;
	int err;

	(void)state;
	SCRIPT({ "", 10, -ENOENT, 404 });
	g = open_it();
	fake_loop_run(rig.loop, 100);
	assert_null(kv_snapshot_at(g, 0, &err));
	assert_int_equal(err, -EBADMSG);
	assert_int_equal(kv_listing_failure(listing), -EBADMSG);
	kv_snapshot_unref(g);
}

static void
add_name(void *arg, struct kv_object *object)
{
	char *all = arg;

	snprintf(all + strlen(all), 200 - strlen(all), " %s", object->name);
}

static void
managed_ones_are_counted_and_not_shown(void **state)
{
	char all[200] = "";

	(void)state;
	assert_int_equal(kv_listing_age_ms(listing), -1);
	SCRIPT(PAGE("a managed1 b", 10), PAGE("managed2", 10));
	load();
	assert_string_equal(names_now(), "a b");
	assert_int_equal(kv_listing_count(listing), 2);
	assert_int_equal(kv_listing_count_hidden(listing), 2);
	assert_int_equal(find_err("managed1"), -ENOENT);
	kv_catalog_each(kv_listing_catalog(listing), add_name, all);
	assert_string_equal(all, " a b managed1 managed2");
	fake_clock_advance(500);
	assert_in_range(kv_listing_age_ms(listing), 500, 1500);
	refresh();
	assert_int_equal(kv_listing_count_hidden(listing), 2);
}

static void
another_spelling_is_not_there(void **state)
{
	(void)state;
	SCRIPT(PAGE("Db-Main", 10));
	load();
	assert_int_equal(find_err("Db-Main"), 0);
	assert_int_equal(find_err("db-main"), -ENOENT);
	assert_int_equal(find_err("DB-MAIN"), -ENOENT);
}

static void
what_is_there_twice_is_shown_once(void **state)
{
	(void)state;
	SCRIPT(PAGE("a b", 10), PAGE("b c", 10), PAGE("a", 10));
	load();
	assert_string_equal(names_now(), "a b c");
	assert_int_equal(kv_listing_count(listing), 3);
}

static void
a_list_that_goes_round_in_circles_ends(void **state)
{
	struct kv_snapshot_wait *wait;

	(void)state;
	goes_round = true;
	for (size_t n = 1; n <= 3; n++) {
		for (size_t empty = 0; empty < 2; empty++) {
			n_script = n;
			for (size_t i = 0; i < n; i++)
				script[i] = (struct scripted){ empty ? "" : "a b c", 10, 0, 0 };
			told = (struct told){ 0 };
			n_listed = 0;
			assert_int_equal(kv_listing_begin(listing, tell, &told, &wait), 0);
			assert_int_equal(kv_listing_wait_for(listing, "x", tell, &told, &wait), 0);
			fake_loop_run(rig.loop, 300000);
			assert_row(told.n == 2 && told.err == -EBADMSG, n, empty ? "empty" : "with names");
			assert_true(n_listed <= 3 * n + 1);
			assert_string_not_equal(caught_line("op=list object=secrets errno=EBADMSG"), "");
			caught_clear();
		}
	}
}

/* ---- failures ---- */

static struct kv_snapshot *
fail_after_names_were_handed_out(void)
{
	struct kv_snapshot_wait *wait;
	struct kv_snapshot *g;
	int err;

	SCRIPT(PAGE("a b", 100), { "c", 100, -EACCES, 403 });
	told = (struct told){ 0 };
	g = open_it();
	assert_int_equal(kv_snapshot_wait_for(g, 0, tell, &told, &wait), 0);
	fake_loop_run(rig.loop, 150);
	assert_string_equal(names_of(g, &err), "a b");
	kv_snapshot_hand_out(g);
	assert_int_equal(kv_snapshot_wait_for(g, 2, tell, &told, &wait), 0);
	fake_loop_run(rig.loop, 100);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.err, -EACCES);
	assert_int_equal(told.status, 403);
	return g;
}

static void
a_failure_after_names_were_handed_out_fails_everything_for_10_s(void **state)
{
	struct kv_snapshot *g = fail_after_names_were_handed_out();
	int err;

	(void)state;
	assert_null(kv_snapshot_at(g, 0, &err));
	assert_int_equal(err, -EACCES);
	kv_snapshot_unref(g);
	assert_string_equal(progress, "+f");
	SCRIPT(PAGE("a b", 10), PAGE("c", 10));
	for (int s = 0; s < 9; s++) {
		assert_row(open_err() == -EACCES, (size_t)s, "open");
		assert_row(find_err("a") == -EACCES, (size_t)s, "a name that was handed out");
		assert_row(find_err("x") == -EACCES, (size_t)s, "a name that nobody knows");
		assert_row(kv_listing_failure(listing) == -EACCES, (size_t)s, "failure");
		assert_row(kv_listing_valid_ms(listing) == 0, (size_t)s, "valid");
		fake_loop_run(rig.loop, 1000);
	}
	fake_loop_run(rig.loop, 2000);
	assert_string_equal(names_now(), "a b c");
	assert_int_equal(find_err("a"), 0);
	assert_int_equal(kv_listing_failure(listing), 0);
	assert_true(kv_listing_valid_ms(listing) > 0);
}

/* Whoever looks for name waits, and is told err. */
static void
find_after_waiting(const char *name, int err)
{
	struct kv_snapshot_wait *wait;

	told = (struct told){ 0 };
	assert_int_equal(find_err(name), -EAGAIN);
	assert_false(kv_listing_is_serving(listing));
	assert_int_equal(kv_listing_wait_for(listing, name, tell, &told, &wait), 0);
	fake_loop_run(rig.loop, 150);
	assert_int_equal(told.n, 0); /* its page is in, but not the last one */
	fake_loop_run(rig.loop, 150);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, err);
}

static void
and_then_whoever_asks_waits_for_a_complete_listing(void **state)
{
	struct kv_snapshot *g;

	(void)state;
	kv_snapshot_unref(fail_after_names_were_handed_out());
	fake_loop_run(rig.loop, 100000); /* nobody asks until the next night's job */
	find_after_waiting("a", -EACCES);
	for (int s = 0; s < 60; s++) {
		(void)find_err("a");
		fake_loop_run(rig.loop, 1000);
	}
	assert_in_range(n_lists(), 20, 70); /* it is tried again, but not at every call */
	fake_loop_run(rig.loop, 5000);
	SCRIPT(PAGE("a b", 100), PAGE("c", 100));
	find_after_waiting("a", 0);
	assert_int_equal(find_err("a"), 0);
	assert_string_equal(names_now(), "a b c");

	/* a reader of names has them as they come */
	fake_loop_run(rig.loop, 2 * TTL_MS);
	kv_snapshot_unref(fail_after_names_were_handed_out());
	fake_loop_run(rig.loop, 10000);
	SCRIPT(PAGE("a b", 100), PAGE("c", 100));
	g = open_it();
	fake_loop_run(rig.loop, 150);
	assert_int_equal(kv_listing_valid_ms(listing), 0);
	assert_int_equal(find_err("a"), -EAGAIN);
	fake_loop_run(rig.loop, 100);
	assert_true(kv_snapshot_is_complete(g));
	kv_snapshot_unref(g);
	assert_int_equal(find_err("a"), 0);
	assert_int_equal(find_err("c"), 0);
}

static void
a_refresh_that_fails_after_names_were_handed_out_fails_everything_too(void **state)
{
	struct kv_snapshot *g;

	(void)state;
	load();
	fake_loop_run(rig.loop, 2 * TTL_MS); /* it serves no longer: the next one is read while it comes */
	kv_snapshot_unref(fail_after_names_were_handed_out());
	assert_string_equal(progress, "c+f");
	assert_int_equal(open_err(), -EACCES);
	assert_int_equal(find_err("a"), -EACCES);
	SCRIPT(PAGE("a", 10));
	fake_loop_run(rig.loop, 9000);
	assert_int_equal(open_err(), -EACCES); /* that one begins it */
	fake_loop_run(rig.loop, 100);
	assert_int_equal(open_err(), -EACCES);
	fake_loop_run(rig.loop, 1000);
	g = open_it();
	assert_true(kv_snapshot_is_complete(g));
	kv_snapshot_unref(g);
}

static void
a_failure_before_names_were_handed_out_is_its_readers_only(void **state)
{
	struct kv_snapshot *g;
	struct kv_snapshot_wait *wait;
	int err;

	(void)state;
	SCRIPT(PAGE("", 10), { "", 10, -EACCES, 403 });
	g = open_it();
	assert_int_equal(kv_snapshot_wait_for(g, 0, tell, &told, &wait), 0);
	fake_loop_run(rig.loop, 100);
	assert_int_equal(told.err, -EACCES);
	assert_null(kv_snapshot_at(g, 0, &err));
	assert_int_equal(err, -EACCES);
	kv_snapshot_unref(g);
	assert_int_equal(kv_listing_failure(listing), -EACCES); /* no name can be said not to be there */
	SCRIPT(PAGE("a", 10));
	g = open_it();
	fake_loop_run(rig.loop, 100);
	assert_true(kv_snapshot_is_complete(g));
	kv_snapshot_unref(g);
	assert_int_equal(kv_listing_failure(listing), 0);
	assert_int_equal(find_err("a"), 0);
}

static void
a_refresh_that_fails_leaves_the_last_one_serving(void **state)
{
	int before;

	(void)state;
	load();
	SCRIPT({ "", 10, -EACCES, 403 });
	fake_loop_run(rig.loop, 50000);
	before = n_lists();
	for (int ms = 50000; ms < 2 * TTL_MS - 1000; ms += 1000) {
		assert_row(open_err() == 0 && find_err("a") == 0, (size_t)ms, "serving");
		fake_loop_run(rig.loop, 1000);
	}
	assert_in_range(n_lists() - before, 20, 36); /* every 2 s, not at every call */
	assert_string_equal(progress, "c");
	fake_loop_run(rig.loop, 2000);
	assert_int_equal(find_err("a"), -EAGAIN);
}

/* ---- how long it serves ---- */

static void
an_unused_listing_is_not_renewed(void **state)
{
	(void)state;
	load();
	fake_loop_run(rig.loop, 100 * TTL_MS);
	assert_int_equal(n_lists(), 1);
}

static void
a_used_listing_is_renewed_from_80_percent_on_and_serves_until_twice_its_time(void **state)
{
	struct kv_snapshot *g;

	(void)state;
	load();
	SCRIPT(PAGE("a b d", -1));
	assert_in_range(kv_listing_valid_ms(listing), TTL_MS - 200, TTL_MS);
	fake_loop_run(rig.loop, TTL_MS * 79 / 100 - 100);
	assert_string_equal(names_now(), "a b c");
	fake_loop_run(rig.loop, 10);
	assert_int_equal(n_lists(), 1);
	fake_loop_run(rig.loop, TTL_MS / 50);
	assert_string_equal(names_now(), "a b c");
	fake_loop_run(rig.loop, 10);
	assert_int_equal(n_lists(), 2);
	fake_loop_run(rig.loop, TTL_MS);
	assert_string_equal(names_now(), "a b c");
	assert_int_equal(find_err("c"), 0);
	assert_int_equal(kv_listing_valid_ms(listing), 0);
	fake_loop_run(rig.loop, TTL_MS / 4);
	assert_int_equal(find_err("c"), -EAGAIN);
	assert_false(kv_listing_is_serving(listing));
	g = open_it();
	assert_false(kv_snapshot_is_complete(g));
	kv_snapshot_unref(g);
	assert_int_equal(n_lists(), 2);
}

static void
a_reader_keeps_the_generation_that_it_opened(void **state)
{
	struct kv_snapshot *g;
	int err;

	(void)state;
	load();
	g = open_it();
	SCRIPT(PAGE("c d", 10));
	refresh();
	assert_string_equal(names_now(), "c d");
	assert_string_equal(names_of(g, &err), "c"); /* a and b are gone */
	assert_string_equal(kv_snapshot_at(g, 0, &err)->name, "a");
	assert_string_equal(kv_snapshot_at(g, 2, &err)->name, "c");
	kv_snapshot_unref(g);
}

static void
a_listing_that_takes_long_is_fresh_longer(void **state)
{
	(void)state;
	SCRIPT(PAGE("a", 10000), PAGE("b", 10000));
	assert_int_equal(open_err(), 0);
	fake_loop_run(rig.loop, 20100);
	assert_in_range(
	    kv_listing_valid_ms(listing), 175000, 181000); /* ten times 20 s, counted from its start */
	fake_loop_run(rig.loop, 130000);
	assert_string_equal(names_now(), "a b");
	assert_int_equal(n_lists(), 2);
	fake_loop_run(rig.loop, 20000);
	assert_string_equal(names_now(), "a b");
	fake_loop_run(rig.loop, 100);
	assert_int_equal(n_lists(), 3);
}

/* ---- what changes ---- */

static void
the_same_object_keeps_its_struct_and_what_is_known_of_it(void **state)
{
	struct kv_object *a;

	(void)state;
	load();
	changed_names[0] = '\0';
	a = find("a");
	a->size = 100;
	refresh();
	refresh();
	assert_ptr_equal(find("a"), a);
	assert_int_equal(a->size, 100);
	assert_string_equal(changed_names, "");
}

static void
an_object_whose_item_changed_is_told_and_its_size_unknown(void **state)
{
	struct kv_object *a, *b;

	(void)state;
	load();
	a = find("a");
	b = find("b");
	a->size = b->size = 100;
	changed_names[0] = '\0';
	touched = "b";
	wall_touched = OLD + 1000;
	refresh();
	assert_string_equal(changed_names, " b");
	assert_ptr_equal(find("b"), b);
	assert_int_equal(b->size, -1);
	assert_int_equal(b->wall_updated, OLD + 1000);
	assert_int_equal(a->size, 100);
	assert_int_equal(a->wall_updated, OLD);
}

static void
an_object_that_is_spelt_anew_is_told(void **state)
{
	struct kv_object *b;

	(void)state;
	load();
	b = find("b");
	changed_names[0] = '\0';
	SCRIPT(PAGE("a B c", 10));
	refresh();
	assert_string_equal(changed_names, " B");
	assert_ptr_equal(find("B"), b);
	assert_int_equal(find_err("b"), -ENOENT);
	assert_string_equal(names_now(), "a B c");
}

static void
an_object_that_is_gone_is_told_and_not_there(void **state)
{
	struct kv_object *b;

	(void)state;
	load();
	b = kv_object_ref(find("b"));
	b->size = 100;
	changed_names[0] = '\0';
	SCRIPT(PAGE("a c", 10));
	refresh();
	assert_string_equal(changed_names, " b");
	assert_true(b->is_gone);
	assert_int_equal(find_err("b"), -EAGAIN);
	assert_string_equal(names_now(), "a c");
	SCRIPT(PAGE("a b c", 10));
	refresh();
	assert_ptr_not_equal(find("b"), b); /* another object of the same name */
	assert_int_equal(find("b")->ino, b->ino);
	kv_object_unref(b);
}

static void
an_object_that_was_said_to_be_gone_is_not_there(void **state)
{
	struct kv_object *b;

	(void)state;
	load();
	b = kv_object_ref(find("b"));
	changed_names[0] = '\0';
	kv_listing_remove(listing, b);
	kv_listing_remove(listing, b);
	assert_string_equal(changed_names, " b");
	assert_int_equal(find_err("b"), -EAGAIN);
	assert_string_equal(names_now(), "a c");
	kv_object_unref(b);
}

/* updated has whole seconds: an item of the last 2 s may look the same after one more change. */
static void
a_fingerprint_of_the_last_2_s_is_not_trusted_beyond_the_next_listing(void **state)
{
	static const struct {
		int64_t age_s; /* of the item in the first listing */
		const char *changed;
	} rows[] = { { 0, " b" }, { 1, " b" }, { 2, " b" }, { 3, "" }, { 100, "" } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		touched = "b";
		wall_touched = kv_clock_wall_s() - rows[i].age_s;
		load();
		changed_names[0] = '\0';
		find("b")->size = 100;
		refresh();
		assert_row(strcmp(changed_names, rows[i].changed) == 0, i, changed_names);
		changed_names[0] = '\0';
		refresh();
		assert_row(changed_names[0] == '\0', i, "the second listing is trusted");
	}
}

/* ---- objects from elsewhere ---- */

static struct kv_object *
add(const char *name, int64_t wall_updated)
{
	struct kv_item item = { .is_enabled = true, .wall_updated = wall_updated };
	struct kv_object *object;

	snprintf(item.name, sizeof(item.name), "%s", name);
	assert_int_equal(kv_listing_add(listing, &item, &object), 0);
	return object;
}

static void
an_added_object_is_there_at_once(void **state)
{
	struct kv_object *d;

	(void)state;
	load();
	d = add("d", OLD);
	assert_ptr_equal(find("d"), d);
	assert_string_equal(names_now(), "a b c d");
	assert_int_equal(d->wall_updated, OLD);
	changed_names[0] = '\0';
	d->size = 100;
	d->wall_fetched = OLD + 3;
	SCRIPT(PAGE("a b c d", 10));
	refresh();
	assert_ptr_equal(find("d"), d);
	assert_int_equal(d->size, 100);
	assert_string_equal(changed_names, "");
	assert_string_equal(names_now(), "a b c d");
}

static void
an_object_that_is_added_during_a_refresh_survives_it_and_goes_with_the_next(void **state)
{
	(void)state;
	load();
	SCRIPT(PAGE("a b", 1000), PAGE("c", 1000));
	fake_loop_run(rig.loop, 50000);
	assert_int_equal(open_err(), 0);
	fake_loop_run(rig.loop, 1500);
	add("aa", OLD);
	assert_int_equal(find_err("aa"), 0);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(n_lists(), 3);
	assert_int_equal(find_err("aa"), 0);
	assert_string_equal(names_now(), "a b c aa");
	SCRIPT(PAGE("a b c", 10));
	changed_names[0] = '\0';
	refresh();
	assert_int_equal(find_err("aa"), -EAGAIN);
	assert_string_equal(changed_names, " aa");
	assert_string_equal(names_now(), "a b c");
}

/* A Managed HSM's lists may be six minutes behind. */
static void
an_added_object_stays_as_long_as_lists_may_be_behind(void **state)
{
	(void)state;
	kv_listing_set_lag(listing, 360000);
	load();
	add("aa", OLD);
	for (int i = 0; i < 6; i++) {
		refresh();
		assert_int_equal(find_err("aa"), 0);
		assert_string_equal(names_now(), "a b c aa");
	}
	refresh();
	refresh();
	assert_int_equal(find_err("aa"), -EAGAIN);
}

static void
without_lists_a_name_is_an_object_for_its_time_to_live(void **state)
{
	struct kv_object *first, *again;

	(void)state;
	fake_vault_forbid_lists(rig.vault);
	assert_int_equal(open_err(), -EACCES);
	assert_int_equal(kv_listing_mention(listing, "a", &first), 0);
	assert_string_equal(first->name, "a");
	assert_true(first->size == -1 && first->wall_updated == kv_clock_wall_s());
	first->size = 100;
	fake_loop_run(rig.loop, TTL_MS - 1);
	assert_int_equal(kv_listing_mention(listing, "a", &again), 0);
	assert_ptr_equal(again, first);
	assert_int_equal(again->size, 100);
	fake_loop_run(rig.loop, 1);
	changed_names[0] = '\0';
	assert_int_equal(kv_listing_mention(listing, "a", &again), 0);
	assert_ptr_equal(again, first);
	assert_string_equal(changed_names, " a");
	assert_int_equal(again->size, -1);
	assert_int_equal(kv_listing_mention(listing, "ab", &again), 0);
	assert_ptr_not_equal(again, first);
	assert_int_equal(n_lists(), 0);
}

static void
an_object_that_is_added_before_any_listing_is_complete_is_found(void **state)
{
	struct kv_snapshot_wait *wait;

	(void)state;
	SCRIPT(PAGE("a", 100), PAGE("b", 100));
	assert_int_equal(find_err("d"), -EAGAIN);
	assert_int_equal(kv_listing_wait_for(listing, "e", tell, &told, &wait), 0);
	fake_loop_run(rig.loop, 50);
	add("d", OLD);
	assert_int_equal(find_err("d"), 0);
	fake_loop_run(rig.loop, 200);
	assert_int_equal(find_err("d"), 0);
	assert_string_equal(names_now(), "a b d");
	assert_int_equal(told.n, 1);
}

static void
an_object_that_is_restored_over_a_managed_one_is_shown(void **state)
{
	(void)state;
	SCRIPT(PAGE("a managed1", 10));
	load();
	assert_int_equal(find_err("managed1"), -ENOENT);
	add("managed1", OLD);
	assert_int_equal(find_err("managed1"), 0);
	assert_string_equal(names_now(), "a managed1");
}

/* ---- waits and memory ---- */

static void
a_wait_that_is_cancelled_is_never_told(void **state)
{
	struct kv_snapshot_wait *waits[3];
	struct told other = { 0 };
	struct kv_snapshot *g;

	(void)state;
	SCRIPT(PAGE("a", 100), PAGE("b", 100));
	g = open_it();
	assert_int_equal(kv_snapshot_wait_for(g, 0, tell, &told, &waits[0]), 0);
	assert_int_equal(kv_listing_wait_for(listing, "a", tell, &other, &waits[1]), 0);
	assert_int_equal(kv_listing_begin(listing, tell, &told, &waits[2]), 0);
	kv_snapshot_cancel(waits[0]);
	kv_snapshot_cancel(waits[2]);
	kv_snapshot_cancel(NULL);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(told.n, 0);
	assert_int_equal(other.n, 1);
	assert_true(kv_snapshot_is_complete(g)); /* it goes on */
	kv_snapshot_unref(g);
}

static void
a_first_page_that_nobody_waits_for_any_more_is_requested_anew(void **state)
{
	struct kv_snapshot_wait *wait, *other;

	(void)state;
	SCRIPT(PAGE("a", -1));
	told = (struct told){ 0 };
	assert_int_equal(kv_listing_begin(listing, tell, &told, &wait), 0);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(kv_listing_begin(listing, tell, &told, &other), 0);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(n_lists(), 1); /* it is waited for */
	kv_snapshot_cancel(wait);
	kv_snapshot_cancel(other);
	SCRIPT(PAGE("a", 10));
	assert_int_equal(kv_listing_begin(listing, tell, &told, &wait), 0);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(n_lists(), 2);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, 0);
	assert_true(kv_listing_is_serving(listing));
}

static void
a_listing_can_be_freed_while_it_is_waited_for(void **state)
{
	struct kv_snapshot_wait *wait;

	(void)state;
	SCRIPT(PAGE("a", 100), PAGE("b", 100));
	assert_int_equal(kv_listing_begin(listing, tell, &told, &wait), 0);
	assert_int_equal(kv_listing_wait_for(listing, "b", tell, &told, &wait), 0);
	fake_loop_run(rig.loop, 50);
	kv_listing_free(listing);
	listing = rig.listings[KV_SECRETS] = NULL;
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(told.n, 0);
}

/* A life with everything in it, in which the n-th allocation fails. Whether there was one. */
static bool
live(int n)
{
	bool has_failed;
	const struct kv_item item = { .name = "d", .wall_updated = OLD };
	struct kv_snapshot_wait *wait;
	struct kv_snapshot *g = NULL;
	struct kv_object *object;
	int err, end;

	fake_alloc_fail_at(n);
	listing = rig.listings[KV_SECRETS] =
	    kv_listing_new(rig.throttle, NULL, KV_SECRETS, TTL_MS, changed, &marker);
	for (int round = 0; listing != NULL && round < 3; round++) {
		err = kv_listing_open(listing, &g);
		assert_true(err == 0 || err == -ENOMEM);
		if (err == 0 && !kv_snapshot_is_complete(g))
			err = kv_snapshot_wait_for(g, 0, tell, &told, &wait);
		assert_true(err == 0 || err == -ENOMEM);
		fake_loop_run(rig.loop, 100);
		if (g != NULL && kv_snapshot_is_complete(g) && round == 0)
			assert_string_equal(names_of(g, &end), "a b c");
		kv_snapshot_unref(g);
		err = kv_listing_find(listing, "a", &object);
		assert_true(err == 0 || err == -ENOMEM || err == -EAGAIN);
		err = kv_listing_add(listing, &item, &object);
		assert_true(err == 0 || err == -ENOMEM);
		fake_loop_run(rig.loop, 50000);
	}
	has_failed = fake_alloc_has_failed();
	fake_alloc_fail_at(0);
	if (listing == NULL)
		return has_failed;
	(void)open_err();
	fake_loop_run(rig.loop, 12000);
	assert_string_equal(names_now(), "a b c"); /* whatever has failed: after that all is well */
	return has_failed;
}

static void
no_allocation_that_fails_does_harm(void **state)
{
	bool has_failed = true;
	int n = 0;

	(void)state;
	while (has_failed) {
		tear_down(state);
		set_up(state);
		kv_listing_free(listing);
		listing = rig.listings[KV_SECRETS] = NULL;
		SCRIPT(PAGE("a b", 10), PAGE("c", 10));
		has_failed = live(++n);
	}
	assert_in_range(n, 15, 1000);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(pages_are_there_as_they_come_and_empty_ones_are_pages_too),
		TEST(an_empty_vault_has_a_complete_listing),
		TEST(a_name_is_found_while_the_rest_comes_in),
		TEST(the_first_page_or_its_failure_is_told_for_the_start),
		TEST(the_list_is_never_said_not_to_be_there),
		TEST(managed_ones_are_counted_and_not_shown),
		TEST(another_spelling_is_not_there),
		TEST(what_is_there_twice_is_shown_once),
		TEST(a_list_that_goes_round_in_circles_ends),
		TEST(a_failure_after_names_were_handed_out_fails_everything_for_10_s),
		TEST(and_then_whoever_asks_waits_for_a_complete_listing),
		TEST(a_refresh_that_fails_after_names_were_handed_out_fails_everything_too),
		TEST(a_failure_before_names_were_handed_out_is_its_readers_only),
		TEST(a_refresh_that_fails_leaves_the_last_one_serving),
		TEST(an_unused_listing_is_not_renewed),
		TEST(a_used_listing_is_renewed_from_80_percent_on_and_serves_until_twice_its_time),
		TEST(a_reader_keeps_the_generation_that_it_opened),
		TEST(a_listing_that_takes_long_is_fresh_longer),
		TEST(the_same_object_keeps_its_struct_and_what_is_known_of_it),
		TEST(an_object_whose_item_changed_is_told_and_its_size_unknown),
		TEST(an_object_that_is_spelt_anew_is_told),
		TEST(an_object_that_is_gone_is_told_and_not_there),
		TEST(an_object_that_was_said_to_be_gone_is_not_there),
		TEST(a_fingerprint_of_the_last_2_s_is_not_trusted_beyond_the_next_listing),
		TEST(an_added_object_is_there_at_once),
		TEST(an_object_that_is_added_during_a_refresh_survives_it_and_goes_with_the_next),
		TEST(an_added_object_stays_as_long_as_lists_may_be_behind),
		TEST(without_lists_a_name_is_an_object_for_its_time_to_live),
		TEST(an_object_that_is_added_before_any_listing_is_complete_is_found),
		TEST(an_object_that_is_restored_over_a_managed_one_is_shown),
		TEST(a_wait_that_is_cancelled_is_never_told),
		TEST(a_first_page_that_nobody_waits_for_any_more_is_requested_anew),
		TEST(a_listing_can_be_freed_while_it_is_waited_for),
		TEST(no_allocation_that_fails_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
