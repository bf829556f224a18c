#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/config/mountpoint.h"

static struct kv_buf why;

static int
find(const char *given, const char *right)
{
	char *absolute;
	int err;

	kv_buf_clear(&why);
	err = kv_mountpoint_find(given, &absolute, &why);
	assert_true((err == 0) == (absolute != NULL));
	assert_true((err == -EINVAL) == (why.len > 0));
	if (absolute != NULL)
		assert_string_equal(absolute, right);
	free(absolute);
	return err;
}

static void
a_directory_is_found_without_links(void **state)
{
	char folder[] = "/tmp/kvfs-mountpoint-XXXXXX", link[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(link, sizeof(link), "%s/link", folder);
	assert_int_equal(symlink(folder, link), 0);
	assert_int_equal(find(folder, folder), 0);
	assert_int_equal(find(link, folder), 0);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(find(".", folder), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void
what_is_no_directory_is_refused_with_a_sentence(void **state)
{
	static const char *const rows[][2] = {
		{ "/nonesuch", "the mount point /nonesuch does not exist: create it with mkdir" },
		{ "", "the mount point  does not exist: create it with mkdir" },
		{ "/dev/null", "the mount point /dev/null is not a directory" },
		{ "/dev/null/x", "the mount point /dev/null/x cannot be used: Not a directory" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(find(rows[i][0], "") == -EINVAL, i, rows[i][0]);
		assert_row(strcmp(kv_buf_str(&why), rows[i][1]) == 0, i, kv_buf_str(&why));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_directory_is_found_without_links),
		cmocka_unit_test(what_is_no_directory_is_refused_with_a_sentence),
	};
	int failed;

	kv_buf_init(&why, 1024);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	kv_buf_release(&why);
	return failed;
}
