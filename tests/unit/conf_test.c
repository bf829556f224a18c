#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/config/conf.h"
#include "tests/unit/fake_alloc.h"

static char path[] = "/tmp/kvfs-conf-XXXXXX";
static struct kv_conf conf;
static struct kv_buf why;

static int
set_up(void **state)
{
	int fd;

	(void)state;
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	kv_conf_init(&conf);
	kv_buf_init(&why, 4096);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_conf_release(&conf);
	kv_buf_release(&why);
	unlink(path);
	return 0;
}

static int
read_bytes(const char *content, size_t len)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(content, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	kv_conf_release(&conf);
	kv_buf_clear(&why);
	return kv_conf_read(&conf, path, false, &why);
}

static int
read_text(const char *content)
{
	return read_bytes(content, strlen(content));
}

/* All lines as "section|name|value;". */
static const char *
lines(void)
{
	static char text[2000];
	size_t n = 0;

	text[0] = '\0';
	for (const struct kv_conf_line *l = conf.lines; l != NULL; l = l->next)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s|%s|%s;", l->section, l->name,
		    l->value != NULL ? l->value : "-");
	return text;
}

static void
a_file_is_sections_of_keys_and_values(void **state)
{
	static const struct {
		const char *content, *lines;
	} rows[] = {
		{ "", "" },
		{ "rate = 5", "|rate|5;" },
		{ "  rate=5  \r\n\n# no\n \t# no\nro\n", "|rate|5;|ro|-;" },
		{ "\357\273\277rate = 5\n", "|rate|5;" },
		{ "rate = 5 # so many\nro # only\n", "|rate|5;|ro|-;" },
		{ "suffix = .a#b\n", "|suffix|.a#b;" },
		{ "a = \" x # y \" # z\nb = 'say \"no\"'\nc = \"a\\\"b\\\\c\\d\"\n",
		    "|a| x # y ;|b|say \"no\";|c|a\"b\\c\\d;" },
		{ "a = x \"y\"\nb=\"\"\nc=\n", "|a|x \"y\";|b|;|c|;" },
		{ "rate=1\n[estate]\nrate=2\n[ estate/a.b-1 ] # one\nrate=3\n[x]\n[estate]\nro\n",
		    "|rate|1;estate|rate|2;estate/a.b-1|rate|3;estate|ro|-;" },
		{ "a = b = c\n", "|a|b = c;" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(read_text(rows[i].content) == 1, i, kv_buf_str(&why));
		assert_row(strcmp(lines(), rows[i].lines) == 0, i, lines());
	}
}

static void
a_fault_of_the_syntax_is_named_with_its_line(void **state)
{
	static const struct {
		const char *content, *sentence;
	} rows[] = {
		{ "\n= 5\n", " line 2: a key is missing before '='" },
		{ "a = \"b\n", " line 1: the quoted value has no end: add the closing quote" },
		{ "a = 'b\\'\n", " line 1: the quoted value has no end: add the closing quote" },
		{ "a = \"b\" c\n", " line 1: something follows the quoted value: put all of it in quotes" },
		{ "[estate\n", " line 1: a section is a line of its own" },
		{ "[estate] rate = 5\n", " line 1: a section is a line of its own" },
		{ "[]\n", " line 1: the name of a section has" },
		{ "[a b]\n", " line 1: the name of a section has" },
		{ "[/a]\n", " line 1: the name of a section has" },
		{ "[a/]\n", " line 1: the name of a section has" },
		{ "[a/b/c]\n", " line 1: the name of a section has" },
		{ "[a/.kvfs]\n", " line 1: the name of a section has" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(read_text(rows[i].content) == -EINVAL, i, rows[i].content);
		assert_row(strstr(kv_buf_str(&why), rows[i].sentence) != NULL, i, kv_buf_str(&why));
	}
	assert_int_equal(read_bytes("a = b\0c\n", 8), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "line 1: the line contains a NUL byte"));
}

static void
a_long_line_is_one_line(void **state)
{
	char *text = malloc(100001);

	(void)state;
	memset(text, 'x', 100000);
	memcpy(text, "vaults = ", 9);
	text[100000] = '\0';
	assert_int_equal(read_text(text), 1);
	assert_int_equal(strlen(conf.lines->value), 100000 - 9);
	assert_null(conf.lines->next);
	free(text);
}

static void
files_are_added_and_a_missing_one_is_none(void **state)
{
	(void)state;
	assert_int_equal(kv_conf_read(&conf, "/nowhere/kvfs.conf", false, &why), 0);
	assert_int_equal(read_text("rate = 5\n[estate]\n"), 1);
	assert_int_equal(kv_conf_read(&conf, path, false, &why), 1);
	assert_string_equal(lines(), "|rate|5;|rate|5;");
	assert_int_equal(conf.lines->file, 0);
	assert_int_equal(conf.lines->next->file, 1);
	assert_null(conf.lines->fault); /* mkstemp gave it mode 0600 */
	assert_non_null(kv_conf_find(&conf, "estate"));
	assert_non_null(strstr(kv_conf_find(&conf, "estate")->where, " line 2"));
	assert_null(kv_conf_find(&conf, "estat"));
	assert_int_equal(kv_conf_read(&conf, "/", false, &why), -EINVAL);
}

static void
a_file_that_others_can_write_must_not_contain_secrets(void **state)
{
	(void)state;
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(read_text("proxy = x\n"), 1);
	assert_non_null(conf.lines->fault);
}

static void
a_file_that_the_user_cannot_read_names_the_user(void **state)
{
	const uid_t me = geteuid();
	int err;

	(void)state;
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(me == 0 ? seteuid(65534) : 0, 0);
	err = kv_conf_read(&conf, path, false, &why);
	assert_int_equal(me == 0 ? seteuid(me) : 0, 0);
	assert_int_equal(err, -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), " cannot be read by the user "));
	assert_null(strstr(kv_buf_str(&why), "who mounts"));
}

static int
read_again(void)
{
	int err;

	kv_conf_release(&conf);
	err = kv_conf_read(&conf, path, false, &why);
	return err == 1 ? 0 : err;
}

static void
without_memory_nothing_is_lost_or_leaked(void **state)
{
	(void)state;
	assert_int_equal(read_text("a = 'x'\n[s]\nb\n[s/t]\nc = d\n"), 1);
	EACH_ALLOCATION_FAILS(read_again());
	assert_string_equal(lines(), "|a|x;s|b|-;s/t|c|d;");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_sections_of_keys_and_values),
		TEST(a_fault_of_the_syntax_is_named_with_its_line),
		TEST(a_long_line_is_one_line),
		TEST(files_are_added_and_a_missing_one_is_none),
		TEST(a_file_that_others_can_write_must_not_contain_secrets),
		TEST(a_file_that_the_user_cannot_read_names_the_user),
		TEST(without_memory_nothing_is_lost_or_leaked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
