#include "tests/unit/unit.h"

#include <string.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_mount_on_top_is_found_by_its_folder) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
