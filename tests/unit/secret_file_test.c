#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/auth/secret_file.h"
#include "client/base/buf.h"

#define ME    1234 /* whom root becomes in these tests */
#define OTHER 4321

static char folder[] = "/tmp/kvfs-secret-XXXXXX", path[64], below[64];
static struct kv_buf content, why;

static int
set_up(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(path, sizeof(path), "%s/secret", folder);
	snprintf(below, sizeof(below), "%s/credentials", folder);
	assert_int_equal(mkdir(below, 0755), 0);
	kv_buf_init(&content, KV_SECRET_FILE_MAX);
	kv_buf_init(&why, 1000);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	unsetenv("INVOCATION_ID");
	kv_buf_release(&content);
	kv_buf_release(&why);
	assert_int_equal(rmdir(below), 0);
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

static void
write_file(const char *name, const void *bytes, size_t len, mode_t mode)
{
	const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (int)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int
read_it(const char *name, bool is_of_sdk)
{
	const struct kv_secret_file file = { "option", name, is_of_sdk };
	int err;

	kv_buf_clear(&content);
	kv_buf_clear(&why);
	err = kv_secret_file_read(&file, &content, &why);
	assert_true((err == 0) == (why.len == 0));
	if (err != 0)
		assert_non_null(strstr(kv_buf_str(&why), strrchr(name, '/') + 1));
	return err;
}

static void
it_belongs_to_the_user_or_to_root_and_nobody_else_reads_it(void **state)
{
	static const struct {
		uid_t owner;
		mode_t mode;
		bool is_below, is_good;
	} rows[] = { { ME, 0600, false, true }, { ME, 0400, false, true }, { ME, 0700, false, true },
		{ ME, 0640, false, false }, { ME, 0440, true, true }, { ME, 0640, true, true },
		{ ME, 0604, true, false }, { ME, 0620, true, false }, { ME, 0602, true, false },
		{ 0, 0440, false, true }, { 0, 0440, true, true }, { 0, 0640, false, true },
		{ 0, 0644, false, false }, { 0, 0444, true, false }, { 0, 0660, false, false },
		{ OTHER, 0640, false, false }, { OTHER, 0644, false, false }, { OTHER, 0440, true, false } };

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: only root can give a file away\n");
		skip();
	}
	setenv("CREDENTIALS_DIRECTORY", below, 1);
	for (size_t i = 0; i < N_OF(rows); i++) {
		char name[100], link[100];
		int err;

		snprintf(name, sizeof(name), "%s/x", rows[i].is_below ? below : folder);
		snprintf(link, sizeof(link), "%s/link", rows[i].is_below ? folder : below);
		write_file(name, "s3cret", 6, rows[i].mode);
		/* the group is the user's, as systemd's ACL lets it read */
		assert_int_equal(chown(name, rows[i].owner, ME), 0);
		assert_int_equal(symlink(name, link), 0);
		assert_int_equal(setegid(ME), 0);
		assert_int_equal(seteuid(ME), 0);
		err = read_it(name, false);
		assert_row(err == (rows[i].is_good ? 0 : -EACCES), i, kv_buf_str(&why));
		/* a link does not change where the file is */
		assert_row(read_it(link, false) == err, i, kv_buf_str(&why));
		/* what the SDKs read is read, where it can be */
		assert_row(read_it(name, true) == 0, i, kv_buf_str(&why));
		assert_string_equal(kv_buf_str(&content), "s3cret");
		assert_int_equal(seteuid(0), 0);
		assert_int_equal(setegid(0), 0);
		assert_row(kv_secret_file_is_exposed(name) == ((rows[i].mode & 004) != 0), i, "exposed");
		assert_int_equal(unlink(link), 0);
		assert_int_equal(unlink(name), 0);
	}
}

static void
it_is_a_regular_file_with_something_in_it(void **state)
{
	static char large[KV_SECRET_FILE_MAX + 1];

	(void)state;
	memset(large, 'a', sizeof(large));
	for (int is_of_sdk = 0; is_of_sdk < 2; is_of_sdk++) {
		assert_int_equal(read_it(path, is_of_sdk != 0), -EACCES);
		assert_non_null(strstr(kv_buf_str(&why), strerror(ENOENT)));
		write_file(path, "", 0, 0600);
		assert_int_equal(read_it(path, is_of_sdk != 0), -EACCES);
		assert_non_null(strstr(kv_buf_str(&why), "empty"));
		unlink(path);
		assert_int_equal(mkfifo(path, 0600), 0);
		assert_int_equal(read_it(path, is_of_sdk != 0), -EACCES);
		assert_non_null(strstr(kv_buf_str(&why), "not a regular file"));
		unlink(path);
		assert_int_equal(read_it(folder, is_of_sdk != 0), -EACCES);
		write_file(path, large, sizeof(large), 0600);
		assert_int_equal(read_it(path, is_of_sdk != 0), -EACCES);
		assert_non_null(strstr(kv_buf_str(&why), "256 KiB"));
		assert_int_equal(truncate(path, KV_SECRET_FILE_MAX), 0);
		assert_int_equal(read_it(path, is_of_sdk != 0), 0);
		assert_int_equal(content.len, KV_SECRET_FILE_MAX);
		unlink(path);
	}
}

static void
a_line_ends_before_blanks_and_line_ends(void **state)
{
	static const struct {
		const char *bytes, *line; /* NULL: refused */
	} rows[] = { { "a", "a" }, { "a\n", "a" }, { "a\r\nb\n", "a" }, { "a b \t\n", "a b" },
		{ "\na", NULL }, { " \n", NULL } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_secret_file file = { "option", path, false };

		write_file(path, rows[i].bytes, strlen(rows[i].bytes), 0600);
		kv_buf_clear(&content);
		assert_row((kv_secret_file_read_line(&file, &content, &why) == 0) == (rows[i].line != NULL),
		    i, kv_buf_str(&why));
		if (rows[i].line != NULL)
			assert_string_equal(kv_buf_str(&content), rows[i].line);
		unlink(path);
	}
}

static void
a_credential_that_the_service_lacks_is_named_with_its_place(void **state)
{
	(void)state;
	unsetenv("INVOCATION_ID");
	assert_int_equal(read_it("/no-such-secret", false), -EACCES);
	assert_null(strstr(kv_buf_str(&why), "credstore"));
	setenv("INVOCATION_ID", "0123456789abcdef", 1);
	assert_int_equal(read_it("/no-such-secret", false), -EACCES);
	assert_non_null(strstr(kv_buf_str(&why), "=no-such-secret is missing"));
	assert_non_null(strstr(kv_buf_str(&why), "/etc/credstore/kvfs.NAME.no-such-secret"));
	assert_int_equal(read_it("/no/such/secret", false), -EACCES);
	assert_null(strstr(kv_buf_str(&why), "credstore"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_belongs_to_the_user_or_to_root_and_nobody_else_reads_it),
		TEST(it_is_a_regular_file_with_something_in_it),
		TEST(a_line_ends_before_blanks_and_line_ends),
		TEST(a_credential_that_the_service_lacks_is_named_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
