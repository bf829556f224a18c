#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/buf.h"
#include "fs/command/mount_helper.h"

#define MOST_WORDS 16

static struct kv_mount_helper helper;
static struct kv_buf why;

/* Words separated by blanks, in memory that may be written, as that of main is. */
static int
read_words(const char *line)
{
	static char text[200];
	char *argv[MOST_WORDS + 1] = { NULL }, *rest = text;
	int argc = 0;

	snprintf(text, sizeof(text), "%s", line);
	for (char *word; argc < MOST_WORDS && (word = strsep(&rest, " ")) != NULL;)
		argv[argc++] = word;
	kv_buf_clear(&why);
	return kv_mount_helper_read(argc, argv, &helper, &why);
}

static const char *
joined(void)
{
	static char text[400];
	size_t n = 0;

	text[0] = '\0';
	for (int i = 0; i < helper.argc; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i > 0 ? "|" : "", helper.argv[i]);
	return text;
}

static void
the_name_decides_whether_it_is_the_helper(void **state)
{
	(void)state;
	assert_true(kv_mount_helper_is("mount.kvfs"));
	assert_true(kv_mount_helper_is("/sbin/mount.kvfs"));
	assert_true(kv_mount_helper_is("/usr/sbin/mount.fuse.kvfs"));
	assert_false(kv_mount_helper_is("kvfs"));
	assert_false(kv_mount_helper_is("/mount.kvfs/kvfs"));
	assert_false(kv_mount_helper_is("mount.kvfs2"));
	assert_false(kv_mount_helper_is(""));
	assert_false(kv_mount_helper_is(NULL));
}

static void
the_arguments_of_mount_become_those_of_kvfs(void **state)
{
	static const char *const rows[][2] = {
		{ "mount.kvfs v /m", "kvfs|--|v|/m" },
		{ "mount.kvfs v /m -o rw,_netdev", "kvfs|-o|rw,_netdev|--|v|/m" },
		{ "mount.kvfs -n -v -t fuse.kvfs v /m -o ro", "kvfs|-o|ro|--|v|/m" },
		{ "mount.kvfs v /m -sf -o ro", "kvfs|-osloppy|-o|ro|--|v|/m" },
		{ "mount.kvfs -o ro -- -v /m", "kvfs|-o|ro|--|-v|/m" },
		{ "mount.kvfs -h", "kvfs|-h|--" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(read_words(rows[i][0]) == 0, i, kv_buf_str(&why));
		assert_row(strcmp(joined(), rows[i][1]) == 0, i, joined());
		assert_row(helper.is_fake == (strstr(rows[i][0], "-sf") != NULL), i, rows[i][0]);
		assert_row(helper.argv[helper.argc] == NULL, i, rows[i][0]);
	}
}

static void
what_is_missing_or_too_much_is_refused(void **state)
{
	static const char *const rows[] = { "mount.kvfs", "mount.kvfs v", "mount.kvfs v /m /n",
		"mount.kvfs v /m -x", "mount.kvfs v /m -o", "mount.kvfs v /m -N /nonesuch" };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(read_words(rows[i]) == -EINVAL, i, rows[i]);
		assert_row(why.len > 0, i, rows[i]);
	}
}

/* No such user, so that the test stays who it is. */
static void
the_user_is_cut_out_of_the_options(void **state)
{
	static const char *const rows[][2] = {
		{ "setuid=no-such-user", "" },
		{ "setuid=no-such-user,ro", "ro" },
		{ "ro,setuid=no-such-user", "ro" },
		{ "ro,setuid=x,tenant=a\\,setuid=b,setuid=no-such-user,rate=5",
		    "ro,tenant=a\\,setuid=b,rate=5" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		char line[120];

		snprintf(line, sizeof(line), "mount.kvfs v /m -o %s", rows[i][0]);
		assert_row(read_words(line) == -EINVAL, i, line);
		assert_row(strcmp(helper.argv[2], rows[i][1]) == 0, i, helper.argv[2]);
		assert_row(strcmp(kv_buf_str(&why), "setuid=no-such-user: there is no such user") == 0, i,
		    kv_buf_str(&why));
	}
}

static void
programs_are_found_without_a_path(void **state)
{
	const char *path;

	(void)state;
	assert_int_equal(unsetenv("PATH"), 0);
	assert_int_equal(read_words("mount.kvfs v /m"), 0);
	path = getenv("PATH");
	assert_true(path != NULL && strstr(path, "/usr/bin") != NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_decides_whether_it_is_the_helper),
		cmocka_unit_test(the_arguments_of_mount_become_those_of_kvfs),
		cmocka_unit_test(what_is_missing_or_too_much_is_refused),
		cmocka_unit_test(the_user_is_cut_out_of_the_options),
		cmocka_unit_test(programs_are_found_without_a_path),
	};
	int failed;

	kv_buf_init(&why, 1024);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	kv_buf_release(&why);
	return failed;
}
