/* The FUSE protocol itself, through libfuse: this test is the kernel at the other end of a socket. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cache/list/absent.h"
#include "cache/list/listing.h"
#include "fs/mount/branch.h"
#include "fs/mount/entry.h"
#include "fs/mount/folder.h"
#include "fs/mount/mount.h"
#include "fs/mount/mountinfo.h"
#include "fs/mount/ops.h"
#include "fs/mount/process.h"
#include "fs/mount/request.h"
#include "fs/mount/session.h"
#include "fs/mount/tree.h"
#include "fs/object/file.h"
#include "fs/object/find.h"
#include "fs/object/objects.h"
#include "fs/object/read.h"
#include "fs/object/stat_only.h"
#include "fs/object/takes_all.h"
#include "fs/object/told.h"
#include "fs/object/type_folder.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_vault.h"
#include "tests/unit/rig.h"

#define KERNEL_FLAGS (FUSE_PARALLEL_DIROPS | FUSE_DO_READDIRPLUS | FUSE_ASYNC_READ | FUSE_BIG_WRITES)

static const struct kv_tree_part_row parts[] = { { &kv_objects_part, 2 }, { NULL, 0 } };
static const struct kv_settings settings = { .types = { true }, .umask = 0077, .stat_only = "ls" };
static struct kv_mount mount;
static struct kv_branch branch;
static struct kv_session session;
static int kernel; /* the kernel's end of the device */
static uint64_t unique;

/* What came back. */
static struct {
	struct fuse_out_header header;
	char body[1 << 17];
} out;

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	assert_int_equal(call->op, KV_OP_LIST);
	reply->page = fake_vault_page("a b c", 1600000000, "");
	return 10;
}

/* A request, and its answer: 0 or a negative errno; bytes are how many its body has. */
static int
ask(uint32_t opcode, uint64_t node, const void *body, size_t len, size_t *bytes)
{
	char message[1024];
	const struct fuse_in_header header = { .len = (uint32_t)(sizeof(header) + len),
		.opcode = opcode,
		.unique = ++unique,
		.nodeid = node,
		.uid = 1000,
		.pid = (uint32_t)getpid() };
	ssize_t n;

	memcpy(message, &header, sizeof(header));
	if (len > 0)
		memcpy(message + sizeof(header), body, len);
	assert_int_equal(write(kernel, message, sizeof(header) + len), sizeof(header) + len);
	assert_int_equal(fake_loop_poll(rig.loop), 1);
	n = recv(kernel, &out, sizeof(out), MSG_DONTWAIT);
	assert_true(n >= (ssize_t)sizeof(out.header));
	assert_int_equal(out.header.unique, unique);
	assert_int_equal(out.header.len, n);
	*bytes = (size_t)n - sizeof(out.header);
	assert_int_equal(recv(kernel, &out, sizeof(out), MSG_DONTWAIT | MSG_PEEK), -1); /* answered once */
	kv_mount_check(&mount);
	kv_branch_check(&branch);
	return out.header.error;
}

static struct fuse_init_out
init(uint32_t flags)
{
	const struct fuse_init_in in = { .major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = 131072,
		.flags = flags };
	struct fuse_init_out reply = { 0 };
	size_t n;

	assert_int_equal(ask(FUSE_INIT, 0, &in, sizeof(in), &n), 0);
	memcpy(&reply, out.body, n < sizeof(reply) ? n : sizeof(reply));
	return reply;
}

static int
set_up(void **state)
{
	int ends[2];

	(void)state;
	unique = 0;
	rig_begin(answer, 0, 8);
	rig.absent = kv_absent_new();
	rig_list(KV_KEYS);
	kv_mount_init(&mount, rig.loop, &settings);
	assert_int_equal(kv_branch_init(&branch, &mount, &rig, &settings, parts), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	kernel = ends[0];
	assert_int_equal(kv_session_attach(&session, &mount, ends[1]), 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_session_unmount(&session);
	kv_branch_stop(&branch);
	kv_mount_close_handles(&mount);
	kv_mount_release(&mount);
	kv_branch_release(&branch);
	rig_end();
	if (kernel >= 0)
		close(kernel);
	return 0;
}

/* Else one LOOKUP that waits for the vault holds up every other one in its folder, unkillably. */
static void
look_ups_in_a_folder_are_parallel_where_the_kernel_can(void **state)
{
	(void)state;
	assert_true((init(KERNEL_FLAGS).flags & FUSE_PARALLEL_DIROPS) != 0);
	tear_down(state);
	set_up(state);
	assert_true((init(KERNEL_FLAGS & ~(uint32_t)FUSE_PARALLEL_DIROPS).flags & FUSE_PARALLEL_DIROPS) == 0);
}

static void
names_are_found_and_read(void **state)
{
	const struct fuse_open_in open_in = { .flags = 0 };
	struct fuse_entry_out keys, a;
	struct fuse_open_out folder;
	struct fuse_read_in read_in = { .size = 65536 };
	struct fuse_forget_in forget = { .nlookup = 2 };
	size_t n;

	(void)state;
	(void)init(KERNEL_FLAGS);
	assert_int_equal(ask(FUSE_LOOKUP, FUSE_ROOT_ID, "nobody", 7, &n), -ENOENT);
	assert_int_equal(ask(FUSE_LOOKUP, FUSE_ROOT_ID, "keys", 5, &n), 0);
	memcpy(&keys, out.body, sizeof(keys));
	assert_true(S_ISDIR(keys.attr.mode));
	assert_int_equal(ask(FUSE_OPENDIR, keys.nodeid, &open_in, sizeof(open_in), &n), 0);
	memcpy(&folder, out.body, sizeof(folder));
	read_in.fh = folder.fh;
	assert_int_equal(ask(FUSE_READDIRPLUS, keys.nodeid, &read_in, sizeof(read_in), &n), 0);
	assert_non_null(memmem(out.body, n, "c.blob", 6));
	assert_int_equal(ask(FUSE_LOOKUP, keys.nodeid, "a.blob", 7, &n), 0);
	memcpy(&a, out.body, sizeof(a));
	assert_int_equal(kv_tree_node(&mount.tree, a.nodeid)->n_lookup, 2);
	assert_int_equal(ask(FUSE_RELEASEDIR, keys.nodeid, &(struct fuse_release_in){ .fh = folder.fh },
			     sizeof(struct fuse_release_in), &n),
	    0);
	assert_true(LIST_EMPTY(&mount.handles));
	{ /* FORGET has no answer */
		const struct fuse_in_header header = { .len = sizeof(header) + sizeof(forget),
			.opcode = FUSE_FORGET,
			.unique = ++unique,
			.nodeid = a.nodeid };
		char message[sizeof(header) + sizeof(forget)];

		memcpy(message, &header, sizeof(header));
		memcpy(message + sizeof(header), &forget, sizeof(forget));
		assert_int_equal(write(kernel, message, sizeof(message)), sizeof(message));
		assert_int_equal(fake_loop_poll(rig.loop), 1);
	}
	assert_int_equal(fake_loop_poll(rig.loop), 0);
	assert_int_equal(recv(kernel, &out, sizeof(out), MSG_DONTWAIT), -1);
}

/* What a kind of node lacks has its errno, whatever the kernel sends. */
static void
what_a_node_lacks_is_refused(void **state)
{
	struct {
		struct fuse_mkdir_in in;
		char name[2];
	} mkdir = { .name = "x" };
	struct fuse_entry_out a;
	uint64_t keys;
	size_t n;

	(void)state;
	(void)init(KERNEL_FLAGS);
	assert_int_equal(ask(FUSE_LOOKUP, FUSE_ROOT_ID, "keys", 5, &n), 0);
	memcpy(&keys, out.body, sizeof(keys));
	assert_int_equal(ask(FUSE_LOOKUP, keys, "a.blob", 7, &n), 0);
	memcpy(&a, out.body, sizeof(a));
	assert_int_equal(ask(FUSE_MKDIR, keys, &mkdir, sizeof(mkdir.in) + 2, &n), -EACCES);
	assert_string_not_equal(caught_line("op=mkdir object=keys/x errno=EACCES"), "");
	assert_int_equal(ask(FUSE_UNLINK, keys, "a.blob", 7, &n), -EACCES);
	assert_int_equal(ask(FUSE_RMDIR, FUSE_ROOT_ID, "keys", 5, &n), -EACCES);
	assert_int_equal(ask(FUSE_LOOKUP, a.nodeid, "x", 2, &n), -ENOTDIR);
	assert_int_equal(
	    ask(FUSE_OPENDIR, a.nodeid, &(struct fuse_open_in){ 0 }, sizeof(struct fuse_open_in), &n),
	    -ENOTDIR);
	assert_int_equal(
	    ask(FUSE_OPEN, keys, &(struct fuse_open_in){ 0 }, sizeof(struct fuse_open_in), &n), -EISDIR);
	assert_int_equal(ask(FUSE_OPEN, a.nodeid, &(struct fuse_open_in){ .flags = 1 /* O_WRONLY */ },
			     sizeof(struct fuse_open_in), &n),
	    -EACCES);
	assert_int_equal(ask(FUSE_GETXATTR, a.nodeid, "\0\0\0\0\0\0\0\0x", 10, &n), -ENOSYS);
	assert_int_equal(ask(FUSE_STATFS, FUSE_ROOT_ID, NULL, 0, &n), 0);
}

static void
all_that_is_new_is_refused_while_the_mount_ends(void **state)
{
	size_t n;

	(void)state;
	(void)init(KERNEL_FLAGS);
	mount.is_ending = true;
	assert_int_equal(ask(FUSE_LOOKUP, FUSE_ROOT_ID, "keys", 5, &n), -EIO);
}

static void
a_device_that_cannot_be_read_is_tried_again(void **state)
{
	(void)state;
	(void)init(KERNEL_FLAGS);
	close(kernel);
	kernel = -1;
	assert_int_equal(fake_loop_poll(rig.loop), 1);
	assert_string_not_equal(caught_line("the FUSE device could not be read"), "");
	assert_int_equal(fake_loop_poll(rig.loop), 0);
	fake_loop_run(rig.loop, 100);
	assert_int_equal(fake_loop_poll(rig.loop), 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(look_ups_in_a_folder_are_parallel_where_the_kernel_can),
		TEST(names_are_found_and_read),
		TEST(what_a_node_lacks_is_refused),
		TEST(all_that_is_new_is_refused_while_the_mount_ends),
		TEST(a_device_that_cannot_be_read_is_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
