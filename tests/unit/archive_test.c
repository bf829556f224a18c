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
#include "fs/command/misnamed.h"
#include "fs/command/mounted.h"
#include "tests/unit/blob_bytes.h"

#define OTHER_TEXT "This is not a blob, and it is longer than the shortest one can be, which is 64 bytes."

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

static void
fill(const char *below, const char *content)
{
	char path[PATH_MAX + 100];
	FILE *f;

	make(below);
	snprintf(path, sizeof(path), "%s/%s", root, below);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(content, 1, strlen(content), f), strlen(content));
	assert_int_equal(fclose(f), 0);
}

static void
make_link(const char *below, const char *target)
{
	char path[PATH_MAX + 100];

	snprintf(path, sizeof(path), "%s/%s", root, below);
	assert_int_equal(symlink(target, path), 0);
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
	struct kv_archive a;

	(void)state;
	make("keys/a.blob");
	make_link("keys/b.blob", "a.blob");
	make_link("keys/c.blob", "nothing");
	assert_int_equal(kv_archive_read(root, &a, NULL), 0);
	assert_int_equal(a.n, 2);
	assert_string_equal(a.files[1].path, "keys/b.blob");
	assert_int_equal(a.n_odd, 1);
	assert_string_equal(a.odd[0].path, "keys/c.blob");
	kv_archive_release(&a);
}

/* What is in the archive is found where it is; a link cannot lead the search in circles. */
static void
a_link_to_a_folder_is_odd_unless_the_folder_is_read_anyway(void **state)
{
	struct kv_archive a;

	(void)state;
	make("monday/keys/a.blob");
	make(".annex/keys/b.blob");
	make_link("loop", ".");
	make_link("latest", "monday");
	make_link("hidden", ".annex/keys");
	make_link("secrets", "/usr");
	assert_int_equal(kv_archive_read(root, &a, NULL), 0);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.n_odd, 2);
	for (size_t i = 0; i < a.n_odd; i++)
		assert_true(strcmp(a.odd[i].path, "hidden") == 0 || strcmp(a.odd[i].path, "secrets") == 0);
	kv_archive_release(&a);
}

static void
a_blob_that_is_called_otherwise_is_odd(void **state)
{
	static const struct {
		const char *path, *content;
		bool is_odd;
	} rows[] = {
		{ "secrets/a.bak", SECRET, true },
		{ "secrets/b", "\n" SECRET, true },
		{ "keys/c.blob~", KEY, true },
		{ "keys/d.BLOB", "", true },
		{ "secrets/cut", SECRET_MAGIC OTHER_TEXT, false },
		{ "README", OTHER_TEXT, false },
		{ "manifest", "{\"vault\":\"v\",\"listed\":\"\",\"objects\":0}" OTHER_TEXT, false },
		{ "keys/e.json", "{" OTHER_TEXT, false },
		{ "keys/empty", "", false },
	};
	struct kv_archive a;
	size_t n_odd = 0;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		fill(rows[i].path, rows[i].content);
	assert_int_equal(kv_archive_read(root, &a, NULL), 0);
	assert_int_equal(a.n, 0);
	for (size_t i = 0; i < N_OF(rows); i++) {
		bool is_odd = false;

		for (size_t k = 0; k < a.n_odd; k++)
			is_odd = is_odd || strcmp(a.odd[k].path, rows[i].path) == 0;
		assert_row(is_odd == rows[i].is_odd, i, rows[i].path);
		n_odd += is_odd;
	}
	assert_int_equal(a.n_odd, n_odd);
	assert_int_equal(a.n_others, N_OF(rows) - n_odd);
	kv_archive_release(&a);
}

static void
files_of_one_object_below_several_folders_are_refused(void **state)
{
	static const struct {
		const char *one, *two, *as_in; /* NULL: they are not refused */
	} rows[] = {
		{ "keys/a.blob", "keys/old/a.blob", NULL },
		{ "keys/a.blob", "secrets/a.blob", NULL },
		{ "eu/keys/a.blob", "us/keys/b.blob", NULL },
		{ "a.blob", "us/a.blob", NULL }, /* nobody can say of which type they are */
		{ "eu/keys/a.blob", "us/keys/A.blob", "eu" },
		{ "keys/a.blob", "us/keys/a.blob", "us" },
		{ "keys/keys/a.blob", "keys/a.blob", "keys" },
		{ "x/2026/eu/keys/a.blob", "x/2026/eu2/keys/a.blob", "x/2026/eu" },
		{ "x/00/keys/a.blob", "latest/keys/a.blob", "latest" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		char as_in[PATH_MAX];
		struct kv_archive a;
		struct kv_buf why;

		make(rows[i].one);
		make(rows[i].two);
		if (strncmp(rows[i].two, "latest/", 7) == 0)
			make("latest/manifest");
		kv_buf_init(&why, PATH_MAX);
		assert_int_equal(kv_archive_read(root, &a, NULL), 0);
		assert_row(
		    kv_archive_check_one(&a, "archive/", &why) == (rows[i].as_in != NULL ? -ENOTUNIQ : 0), i,
		    rows[i].one);
		if (rows[i].as_in != NULL) {
			snprintf(as_in, sizeof(as_in), ", as in archive/%s", rows[i].as_in);
			assert_row(why.len > strlen(as_in) &&
				strcmp(kv_buf_str(&why) + why.len - strlen(as_in), as_in) == 0,
			    i, kv_buf_str(&why));
			assert_non_null(strstr(kv_buf_str(&why), rows[i].one));
			assert_non_null(strstr(kv_buf_str(&why), rows[i].two));
		}
		kv_archive_release(&a);
		kv_buf_release(&why);
		assert_int_equal(tear_down(NULL), 0);
		assert_int_equal(mkdir(root, 0700), 0);
	}
}

static void
the_folder_of_an_archive_is_beside_its_types(void **state)
{
	char path[PATH_MAX + 20], should[PATH_MAX + 20];
	struct kv_archive a;

	(void)state;
	make("eu/keys/a.blob");
	snprintf(should, sizeof(should), "%s/eu", root);
	for (int i = 0; i < 4; i++) {
		static const char *const given[] = { "", "/eu", "/eu/keys", "/eu/keys/a.blob" };
		char folder[PATH_MAX];

		snprintf(path, sizeof(path), "%s%s", root, given[i]);
		assert_int_equal(kv_archive_read(path, &a, NULL), 0);
		kv_archive_folder(&a, folder);
		assert_string_equal(folder, should);
		kv_archive_release(&a);
	}
	make("us/keys/b.blob");
	assert_int_equal(kv_archive_read(root, &a, NULL), 0);
	kv_archive_folder(&a, path);
	assert_string_equal(path, root);
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
	make("keysafe/d.BLOB");
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
		assert_row(a.n_odd == (rows[i].path[0] == '\0'), i, rows[i].path);
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
		TEST(a_link_to_a_folder_is_odd_unless_the_folder_is_read_anyway),
		TEST(a_blob_that_is_called_otherwise_is_odd),
		TEST(files_of_one_object_below_several_folders_are_refused),
		TEST(the_folder_of_an_archive_is_beside_its_types),
		TEST(a_file_alone_is_an_archive),
		TEST(paths_select),
		TEST(what_cannot_be_read_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
