#include "tests/unit/unit.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/blob/blobs.h"
#include "cache/list/listing.h"
#include "cache/pace/throttle.h"
#include "cache/volume.h"
#include "client/base/clock.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_vault.h"

static const struct kv_caller me = { .uid = 1000, .pid = 17, .command = "cat" };

static struct kv_loop *loop;
static struct kv_volume *volume;
static char folder[40];
static const char *names; /* that are listed */
static int64_t wall_updated;
static int list_err; /* of the second page */
static bool is_lost; /* the vault has none of them */
static int n_changed, n_failed;

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	reply->wall_date = kv_clock_wall_s();
	if (call->op == KV_OP_LIST && call->next_link == NULL) {
		reply->page = fake_vault_page(names, wall_updated, list_err != 0 ? "next" : "");
	} else if (call->op == KV_OP_LIST) {
		reply->err = list_err;
		reply->status = 403;
	} else if (is_lost) {
		reply->err = -ENOENT;
		reply->status = 404;
	} else if (call->op == KV_OP_BACKUP) {
		reply->blob = fake_vault_blob("the blob");
	} else {
		reply->page = fake_vault_page(call->name, wall_updated, "");
	}
	return 10;
}

static void
changed(void *arg, struct kv_object *object)
{
	assert_ptr_equal(arg, &n_changed);
	assert_int_equal(object->size, -1);
	assert_null(kv_blobs_peek(volume->blobs, object));
	n_changed++;
}

static void
listing_failed(void *arg, enum kv_type type)
{
	assert_ptr_equal(arg, &n_changed);
	assert_int_equal(type, KV_SECRETS);
	n_failed++;
}

static void
check(void)
{
	if (volume != NULL)
		kv_volume_check(volume);
}

static struct kv_volume *
make(enum kv_cache_kind cache)
{
	const struct kv_volume_options options = {
		.types = { [KV_SECRETS] = true },
		.share = 0.5,
		.max_inflight = 8,
		.timeout_ms = 300000,
		.list_ttl_ms = 60000,
		.max_age_ms = 1000000,
		.cache = cache,
		.cache_dir = folder,
		.cache_size = 1000000,
		.prefetch = -1,
	};
	const struct kv_volume_events events = {
		.changed = changed, .listing_failed = listing_failed, .arg = &n_changed
	};

	volume = kv_volume_new(loop, NULL, NULL, &options, &events);
	if (volume != NULL)
		fake_vault_use(volume->vault, answer);
	return volume;
}

static int
set_up(void **state)
{
	(void)state;
	caught_begin();
	fake_clock_set(1000000, 1700000000);
	loop = kv_loop_new();
	fake_loop_check_with(loop, check);
	snprintf(folder, sizeof(folder), "/tmp/kvfs-volume.XXXXXX");
	assert_non_null(mkdtemp(folder));
	names = "a b";
	wall_updated = 1600000000;
	list_err = n_changed = n_failed = 0;
	is_lost = false;
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static int
tear_down(void **state)
{
	(void)state;
	kv_volume_free(volume);
	volume = NULL;
	assert_int_equal(fake_loop_timers(loop), 0);
	kv_loop_free(loop);
	caught_end();
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A listing is used, and comes in. */
static int
list(void)
{
	struct kv_snapshot *snapshot;
	const int err = kv_listing_open(volume->listings[KV_SECRETS], &snapshot);

	if (err == 0)
		kv_snapshot_hand_out(snapshot);
	kv_snapshot_unref(snapshot);
	fake_loop_run(loop, 200);
	return err;
}

static struct kv_object *
find(const char *name)
{
	struct kv_object *object;

	assert_int_equal(kv_listing_find(volume->listings[KV_SECRETS], name, &object), 0);
	return object;
}

static void
blob_done(void *arg, int err, struct kv_blob *blob)
{
	(void)blob;
	*(int *)arg = err;
}

static int
fetch(struct kv_object *object)
{
	struct kv_waiter *waiter;
	int err = 1;

	assert_int_equal(
	    kv_blobs_get(volume->blobs, object, KV_NEED_CONTENT, &me, blob_done, &err, &waiter), 0);
	fake_loop_run(loop, 200);
	return err;
}

static void
what_is_listed_can_be_fetched(void **state)
{
	(void)state;
	assert_non_null(make(KV_CACHE_NONE));
	assert_null(volume->index.db);
	assert_null(volume->listings[KV_KEYS]);
	assert_int_equal(list(), 0);
	assert_int_equal(fetch(find("a")), 0);
	assert_non_null(kv_blobs_peek(volume->blobs, find("a")));
	assert_int_equal(n_failed, 0);
}

static void
an_object_that_changed_has_lost_its_blob_when_the_file_system_is_notified(void **state)
{
	(void)state;
	assert_non_null(make(KV_CACHE_NONE));
	assert_int_equal(list(), 0);
	assert_int_equal(fetch(find("a")), 0);
	n_changed = 0;
	wall_updated++;
	fake_loop_run(loop, 70000);
	assert_int_equal(list(), 0);
	assert_int_equal(n_changed, 2);
	assert_null(kv_blobs_peek(volume->blobs, find("a")));
}

static void
an_object_that_the_vault_has_lost_is_not_listed_any_more(void **state)
{
	struct kv_object *object;

	(void)state;
	assert_non_null(make(KV_CACHE_NONE));
	assert_int_equal(list(), 0);
	is_lost = true;
	n_changed = 0;
	assert_int_equal(fetch(find("a")), -ENOENT);
	assert_int_equal(n_changed, 1);
	assert_int_equal(kv_listing_find(volume->listings[KV_SECRETS], "a", &object), -EAGAIN);
}

static void
a_listing_that_fails_after_its_names_were_used_is_an_event(void **state)
{
	(void)state;
	assert_non_null(make(KV_CACHE_NONE));
	list_err = -EACCES;
	assert_int_equal(list(), 0);
	assert_int_equal(n_failed, 1);
	assert_int_equal(list(), -EACCES);
}

static void
what_was_learned_is_known_to_the_next_mount(void **state)
{
	struct kv_throttle_state before, after;
	uint64_t ino;

	(void)state;
	assert_non_null(make(KV_CACHE_INDEX));
	assert_non_null(volume->index.db);
	assert_int_equal(list(), 0);
	assert_int_equal(fetch(find("a")), 0);
	ino = find("a")->ino;
	kv_throttle_resume(volume->throttle, 1, &(struct kv_learned){ .rate = 17, .limit = 40 });
	kv_throttle_state(volume->throttle, 1, &before);
	kv_volume_keep(volume);
	kv_volume_free(volume);
	assert_non_null(make(KV_CACHE_INDEX));
	kv_throttle_state(volume->throttle, 1, &after);
	assert_true(after.rate == before.rate && after.limit == before.limit);
	assert_int_equal(list(), 0);
	assert_int_equal(find("a")->ino, ino);
}

static void
a_folder_that_cannot_be_used_is_a_warning(void **state)
{
	char good[sizeof(folder)];

	(void)state;
	memcpy(good, folder, sizeof(good));
	snprintf(folder, sizeof(folder), "/proc/none");
	assert_non_null(make(KV_CACHE_DISK));
	assert_string_not_equal(caught_line("folder=/proc/none"), "");
	assert_null(volume->index.db);
	assert_int_equal(list(), 0);
	assert_int_equal(fetch(find("a")), 0);
	memcpy(folder, good, sizeof(good));
}

static void
without_memory_there_is_none(void **state)
{
	int n = 0;

	(void)state;
	for (bool has_failed = true; has_failed;) {
		fake_alloc_fail_at(++n);
		(void)make(KV_CACHE_NONE);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		assert_row((volume == NULL) == has_failed, (size_t)n, "made");
		kv_volume_free(volume);
		volume = NULL;
		assert_int_equal(fake_loop_timers(loop), 0);
	}
	assert_in_range(n, 8, 100);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_listed_can_be_fetched),
		TEST(an_object_that_changed_has_lost_its_blob_when_the_file_system_is_notified),
		TEST(an_object_that_the_vault_has_lost_is_not_listed_any_more),
		TEST(a_listing_that_fails_after_its_names_were_used_is_an_event),
		TEST(what_was_learned_is_known_to_the_next_mount),
		TEST(a_folder_that_cannot_be_used_is_a_warning),
		TEST(without_memory_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
