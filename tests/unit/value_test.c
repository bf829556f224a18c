#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "fs/config/arguments.h"
#include "fs/config/conf.h"
#include "fs/config/number.h"
#include "fs/config/sections.h"
#include "fs/config/vault_list.h"
#include "fs/config/cloud.h"
#include "fs/config/command_line.h"
#include "fs/config/given.h"
#include "fs/config/habits.h"
#include "fs/config/mountpoint.h"
#include "fs/mount/fusermount.h"
#include "fs/mount/mountinfo.h"
#include "fs/config/network.h"
#include "fs/config/nearest.h"
#include "fs/config/options.h"
#include "fs/config/settings.h"
#include "fs/config/value.h"
#include "tests/unit/fake_alloc.h"

static struct kv_settings settings;

static const struct kv_option *
option(const char *name)
{
	const int i = kv_options_find(name, strlen(name));

	assert_true(i >= 0);
	return kv_options_at((size_t)i);
}

/* text is parsed and printed again. */
static int
pass_through(const char *name, const char *text, struct kv_buf *said)
{
	const int err = kv_value_parse(option(name), text, &settings.given, &settings);

	if (err == 0)
		kv_value_say(option(name), &settings, said);
	return err;
}

static void
a_value_is_printed_as_it_can_be_written(void **state)
{
	static const struct {
		const char *option, *text, *said;
	} rows[] = {
		{ "ro", "", "yes" },
		{ "dry_run", NULL, "no" },
		{ "rate", "2.5", "2.5" },
		{ "rate", NULL, "(200; keys from 25, restores from 10)" },
		{ "share", "7", "7" },
		{ "max_inflight", "12", "12" },
		{ "max_inflight", NULL, "(as many as the rate needs)" },
		{ "prefetch", "0", "0" },
		{ "umask", "27", "0027" },
		{ "timeout", "1.5", "1.5" },
		{ "spill", "0", "0" },
		{ "spill", "1000", "1000" },
		{ "spill", "1024", "1K" },
		{ "spill", "1536m", "1536M" },
		{ "spill", "2048M", "2G" },
		{ "spill", "1024G", "1024G" },
		{ "cache", "disk", "disk" },
		{ "types", "secrets:keys", "keys:secrets" },
		{ "uid", "daemon", "1" },
		{ "gid", "7", "7" },
		{ "tenant", "x", "x" },
		{ "tenant", NULL, "(the tenant that the vault names)" },
		{ "cacert", "/a/b", "/a/b" },
		{ "cacert", NULL, "(none)" },
		{ "api_version", "7.6-preview.2", "7.6-preview.2" },
		{ "authority", "https://user:hunter2@host", "(not shown)" },
	};
	struct kv_buf said;

	(void)state;
	kv_buf_init(&said, 1024);
	for (size_t i = 0; i < N_OF(rows); i++) {
		settings = (struct kv_settings){ .umask = 0 };
		if (rows[i].text == NULL)
			kv_value_say(option(rows[i].option), &settings, &said);
		else
			assert_row(pass_through(rows[i].option, rows[i].text, &said) == 0, i, rows[i].option);
		assert_row(strcmp(kv_buf_str(&said), rows[i].said) == 0, i, kv_buf_str(&said));
		kv_given_release(&settings.given);
	}
	kv_buf_release(&said);
}

static void
what_a_value_must_be_comes_from_its_row(void **state)
{
	static const char *const rows[][2] = {
		{ "rate", "a number from 1 to 10000" },
		{ "max_inflight", "a whole number from 1 to 1000" },
		{ "umask", "an octal number such as 0022" },
		{ "size", "stat or open" },
		{ "cache", "none, index or disk" },
		{ "spill", "a size such as 64M, at most 1024G" },
	};
	struct kv_buf right;

	(void)state;
	kv_buf_init(&right, 256);
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_clear(&right);
		kv_value_say_right(option(rows[i][0]), &right);
		assert_row(strcmp(kv_buf_str(&right), rows[i][1]) == 0, i, kv_buf_str(&right));
	}
	kv_buf_release(&right);
}

static void
every_default_is_a_value(void **state)
{
	const struct kv_option *o;

	(void)state;
	settings = (struct kv_settings){ .umask = 0 };
	for (size_t i = 0; (o = kv_options_at(i)) != NULL; i++)
		if (o->standard != NULL)
			assert_row(
			    kv_value_parse(o, o->standard, &settings.given, &settings) == 0, i, o->name);
	kv_given_release(&settings.given);
}

static int
parse_a_path(void)
{
	const int err = kv_value_parse(option("cacert"), "./x", &settings.given, &settings);

	kv_given_release(&settings.given);
	return err;
}

static void
the_want_of_memory_is_an_error(void **state)
{
	(void)state;
	settings = (struct kv_settings){ .umask = 0 };
	EACH_ALLOCATION_FAILS(parse_a_path());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_printed_as_it_can_be_written),
		cmocka_unit_test(what_a_value_must_be_comes_from_its_row),
		cmocka_unit_test(every_default_is_a_value),
		cmocka_unit_test(the_want_of_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
