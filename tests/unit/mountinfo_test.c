#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fs/mount/mountinfo.h"

static void
the_mount_on_top_is_found_by_its_folder(void **state)
{
	char device[KV_DEVICE_LEN];

	(void)state;
	kv_mountinfo_top("/proc", device);
	assert_non_null(strchr(device, ':'));
	kv_mountinfo_top("/proc/", device);
	assert_string_equal(device, "");
	kv_mountinfo_top("/pro", device);
	assert_string_equal(device, "");
	kv_mountinfo_top("/no/such/folder", device);
	assert_string_equal(device, "");
}

static void
a_mount_is_found_by_a_descriptor_and_by_its_place(void **state)
{
	const int fd = open("/proc/self", O_PATH | O_CLOEXEC);
	struct kv_mountinfo info, at;
	int position = 0, n_proc = 0;

	(void)state;
	assert_int_equal(kv_mountinfo_of(fd, &info), 0);
	assert_string_equal(info.folder, "/proc");
	assert_string_equal(info.type, "proc");
	assert_int_equal(info.user, -1);
	close(fd);
	assert_true(kv_mountinfo_of(fd, &info) < 0);
	assert_int_equal(kv_mountinfo_at("/proc", &at), 0);
	assert_string_equal(at.type, "proc");
	assert_int_equal(kv_mountinfo_at("/no/such/folder", &at), -ENOENT);
	while (kv_mountinfo_next(&position, &info))
		n_proc += strcmp(info.folder, "/proc") == 0;
	assert_true(n_proc >= 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_mount_on_top_is_found_by_its_folder),
		cmocka_unit_test(a_mount_is_found_by_a_descriptor_and_by_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
