#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/config/mountpoint.h"
#include "fs/mount/fusermount.h"
#include "fs/mount/mountinfo.h"

static struct kv_buf why;
static bool may_hide;

static int
find(const char *given, const char *right)
{
	char *absolute;
	int err;

	kv_buf_clear(&why);
	err = kv_mountpoint_find(given, may_hide, &absolute, &why);
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
	assert_int_equal(find(folder, folder), -EINVAL); /* the link is in it */
	may_hide = true;
	assert_int_equal(find(folder, folder), 0);
	assert_int_equal(find(link, folder), 0);
	assert_int_equal(unlink(link), 0);
	may_hide = false;
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

static void
what_is_in_the_directory_is_not_hidden_by_accident(void **state)
{
	char folder[] = "/tmp/kvfs-mountpoint-XXXXXX", file[64], sentence[200];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/.hidden", folder);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_int_equal(find(folder, folder), -EINVAL);
	snprintf(sentence, sizeof(sentence),
	    "the mount point %s is not empty, and the mount would hide what is in it: take an empty directory, "
	    "or -o nonempty",
	    folder);
	assert_string_equal(kv_buf_str(&why), sentence);
	may_hide = true;
	assert_int_equal(find(folder, folder), 0);
	may_hide = false;
	assert_int_equal(rmdir(file), 0);
	assert_int_equal(find(folder, folder), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void
a_start_keeps_others_on_the_directory_waiting(void **state)
{
	char folder[] = "/tmp/kvfs-mountpoint-XXXXXX", point[64];
	int lock, second;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(point, sizeof(point), "%s/point", folder);
	assert_int_equal(mkdir(point, 0700), 0);
	kv_buf_clear(&why);
	assert_int_equal(kv_mountpoint_take(point, false, &lock, &why, &why), 0);
	assert_int_equal(why.len, 0);
	assert_true(lock >= 0);
	second = open(folder, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(second, LOCK_EX | LOCK_NB), -1);
	close(lock);
	assert_int_equal(flock(second, LOCK_EX | LOCK_NB), 0);
	/* who locks a directory for ever delays a start, and does not prevent it */
	assert_int_equal(kv_mountpoint_take(point, false, &lock, &why, &why), 0);
	close(lock);
	close(second);
	assert_int_equal(rmdir(point), 0);
	assert_int_equal(kv_mountpoint_take(point, false, &lock, &why, &why), -EINVAL);
	close(lock);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_the_directory_is_not_hidden_by_accident),
		cmocka_unit_test(a_start_keeps_others_on_the_directory_waiting),
		cmocka_unit_test(a_directory_is_found_without_links),
		cmocka_unit_test(what_is_no_directory_is_refused_with_a_sentence),
	};
	int failed;

	kv_buf_init(&why, 1024);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	kv_buf_release(&why);
	return failed;
}
