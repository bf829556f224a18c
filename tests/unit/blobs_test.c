#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/blob/blobs.h"
#include "cache/blob/disk.h"
#include "client/base/buf.h"
#include "tests/unit/blob_bytes.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/rig.h"

#define ROOM	(2 * (4 + KV_STORE_EACH) * 16 / 15 + 1) /* two blobs */
#define OBJECTS 8

static const struct kv_caller me = { .uid = 1000, .pid = 17, .command = "cat" };

static struct kv_object *objects[OBJECTS]; /* "a", "b", … */

/* ---- the vault: a blob is the object's name and how many backups there were, "a001" ---- */

static int backup_err, versions_err, versions_ms;
static long backup_status, versions_status;
static size_t n_versions;
static int64_t backup_ms;

static int64_t
answer_versions(struct kv_reply *reply)
{
	char names[2 * 600] = "";

	for (size_t i = 0; i < n_versions; i++) {
		names[2 * i] = 'a';
		names[2 * i + 1] = i + 1 < n_versions ? ' ' : '\0';
	}
	reply->err = versions_err;
	reply->status = versions_err != 0 ? versions_status : 200;
	if (versions_err == 0)
		reply->page = fake_vault_page(names, 1600000000, "");
	return versions_ms;
}

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	char content[20];

	assert_int_equal(call->type, KV_SECRETS);
	if (call->op == KV_OP_VERSIONS)
		return answer_versions(reply);
	assert_int_equal(call->op, KV_OP_BACKUP);
	reply->err = backup_err;
	if (backup_err != 0) {
		reply->status = backup_status;
		return backup_ms;
	}
	snprintf(content, sizeof(content), "%s%03d", call->name, fake_vault_calls(rig.vault, KV_OP_BACKUP));
	reply->blob = fake_vault_blob(content);
	return backup_ms;
}

/* ---- what is told ---- */

static struct told {
	int n, err;
	char content[20];
} told;

static void
tell(void *arg, int err, struct kv_blob *blob)
{
	struct told *t = arg;

	assert_int_equal(blob != NULL, err == 0);
	t->n++;
	t->err = err;
	if (blob != NULL)
		snprintf(t->content, sizeof(t->content), "%.*s", (int)blob->len, (const char *)blob->data);
}

static int n_lost;

static void
lose(void *arg, struct kv_object *object)
{
	assert_ptr_equal(arg, &n_lost);
	assert_ptr_equal(object, objects[0]);
	assert_null(kv_blobs_peek(rig.blobs, object));
	n_lost++;
}

static int
set_up(void **state)
{
	char name[2] = "a";

	(void)state;
	rig_begin(answer, 200, 64);
	rig.blobs = kv_blobs_new(rig.loop, rig.throttle,
	    &(struct kv_blobs_options){ .store.room = ROOM, .lost = lose, .arg = &n_lost });
	assert_non_null(rig.blobs);
	for (int i = 0; i < OBJECTS; i++, name[0]++) {
		objects[i] = kv_object_new(KV_SECRETS, name);
		assert_non_null(objects[i]);
	}
	backup_err = versions_err = n_lost = 0;
	n_versions = 1;
	backup_ms = 100;
	versions_ms = 10;
	memset(&told, 0, sizeof(told));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_end();
	for (int i = 0; i < OBJECTS; i++) {
		assert_int_equal(objects[i]->refs, 1);
		kv_object_unref(objects[i]);
	}
	return 0;
}

static struct kv_waiter *
ask(char name, struct told *t)
{
	struct kv_waiter *waiter;

	assert_int_equal(
	    kv_blobs_get(rig.blobs, objects[name - 'a'], KV_NEED_CONTENT, &me, tell, t, &waiter), 0);
	return waiter;
}

/* Ask and wait for it. */
static int
get(char name)
{
	memset(&told, 0, sizeof(told));
	ask(name, &told);
	assert_int_equal(told.n, 0);
	fake_loop_run(rig.loop, 200);
	assert_int_equal(told.n, 1);
	return told.err;
}

static bool
is_kept(char name)
{
	return kv_blobs_peek(rig.blobs, objects[name - 'a']) != NULL;
}

static int
n_backups(void)
{
	return fake_vault_calls(rig.vault, KV_OP_BACKUP);
}

/* ---- fetching ---- */

static void
many_that_wait_for_one_object_are_one_request(void **state)
{
	struct told each[50] = { { 0 } };

	(void)state;
	for (size_t i = 0; i < N_OF(each); i++) {
		ask('a', &each[i]);
		fake_loop_run(rig.loop, 1);
	}
	fake_loop_run(rig.loop, 200);
	for (size_t i = 0; i < N_OF(each); i++)
		assert_row(each[i].n == 1 && each[i].err == 0 && strcmp(each[i].content, "a001") == 0, i,
		    each[i].content);
	assert_int_equal(n_backups(), 1);
	assert_int_equal(objects[0]->size, 4);
}

static void
a_kept_blob_is_given_without_a_request_and_never_at_once(void **state)
{
	(void)state;
	assert_int_equal(get('a'), 0);
	assert_true(is_kept('a'));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(get('a'), 0);
		assert_string_equal(told.content, "a001");
	}
	assert_int_equal(n_backups(), 1);
}

static void
a_fetch_that_nobody_waits_for_goes_on_and_is_kept(void **state)
{
	(void)state;
	kv_blobs_cancel(ask('a', &told));
	fake_loop_run(rig.loop, 200);
	assert_int_equal(told.n, 0);
	assert_true(is_kept('a'));
	kv_blobs_cancel(ask('a', &told)); /* it has its result already */
	fake_loop_run(rig.loop, 200);
	assert_int_equal(told.n, 0);
	assert_int_equal(n_backups(), 1);
	kv_blobs_cancel(NULL);
}

static void
one_that_cancels_leaves_the_others_waiting(void **state)
{
	struct told other = { 0 };
	struct kv_waiter *waiter;

	(void)state;
	ask('a', &other);
	waiter = ask('a', &told);
	fake_loop_run(rig.loop, 50);
	kv_blobs_cancel(waiter);
	fake_loop_run(rig.loop, 200);
	assert_int_equal(told.n, 0);
	assert_int_equal(other.n, 1);
}

static void
all_can_be_freed_while_it_is_waited_for(void **state)
{
	(void)state;
	ask('a', &told);
	ask('b', &told);
	fake_loop_run(rig.loop, 50);
	kv_blobs_free(rig.blobs);
	rig.blobs = NULL;
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(told.n, 0);
}

/* ---- changes ---- */

static void
a_kept_blob_of_an_object_that_changed_is_fetched_anew(void **state)
{
	(void)state;
	assert_int_equal(get('a'), 0);
	kv_blobs_forget(rig.blobs, objects[0]);
	assert_false(is_kept('a'));
	assert_int_equal(get('a'), 0);
	assert_string_equal(told.content, "a002");
}

static void
an_object_that_changed_while_it_was_fetched_is_fetched_again(void **state)
{
	struct told other = { 0 };

	(void)state;
	ask('a', &told);
	fake_loop_run(rig.loop, 50);
	kv_blobs_forget(rig.blobs, objects[0]);
	ask('a', &other);
	fake_loop_run(rig.loop, 100);
	assert_int_equal(told.n + other.n, 0);
	fake_loop_run(rig.loop, 100);
	assert_string_equal(told.content, "a002");
	assert_string_equal(other.content, "a002");
	assert_int_equal(n_backups(), 2);
}

static void
an_object_that_changes_all_the_time_is_given_but_not_kept(void **state)
{
	(void)state;
	ask('a', &told);
	for (int i = 0; i < 20 && told.n == 0; i++) {
		kv_blobs_forget(rig.blobs, objects[0]);
		fake_loop_run(rig.loop, 50);
	}
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, 0);
	assert_in_range(n_backups(), 2, 10);
	assert_false(is_kept('a'));
}

static void
an_object_that_went_while_it_was_fetched_is_not_fetched_again(void **state)
{
	(void)state;
	backup_err = -ENOENT;
	backup_status = 404;
	versions_err = -ENOENT;
	versions_status = 404;
	ask('a', &told);
	fake_loop_run(rig.loop, 50);
	objects[0]->is_gone = true;
	kv_blobs_forget(rig.blobs, objects[0]);
	fake_loop_run(rig.loop, 200);
	assert_int_equal(told.err, -ENOENT);
	assert_int_equal(n_backups(), 1);
}

/* ---- room ---- */

static void
when_nothing_was_read_the_newest_goes(void **state)
{
	(void)state;
	for (const char *p = "abc"; *p != '\0'; p++)
		assert_int_equal(get(*p), 0);
	assert_true(is_kept('a') && is_kept('b'));
	assert_false(is_kept('c'));
	assert_int_equal(objects[2]->size, 4); /* that stays known */
}

static void
what_was_read_goes_before_what_was_not(void **state)
{
	static const struct {
		const char *fetched, *read, *kept;
	} rows[] = {
		{ "ab", "", "ab" },
		{ "abc", "", "ab" },
		{ "abc", "b", "ac" },
		{ "abcd", "b", "ac" },
		{ "abcde", "bc", "ad" },
		{ "abcd", "ab", "cd" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		for (const char *p = rows[i].fetched; *p != '\0'; p++) {
			assert_int_equal(get(*p), 0);
			if (strchr(rows[i].read, *p) != NULL)
				kv_blobs_mark_read(rig.blobs, objects[*p - 'a']);
		}
		for (const char *p = "abcdefgh"; *p != '\0'; p++)
			assert_row(is_kept(*p) == (strchr(rows[i].kept, *p) != NULL), i, "kept");
	}
}

static void
of_those_that_were_read_the_last_used_stays(void **state)
{
	(void)state;
	assert_int_equal(get('a'), 0);
	assert_int_equal(get('b'), 0);
	kv_blobs_mark_read(rig.blobs, objects[0]);
	kv_blobs_mark_read(rig.blobs, objects[1]);
	kv_blobs_mark_read(rig.blobs, objects[0]);
	assert_int_equal(get('c'), 0);
	assert_true(is_kept('a') && is_kept('c'));
	assert_false(is_kept('b'));
	kv_blobs_mark_read(rig.blobs, objects[1]); /* what is not kept is nobody's business */
}

static void
a_blob_without_room_is_given_all_the_same(void **state)
{
	(void)state;
	kv_blobs_free(rig.blobs);
	rig.blobs = kv_blobs_new(rig.loop, rig.throttle, &(struct kv_blobs_options){ .store.room = 0 });
	assert_non_null(rig.blobs);
	assert_int_equal(get('a'), 0);
	assert_string_equal(told.content, "a001");
	assert_false(is_kept('a'));
	assert_int_equal(objects[0]->size, 4);
}

static void
an_unread_blob_is_kept_for_15_minutes(void **state)
{
	(void)state;
	assert_int_equal(get('a'), 0);
	assert_int_equal(get('b'), 0);
	kv_blobs_mark_read(rig.blobs, objects[1]);
	fake_loop_run(rig.loop, (int64_t)14 * 60 * 1000);
	assert_true(is_kept('a') && is_kept('b'));
	fake_loop_run(rig.loop, (int64_t)3 * 60 * 1000);
	assert_false(is_kept('a'));
	assert_true(is_kept('b'));
	assert_int_equal(objects[0]->size, 4);
}

/* ---- failures ---- */

static void
what_a_failure_means(void **state)
{
	static const struct {
		int err;
		long status;
		int versions_err;
		long versions_status;
		size_t n_versions;
		int end, n_asked, n_lost;
		const char *log; /* part of the line */
	} rows[] = {
		/* both say that it is not there */
		{ -ENOENT, 404, -ENOENT, 404, 0, -ENOENT, 1, 1, "status=404 errno=ENOENT" },
		{ -ENOENT, 404, 0, 200, 0, -ENOENT, 1, 1, "status=404 errno=ENOENT" },
		/* they do not agree */
		{ -ENOENT, 404, 0, 200, 1, -EBADMSG, 1, 0, "but lists its versions" },
		{ -ENOENT, 404, -EACCES, 403, 0, -EBADMSG, 1, 0, "its versions cannot be listed" },
		/* too many versions */
		{ -EINVAL, 400, 0, 200, 501, -EFBIG, 1, 0, "it has 501 versions" },
		{ -EINVAL, 400, 0, 200, 500, -EINVAL, 1, 0, "status=400 errno=EINVAL" },
		{ -EINVAL, 400, -ENOENT, 404, 0, -EINVAL, 1, 0, "status=400 errno=EINVAL" },
		{ -EINVAL, 400, -EACCES, 403, 0, -EINVAL, 1, 0, "status=400 errno=EINVAL" },
		/* nothing to explain */
		{ -EACCES, 403, 0, 200, 501, -EACCES, 0, 0, "status=403 errno=EACCES" },
		{ -EPERM, 403, 0, 200, 501, -EPERM, 0, 0, "status=403 errno=EPERM" },
		{ -EBADMSG, 404, 0, 200, 501, -EBADMSG, 0, 0, "status=404 errno=EBADMSG" },
		{ -EBADMSG, 200, 0, 200, 501, -EBADMSG, 0, 0, "status=200 errno=EBADMSG" },
		{ -EFBIG, 200, 0, 200, 501, -EFBIG, 0, 0, "status=200 errno=EFBIG" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		backup_err = rows[i].err;
		backup_status = rows[i].status;
		versions_err = rows[i].versions_err;
		versions_status = rows[i].versions_status;
		n_versions = rows[i].n_versions;
		assert_row(get('a') == rows[i].end, i, "errno");
		assert_row(n_lost == rows[i].n_lost, i, "lost");
		assert_row(fake_vault_calls(rig.vault, KV_OP_VERSIONS) == rows[i].n_asked, i, "asked");
		assert_row(strstr(caught_text(), rows[i].log) != NULL, i, caught_text());
		assert_row(objects[0]->size == -1 && !is_kept('a'), i, "nothing is known");
		backup_err = 0;
		assert_row(get('a') == 0, i, "the next one is another request");
	}
}

static void
all_that_wait_get_the_failure(void **state)
{
	struct told other = { 0 }, late = { 0 };

	(void)state;
	backup_err = -ENOENT;
	backup_status = 404;
	ask('a', &told);
	ask('a', &other);
	fake_loop_run(rig.loop, 105); /* its versions are asked for */
	ask('a', &late);
	fake_loop_run(rig.loop, 100);
	assert_int_equal(told.err, -EBADMSG);
	assert_int_equal(other.err, -EBADMSG);
	assert_int_equal(late.err, -EBADMSG);
	assert_int_equal(n_backups(), 1);
}

static void
a_time_out_is_too_many_versions_or_a_time_out(void **state)
{
	(void)state;
	backup_ms = -1;
	for (n_versions = 500; n_versions <= 501; n_versions++) {
		memset(&told, 0, sizeof(told));
		ask('a', &told);
		fake_loop_run(rig.loop, 299000);
		assert_int_equal(told.n, 0);
		fake_loop_run(rig.loop, 2000);
		assert_row(told.n == 1, n_versions, "answered");
		assert_row(told.err == (n_versions > 500 ? -EFBIG : -ETIMEDOUT), n_versions, "errno");
	}
}

static void
a_vault_that_answers_nothing_costs_one_time_out(void **state)
{
	(void)state;
	backup_ms = versions_ms = -1;
	ask('a', &told);
	fake_loop_run(rig.loop, 299000);
	assert_int_equal(told.n, 0);
	fake_loop_run(rig.loop, 2000);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, -ETIMEDOUT);
}

static void
an_object_that_changes_under_a_slow_vault_costs_one_time_out(void **state)
{
	(void)state;
	backup_ms = 100000;
	ask('a', &told);
	for (int i = 0; i < 290; i++) {
		kv_blobs_forget(rig.blobs, objects[0]);
		fake_loop_run(rig.loop, 1000);
	}
	backup_ms = versions_ms = -1;
	fake_loop_run(rig.loop, 11000);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, -ETIMEDOUT);
}

/* ---- ahead of a reader, and for a size ---- */

/* As get(), by pid, for its size or its content. */
static int
get_for(char name, enum kv_need need, pid_t pid)
{
	const struct kv_caller caller = { .uid = 1000, .pid = pid, .command = "bsdtar" };
	struct kv_waiter *waiter;

	memset(&told, 0, sizeof(told));
	assert_int_equal(
	    kv_blobs_get(rig.blobs, objects[name - 'a'], need, &caller, tell, &told, &waiter), 0);
	fake_loop_run(rig.loop, 200);
	assert_int_equal(told.n, 1);
	return told.err;
}

static void
a_failure_behind_a_stat_is_the_answer_to_the_same_programs_open(void **state)
{
	(void)state;
	backup_err = -EACCES;
	backup_status = 403;
	assert_int_equal(get_for('a', KV_NEED_SIZE, 17), -EACCES);
	for (int i = 0; i < 4; i++)
		assert_int_equal(get_for('a', KV_NEED_CONTENT, 17), -EACCES);
	assert_int_equal(n_backups(), 1);
	assert_int_equal(get_for('a', KV_NEED_CONTENT, 18), -EACCES);
	assert_int_equal(n_backups(), 2);
}

static void
a_failure_is_forgotten_after_10_s(void **state)
{
	(void)state;
	backup_err = -EACCES;
	backup_status = 403;
	assert_int_equal(get_for('a', KV_NEED_SIZE, 17), -EACCES);
	assert_int_equal(objects[0]->refused, -EACCES);
	backup_err = 0;
	fake_loop_run(rig.loop, 10500);
	assert_int_equal(get_for('a', KV_NEED_CONTENT, 17), 0);
	assert_int_equal(n_backups(), 2);
	assert_int_equal(objects[0]->refused, 0);
}

static void
what_is_fetched_ahead_is_the_one_request_of_who_asks_then(void **state)
{
	struct kv_blobs_state now;

	(void)state;
	assert_int_equal(kv_blobs_prefetch(rig.blobs, objects[0]), -ENOSPC); /* there is room for two */
	kv_blobs_free(rig.blobs);
	rig.blobs = kv_blobs_new(rig.loop, rig.throttle, &(struct kv_blobs_options){ .store.room = 1000000 });
	assert_int_equal(kv_blobs_prefetch(rig.blobs, objects[0]), 0);
	assert_int_equal(kv_blobs_prefetch(rig.blobs, objects[0]), -EALREADY);
	assert_true(kv_blobs_has(rig.blobs, objects[0]));
	assert_int_equal(get('a'), 0); /* while it is under way */
	assert_int_equal(kv_blobs_prefetch(rig.blobs, objects[1]), 0);
	fake_loop_run(rig.loop, 200);
	assert_int_equal(get('b'), 0); /* when it is there */
	assert_int_equal(n_backups(), 2);
	kv_blobs_state(rig.blobs, &now);
	assert_int_equal(now.n_ahead, 2);
	assert_int_equal(now.n_ahead_used, 2);
}

static void
what_is_fetched_ahead_stays_within_64_mib_of_answers(void **state)
{
	const struct kv_blobs_options options = { .store.room = (size_t)1 << 30 };

	(void)state;
	kv_blobs_free(rig.blobs);
	rig.blobs = kv_blobs_new(rig.loop, rig.throttle, &options);
	assert_non_null(rig.blobs);
	for (int i = 0; i < 4; i++)
		objects[i]->size = 20 << 20; /* as the index has it: an answer of 36 MiB */
	assert_int_equal(kv_blobs_prefetch(rig.blobs, objects[0]), 0);
	assert_int_equal(kv_blobs_prefetch(rig.blobs, objects[1]), -ENOSPC);
	assert_int_equal(kv_blobs_prefetch(rig.blobs, objects[4]), 0); /* of no size that is known */
	ask('b', &told);					       /* a reader's own goes always */
	fake_loop_run(rig.loop, 200);
	assert_int_equal(told.n, 1);
	assert_int_equal(n_backups(), 3);
	assert_int_equal(kv_blobs_prefetch(rig.blobs, objects[2]), 0); /* nothing is under way any more */
	assert_int_equal(kv_blobs_prefetch(rig.blobs, objects[3]), -ENOSPC);
	fake_loop_run(rig.loop, 200);
}

static void
what_has_no_room_in_memory_is_spilled_and_comes_back(void **state)
{
	const struct kv_blobs_options options = { .store = {
						      .room = ROOM, .spill = 1000000, .folder = "/tmp" } };
	struct kv_blobs_state now;

	(void)state;
	kv_blobs_free(rig.blobs);
	rig.blobs = kv_blobs_new(rig.loop, rig.throttle, &options);
	assert_non_null(rig.blobs);
	for (const char *p = "abcdefgh"; *p != '\0'; p++)
		assert_int_equal(get(*p), 0);
	kv_blobs_state(rig.blobs, &now);
	assert_in_range(now.spilled, 1, 1000000);
	for (const char *p = "abcdefgh"; *p != '\0'; p++) {
		assert_int_equal(get(*p), 0);
		assert_row(told.content[0] == *p, (size_t)(*p - 'a'), told.content);
		kv_blobs_mark_read(rig.blobs, objects[*p - 'a']);
	}
	assert_int_equal(n_backups(), OBJECTS);
	kv_blobs_forget(rig.blobs, objects[7]);
	assert_int_equal(get('h'), 0);
	assert_string_equal(told.content, "h009");
}

static void
what_an_earlier_kvfs_kept_on_disk_is_examined_too(void **state)
{
	static const struct {
		const char *content;
		bool is_given;
	} rows[] = { { "a001", false }, { SECRET, true }, { KEY, false }, { SECRET_MAGIC HEADER, false } };
	char folder[] = "/tmp/kvfs-blobs.XXXXXX", path[100];
	struct kv_disk *disk;
	struct kv_buf why;

	(void)state;
	assert_non_null(mkdtemp(folder));
	kv_buf_init(&why, 200);
	assert_int_equal(kv_disk_new(folder, "v", true, &disk, &why), 0);
	kv_blobs_free(rig.blobs);
	rig.blobs = kv_blobs_new(
	    rig.loop, rig.throttle, &(struct kv_blobs_options){ .store = { .room = 1000000, .disk = disk } });
	assert_non_null(rig.blobs);
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_blob *blob = fake_vault_blob(rows[i].content);

		objects[i]->size = (int64_t)blob->len;
		objects[i]->has_digest = true;
		memcpy(objects[i]->digest, blob->digest, KV_DIGEST_LEN);
		kv_disk_put(disk, objects[i], blob);
		kv_blob_unref(blob);
		assert_row(is_kept((char)('a' + i)) == rows[i].is_given, i, rows[i].content);
		assert_row(kv_disk_has(disk, objects[i]) == rows[i].is_given, i, rows[i].content);
		kv_disk_drop(disk, objects[i]);
	}
	kv_blobs_free(rig.blobs);
	rig.blobs = NULL;
	kv_disk_free(disk);
	for (enum kv_type t = KV_KEYS; t < KV_TYPES; t++) {
		snprintf(path, sizeof(path), "%s/v.blobs/%s", folder, kv_type_name(t));
		assert_int_equal(rmdir(path), 0);
	}
	snprintf(path, sizeof(path), "%s/v.blobs", folder);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(folder), 0);
	kv_buf_release(&why);
}

static void
no_allocation_that_fails_does_harm(void **state)
{
	struct kv_waiter *waiter;
	bool has_failed = true;
	int err;

	(void)state;
	for (int n = 1; has_failed; n++) {
		kv_blobs_forget(rig.blobs, objects[0]);
		memset(&told, 0, sizeof(told));
		fake_alloc_fail_at(n);
		err = kv_blobs_get(rig.blobs, objects[0], KV_NEED_CONTENT, &me, tell, &told, &waiter);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		assert_row(err == (has_failed ? -ENOMEM : 0), (size_t)n, "errno");
		fake_loop_run(rig.loop, 200);
		assert_row(told.n == !has_failed, (size_t)n, "answered");
		assert_int_equal(get('a'), 0);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(many_that_wait_for_one_object_are_one_request),
		TEST(a_kept_blob_is_given_without_a_request_and_never_at_once),
		TEST(a_fetch_that_nobody_waits_for_goes_on_and_is_kept),
		TEST(one_that_cancels_leaves_the_others_waiting),
		TEST(all_can_be_freed_while_it_is_waited_for),
		TEST(a_kept_blob_of_an_object_that_changed_is_fetched_anew),
		TEST(an_object_that_changed_while_it_was_fetched_is_fetched_again),
		TEST(an_object_that_changes_all_the_time_is_given_but_not_kept),
		TEST(an_object_that_went_while_it_was_fetched_is_not_fetched_again),
		TEST(when_nothing_was_read_the_newest_goes),
		TEST(what_was_read_goes_before_what_was_not),
		TEST(of_those_that_were_read_the_last_used_stays),
		TEST(a_blob_without_room_is_given_all_the_same),
		TEST(an_unread_blob_is_kept_for_15_minutes),
		TEST(what_a_failure_means),
		TEST(all_that_wait_get_the_failure),
		TEST(a_time_out_is_too_many_versions_or_a_time_out),
		TEST(a_vault_that_answers_nothing_costs_one_time_out),
		TEST(an_object_that_changes_under_a_slow_vault_costs_one_time_out),
		TEST(a_failure_behind_a_stat_is_the_answer_to_the_same_programs_open),
		TEST(a_failure_is_forgotten_after_10_s),
		TEST(what_is_fetched_ahead_is_the_one_request_of_who_asks_then),
		TEST(what_is_fetched_ahead_stays_within_64_mib_of_answers),
		TEST(what_has_no_room_in_memory_is_spilled_and_comes_back),
		TEST(what_an_earlier_kvfs_kept_on_disk_is_examined_too),
		TEST(no_allocation_that_fails_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
