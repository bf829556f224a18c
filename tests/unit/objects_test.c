/* keys/, secrets/ and certificates/ without a kernel: names, sizes and contents as the vault changes under them. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <string.h>

#include "cache/blob/blobs.h"
#include "cache/blob/archivers.h"
#include "cache/blob/prefetch.h"
#include "cache/list/absent.h"
#include "cache/list/listing.h"
#include "fs/mount/branch.h"
#include "fs/mount/entry.h"
#include "fs/mount/folder.h"
#include "fs/mount/mount.h"
#include "fs/mount/ops.h"
#include "fs/mount/process.h"
#include "fs/mount/request.h"
#include "fs/mount/tree.h"
#include "fs/object/file.h"
#include "fs/object/find.h"
#include "fs/object/objects.h"
#include "fs/object/read.h"
#include "fs/object/stat_only.h"
#include "fs/object/takes_all.h"
#include "fs/object/told.h"
#include "fs/object/type_folder.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_fuse.h"
#include "tests/unit/mount_rig.h"
#include "tests/unit/rig.h"

#define ENDED 0x7fffffff /* the number of no process */

static const struct kv_tree_part_row parts[] = { { &kv_objects_part, 2 }, { NULL, 0 } };
static struct kv_node *keys;

/* ---- the session ---- */

static int n_invalidated;

void kv_session_invalidate(struct kv_node *node);

void
kv_session_invalidate(struct kv_node *node)
{
	assert_non_null(kv_file_of_node(node));
	n_invalidated++;
}

/* ---- the vault ---- */

static const char *names, *content;
static int64_t wall_updated;
static int list_err, backup_err;

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	fake_alloc_hold(true);
	if (call->op == KV_OP_LIST && list_err == 0) {
		reply->page = fake_vault_page(names, wall_updated, "");
	} else if (call->op == KV_OP_LIST) {
		reply->err = list_err;
		reply->status = 403;
	} else if (call->op == KV_OP_BACKUP && backup_err == 0) {
		reply->blob = fake_vault_blob(content);
	} else {
		reply->err = call->op == KV_OP_BACKUP ? backup_err : -ENOENT;
		reply->status = 404;
	}
	fake_alloc_hold(false);
	return 10;
}

static void
begin(bool is_listed)
{
	static const struct kv_blobs_options blobs = { .store.room = 1000000 };

	rig_begin_at(INT64_C(1000000000000), answer, 0, 8); /* long after this process began */
	rig.events = (struct kv_volume_events){ .changed = kv_branch_changed, .arg = &branch };
	rig.absent = kv_absent_new();
	rig.blobs = kv_blobs_new(rig.loop, rig.throttle, &blobs);
	if (is_listed)
		rig_list(KV_KEYS);
	else
		rig_make_listing(KV_KEYS);
	rig.prefetch = kv_prefetch_new(rig.blobs, rig.throttle, rig.listings, 0);
	rig.archivers = kv_archivers_new(rig.loop, rig.blobs, rig.throttle, rig.listings);
	memcpy(mount_settings.types, (const bool[KV_TYPES]){ [KV_KEYS] = true }, KV_TYPES);
	mount_rig_begin(parts);
	keys = mount_rig_find("keys");
}

static int
set_up(void **state)
{
	(void)state;
	names = "a b c";
	content = "content of a blob";
	wall_updated = 1600000000;
	list_err = backup_err = 0;
	n_invalidated = 0;
	begin(true);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	mount_rig_end();
	return 0;
}

/* ---- the kernel ---- */

/* The node that name stands for, with a reference of the kernel; NULL and *err. */
static struct kv_node *
look_up(const char *name, int *err)
{
	struct fuse_req *req = mount_rig_request();
	struct kv_node *node;

	keys->ops->lookup(keys, req, name);
	mount_rig_wait(req);
	node = req->node;
	*err = mount_rig_answer(req);
	return node;
}

static struct kv_node *
node_of(const char *name)
{
	int err;
	struct kv_node *node = look_up(name, &err);

	assert_int_equal(err, 0);
	return node;
}

/* A stat; *size is what the kernel was given. */
static int
stat_size(struct kv_node *node, int64_t *size)
{
	struct fuse_req *req = mount_rig_request();

	node->ops->getattr(node, req, NULL);
	mount_rig_wait(req);
	*size = req->entry.attr.st_size;
	return mount_rig_answer(req);
}

static int
open_file(struct kv_node *node, int flags, struct fuse_file_info *fi)
{
	struct fuse_req *req = mount_rig_request();

	*fi = (struct fuse_file_info){ .flags = flags };
	node->ops->open(node, req, fi);
	mount_rig_wait(req);
	*fi = req->fi;
	return mount_rig_answer(req);
}

/* What a READ of all brings: 0 and text, or an errno. */
static int
read_file(struct kv_node *node, struct fuse_file_info *fi, char *text, size_t size)
{
	struct fuse_req *req = mount_rig_request();

	node->ops->read(node, req, size - 1, 0, fi);
	mount_rig_wait(req);
	memcpy(text, req->data, req->written);
	text[req->written] = '\0';
	return mount_rig_answer(req);
}

static void
close_file(struct fuse_file_info *fi)
{
	kv_handle_close(kv_handle_of(fi));
}

static void
forget(struct kv_node *node)
{
	kv_tree_forget(node, 1);
}

/* The offset of the last name of what a READDIRPLUS has answered. */
static off_t
last_offset(const struct fuse_req *req)
{
	struct fuse_direntplus entry;
	off_t offset = 0;

	for (size_t at = 0; at < req->written; at += FUSE_DIRENTPLUS_SIZE(&entry)) {
		memcpy(&entry, req->data + at, FUSE_NAME_OFFSET_DIRENTPLUS);
		offset = (off_t)entry.dirent.off;
	}
	return offset;
}

static int
open_folder(struct fuse_file_info *fi)
{
	struct fuse_req *req = mount_rig_request();

	*fi = (struct fuse_file_info){ .flags = O_RDONLY };
	keys->ops->opendir(keys, req, fi);
	mount_rig_wait(req);
	*fi = req->fi;
	return mount_rig_answer(req);
}

/* READDIRPLUS until there is no more, whose answers the kernel takes or not. */
static int
read_folder_as(bool is_taken)
{
	struct fuse_req *req;
	struct fuse_file_info fi;
	off_t offset = 0;
	bool is_end;
	int err = open_folder(&fi);

	if (err != 0)
		return err;
	fake_fuse_refuse(!is_taken);
	do {
		req = mount_rig_request();
		keys->ops->readdir(keys, req, 65536, offset, &fi, true);
		mount_rig_wait(req);
		is_end = req->written == 0;
		offset = last_offset(req);
		err = mount_rig_answer(req);
	} while (err == 0 && !is_end);
	fake_fuse_refuse(false);
	close_file(&fi);
	return err;
}

static int
read_folder(void)
{
	return read_folder_as(true);
}

/* How often the kernel refers to the objects' nodes, as far as the tree knows. */
static uint64_t
look_ups(void)
{
	struct kv_node *node;
	uint64_t n = 0;

	LIST_FOREACH(node, &mount.tree.all, all)
		if (kv_file_of_node(node) != NULL)
			n += node->n_lookup;
	return n;
}

/* ---- names ---- */

static void
each_name_that_is_read_is_looked_up(void **state)
{
	(void)state;
	assert_int_equal(read_folder(), 0);
	assert_int_equal(look_ups(), 3);
	assert_int_equal(read_folder(), 0);
	assert_int_equal(look_ups(), 6);
}

static void
names_that_the_kernel_did_not_take_are_not_looked_up(void **state)
{
	(void)state;
	assert_int_equal(read_folder(), 0);
	assert_int_equal(look_ups(), 3);
	(void)read_folder_as(false);
	assert_int_equal(look_ups(), 3);
}

static void
a_listing_that_comes_in_is_waited_for(void **state)
{
	(void)state;
	tear_down(state);
	begin(false);
	assert_int_equal(read_folder(), 0);
	assert_int_equal(look_ups(), 3);
}

/* Some tools take an error of READDIR for the end of the folder. */
static void
a_listing_that_fails_before_its_first_name_fails_the_open(void **state)
{
	struct fuse_file_info fi;

	(void)state;
	tear_down(state);
	list_err = -EACCES;
	begin(false);
	assert_int_equal(open_folder(&fi), -EACCES);
}

static void
a_folder_whose_listing_is_empty_can_be_opened(void **state)
{
	(void)state;
	tear_down(state);
	names = "";
	begin(false);
	assert_int_equal(read_folder(), 0);
	assert_int_equal(look_ups(), 0);
}

static void
a_listing_that_fails_is_an_error_and_no_end(void **state)
{
	int err;

	(void)state;
	tear_down(state);
	list_err = -EACCES;
	begin(false);
	assert_int_equal(read_folder(), -EACCES);
	assert_null(look_up("a.blob", &err));
	assert_int_equal(err, -EACCES);
	assert_null(look_up("*.blob", &err)); /* a glob whose readdir failed must not end in "no such file" */
	assert_int_equal(err, -EACCES);
}

static void
a_name_is_found_in_one_spelling(void **state)
{
	static const struct {
		const char *name;
		int err;
	} rows[] = {
		{ "a.blob", 0 },
		{ "A.blob", -ENOENT },
		{ "a", -ENOENT },
		{ ".blob", -ENOENT },
		{ "a.BLOB", -ENOENT },
		{ "a_b.blob", -ENOENT },
		{ "nobody.blob", -ENOENT },
	};
	int err;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_node *node = look_up(rows[i].name, &err);

		assert_row(err == rows[i].err, i, rows[i].name);
		assert_row((node != NULL) == (rows[i].err == 0), i, rows[i].name);
	}
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 1); /* nobody */
}

/* borg knows a file again by its number. */
static void
a_number_that_was_returned_does_not_change(void **state)
{
	const struct kv_file *file = kv_file_of_node(node_of("a.blob"));

	(void)state;
	assert_true(file->told->object->is_ino_used);
	assert_int_equal(file->node.ino, file->told->object->ino);
}

/* ---- contents ---- */

static void
a_stat_fetches_once_and_the_read_is_of_the_same_blob(void **state)
{
	struct kv_node *node = node_of("a.blob");
	struct fuse_file_info fi;
	char text[100];
	int64_t size;

	(void)state;
	assert_int_equal(stat_size(node, &size), 0);
	assert_int_equal(size, strlen(content));
	assert_int_equal(open_file(node, O_RDONLY, &fi), 0);
	assert_int_equal(read_file(node, &fi, text, sizeof(text)), 0);
	assert_string_equal(text, content);
	close_file(&fi);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_BACKUP), 1);
	assert_int_equal(branch.n_read, 1);
}

/* zip and rclone leave out what cannot be stat'ed, with status 0; an open that fails they report. */
static void
what_cannot_be_fetched_has_size_1_and_cannot_be_opened(void **state)
{
	struct kv_node *node = node_of("a.blob");
	struct fuse_file_info fi;
	int64_t size;

	(void)state;
	backup_err = -EACCES;
	assert_int_equal(stat_size(node, &size), 0);
	assert_int_equal(size, 1);
	assert_int_equal(open_file(node, O_RDONLY, &fi), -EACCES);
	assert_int_equal(branch.n_failed, 1);
}

/* Renew the listing, in which the objects have changed. */
static void
change(const char *new_content)
{
	content = new_content;
	wall_updated += 100;
	fake_clock_advance(200000);
	rig_use_listing(KV_KEYS);
	fake_loop_run(rig.loop, 100);
	mount_rig_check();
}

static void
a_blob_of_another_length_than_was_given_is_refused_twice(void **state)
{
	struct kv_node *node = node_of("a.blob"), *other;
	struct fuse_file_info fi;
	int64_t size;

	(void)state;
	assert_int_equal(stat_size(node, &size), 0);
	change("longer than the content was before");
	assert_true(kv_file_of_node(node)->is_stale);
	assert_int_equal(n_invalidated, 1);
	assert_int_equal(open_file(node, O_RDONLY, &fi), -ESTALE);
	other = node_of("a.blob"); /* as the kernel does */
	assert_ptr_not_equal(other, node);
	assert_int_equal(other->ino, node->ino);
	assert_int_equal(
	    open_file(other, O_RDONLY, &fi), -ESTALE); /* the size that was given is another one */
	other = node_of("a.blob");
	assert_int_equal(open_file(other, O_RDONLY, &fi), -ESTALE); /* the kernel's second try */
	assert_int_equal(stat_size(other, &size), 0);
	assert_int_equal(size, strlen(content));
	assert_int_equal(open_file(other, O_RDONLY, &fi), 0);
	close_file(&fi);
}

static void
what_is_open_goes_on_when_the_object_changes(void **state)
{
	struct kv_node *node = node_of("a.blob");
	struct fuse_file_info fi;
	char text[100];
	int64_t size;

	(void)state;
	assert_int_equal(open_file(node, O_RDONLY, &fi), 0);
	change("longer than the content was before");
	assert_int_equal(read_file(node, &fi, text, sizeof(text)), 0);
	assert_string_equal(text, "content of a blob");
	assert_int_equal(stat_size(node, &size), 0); /* fstat */
	assert_int_equal(size, strlen("content of a blob"));
	close_file(&fi);
	assert_int_equal(stat_size(node, &size), -ESTALE);
}

/* bsdtar writes a header with the size that stat gave, and opens the name then. */
static void
after_the_size_of_a_kept_blob_was_given_the_next_open_is_refused(void **state)
{
	struct kv_node *node = node_of("a.blob"), *other;
	struct fuse_file_info kept, fi;
	int64_t size;

	(void)state;
	assert_int_equal(open_file(node, O_RDONLY, &kept), 0);
	change("longer than the content was before");
	assert_int_equal(kv_blobs_prefetch(rig.blobs, kv_file_of_node(node)->told->object), 0);
	fake_loop_run(rig.loop, 100);
	assert_int_equal(stat_size(node, &size), 0);
	assert_int_equal(size, strlen("content of a blob"));
	assert_int_equal(open_file(node, O_RDONLY, &fi), -ESTALE);
	other = node_of("a.blob"); /* as the kernel does */
	assert_int_equal(open_file(other, O_RDONLY, &fi), -ESTALE);
	fake_clock_advance(3000); /* now it is no second try of the kernel */
	other = node_of("a.blob");
	assert_int_equal(stat_size(other, &size), 0);
	assert_int_equal(size, strlen(content));
	assert_int_equal(open_file(other, O_RDONLY, &fi), 0);
	close_file(&fi);
	close_file(&kept);
}

/* borg opens so what it may not read. */
static void
an_open_that_may_not_read_fetches_nothing(void **state)
{
	struct kv_node *node = node_of("a.blob");
	struct fuse_file_info fi;
	char text[100];
	int64_t size;

	(void)state;
	assert_int_equal(stat_size(node, &size), 0);
	kv_blobs_forget(rig.blobs, kv_file_of_node(node)->told->object); /* its size stays known */
	assert_int_equal(open_file(node, O_RDONLY | O_NOATIME, &fi), 0);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_BACKUP), 1);
	assert_int_equal(read_file(node, &fi, text, sizeof(text)), 0);
	assert_string_equal(text, content);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_BACKUP), 2);
	close_file(&fi);
}

static void
a_read_that_failed_fails_again_without_a_request(void **state)
{
	struct kv_node *node = node_of("a.blob");
	struct fuse_file_info fi;
	char text[100];
	int64_t size;

	(void)state;
	assert_int_equal(stat_size(node, &size), 0);
	kv_blobs_forget(rig.blobs, kv_file_of_node(node)->told->object);
	backup_err = -EACCES;
	assert_int_equal(open_file(node, O_RDONLY | O_NOATIME, &fi), 0);
	assert_int_equal(read_file(node, &fi, text, sizeof(text)), -EACCES);
	assert_int_equal(read_file(node, &fi, text, sizeof(text)), -EACCES);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_BACKUP), 2);
	close_file(&fi);
}

static void
a_kill_ends_a_stat_that_waits_and_frees_all_of_it(void **state)
{
	struct kv_node *node = node_of("a.blob");
	struct fuse_req *req = fake_fuse_request(&mount, ENDED);

	(void)state;
	node->ops->getattr(node, req, NULL);
	assert_false(req->is_answered);
	assert_int_equal(node->n_open, 1);
	fake_fuse_interrupt(req);
	fake_loop_run(rig.loop, 0);
	assert_true(req->is_answered);
	assert_int_equal(mount_rig_answer(req), -EINTR);
	assert_int_equal(node->n_open, 0);
}

static void
the_kernel_s_limit_ends_a_stat_that_waits(void **state)
{
	struct kv_node *node = node_of("a.blob");
	struct fuse_req *req;

	(void)state;
	mount.kernel_limit_ms = 5;
	req = mount_rig_request();
	node->ops->getattr(node, req, NULL);
	fake_loop_run(rig.loop, 6);
	assert_true(req->is_answered);
	assert_int_equal(mount_rig_answer(req), -ETIMEDOUT);
	assert_string_not_equal(caught_line("max_request_timeout"), "");
}

static void
the_end_of_the_mount_answers_all_that_wait(void **state)
{
	struct kv_node *node = node_of("a.blob");
	struct fuse_req *stat = mount_rig_request(), *open = mount_rig_request();
	struct fuse_file_info fi = { .flags = O_RDONLY };

	(void)state;
	node->ops->getattr(node, stat, NULL);
	node->ops->open(node, open, &fi);
	kv_request_fail_all(&mount, -EIO);
	assert_int_equal(mount_rig_answer(stat), -EIO);
	assert_int_equal(mount_rig_answer(open), -EIO);
}

static int
walk(void)
{
	struct fuse_file_info fi;
	struct kv_node *node;
	int64_t size;
	int err = read_folder();

	if (err != 0)
		return err;
	node = look_up("a.blob", &err);
	if (err != 0)
		return err;
	err = stat_size(node, &size);
	if (err == 0 && (err = open_file(node, O_RDONLY, &fi)) == 0)
		close_file(&fi);
	forget(node);
	return err;
}

static void
a_kill_ends_an_open_of_a_folder_that_waits_and_frees_all_of_it(void **state)
{
	struct fuse_file_info fi = { .flags = O_RDONLY };
	struct fuse_req *req;

	(void)state;
	tear_down(state);
	begin(false);
	req = fake_fuse_request(&mount, ENDED);
	keys->ops->opendir(keys, req, &fi);
	assert_false(req->is_answered);
	fake_fuse_interrupt(req);
	fake_loop_run(rig.loop, 0);
	assert_true(req->is_answered);
	assert_int_equal(mount_rig_answer(req), -EINTR);
	assert_int_equal(read_folder(), 0);
}

/* A stat whose fetch fails has size 1; all else is the error. */
static void
try_without_memory(void **state, bool is_listed)
{
	bool has_failed = true;

	for (int n = 1; has_failed; n++) {
		int err;

		tear_down(state);
		set_up(state);
		if (!is_listed) {
			tear_down(state);
			begin(false);
		}
		fake_alloc_fail_at(n);
		err = walk();
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		assert_true(err == 0 || err == -ENOMEM);
	}
}

static void
no_allocation_that_fails_does_harm(void **state)
{
	try_without_memory(state, true);
	try_without_memory(state, false);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_name_that_is_read_is_looked_up),
		TEST(names_that_the_kernel_did_not_take_are_not_looked_up),
		TEST(a_listing_that_comes_in_is_waited_for),
		TEST(a_listing_that_fails_before_its_first_name_fails_the_open),
		TEST(a_folder_whose_listing_is_empty_can_be_opened),
		TEST(a_listing_that_fails_is_an_error_and_no_end),
		TEST(a_name_is_found_in_one_spelling),
		TEST(a_number_that_was_returned_does_not_change),
		TEST(a_stat_fetches_once_and_the_read_is_of_the_same_blob),
		TEST(what_cannot_be_fetched_has_size_1_and_cannot_be_opened),
		TEST(a_blob_of_another_length_than_was_given_is_refused_twice),
		TEST(what_is_open_goes_on_when_the_object_changes),
		TEST(after_the_size_of_a_kept_blob_was_given_the_next_open_is_refused),
		TEST(an_open_that_may_not_read_fetches_nothing),
		TEST(a_read_that_failed_fails_again_without_a_request),
		TEST(a_kill_ends_a_stat_that_waits_and_frees_all_of_it),
		TEST(the_kernel_s_limit_ends_a_stat_that_waits),
		TEST(the_end_of_the_mount_answers_all_that_wait),
		TEST(a_kill_ends_an_open_of_a_folder_that_waits_and_frees_all_of_it),
		TEST(no_allocation_that_fails_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
