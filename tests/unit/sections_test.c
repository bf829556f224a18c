#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/config/arguments.h"
#include "fs/config/conf.h"
#include "fs/config/command_line.h"
#include "fs/config/given.h"
#include "fs/config/habits.h"
#include "fs/config/nearest.h"
#include "fs/config/options.h"
#include "fs/config/sections.h"
#include "fs/config/vault_list.h"

static char folder[] = "/tmp/kvfs-sections-XXXXXX", path[100];
static struct kv_given given, one;
static struct kv_buf why;

static int
set_up(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/kvfs.conf", folder);
	setenv("XDG_CONFIG_HOME", folder, 1);
	unsetenv("KVFS_VAULT");
	unsetenv("AZURE_TENANT_ID");
	kv_buf_init(&why, 4096);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_given_release(&one);
	kv_given_release(&given);
	kv_buf_release(&why);
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

static void
write_config(const char *content)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(content, f);
	assert_int_equal(fclose(f), 0);
}

/* Arguments separated by '|'. */
static int
read_given(const char *arguments)
{
	const char *argv[20] = { "kvfs" };
	char text[500], *rest = text;
	int argc = 1;

	snprintf(text, sizeof(text), "%s", arguments);
	while (rest != NULL && argc < 19)
		argv[argc++] = strsep(&rest, "|");
	kv_given_release(&one);
	kv_given_release(&given);
	kv_buf_clear(&why);
	return kv_given_read(argc, (char *const *)(uintptr_t)argv, &given, &why);
}

/* The value of an option for the i-th vault, "" without one. */
static const char *
value_of(size_t i, const char *name)
{
	const char *value;

	kv_given_release(&one);
	assert_int_equal(kv_given_read_vault(&given, &given.vaults.vaults[i], &one, &why), 0);
	value = kv_given_value(&one, name);
	return value != NULL ? value : "";
}

static const char *
value(const char *name)
{
	const char *text = kv_given_value(&given, name);

	return text != NULL ? text : "";
}

static const char estate[] = "rate = 1\n"
			     "tenant = common\n"
			     "[estate]\n"
			     "vaults = prod-eu us=prod-us\n"
			     "vaults = hsm.managedhsm.azure.net\n"
			     "rate = 2\n"
			     "share = 20\n"
			     "[estate/us]\n"
			     "rate = 3\n"
			     "client_id = alice\n"
			     "[one]\n"
			     "vault = prod-jp\n"
			     "rate = 4\n"
			     "[prod-kr]\n"
			     "rate = 5\n";

static void
a_section_names_vaults_and_each_may_have_its_own(void **state)
{
	(void)state;
	write_config(estate);
	assert_int_equal(read_given("estate|/mnt"), 0);
	assert_true(given.is_each);
	assert_string_equal(given.section, "estate");
	assert_int_equal(given.vaults.n, 3);
	assert_string_equal(given.vaults.vaults[1].folder, "us");
	assert_string_equal(given.vaults.vaults[2].folder, "hsm");
	assert_string_equal(value("rate"), "2");
	assert_string_equal(value("client_id"), "");
	assert_string_equal(value_of(0, "rate"), "2");
	assert_string_equal(value_of(0, "vault"), "prod-eu");
	assert_string_equal(value_of(1, "rate"), "3");
	assert_string_equal(value_of(1, "client_id"), "alice");
	assert_string_equal(value_of(1, "share"), "20");
	assert_string_equal(value_of(1, "tenant"), "common");
	assert_string_equal(value_of(1, "vault"), "prod-us");
	assert_int_equal(given.warnings.len, 0);
}

static void
the_command_line_wins_over_every_section(void **state)
{
	(void)state;
	write_config(estate);
	assert_int_equal(read_given("-o|rate=9|estate|/mnt"), 0);
	assert_string_equal(value("rate"), "9");
	assert_string_equal(value_of(1, "rate"), "9");
	setenv("KVFS_VAULT", "other", 1);
	assert_int_equal(read_given("estate|/mnt"), 0);
	assert_string_equal(value_of(0, "vault"), "prod-eu");
	assert_int_equal(read_given("one|/mnt"), 0);
	assert_string_equal(value("vault"), "prod-jp");
	unsetenv("KVFS_VAULT");
}

static void
a_section_of_one_vault_is_no_folder(void **state)
{
	static const struct {
		const char *arguments, *vault, *rate;
		bool is_each;
	} rows[] = {
		{ "one|/mnt", "prod-jp", "4", false }, { "prod-kr|/mnt", "prod-kr", "5", false },
		{ "other|/mnt", "other", "1", false },
		{ "x=one|/mnt", "", "1", true }, /* a vault called one */
	};

	(void)state;
	write_config(estate);
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(read_given(rows[i].arguments) == 0, i, kv_buf_str(&why));
		assert_row(strcmp(value("vault"), rows[i].vault) == 0, i, value("vault"));
		assert_row(strcmp(value("rate"), rows[i].rate) == 0, i, value("rate"));
		assert_row(given.is_each == rows[i].is_each, i, rows[i].arguments);
	}
	write_config("[estate]\nvaults = prod-eu\n");
	assert_int_equal(read_given("estate|/mnt"), 0);
	assert_true(given.is_each); /* the shape does not depend on the number */
}

static void
what_does_not_fit_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *config, *arguments, *sentence;
	} rows[] = {
		{ "[e]\nvaults = a b\n[e/a]\ncache_size = 1M\n", "e|/mnt",
		    " line 4: cache_size is for the whole mount: put it into [e]" },
		{ "[e]\nvaults = a b\n[e/a]\nvault = c\n", "e|/mnt",
		    " line 4: the section of the mount names its vaults" },
		{ "[e]\nvaults = a b\n[e/a]\nrat = 5\n", "e|/mnt", " line 4: unknown option 'rat'" },
		{ "[e]\nvaults = a b\nvault = c\n", "e|/mnt", " line 3: this section has vaults, too" },
		{ "[e]\nvaults = ,\n", "e|/mnt", " line 2: vaults needs the names of vaults" },
		{ "[e]\nvaults\n", "e|/mnt", " line 2: vaults needs the names of vaults" },
		{ "[e]\nvault =\n", "e|/mnt", " line 2: vault needs a value" },
		{ "vaults = a b\n", "e|/mnt", " line 1: vaults belongs into the section of a mount" },
		{ "config = x\n", "e|/mnt", " line 1: config is for the command line" },
		{ "[e]\nvaults = a b\n", "e|f|/mnt", "'e' is a section (" },
		{ "", "/a|/b", "'/a' is a path, and '/b' too: two mount points?" },
		{ "", "a|./b|/c", "'./b' is a path, and '/c' too: two mount points?" },
		{ "", "a|https://b.vault.azure.net",
		    "the mount point is missing: 'https://b.vault.azure.net'" },
		{ "", "a|b.vault.azure.net", "the mount point is missing: 'b.vault.azure.net'" },
		{ "", "a||/mnt", "argument: a vault is empty: is a variable not set?" },
		{ "", "a|x=b", "the mount point is missing: 'x=b'" },
		{ "", "a|b|c", "the mount point is missing: 'c'" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		int err;

		write_config(rows[i].config);
		err = read_given(rows[i].arguments);
		for (size_t k = 0; err == 0 && k < given.vaults.n; k++) {
			kv_given_release(&one);
			err = kv_given_read_vault(&given, &given.vaults.vaults[k], &one, &why);
		}
		assert_row(err == -EINVAL, i, rows[i].arguments);
		assert_row(strstr(kv_buf_str(&why), rows[i].sentence) != NULL, i, kv_buf_str(&why));
	}
}

static void
a_mistake_in_another_section_does_not_matter(void **state)
{
	(void)state;
	write_config("[bad]\nnonsense = 1\n[good]\nvaults = a b\n[bad/a]\nnonsense = 1\n");
	assert_int_equal(read_given("good|/mnt"), 0);
	assert_int_equal(read_given("a|/mnt"), 0);
	assert_int_equal(read_given("bad|/mnt"), -EINVAL);
}

static void
a_doubled_key_and_an_unused_section_are_warnings(void **state)
{
	(void)state;
	write_config(
	    "rate = 1\nrate = 2\n[e]\nvaults = a b\nvaults = c\nrate = 3\nrate = 4\n[e/a]\nrate = 5\n"
	    "rate = 6\n[e/d]\nrate = 7\n");
	assert_int_equal(read_given("e|/mnt"), 0);
	assert_string_equal(value("rate"), "3");
	assert_string_equal(value_of(0, "rate"), "5");
	assert_non_null(
	    strstr(kv_buf_str(&given.warnings), "line 2: rate is given a second time, and ignored ("));
	assert_non_null(strstr(kv_buf_str(&given.warnings), "line 7: rate is given a second time"));
	assert_non_null(strstr(kv_buf_str(&given.warnings), "line 10: rate is given a second time"));
	assert_non_null(
	    strstr(kv_buf_str(&given.warnings), "[e/d] is not used, because [e] has no folder d"));
	assert_null(strstr(kv_buf_str(&given.warnings), "line 5"));
}

static void
a_file_named_on_the_command_line_is_the_only_one(void **state)
{
	char arguments[200];

	(void)state;
	write_config("[e]\nvault = a\nrate = 7\n");
	setenv("XDG_CONFIG_HOME", "/nowhere", 1);
	snprintf(arguments, sizeof(arguments), "-o|config=%s|e|/mnt", path);
	assert_int_equal(read_given(arguments), 0);
	assert_string_equal(value("rate"), "7");
	assert_string_equal(value("vault"), "a");
}

static void
print_config_takes_a_section_or_vaults_without_a_mount_point(void **state)
{
	(void)state;
	write_config(estate);
	assert_int_equal(read_given("--print-config|estate"), 0);
	assert_int_equal(given.vaults.n, 3);
	assert_null(given.mountpoint);
	assert_int_equal(read_given("--print-config|a|b"), 0);
	assert_int_equal(given.vaults.n, 2);
	assert_int_equal(read_given("--print-config|a|/"), 0);
	assert_int_equal(given.vaults.n, 1);
	assert_string_equal(given.mountpoint, "/");
	assert_int_equal(read_given("--print-config"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_section_names_vaults_and_each_may_have_its_own),
		TEST(the_command_line_wins_over_every_section),
		TEST(a_section_of_one_vault_is_no_folder),
		TEST(what_does_not_fit_is_refused_with_its_place),
		TEST(a_mistake_in_another_section_does_not_matter),
		TEST(a_doubled_key_and_an_unused_section_are_warnings),
		TEST(a_file_named_on_the_command_line_is_the_only_one),
		TEST(print_config_takes_a_section_or_vaults_without_a_mount_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
