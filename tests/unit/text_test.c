#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/base/buf.h"
#include "fs/mount/branch.h"
#include "fs/mount/entry.h"
#include "fs/mount/folder.h"
#include "fs/mount/mount.h"
#include "fs/mount/ops.h"
#include "fs/mount/process.h"
#include "fs/mount/request.h"
#include "fs/mount/text.h"
#include "fs/mount/tree.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_fuse.h"
#include "tests/unit/mount_rig.h"
#include "tests/unit/rig.h"

static const struct kv_tree_part_row no_parts[] = { { NULL, 0 } };

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	(void)call;
	(void)reply;
	return -1;
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(answer, 0, 0);
	mount_rig_begin(no_parts);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	mount_rig_end();
	return 0;
}

static struct kv_buf
text_of(const char *content)
{
	struct kv_buf text;

	kv_buf_init(&text, 100);
	assert_int_equal(kv_buf_puts(&text, content), 0);
	return text;
}

/* Open the root as if it were such a file. 0 and the handle, or -errno. */
static int
open_text(const char *content, struct fuse_file_info *fi)
{
	struct fuse_req *req = mount_rig_request();
	struct kv_buf text = text_of(content);

	memset(fi, 0, sizeof(*fi));
	kv_text_reply_open(mount.tree.root, req, fi, &text);
	assert_int_equal(text.size, 0); /* it was taken */
	*fi = req->fi;
	return fake_fuse_done(req);
}

static void
assert_reads(struct fuse_file_info *fi, size_t size, off_t offset, const char *wanted)
{
	struct fuse_req *req = mount_rig_request();

	kv_text_read(mount.tree.root, req, size, offset, fi);
	assert_int_equal(req->written, strlen(wanted));
	assert_memory_equal(req->data, wanted, strlen(wanted));
	assert_int_equal(fake_fuse_done(req), 0);
}

static void
each_handle_reads_the_text_of_its_open(void **state)
{
	struct fuse_file_info first, second;

	(void)state;
	assert_int_equal(open_text("first", &first), 0);
	assert_int_equal(open_text("second", &second), 0);
	assert_true(first.direct_io);
	assert_reads(&first, 100, 0, "first");
	assert_reads(&second, 3, 2, "con");
	assert_reads(&second, 100, 6, "");
	kv_handle_close(kv_handle_of(&first));
	assert_reads(&second, 100, 0, "second");
	/* the end of the mount closes the second */
}

static void
an_open_that_the_kernel_does_not_take_leaves_nothing(void **state)
{
	struct fuse_file_info fi;

	(void)state;
	fake_fuse_refuse(true);
	(void)open_text("text", &fi);
	fake_fuse_refuse(false);
	assert_true(LIST_EMPTY(&mount.handles));
}

static void
without_memory_the_open_fails(void **state)
{
	struct fuse_req *req = mount_rig_request();
	struct kv_buf text = text_of("text");
	struct fuse_file_info fi = { .flags = 0 };

	(void)state;
	fake_alloc_fail_at(1);
	kv_text_reply_open(mount.tree.root, req, &fi, &text);
	fake_alloc_fail_at(0);
	assert_int_equal(fake_fuse_done(req), -ENOMEM);
	assert_int_equal(text.size, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_handle_reads_the_text_of_its_open),
		TEST(an_open_that_the_kernel_does_not_take_leaves_nothing),
		TEST(without_memory_the_open_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
