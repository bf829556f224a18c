#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/config/arguments.h"
#include "fs/config/conf.h"
#include "fs/config/sections.h"
#include "fs/config/vault_list.h"
#include "fs/config/command_line.h"
#include "fs/config/given.h"
#include "fs/config/habits.h"
#include "fs/config/nearest.h"
#include "fs/config/options.h"
#include "tests/unit/fake_alloc.h"

#define SECRET "hunter2"

static char folder[] = "/tmp/kvfs-given-XXXXXX";
static struct kv_given given;
static struct kv_buf why;

static const char *
value(const char *name)
{
	return given.values[kv_options_find(name, strlen(name))];
}

/* Arguments separated by '|'. */
static int
read_given(const char *arguments)
{
	const char *argv[40] = { "kvfs" };
	char text[2000], *rest = text;
	int argc = 1, err;

	snprintf(text, sizeof(text), "%s", arguments);
	while (*arguments != '\0' && rest != NULL && argc < 39)
		argv[argc++] = strsep(&rest, "|");
	kv_given_release(&given);
	kv_buf_clear(&why);
	err = kv_given_read(argc, (char *const *)(uintptr_t)argv, &given, &why);
	assert_null(strstr(kv_buf_str(&why), SECRET));
	return err;
}

static void
write_config(const char *content)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/kvfs.conf", folder);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(content, f);
	assert_int_equal(fclose(f), 0);
}

static int
set_up(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	setenv("XDG_CONFIG_HOME", folder, 1);
	unsetenv("KVFS_VAULT");
	write_config(""); /* else the machine's own would be read */
	kv_buf_init(&why, 4096);
	return 0;
}

static int
tear_down(void **state)
{
	char path[100];

	(void)state;
	kv_given_release(&given);
	kv_buf_release(&why);
	snprintf(path, sizeof(path), "%s/kvfs.conf", folder);
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

/* ---- the command line ---- */

static void
arguments_are_a_vault_and_a_mount_point(void **state)
{
	static const struct {
		const char *arguments, *vault, *mountpoint;
		size_t n;
	} rows[] = {
		{ "", NULL, NULL, 0 },
		{ "m", NULL, "m", 0 },
		{ "v|m", "v", "m", 1 },
		{ "v|-o|ro|m", "v", "m", 1 },
		{ "-f|v|m|-o|ro", "v", "m", 1 },
		{ "--|-v|-m", "-v", "-m", 1 },
		{ "v|--|--help", "v", "--help", 1 },
		{ "v|-", "v", "-", 1 },
		{ "v|w|x|/m", "v", "/m", 3 },
		{ "a=v|-o|ro|b=w|/m", "v", "/m", 2 },
		{ "--|status|/m", "status", "/m", 1 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(read_given(rows[i].arguments) == 0, i, kv_buf_str(&why));
		assert_row(given.vaults.n == rows[i].n, i, rows[i].arguments);
		assert_row((given.mountpoint == NULL) == (rows[i].mountpoint == NULL), i, rows[i].arguments);
		assert_row(given.is_each == (rows[i].n > 1), i, rows[i].arguments);
		if (rows[i].vault != NULL)
			assert_string_equal(given.vaults.vaults[0].text, rows[i].vault);
		if (rows[i].mountpoint != NULL)
			assert_string_equal(given.mountpoint, rows[i].mountpoint);
	}
}

static void
letters_are_known(void **state)
{
	static const struct {
		const char *arguments;
		bool is_foreground;
		enum kv_print print;
		bool is_debug;
	} rows[] = {
		{ "v|m", false, KV_PRINT_NOTHING, false },
		{ "-f|v|m", true, KV_PRINT_NOTHING, false },
		{ "-d|v|m", true, KV_PRINT_NOTHING, true },
		{ "-s|v|m", false, KV_PRINT_NOTHING, false },
		{ "-h", false, KV_PRINT_HELP, false },
		{ "--help", false, KV_PRINT_HELP, false },
		{ "v|m|--help", false, KV_PRINT_HELP, false },
		{ "-V", false, KV_PRINT_VERSION, false },
		{ "--version", false, KV_PRINT_VERSION, false },
		{ "v|m|--print-config", false, KV_PRINT_CONFIG, false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(read_given(rows[i].arguments) == 0, i, kv_buf_str(&why));
		assert_row(given.is_foreground == rows[i].is_foreground, i, rows[i].arguments);
		assert_row(given.print == rows[i].print, i, rows[i].arguments);
		assert_row((value("debug") != NULL) == rows[i].is_debug, i, rows[i].arguments);
	}
}

static void
every_option_is_taken_from_the_command_line_and_from_the_file(void **state)
{
	char text[200];

	(void)state;
	for (size_t k = 0; kv_options_at(k) != NULL; k++) {
		const struct kv_option *o = kv_options_at(k);
		const bool is_flag = o->kind == KV_OPTION_FLAG;
		const char *word = is_flag ? "" : "a=b";

		if (strcmp(o->name, "config") == 0) /* names the file itself */
			continue;
		write_config("");
		snprintf(text, sizeof(text), "-o|%s%s%s|m", o->name, is_flag ? "" : "=", word);
		assert_row(read_given(text) == 0, k, kv_buf_str(&why));
		assert_row(given.values[k] != NULL && strcmp(given.values[k], word) == 0, k, text);
		assert_string_equal(given.wheres[k], "-o");
		snprintf(text, sizeof(text), "%s%s%s\n", o->name, is_flag ? "" : " = ", word);
		write_config(text);
		assert_row(read_given("m") == 0, k, kv_buf_str(&why));
		assert_row(given.values[k] != NULL && strcmp(given.values[k], word) == 0, k, text);
		assert_non_null(strstr(given.wheres[k], "kvfs.conf line 1"));
		for (size_t other = 0; kv_options_at(other) != NULL; other++)
			assert_true(other == k || given.values[other] == NULL);
	}
}

static void
an_older_name_is_the_same_option(void **state)
{
	(void)state;
	assert_int_equal(read_given("-o|lookers=a:b|m"), 0);
	assert_string_equal(value("stat_only"), "a:b");
}

static void
options_come_in_lists(void **state)
{
	static const char *const ways[] = { "-o|rate=5,ro,tenant=x|m", "-orate=5,ro,tenant=x|m",
		"-o|rate=5|-o|ro|-otenant=x|m", "m|-o|,,rate=5,,ro,tenant=x,",
		"-o|rate=7,rate=5,ro,tenant=x|m" };

	(void)state;
	for (size_t i = 0; i < N_OF(ways); i++) {
		assert_row(read_given(ways[i]) == 0, i, kv_buf_str(&why));
		assert_string_equal(value("rate"), "5");
		assert_string_equal(value("tenant"), "x");
		assert_non_null(value("ro"));
	}
}

static void
a_comma_may_be_part_of_a_value(void **state)
{
	(void)state;
	assert_int_equal(read_given("m|-o|tenant=a\\,b\\\\c\\d,ro"), 0);
	assert_string_equal(value("tenant"), "a,b\\c\\d");
	assert_non_null(value("ro"));
}

static void
what_lines_of_other_file_systems_have_is_accepted(void **state)
{
	(void)state;
	assert_int_equal(
	    read_given("v|m|-o|fsname=x,subtype=sshfs,default_permissions,max_read=131072,attr_timeout=5,"
		       "entry_timeout=1,lazytime,strictatime,nodiratime,silent,user=alice,X-mount.mkdir"),
	    0);
	assert_string_equal(kv_buf_str(&given.kernel), ",default_permissions");
	assert_string_equal(given.source, "x");
	for (size_t k = 0; kv_options_at(k) != NULL; k++)
		assert_true(given.values[k] == NULL || strcmp(kv_options_at(k)->name, "vault") == 0);
}

static void
with_sloppy_an_unknown_option_of_the_command_line_is_a_warning(void **state)
{
	(void)state;
	assert_int_equal(read_given("v|m|-osloppy|-o|vers=3.0,ro"), 0);
	assert_string_equal(kv_buf_str(&given.warnings), "-o: 'vers' is unknown, and ignored\n");
	assert_non_null(value("ro"));
	assert_int_equal(read_given("v|m|-osloppy|-o|rate"), -EINVAL);
}

static void
what_mount_adds_is_passed_on_or_of_no_meaning(void **state)
{
	(void)state;
	assert_int_equal(read_given("v|m|-o|rw,noexec,nosuid,dev,user,_netdev,x-systemd.automount,"
				    "comment=a b,noatime,defaults,nofail"),
	    0);
	assert_string_equal(kv_buf_str(&given.kernel), ",noexec,nosuid,noatime");
	for (size_t k = 0; kv_options_at(k) != NULL; k++)
		assert_true(given.values[k] == NULL || strcmp(kv_options_at(k)->name, "vault") == 0);
}

static void
what_is_wrong_is_named_with_where_it_was_said(void **state)
{
	static const struct {
		const char *arguments, *config, *sentence;
	} rows[] = {
		{ "a|b|c", "",
		    "the mount point is missing: 'c' is no directory, and reads as a vault (kvfs VAULT... MOUNTPOINT)" },
		{ "-o|vaults=a|m", "",
		    "-o: unknown option 'vaults': several vaults are arguments, kvfs VAULT VAULT... MOUNTPOINT, or a section of the configuration file" },
		{ "-o|config=/nowhere/x|m", "", "-o: config=/nowhere/x: there is no such file" },
		{ "-o", "", "-o needs an option after it" },
		{ "-x|m", "", "unknown option '-x' (kvfs -h lists them)" },
		{ "-fx|m", "", "unknown option '-fx' (kvfs -h lists them)" },
		{ "--no|m", "", "unknown option '--no' (kvfs -h lists them)" },
		{ "-o|ro=1|m", "", "-o: ro takes no value" },
		{ "-o|rate|m", "", "-o: rate needs a value: rate=…" },
		{ "-o|rate=|m", "", "-o: rate needs a value: rate=…" },
		{ "-o|ROM|m", "", "-o: unknown option 'ROM' (kvfs -h lists them)" },
		{ "-o|rat=5|m", "", "-o: unknown option 'rat' (did you mean 'rate'? kvfs -h lists them)" },
		{ "-o|tpyes=keys|m", "",
		    "-o: unknown option 'tpyes' (did you mean 'types'? kvfs -h lists them)" },
		{ "-o|types=a,b|m", "",
		    "-o: unknown option 'b' (kvfs -h lists them); the parts of a list are separated by colons, not commas" },
		{ "-o|cacerts=x|m", "",
		    "-o: unknown option 'cacerts' (did you mean 'cacert'? kvfs -h lists them)" },
		{ "-o|clientid=x|m", "",
		    "-o: unknown option 'clientid' (did you mean 'client_id'? kvfs -h lists them)" },
		{ "-o|max-inflight=9|m", "",
		    "-o: unknown option 'max-inflight': that is -o max_inflight=NUMBER here" },
		{ "-o|=ro|m", "", "-o: the name of an option is missing before '=': -o NAME=VALUE" },
		{ "-o|read-only|m", "", "-o: unknown option 'read-only': that is -o ro here" },
		{ "--read-only|m", "", "unknown option '--read-only': that is -o ro here" },
		{ "--allow-other|m", "", "unknown option '--allow-other': that is -o allow_other here" },
		{ "--allow-othr|m", "",
		    "unknown option '--allow-othr' (did you mean '-o allow_other'? kvfs -h lists them)" },
		{ "--client-secet-file=s3cret|m", "",
		    "unknown option '--client-secet-file' (did you mean '-o client_secret_file'? kvfs -h lists them)" },
		{ "--hlep", "", "unknown option '--hlep' (did you mean '--help'? kvfs -h lists them)" },
		{ "--print-confg", "",
		    "unknown option '--print-confg' (did you mean '--print-config'? kvfs -h lists them)" },
		{ "--print-config=one", "", "--print-config takes no value: kvfs --print-config VAULT" },
		{ "--version=2", "", "--version takes no value: kvfs --version" },
		{ "-t|kvfs|v|m", "",
		    "unknown option '-t': -t TYPE belongs to mount(8): leave it out, as in kvfs VAULT MOUNTPOINT; the tenant is -o tenant=ID" },
		{ "---", "", "unknown option '---' (kvfs -h lists them)" },
		{ "-u|m", "", "unknown option '-u': kvfs umount MOUNTPOINT unmounts" },
		{ "--client-secret=s3cret|m", "",
		    "unknown option '--client-secret': a secret has no place in the arguments, which every user can read: -o client_secret_file=FILE" },
		{ "ro|myvault|m", "",
		    "'ro' is an option, and needs -o before it: kvfs -o ro VAULT MOUNTPOINT" },
		{ "myvault|m|ro", "",
		    "'ro' is an option, and needs -o before it: kvfs -o ro VAULT MOUNTPOINT" },
		{ "rate=5|myvault|m", "",
		    "'rate' is an option, and needs -o before it: kvfs -o rate=… VAULT MOUNTPOINT" },
		{ "/tmp|myvault", "",
		    "'/tmp' is a directory, and 'myvault' is not: the vault comes first, kvfs myvault /tmp" },
		{ "myvault:/secrets|m", "",
		    "'myvault:/secrets': a vault is mounted as a whole, and its name has no ':' and no directory: kvfs myvault m" },
		{ "/subscriptions/x/vaults/y|m", "",
		    "'/subscriptions/x/vaults/y' is a resource id: give the name of the vault, which is its last part" },
		{ "-o|xyz|m", "", "-o: unknown option 'xyz' (kvfs -h lists them)" },
		{ "-o|a-very-long-word-that-is-no-option-at-all=1|m", "",
		    "-o: unknown option 'a-very-long-word-that-is-no-option-at-all' (kvfs -h lists them)" },
		{ "-o|types=keys,secrets|m", "",
		    "-o: unknown option 'secrets': a list is separated by colons, as in types=keys:secrets" },
		{ "-o|remount|m", "",
		    "-o: unknown option 'remount': a mount of kvfs cannot be changed: unmount it, and mount it again" },
		{ "-o|auto_unmount|m", "",
		    "-o: unknown option 'auto_unmount': kvfs unmounts when it ends, and is not supervised: leave auto_unmount out" },
		{ "m", "\n# x\nrat = 5\n",
		    "/kvfs.conf line 3: unknown option 'rat' (did you mean 'rate'? kvfs -h lists them)" },
		{ "m", "ro = yes\n", "/kvfs.conf line 1: ro takes no value" },
		{ "m", "rate =\n", "/kvfs.conf line 1: rate needs a value: rate=…" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const char *said = rows[i].sentence;

		write_config(rows[i].config);
		assert_row(read_given(rows[i].arguments) == -EINVAL, i, rows[i].arguments);
		assert_row(strstr(kv_buf_str(&why), said) != NULL, i, kv_buf_str(&why));
		assert_row(
		    said[0] == '/' || strcmp(kv_buf_str(&why), said) == 0, i, "one sentence and no more");
	}
}

/* read_given() looks for it. */
static void
a_secret_where_none_belongs_is_not_repeated(void **state)
{
	static const char *const rows[] = { "-o|client_secret=" SECRET "|m", "-o|password=" SECRET "|v|m",
		"--client-secret=" SECRET "|m", "-o|ro=" SECRET "|m", "-x=" SECRET "|m" };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(read_given(rows[i]) == -EINVAL, i, rows[i]);
	write_config("client_secret = " SECRET "\n");
	assert_int_equal(read_given("m"), -EINVAL);
}

/* ---- the file and the environment ---- */

static void
the_file_is_read_line_by_line(void **state)
{
	(void)state;
	write_config("# comment = 1\n"
		     "\n"
		     "   \t\n"
		     "  rate=5\n"
		     "tenant \t=  a b \t\r\n"
		     "ro\n"
		     "  # debug = all\n"
		     "authority = https://a/?b=c#d\n"
		     "noexec\n"
		     "rate = 7\n"
		     "umask = 0022");
	assert_int_equal(read_given("m"), 0);
	assert_string_equal(value("rate"), "5");
	assert_string_equal(value("tenant"), "a b");
	assert_string_equal(value("ro"), "");
	assert_string_equal(value("authority"), "https://a/?b=c#d");
	assert_string_equal(value("umask"), "0022");
	assert_null(value("debug"));
	assert_string_equal(kv_buf_str(&given.kernel), ",noexec");
}

static void
the_command_line_wins_over_the_environment_and_that_over_the_file(void **state)
{
	static const struct {
		const char *arguments, *environment, *config, *value;
	} rows[] = {
		{ "-o|vault=line|m", "env", "vault = file\n", "line" },
		{ "-o|vault=line|m", "", "vault = file\n", "line" },
		{ "m", "env", "vault = file\n", "env" },
		{ "m", "", "vault = file\n", "file" },
		{ "m", "env", "", "env" },
		{ "m", "", "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const char *got;

		setenv("KVFS_VAULT", rows[i].environment, 1);
		write_config(rows[i].config);
		assert_row(read_given(rows[i].arguments) == 0, i, kv_buf_str(&why));
		got = value("vault");
		assert_row((got == NULL) == (rows[i].value == NULL), i, rows[i].arguments);
		if (got != NULL)
			assert_string_equal(got, rows[i].value);
	}
	write_config("rate = 5\n");
	assert_int_equal(read_given("-o|rate=6|m"), 0);
	assert_string_equal(value("rate"), "6");
	assert_string_equal(kv_given_where(&given, "rate"), "-o");
}

static void
without_xdg_the_file_is_in_the_home(void **state)
{
	char config[100], path[120];

	(void)state;
	snprintf(config, sizeof(config), "%s/.config", folder);
	snprintf(path, sizeof(path), "%s/kvfs.conf", config);
	assert_int_equal(mkdir(config, 0700), 0);
	setenv("HOME", folder, 1);
	write_config("rate = 5\n");
	{
		char before[100];

		snprintf(before, sizeof(before), "%s/kvfs.conf", folder);
		assert_int_equal(rename(before, path), 0);
	}
	unsetenv("XDG_CONFIG_HOME");
	assert_int_equal(read_given("m"), 0);
	assert_string_equal(value("rate"), "5");
	setenv("XDG_CONFIG_HOME", "relative", 1);
	assert_int_equal(read_given("m"), 0);
	assert_string_equal(value("rate"), "5");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(config), 0);
}

static void
help_reads_no_file(void **state)
{
	(void)state;
	write_config("nonsense = 1\n");
	assert_int_equal(read_given("--help"), 0);
	assert_int_equal(read_given("m"), -EINVAL);
}

/* ---- memory ---- */

static int
read_with_secret(void)
{
	const char *argv[] = { "kvfs", "-o", "ro,rate=5,client_id=" SECRET, "-d", "v", "m", NULL };
	struct kv_given one;
	const int err = kv_given_read(6, (char *const *)(uintptr_t)argv, &one, NULL);

	kv_given_release(&one);
	return err;
}

static void
the_want_of_memory_is_an_error(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(read_with_secret());
}

static void
nothing_that_was_given_stays_in_memory(void **state)
{
	(void)state;
	fake_alloc_watch(SECRET);
	assert_int_equal(read_with_secret(), 0);
	assert_int_equal(fake_alloc_unwiped(), 0);
	fake_alloc_watch(NULL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(arguments_are_a_vault_and_a_mount_point),
		TEST(letters_are_known),
		TEST(every_option_is_taken_from_the_command_line_and_from_the_file),
		TEST(an_older_name_is_the_same_option),
		TEST(options_come_in_lists),
		TEST(a_comma_may_be_part_of_a_value),
		TEST(what_lines_of_other_file_systems_have_is_accepted),
		TEST(with_sloppy_an_unknown_option_of_the_command_line_is_a_warning),
		TEST(what_mount_adds_is_passed_on_or_of_no_meaning),
		TEST(what_is_wrong_is_named_with_where_it_was_said),
		TEST(a_secret_where_none_belongs_is_not_repeated),
		TEST(the_file_is_read_line_by_line),
		TEST(the_command_line_wins_over_the_environment_and_that_over_the_file),
		TEST(without_xdg_the_file_is_in_the_home),
		TEST(help_reads_no_file),
		TEST(the_want_of_memory_is_an_error),
		TEST(nothing_that_was_given_stays_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
