#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/command/archive.h"

static char root[PATH_MAX];

/* A file below the root, and its folders. */
static void
make(const char *below)
{
	char path[PATH_MAX + 100];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, below);
	for (char *slash = path + strlen(root); (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
		*slash = '\0';
		(void)mkdir(path, 0700);
	}
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

static int
set_up(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/archive_test.XXXXXX");
	return mkdtemp(root) != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	char command[PATH_MAX + 20];
	FILE *p;

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	p = popen(command, "r");
	return p != NULL ? pclose(p) : -1;
}

static void
blobs_are_found_with_their_types_and_the_rest_is_counted(void **state)
{
	static const struct {
		const char *path, *name;
		bool has_type;
		enum kv_type type;
	} rows[] = {
		{ "keys/Db.blob", "Db", true, KV_KEYS },
		{ "keys/old/secrets/x.blob", "x", true, KV_SECRETS },
		{ "monday/certificates/deep/web.blob", "web", true, KV_CERTIFICATES },
		{ "plain.blob", "plain", false, KV_KEYS },
	};
	struct kv_archive a;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		make(rows[i].path);
	make("keys/Db.json");
	make("manifest");
	make("keys/.Db.blob.X1y2Z3");
	make(".kvfs/keys/x.blob");
	make("keys/.blob");
	assert_int_equal(kv_archive_read(root, &a, NULL), 0);
	assert_int_equal(a.n, N_OF(rows));
	assert_int_equal(a.n_others, 2);
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_string_equal(a.files[i].path, rows[i].path);
		assert_string_equal(a.files[i].name, rows[i].name);
		assert_row(a.files[i].has_type == rows[i].has_type, i, "has_type");
		assert_row(!rows[i].has_type || a.files[i].type == rows[i].type, i, "type");
	}
	kv_archive_release(&a);
}

static void
a_link_to_a_file_is_that_file_and_one_to_none_is_counted(void **state)
{
	char path[PATH_MAX + 20];
	struct kv_archive a;

	(void)state;
	make("keys/a.blob");
	snprintf(path, sizeof(path), "%s/keys/b.blob", root);
	assert_int_equal(symlink("a.blob", path), 0);
	snprintf(path, sizeof(path), "%s/keys/c.blob", root);
	assert_int_equal(symlink("nothing", path), 0);
	snprintf(path, sizeof(path), "%s/loop", root);
	assert_int_equal(symlink(".", path), 0);
	assert_int_equal(kv_archive_read(root, &a, NULL), 0);
	assert_int_equal(a.n, 2);
	assert_string_equal(a.files[1].path, "keys/b.blob");
	assert_int_equal(a.n_odd, 1);
	assert_string_equal(a.odd, "keys/c.blob");
	kv_archive_release(&a);
}

static void
a_file_alone_is_an_archive(void **state)
{
	char path[PATH_MAX + 20], found[PATH_MAX];
	struct kv_archive a;

	(void)state;
	make("keys/a.blob");
	snprintf(path, sizeof(path), "%s/keys/a.blob", root);
	assert_int_equal(kv_archive_read(path, &a, NULL), 0);
	assert_int_equal(a.n, 1);
	assert_string_equal(a.files[0].path, "a.blob");
	assert_true(a.files[0].has_type && a.files[0].type == KV_KEYS);
	assert_int_equal(kv_archive_path(&a, &a.files[0], found, sizeof(found)), 0);
	assert_string_equal(found, path);
	kv_archive_release(&a);
}

static void
paths_select(void **state)
{
	char absolute[PATH_MAX + 20];
	const struct {
		const char *path;
		size_t n;
	} rows[] = { { "keys", 2 }, { "keys/", 2 }, { "./keys/a.blob", 1 }, { "keys/a", 0 }, { "", 3 },
		{ absolute, 2 } };

	(void)state;
	make("keys/a.blob");
	make("keys/b.blob");
	make("keysafe/c.blob");
	snprintf(absolute, sizeof(absolute), "%s/keys", root);
	for (size_t i = 0; i < N_OF(rows); i++) {
		char *const paths[] = { (char *)(uintptr_t)rows[i].path };
		struct kv_archive a;
		struct kv_buf why;

		kv_buf_init(&why, PATH_MAX);
		assert_int_equal(kv_archive_read(root, &a, NULL), 0);
		assert_row(
		    kv_archive_select(&a, paths, 1, &why) == (rows[i].n > 0 ? 0 : -ENOENT), i, rows[i].path);
		assert_row(a.n == rows[i].n, i, rows[i].path);
		assert_row((why.len > 0) == (rows[i].n == 0), i, "why");
		kv_buf_release(&why);
		kv_archive_release(&a);
	}
}

static void
what_cannot_be_read_is_named(void **state)
{
	struct kv_archive a;
	struct kv_buf why;

	(void)state;
	kv_buf_init(&why, PATH_MAX);
	assert_int_equal(kv_archive_read("/nonexistent/x", &a, &why), -ENOENT);
	assert_string_equal(kv_buf_str(&why), "/nonexistent/x: No such file or directory");
	kv_archive_release(&a);
	kv_buf_release(&why);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(blobs_are_found_with_their_types_and_the_rest_is_counted),
		TEST(a_link_to_a_file_is_that_file_and_one_to_none_is_counted),
		TEST(a_file_alone_is_an_archive),
		TEST(paths_select),
		TEST(what_cannot_be_read_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
