#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/blob/archivers.h"
#include "cache/blob/blobs.h"
#include "cache/blob/prefetch.h"
#include "cache/list/listing.h"
#include "client/base/clock.h"
#include "tests/unit/rig.h"

#define OBJECTS 200
#define TAR	17
#define OTHER	18

static bool is_asked_for[OBJECTS];
static int64_t mono_asked[OBJECTS];

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	char names[OBJECTS * 6] = "";
	int i;

	if (call->op == KV_OP_LIST) {
		for (i = 0; i < OBJECTS; i++)
			snprintf(names + strlen(names), 7, "%sn%03d", i > 0 ? " " : "", i);
		reply->page = fake_vault_page(names, 1600000000, "");
		return 10;
	}
	i = (int)strtol(call->name + 1, NULL, 10);
	is_asked_for[i] = true;
	mono_asked[i] = kv_clock_mono_ms();
	reply->blob = fake_vault_blob("four");
	return 75;
}

static int
set_up_with(double rate)
{
	memset(is_asked_for, 0, sizeof(is_asked_for));
	rig_begin(answer, rate, 0);
	rig.blobs = kv_blobs_new(rig.loop, rig.throttle, &(struct kv_blobs_options){ .store.room = 1000000 });
	rig_list(KV_SECRETS);
	/* gives the objects their positions, and reads nothing ahead by itself */
	rig.prefetch = kv_prefetch_new(rig.blobs, rig.throttle, rig.listings, 1);
	kv_prefetch_grew(rig.prefetch, KV_SECRETS);
	rig.archivers = kv_archivers_new(rig.loop, rig.blobs, rig.throttle, rig.listings);
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	return set_up_with(10000);
}

static int
set_up_slow(void **state)
{
	(void)state;
	return set_up_with(20);
}

static int
tear_down(void **state)
{
	(void)state;
	rig_end();
	return 0;
}

static int
n_asked_for(void)
{
	int n = 0;

	for (int i = 0; i < OBJECTS; i++)
		n += is_asked_for[i];
	return n;
}

static struct kv_object *
object_at(int i)
{
	size_t n;

	return kv_listing_view(rig.listings[KV_SECRETS], &n, NULL, NULL)[i];
}

static void
access_at(int i, pid_t pid, bool is_read)
{
	kv_archivers_accessed(rig.archivers, object_at(i), pid, is_read);
	fake_loop_run(rig.loop, 200);
}

static void
open_folder(pid_t pid)
{
	kv_archivers_began(rig.archivers, KV_SECRETS, pid, false);
	fake_loop_run(rig.loop, 200);
}

static void
a_process_that_takes_all_gets_all_of_the_list(void **state)
{
	(void)state;
	kv_archivers_began(rig.archivers, KV_SECRETS, getpid(), true);
	fake_loop_run(rig.loop, 10000);
	assert_int_equal(n_asked_for(), OBJECTS);
	kv_archivers_check(rig.archivers);
}

static void
no_more_than_the_rate_allows_in_two_and_a_half_seconds_is_in_flight(void **state)
{
	struct kv_blobs_state now;

	(void)state;
	kv_archivers_began(rig.archivers, KV_SECRETS, getpid(), true);
	fake_loop_run(rig.loop, 20);
	kv_blobs_state(rig.blobs, &now);
	assert_int_equal(now.n_fetching, 50);
	fake_loop_run(rig.loop, 15000);
	assert_int_equal(n_asked_for(), OBJECTS);
}

static void
nothing_is_fetched_for_a_process_that_has_exited(void **state)
{
	const pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	kv_archivers_began(rig.archivers, KV_SECRETS, pid, true);
	fake_loop_run(rig.loop, 10000);
	assert_int_equal(n_asked_for(), 0);
}

static void
four_are_fetched_without_a_hit(void **state)
{
	(void)state;
	open_folder(TAR);
	assert_int_equal(n_asked_for(), 4);
	fake_loop_run(rig.loop, 10000);
	assert_int_equal(n_asked_for(), 4);
	assert_true(is_asked_for[0] && is_asked_for[3]);
}

static void
each_object_of_the_same_process_doubles_them_up_to_64_unread(void **state)
{
	(void)state;
	open_folder(TAR);
	for (int i = 0; i < 4; i++)
		access_at(i, OTHER, false);
	assert_int_equal(n_asked_for(), 4);
	for (int i = 0, window = 8; i < 6; i++, window *= 2) {
		access_at(i, TAR, false);
		assert_int_equal(n_asked_for(), window < 64 ? window : 64);
		access_at(i, TAR, false); /* once more: not another object */
		assert_int_equal(n_asked_for(), window < 64 ? window : 64);
	}
	for (int i = 6; i < 64; i++)
		access_at(i, TAR, false);
	assert_int_equal(n_asked_for(), 64); /* stats alone read nothing */
	access_at(0, TAR, true);
	access_at(1, TAR, true);
	assert_int_equal(n_asked_for(), 66);
}

static void
a_process_that_passes_over_four_gets_none_any_more(void **state)
{
	(void)state;
	open_folder(TAR);
	access_at(0, TAR, true);
	access_at(1, TAR, true);
	access_at(5, TAR, true); /* 2, 3 and 4 */
	assert_true(n_asked_for() > 8);
	access_at(7, TAR, true);
	memset(is_asked_for, 0, sizeof(is_asked_for));
	for (int i = 8; i < 40; i++)
		access_at(i, TAR, true);
	assert_int_equal(n_asked_for(), 0);
}

static void
a_selection_far_away_ends_it_at_once(void **state)
{
	(void)state;
	open_folder(TAR);
	access_at(100, TAR, true);
	access_at(120, TAR, true);
	assert_int_equal(n_asked_for(), 4);
}

static void
requests_come_in_batches(void **state)
{
	int64_t mono_opened;

	(void)state;
	mono_opened = kv_clock_mono_ms();
	open_folder(TAR);
	for (int i = 0; i < 4; i++)
		assert_int_equal(mono_asked[i], mono_opened + 20);
}

static void
a_folder_that_is_opened_again_begins_again_and_the_longest_unused_reader_ends(void **state)
{
	(void)state;
	open_folder(TAR);
	open_folder(TAR);
	kv_archivers_check(rig.archivers);
	for (pid_t pid = 100; pid < 120; pid++)
		open_folder(pid);
	memset(is_asked_for, 0, sizeof(is_asked_for));
	access_at(0, TAR, true);
	access_at(1, 100, true);
	assert_int_equal(n_asked_for(), 0); /* both have ended */
	access_at(0, 119, true);
	access_at(1, 119, true);
	assert_true(n_asked_for() > 0);
	open_folder(0); /* of another PID namespace: no process is known */
}

static void
a_new_listing_ends_the_readers_of_the_last(void **state)
{
	(void)state;
	open_folder(TAR);
	fake_loop_run(rig.loop, 55000);
	rig_use_listing(KV_SECRETS);
	fake_loop_run(rig.loop, 1000);
	kv_prefetch_grew(rig.prefetch, KV_SECRETS);
	memset(is_asked_for, 0, sizeof(is_asked_for));
	kv_archivers_grew(rig.archivers, KV_SECRETS);
	for (int i = 0; i < 4; i++)
		access_at(i, TAR, true);
	assert_int_equal(n_asked_for(), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_process_that_takes_all_gets_all_of_the_list),
		cmocka_unit_test_setup_teardown(
		    no_more_than_the_rate_allows_in_two_and_a_half_seconds_is_in_flight, set_up_slow,
		    tear_down),
		TEST(nothing_is_fetched_for_a_process_that_has_exited),
		TEST(four_are_fetched_without_a_hit),
		TEST(each_object_of_the_same_process_doubles_them_up_to_64_unread),
		TEST(a_process_that_passes_over_four_gets_none_any_more),
		TEST(a_selection_far_away_ends_it_at_once),
		TEST(requests_come_in_batches),
		TEST(a_folder_that_is_opened_again_begins_again_and_the_longest_unused_reader_ends),
		TEST(a_new_listing_ends_the_readers_of_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
