/*
 * Readings of simulated servers, which change meanwhile: none may miss what a serial reading has.
 *
 * PARTS_SEEDS in the environment: how many random lives of a server are tried.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/bookmarks.h"
#include "cache/list/parts.h"
#include "cache/object_array.h"
#include "cache/pace/throttle.h"
#include "client/base/buf.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/made_token.h"
#include "tests/unit/rig.h"

#define NAMES	  60
#define SNAPSHOTS 40

/* ---- chance ---- */

static uint64_t chance_state;

static unsigned int
draw(unsigned int n)
{
	chance_state = chance_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned int)(chance_state >> 33) % n;
}

/* ---- the server ---- */

/* How a server pages. The first two are as Key Vault's tokens look; the others' do not. */
enum paging {
	BY_NAME,
	BY_SPELLING, /* case counts: out of order for us */
	BY_INSERTION_WITH_NAMES,
	BY_NAME_REFUSING, /* refuses links of earlier readings */
	BY_OFFSET,
	BY_INSERTION,
	BY_SNAPSHOT,
	PAGINGS
};

static struct row {
	char name[KV_NAME_MAX + 1];
	bool is_there, was_there_always, was_there; /* now; in all of this reading; at any time of it */
	int inserted;
	bool was_issued; /* a token that names it, in this reading */
	struct kv_object *object;
	int n_taken, n_shown;
} rows[NAMES];

static struct {
	enum paging paging;
	int page, n_inserted, n_changed, n_deleted, n_respelt, n_moved, n_snapshots;
	bool has_empty_pages, has_spoilt_tokens;
	int cut; /* a row: a page that begins with it is the last one, and empty; -1: none */
	int snapshots[SNAPSHOTS][NAMES + 1]; /* rows, in order; -1 at the end */
} server;

static int
compare_rows(const void *a, const void *b)
{
	const struct row *x = &rows[*(const int *)a], *y = &rows[*(const int *)b];

	if (server.paging == BY_SPELLING)
		return strcmp(x->name, y->name);
	if (server.paging == BY_INSERTION || server.paging == BY_INSERTION_WITH_NAMES)
		return x->inserted - y->inserted;
	return strcmp(x->object->key, y->object->key);
}

/* The rows in the server's order; how many. */
static int
order(int list[NAMES + 1])
{
	int n = 0;

	for (int i = 0; i < NAMES; i++)
		if (rows[i].is_there)
			list[n++] = i;
	qsort(list, (size_t)n, sizeof(*list), compare_rows);
	list[n] = -1;
	return n;
}

static bool
has_names_in_tokens(void)
{
	return server.paging <= BY_NAME_REFUSING;
}

static int
row_called(const char *key)
{
	for (int i = 0; i < NAMES; i++)
		if (strcmp(rows[i].object->key, key) == 0)
			return i;
	return -1;
}

struct position {
	int snapshot, at; /* at: index in the list */
	bool was_empty;
};

/* Where a link leads to in list. -1: the status with which it is refused. */
static long
locate(const char *link, const int *list, struct position *p)
{
	static const long refusals[] = { 400, 404, 410 };
	char text[1200];
	int row;

	*p = (struct position){ 0 };
	if (link == NULL)
		return 200;
	snprintf(text, sizeof(text), "%s", strstr(link, "$skiptoken=") + 11);
	if (!has_names_in_tokens()) {
		p->snapshot = (int)strtol(text + 1, NULL, 10);
		p->at = (int)strtol(strchr(text, '-') + 1, NULL, 10);
		return server.paging == BY_SNAPSHOT && p->snapshot < server.n_snapshots - SNAPSHOTS ? 410 :
												      200;
	}
	row = row_called(made_token_key(text, &p->was_empty));
	assert_true(row >= 0);
	if (server.paging == BY_NAME_REFUSING && !rows[row].was_issued)
		return refusals[draw(3)];
	if (server.paging == BY_INSERTION_WITH_NAMES) {
		while (list[p->at] >= 0 && list[p->at] != row)
			p->at++;
		return list[p->at] >= 0 ? 200 : refusals[draw(3)];
	}
	while (list[p->at] >= 0 && compare_rows(&list[p->at], &row) < 0)
		p->at++;
	return 200;
}

static char *
link_to(const int *list, const struct position *p, bool is_empty)
{
	struct kv_buf link;
	char *copy;

	kv_buf_init(&link, 2000);
	assert_int_equal(
	    kv_buf_puts(&link, "https://v.vault.azure.net:443/secrets?api-version=7.4&$skiptoken="), 0);
	if (has_names_in_tokens()) {
		assert_int_equal(kv_buf_puts(&link, made_token(rows[list[p->at]].object->key, is_empty)), 0);
		rows[list[p->at]].was_issued = true;
	} else {
		const int at = server.paging == BY_INSERTION ? rows[list[p->at]].inserted : p->at;

		assert_int_equal(kv_buf_printf(&link, "t%d-%d", p->snapshot, at), 0);
	}
	copy = strdup(kv_buf_str(&link));
	kv_buf_release(&link);
	return copy;
}

static int
take_snapshot(const int *list)
{
	memcpy(server.snapshots[server.n_snapshots % SNAPSHOTS], list, sizeof(server.snapshots[0]));
	return server.n_snapshots++;
}

static int64_t
answer_page(const struct kv_call *call, struct kv_reply *reply)
{
	int now[NAMES + 1], *list = now;
	struct position p;
	char names[2000] = "";
	size_t len = 0;
	bool is_empty, is_cut;

	(void)order(now);
	reply->status = locate(call->next_link, now, &p);
	if (reply->status != 200) {
		reply->err = reply->status == 404 ? -ENOENT : -EINVAL;
		return 1 + draw(100);
	}
	if (server.paging == BY_SNAPSHOT) {
		if (call->next_link == NULL)
			p.snapshot = take_snapshot(now);
		list = server.snapshots[p.snapshot % SNAPSHOTS];
	} else if (server.paging == BY_INSERTION) {
		const int from = p.at; /* the number of an insertion */

		for (p.at = 0; list[p.at] >= 0 && rows[list[p.at]].inserted < from;)
			p.at++;
	} else if (server.paging == BY_OFFSET) {
		p.at = p.at < order(now) ? p.at : order(now);
	}
	is_empty = server.has_empty_pages && has_names_in_tokens() && !p.was_empty && list[p.at] >= 0 &&
	    draw(4) == 0;
	is_cut = server.cut >= 0 && call->next_link != NULL && list[p.at] == server.cut;
	for (int i = 0; !is_empty && !is_cut && i < server.page && list[p.at] >= 0; i++, p.at++) {
		len += (size_t)snprintf(
		    names + len, sizeof(names) - len, "%s%s", i > 0 ? " " : "", rows[list[p.at]].name);
	}
	reply->page = fake_vault_page(names, 1, "");
	if (list[p.at] >= 0 && !is_cut)
		reply->page->next_link = link_to(list, &p, is_empty);
	return 1 + draw(100);
}

static int fails_at; /* the number of a request; 0: none */
static int n_requests;

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	int64_t ms = 10;

	fake_alloc_hold(true);
	if (++n_requests == fails_at) {
		reply->status = 403;
		reply->err = -EACCES;
	} else {
		ms = answer_page(call, reply);
	}
	fake_alloc_hold(false);
	return ms;
}

/* ---- changes ---- */

static void
insert(struct row *row)
{
	row->is_there = row->was_there = true;
	row->inserted = ++server.n_inserted;
	server.n_moved++;
}

static void
change_one(void)
{
	struct row *row = &rows[draw(NAMES)];

	server.n_changed++;
	if (!row->is_there) {
		if (draw(2) == 0)
			insert(row);
		else
			row->is_there = row->was_there = true; /* recovered: where it was */
		return;
	}
	row->is_there = row->was_there_always = false;
	server.n_deleted++;
	if (draw(3) == 0) { /* again, in another case */
		row->name[0] = (char)(row->name[0] ^ 0x20);
		insert(row);
		server.n_respelt++;
	}
}

/* ---- a reading ---- */

static struct {
	struct kv_parts *parts;
	struct kv_bookmarks bookmarks;
	bool is_wanted, has_ended;
	int err, n_begun, n_pages;
} reading;

static int
take(void *arg, const struct kv_reply *reply, struct kv_object_array *shown, bool *has_new)
{
	int err = 0;

	(void)arg;
	*has_new = false;
	reading.n_pages++;
	for (size_t i = 0; err == 0 && i < reply->page->n; i++) {
		char key[KV_NAME_MAX + 1];
		struct row *row;

		kv_object_key(reply->page->items[i].name, key);
		row = &rows[row_called(key)];
		if (row->n_taken++ > 0)
			continue;
		*has_new = true;
		err = kv_object_array_append(shown, row->object);
	}
	return err;
}

static int
show(void *arg, struct kv_object *object)
{
	(void)arg;
	rows[row_called(object->key)].n_shown++;
	return 0;
}

static bool
is_wanted(const void *arg)
{
	(void)arg;
	return reading.is_wanted;
}

static void
grew(void *arg)
{
	(void)arg;
	kv_parts_check(reading.parts);
}

static void
ended(void *arg, int err, const struct kv_reply *reply)
{
	(void)arg;
	(void)reply;
	assert_false(reading.has_ended);
	reading.has_ended = true;
	reading.err = err;
	reading.n_begun = kv_parts_begun(reading.parts);
	kv_parts_mark(reading.parts, &reading.bookmarks);
	if (err == 0) /* else they may be spoilt */
		kv_bookmarks_check(&reading.bookmarks);
	kv_parts_free(reading.parts);
	reading.parts = NULL;
}

static const struct kv_parts_user user = { .take = take,
	.show = show,
	.is_wanted = is_wanted,
	.grew = grew,
	.ended = ended };

static void
begin_reading(void)
{
	for (int i = 0; i < NAMES; i++) {
		struct row *row = &rows[i];

		row->was_there = row->was_there_always = row->is_there;
		row->was_issued = false;
		row->n_taken = row->n_shown = 0;
	}
	server.n_changed = server.n_deleted = server.n_respelt = server.n_moved = 0;
	n_requests = 0;
	reading.has_ended = false;
	reading.n_pages = 0;
}

/* waits: how often of four times somebody waits; changes: how many, while it is read. */
static void
read_all(int most, unsigned int waits, unsigned int changes)
{
	const struct kv_parts_options options = {
		.throttle = rig.throttle, .type = KV_SECRETS, .most = most, .bookmarks = &reading.bookmarks
	};

	begin_reading();
	reading.err = kv_parts_new(&options, &user, &reading.parts);
	if (reading.err != 0)
		return;
	for (int step = 0; !reading.has_ended; step++) {
		assert_true(step < 5000);
		fake_loop_run(rig.loop, 1 + draw(50));
		for (; changes > 0 && draw(3) == 0; changes--)
			change_one();
		if (!reading.has_ended && draw(4) < waits) {
			reading.is_wanted = true;
			kv_parts_wanted(reading.parts);
			kv_parts_check(reading.parts);
		} else {
			reading.is_wanted = false;
		}
	}
}

/*
 * Whether this server may seem to leave names out: one part reads to the end before names are created there, or after
 * they were deleted, or its token does not lead to its name; and a later part has more.
 */
static bool
may_seem_cut(void)
{
	return (server.paging == BY_NAME || server.paging == BY_NAME_REFUSING ||
		   server.paging == BY_SPELLING) &&
	    (server.n_changed > 0 || server.has_spoilt_tokens);
}

/* Whether a serial reading of this server can miss what is there all the time. */
static bool
may_miss(void)
{
	return (server.paging == BY_OFFSET && server.n_deleted > 0) ||
	    (server.paging == BY_INSERTION_WITH_NAMES && server.n_moved > 0) ||
	    (server.paging == BY_SPELLING && server.n_respelt > 0);
}

static unsigned int seed_now;

#define tell(fmt, ...)                                                                              \
	do {                                                                                        \
		print_error("seed %u, paging %d: " fmt "\n", seed_now, server.paging, __VA_ARGS__); \
		fail();                                                                             \
	} while (0)

static void
assert_complete(void)
{
	for (int i = 0; i < NAMES; i++) {
		const struct row *row = &rows[i];

		if (row->n_shown > 1 || (row->n_shown > 0 && !row->was_there) ||
		    (row->n_shown == 0 && row->was_there_always && !may_miss()))
			tell("%s was shown %d times", row->name, row->n_shown);
	}
}

/* ---- lives ---- */

static void
found_vault(void)
{
	for (int i = 0; i < NAMES; i++)
		rows[i].is_there = false;
	for (int i = 0; i < NAMES; i++)
		if (draw(4) > 0)
			insert(&rows[i]); /* in the order of names */
}

static void
spoil_bookmarks(void)
{
	struct kv_bookmarks *b = &reading.bookmarks;
	struct kv_bookmark *x, *y, kept;

	if (b->n < 2)
		return;
	server.has_spoilt_tokens = true;
	x = &b->marks[draw((unsigned int)b->n)];
	y = &b->marks[draw((unsigned int)b->n)];
	kept = *x;
	if (draw(2) == 0) { /* exchanged: each has the other's token */
		x->token = y->token;
		y->token = kept.token;
	} else if (x != y) { /* equal */
		free(x->token);
		x->token = strdup(y->token);
	}
}

static int n_parallel, n_dropped_out, n_seem_cut;

static void
live(unsigned int seed)
{
	reading.bookmarks = (struct kv_bookmarks){ .type = KV_SECRETS };
	chance_state = seed_now = seed;
	server.paging = (enum paging)(seed % PAGINGS);
	server.page = 1 + (int)draw(5);
	server.has_empty_pages = draw(2) == 0;
	server.has_spoilt_tokens = false;
	for (int i = 0; i < NAMES; i++)
		rows[i].name[0] = (char)((draw(2) == 0 ? 'a' : 'A') + i * 26 / NAMES);
	found_vault();
	for (int round = 0; round < 8; round++) {
		if (draw(8) == 0)
			found_vault(); /* another one under the same name */
		for (unsigned int n = draw(3) == 0 ? draw(20) : 0; n > 0; n--)
			change_one();
		if (draw(6) == 0)
			spoil_bookmarks();
		read_all(1 + (int)draw(16), 3, draw(2) == 0 ? draw(12) : 0);
		if (reading.err == -EBADMSG && may_seem_cut()) {
			n_seem_cut++;
			continue;
		}
		if (reading.err != 0) { /* a link to what was deleted meanwhile */
			if (server.paging != BY_INSERTION_WITH_NAMES)
				tell("%s%d", "errno ", -reading.err);
			continue;
		}
		assert_complete();
		assert_true(has_names_in_tokens() || reading.n_begun == 1);
		n_parallel += reading.n_begun > 1;
		n_dropped_out += reading.n_begun > 1 && reading.bookmarks.is_given_up;
		if (draw(4) == 0)
			reading.bookmarks.is_given_up = false; /* another mount */
	}
	kv_bookmarks_clear(&reading.bookmarks);
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(answer, 100000, 1000);
	fails_at = 0;
	memset(&server, 0, sizeof(server));
	server.cut = -1;
	memset(&reading, 0, sizeof(reading));
	for (int i = 0; i < NAMES; i++) {
		memset(&rows[i], 0, sizeof(rows[i]));
		snprintf(rows[i].name, sizeof(rows[i].name), "%c%02d", 'a' + i * 26 / NAMES, i);
		rows[i].object = kv_object_new(KV_SECRETS, rows[i].name);
		assert_non_null(rows[i].object);
	}
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_bookmarks_clear(&reading.bookmarks);
	for (int i = 0; i < NAMES; i++)
		kv_object_unref(rows[i].object);
	rig_end();
	return 0;
}

static void
no_reading_in_parts_misses_what_a_serial_one_has(void **state)
{
	const char *given = getenv("PARTS_SEEDS");
	const unsigned int n = given != NULL ? (unsigned int)strtoul(given, NULL, 10) : 1400;

	(void)state;
	n_parallel = n_dropped_out = n_seem_cut = 0;
	for (unsigned int seed = 1; seed <= n; seed++)
		live(seed);
	assert_true(n_parallel > (int)n / 2);
	assert_true(n_dropped_out > (int)n / 100);
	assert_true(n_seem_cut <= 1 + (int)n / 200); /* of eight readings each */
}

/* A server with 60 names on 20 pages, and bookmarks of each page. */
static void
begin_well(void)
{
	server.page = 3;
	for (int i = 0; i < NAMES; i++)
		insert(&rows[i]);
	reading.bookmarks = (struct kv_bookmarks){ .type = KV_SECRETS };
	chance_state = seed_now = 1;
	read_all(8, 0, 0);
	assert_int_equal(reading.err, 0);
	assert_int_equal(reading.bookmarks.n, 19);
	assert_int_equal(reading.n_pages, 20);
}

static void
only_one_part_reads_while_nobody_waits(void **state)
{
	(void)state;
	begin_well();
	read_all(8, 0, 0);
	assert_int_equal(reading.n_begun, 1);
	assert_int_equal(n_requests, 20);
	assert_complete();
}

static void
no_page_is_requested_twice_if_nothing_has_changed(void **state)
{
	(void)state;
	begin_well();
	for (int most = 2; most < 20; most++) {
		read_all(most, 4, 0);
		assert_true(reading.n_begun > 1);
		assert_in_range(n_requests, 20, 21);
		assert_complete();
		assert_in_range(reading.bookmarks.n, 17, 19);
	}
}

static void
a_page_that_fails_fails_the_reading(void **state)
{
	(void)state;
	begin_well();
	for (fails_at = 1; fails_at < 20; fails_at++) {
		read_all(8, 4, 0);
		assert_int_equal(reading.err, -EACCES);
		assert_true(reading.bookmarks.n > 0); /* they are as good as they were */
	}
	fails_at = 0;
	read_all(8, 4, 0);
	assert_complete();
}

/* One that the vault leaves out by ending the list too early, which rsync --delete would then delete. */
static void
no_name_is_missing_behind_an_end_in_the_middle(void **state)
{
	(void)state;
	for (unsigned int waits = 0; waits <= 4; waits += 4)
		for (int most = 2; most < 20; most += 3)
			for (int page = 1; page < 20; page++) {
				kv_bookmarks_clear(&reading.bookmarks);
				server.cut = -1;
				begin_well();
				server.cut = 3 * page;
				read_all(most, waits, 0);
				assert_true(reading.err == -EBADMSG || page == 19);
			}
}

static void
names_deleted_at_the_end_are_an_end(void **state)
{
	(void)state;
	for (unsigned int waits = 0; waits <= 4; waits += 4)
		for (int left = 0; left < NAMES; left += 7) {
			kv_bookmarks_clear(&reading.bookmarks);
			begin_well();
			for (int i = left; i < NAMES; i++)
				rows[i].is_there = false;
			read_all(8, waits, 0);
			assert_int_equal(reading.err, 0);
			assert_complete();
			assert_true(n_requests <= 21 && (waits > 0 || n_requests <= left / 3 + 3));
		}
}

static void
an_item_out_of_order_ends_the_parts_for_this_mount(void **state)
{
	(void)state;
	begin_well();
	server.paging = BY_INSERTION_WITH_NAMES;
	rows[0].is_there = false;
	insert(&rows[0]); /* now the last one */
	read_all(8, 4, 0);
	assert_true(reading.n_begun > 1);
	assert_complete();
	assert_true(reading.bookmarks.is_given_up);
	read_all(8, 4, 0);
	assert_int_equal(reading.n_begun, 1);
	assert_int_equal(reading.bookmarks.n, 0);
	assert_complete();
}

static void
no_allocation_that_fails_loses_a_name(void **state)
{
	bool has_failed = true;

	(void)state;
	begin_well();
	for (int n = 1; has_failed; n++) {
		chance_state = 7;
		fake_alloc_fail_at(n);
		read_all(8, 4, 0);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		assert_true(reading.err == 0 || (has_failed && reading.err == -ENOMEM));
		if (reading.err == 0)
			assert_complete();
		kv_bookmarks_check(&reading.bookmarks);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(only_one_part_reads_while_nobody_waits),
		TEST(no_page_is_requested_twice_if_nothing_has_changed),
		TEST(a_page_that_fails_fails_the_reading),
		TEST(no_name_is_missing_behind_an_end_in_the_middle),
		TEST(names_deleted_at_the_end_are_an_end),
		TEST(an_item_out_of_order_ends_the_parts_for_this_mount),
		TEST(no_allocation_that_fails_loses_a_name),
		TEST(no_reading_in_parts_misses_what_a_serial_one_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
