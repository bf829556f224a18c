#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/finder.h"
#include "cache/listing.h"
#include "cache/throttle.h"
#include "fs/restore/upload.h"
#include "fs/mount.h"
#include "fs/restore/receipt.h"
#include "fs/tree.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_vault.h"

#define LISTED 1600000000 /* when each listed object was updated */

static const struct kv_caller me = { .uid = 1000, .pid = 17, .command = "cp" };

static char folder[32];
static struct kv_options options;
static struct kv_mount mount;
static struct kv_receipts *receipts;

/* ---- the vault: its list and an object's versions ---- */

static int list_err, versions_err;
static const char *version; /* the one that an object has */

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	reply->err = call->op == KV_OP_LIST ? list_err : versions_err;
	reply->status = reply->err == 0 ? 200 : 404;
	if (reply->err != 0)
		return 10;
	reply->page = fake_vault_page(call->op == KV_OP_LIST ? "a b" : call->name, LISTED, "");
	if (call->op == KV_OP_VERSIONS)
		snprintf(reply->page->items[0].version, sizeof(reply->page->items[0].version), "%s", version);
	return 10;
}

/* ---- the mount ---- */

static void
changed(void *arg, struct kv_object *object)
{
	(void)arg;
	(void)object;
}

/* A mount of keys alone that has listed nothing yet. */
static void
begin(void)
{
	const struct kv_throttle_options throttle = { .share = 0.5, .max_inflight = 8, .timeout_ms = 300000 };
	const bool has[KV_TYPES] = { [KV_KEYS] = true };
	struct kv_buf why;

	memset(&mount, 0, sizeof(mount));
	kv_buf_init(&why, 512);
	mount.o = &options;
	mount.loop = kv_loop_new();
	mount.vault = fake_vault_new(mount.loop, answer);
	mount.throttle = kv_throttle_new(mount.loop, mount.vault, &throttle);
	mount.listings[KV_KEYS] =
	    kv_listing_new(mount.loop, mount.throttle, NULL, KV_KEYS, 60000, changed, NULL);
	assert_int_equal(kv_index_open(mount.loop, folder, "v", &mount.index, &why), 0);
	assert_int_equal(kv_tree_init(&mount.tree, has, true), 0);
	receipts = kv_receipts_new(&mount);
	assert_non_null(receipts);
	kv_buf_release(&why);
}

static void
end(void)
{
	kv_receipts_free(receipts);
	kv_tree_release(&mount.tree);
	kv_index_close(mount.index);
	kv_listing_free(mount.listings[KV_KEYS]);
	kv_throttle_free(mount.throttle);
	assert_int_equal(fake_vault_under_way(mount.vault), 0);
	assert_int_equal(fake_loop_timers(mount.loop), 0);
	fake_vault_free(mount.vault);
	kv_loop_free(mount.loop);
}

static void
remount(void)
{
	end();
	begin();
}

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	snprintf(folder, sizeof(folder), "/tmp/kvfs-receipt.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	list_err = versions_err = 0;
	version = "v1";
	caught_begin();
	begin();
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "v.db", "v.db-wal", "v.db-shm" };
	char path[64];

	(void)state;
	end();
	caught_end();
	for (size_t i = 0; i < N_OF(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

static struct kv_receipt
receipt_of(const char *name, unsigned char digest, int64_t wall_updated)
{
	struct kv_receipt r = { .type = KV_KEYS, .version = "v1", .wall_updated = wall_updated };

	memset(r.digest, digest, sizeof(r.digest));
	snprintf(r.name, sizeof(r.name), "%s", name);
	return r;
}

/* A file of the drop box that was restored as name. */
static struct kv_node *
restored(const char *path, const char *name)
{
	const struct kv_receipt receipt = receipt_of(name, 7, LISTED);
	static size_t staged;
	struct kv_node *node = NULL;

	assert_int_equal(kv_tree_make(mount.tree.drop, KV_NODE_DROP_FILE, path, &node), 0);
	node->drop = kv_drop_new(mount.loop, &staged, NULL, NULL);
	assert_non_null(node->drop);
	kv_drop_become_receipt(node->drop, &receipt);
	return node;
}

static bool
has_path(const char *path)
{
	struct kv_receipt found;

	return kv_receipts_find_path(receipts, mount.tree.drop, path, &found);
}

static struct told {
	int n, err;
} told;

static void
tell(void *arg, int err)
{
	(void)arg;
	told.n++;
	told.err = err;
}

/* What kv_receipts_check() says of it. */
static int
checked(const struct kv_receipt *receipt)
{
	struct kv_receipt_check *check;

	told = (struct told){ 0 };
	assert_int_equal(kv_receipts_check(receipts, receipt, &me, tell, NULL, &check), 0);
	assert_int_equal(told.n, 0);
	fake_loop_run(mount.loop, 1000);
	assert_int_equal(told.n, 1);
	return told.err;
}

/* ---- tests ---- */

static void
it_is_found_by_its_bytes_and_type_and_the_newest_counts(void **state)
{
	const struct kv_receipt first = receipt_of("a", 1, LISTED), second = receipt_of("b", 1, LISTED);
	struct kv_receipt found;

	(void)state;
	assert_false(kv_receipts_find(receipts, first.digest, KV_KEYS, &found));
	kv_receipts_keep(receipts, &first);
	kv_receipts_keep(receipts, &second);
	assert_true(kv_receipts_find(receipts, first.digest, KV_KEYS, &found));
	assert_string_equal(found.name, "b");
	assert_false(kv_receipts_find(receipts, first.digest, KV_SECRETS, &found));
}

static void
it_is_found_by_its_path_and_bytes_after_a_remount(void **state)
{
	const struct kv_receipt any = receipt_of("", 7, 0);
	struct kv_receipt found;
	struct kv_node *node = restored("a.blob", "a");

	(void)state;
	node->drop->mode = 0640;
	node->drop->wall_mtime_ns = 123456789;
	kv_receipts_note(receipts, node);
	remount();
	assert_true(kv_receipts_find_path(receipts, mount.tree.drop, "a.blob", &found));
	assert_string_equal(found.name, "a");
	assert_string_equal(found.version, "v1");
	assert_int_equal(found.mode, 0640);
	assert_int_equal(found.wall_mtime_ns, 123456789);
	assert_true(kv_receipts_find(receipts, any.digest, KV_KEYS, &found));
	assert_false(has_path("b.blob"));
}

static void
what_is_no_receipt_is_not_noted(void **state)
{
	struct kv_node *staging = restored(".a.blob.Xy01Zz", "a"), *unsent = restored("empty.blob", "");

	(void)state;
	kv_receipts_note(receipts, staging);
	kv_receipts_note(receipts, unsent);
	remount();
	assert_false(has_path(".a.blob.Xy01Zz"));
	assert_false(has_path("empty.blob"));
}

static void
a_path_that_was_removed_is_forgotten_and_its_bytes_are_not(void **state)
{
	const struct kv_receipt any = receipt_of("", 7, 0);
	struct kv_receipt found;
	struct kv_node *node = restored("a.blob", "a");

	(void)state;
	kv_receipts_note(receipts, node);
	kv_receipts_forget(receipts, node);
	remount();
	assert_false(has_path("a.blob"));
	assert_true(kv_receipts_find(receipts, any.digest, KV_KEYS, &found));
}

static void
the_listing_or_else_the_versions_say_whether_it_is_there(void **state)
{
	static const struct {
		const char *what, *name;
		int64_t wall_updated; /* as the receipt says */
		int list_err, versions_err;
		const char *version; /* that the object has now */
		int expected, n_asked;
	} rows[] = {
		{ "listed as it was restored", "a", LISTED, 0, 0, "v2", 0, 0 },
		{ "changed since, and the version is there", "a", LISTED - 9, 0, 0, "v1", 0, 1 },
		{ "changed since, and the version is not", "a", LISTED - 9, 0, 0, "v2", -ENOENT, 1 },
		{ "no time was told", "a", 0, 0, 0, "v1", 0, 1 },
		{ "not listed, and gone", "x", LISTED, 0, -ENOENT, "v1", -ENOENT, 1 },
		{ "not listed, but there", "x", LISTED, 0, 0, "v1", 0, 1 },
		{ "no listing, and there", "a", LISTED, -EACCES, 0, "v1", 0, 1 },
		{ "nothing can be told", "a", LISTED, -EACCES, -EACCES, "v1", -EACCES, 1 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_receipt receipt = receipt_of(rows[i].name, 1, rows[i].wall_updated);

		list_err = rows[i].list_err;
		versions_err = rows[i].versions_err;
		version = rows[i].version;
		assert_row(checked(&receipt) == rows[i].expected, i, rows[i].what);
		assert_row(fake_vault_calls(mount.vault, KV_OP_VERSIONS) == rows[i].n_asked, i, rows[i].what);
		if (rows[i].list_err == 0) /* now from a listing that is there already */
			assert_row(checked(&receipt) == rows[i].expected, i, rows[i].what);
		remount();
	}
}

static void
a_type_that_is_not_mounted_has_none(void **state)
{
	struct kv_receipt receipt = receipt_of("a", 1, LISTED);
	struct kv_receipt_check *check;

	(void)state;
	receipt.type = KV_SECRETS;
	assert_int_equal(kv_receipts_check(receipts, &receipt, &me, tell, NULL, &check), -ENOENT);
	assert_null(check);
	assert_false(kv_receipts_is_listed(receipts, &receipt));
}

static void
one_that_was_cancelled_tells_nothing(void **state)
{
	const struct kv_receipt receipt = receipt_of("x", 1, LISTED);
	struct kv_receipt_check *check;

	(void)state;
	told = (struct told){ 0 };
	for (int64_t ms = 0; ms < 20; ms += 5) { /* while it waits for the listing, and for the versions */
		assert_int_equal(kv_receipts_check(receipts, &receipt, &me, tell, NULL, &check), 0);
		fake_loop_run(mount.loop, ms);
		kv_receipts_cancel(check);
		fake_loop_run(mount.loop, 1000);
		assert_row(told.n == 0, (size_t)ms, "told");
		remount();
	}
	kv_receipts_cancel(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    it_is_found_by_its_bytes_and_type_and_the_newest_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    it_is_found_by_its_path_and_bytes_after_a_remount, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_receipt_is_not_noted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_path_that_was_removed_is_forgotten_and_its_bytes_are_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    the_listing_or_else_the_versions_say_whether_it_is_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_type_that_is_not_mounted_has_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_was_cancelled_tells_nothing, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
