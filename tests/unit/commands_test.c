#include "tests/unit/unit.h"

#include <string.h>

/* all that the commands use */
#include "fs/command/archive.h"
#include "fs/command/byok_cmd.h"
#include "fs/command/byok_kek.h"
#include "fs/command/byok_wrap.h"
#include "fs/command/commands.h"
#include "fs/command/complete.h"
#include "fs/command/complete_options.h"
#include "fs/command/holders.h"
#include "fs/command/inventory.h"
#include "fs/command/manifests.h"
#include "fs/command/misnamed.h"
#include "fs/command/mounted.h"
#include "fs/command/output.h"
#include "fs/command/passphrase.h"
#include "fs/command/plan.h"
#include "fs/command/plan_cmd.h"
#include "fs/command/proof.h"
#include "fs/command/restore_cmd.h"
#include "fs/command/status_cmd.h"
#include "fs/command/status_text.h"
#include "fs/command/umount_cmd.h"
#include "fs/command/usage.h"
#include "fs/command/verify.h"
#include "fs/command/verify_cmd.h"
#include "fs/command/writers.h"
#include "fs/config/arguments.h"
#include "fs/config/cloud.h"
#include "fs/config/conf.h"
#include "fs/config/command_line.h"
#include "fs/config/given.h"
#include "fs/config/habits.h"
#include "fs/config/mountpoint.h"
#include "fs/mount/fusermount.h"
#include "fs/mount/mountinfo.h"
#include "fs/config/network.h"
#include "fs/config/number.h"
#include "fs/config/nearest.h"
#include "fs/config/options.h"
#include "fs/config/print_config.h"
#include "fs/config/sections.h"
#include "fs/config/settings.h"
#include "fs/config/value.h"
#include "fs/config/vault_list.h"
#include "fs/guard.h"

static void
a_command_is_the_first_argument(void **state)
{
	static const char *const none[] = { "kvfs", NULL }, *const vault[] = { "kvfs", "myvault", "status" },
				 *const option[] = { "kvfs", "-f", "status" },
				 *const command[] = { "kvfs", "status" };
	int status = -1;

	(void)state;
	assert_false(kv_commands_run(1, (char *const *)(uintptr_t)none, &status));
	assert_false(kv_commands_run(3, (char *const *)(uintptr_t)vault, &status));
	assert_false(kv_commands_run(3, (char *const *)(uintptr_t)option, &status));
	assert_int_equal(status, -1);
	assert_true(kv_commands_run(2, (char *const *)(uintptr_t)command, &status));
	assert_int_equal(status, 1);
}

static void
a_misspelt_command_is_like_the_nearest(void **state)
{
	static const struct {
		const char *word, *meant;
	} rows[] = {
		{ "stauts", "status" },
		{ "statis", "status" },
		{ "umonut", "umount" },
		{ "unmout", "umount" },
		{ "verfiy", "verify" },
		{ "restor", "restore" },
		{ "Status", "status" },
		{ "halp", "help" },
		{ "status", NULL }, /* it is one */
		{ "unmount", NULL },
		{ "myvault", NULL },
		{ "production", NULL },
		{ "complte", NULL }, /* not for people */
		{ "-status", NULL },
		{ "--", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const char *const argv[] = { "kvfs", rows[i].word, "m", NULL };
		const char *meant = kv_commands_meant(3, (char *const *)(uintptr_t)argv);

		if (rows[i].meant == NULL)
			assert_row(meant == NULL, i, rows[i].word);
		else
			assert_row(meant != NULL && strcmp(meant, rows[i].meant) == 0, i, rows[i].word);
	}
}

static void
what_is_a_command_elsewhere_has_a_hint_and_is_still_no_command(void **state)
{
	static const char *const hinted[] = { "version", "print-config", "list", "ls", "backup", "archive",
		"import" },
				 *const others[] = { "status", "myvault", "--version", "" };

	(void)state;
	for (size_t i = 0; i < N_OF(hinted); i++) {
		const char *const argv[] = { "kvfs", hinted[i], "m", NULL };
		int status = -1;

		assert_row(kv_commands_instead(3, (char *const *)(uintptr_t)argv) != NULL, i, hinted[i]);
		assert_row(!kv_commands_run(3, (char *const *)(uintptr_t)argv, &status), i, hinted[i]);
	}
	for (size_t i = 0; i < N_OF(others); i++) {
		const char *const argv[] = { "kvfs", others[i], "m", NULL };

		assert_row(kv_commands_instead(3, (char *const *)(uintptr_t)argv) == NULL, i, others[i]);
	}
	assert_null(kv_commands_instead(1, (char *const[]){ NULL }));
}

static void
the_help_has_every_option_and_no_line_is_too_long(void **state)
{
	static char text[16000];
	FILE *out = fmemopen(text, sizeof(text), "w"), *before = stdout;
	const struct kv_option *o;

	(void)state;
	assert_non_null(out);
	stdout = out;
	kv_commands_print_help();
	stdout = before;
	assert_int_equal(fclose(out), 0);
	for (size_t i = 0; (o = kv_options_at(i)) != NULL; i++) {
		char line[100];

		snprintf(line, sizeof(line), "\n  %s%s", o->name, o->argument != NULL ? "=" : " ");
		assert_row(strstr(text, line) != NULL, i, o->name);
	}
	for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;)
		assert_row(strlen(line) <= 100, strlen(line), line);
}

/* ---- completion ---- */

static char offered[32000];

/* What is offered for the words, the last of which is typed. */
static void
complete(int n, const char *const *words)
{
	FILE *out = fmemopen(offered, sizeof(offered), "w");

	assert_non_null(out);
	memset(offered, 0, sizeof(offered));
	kv_complete(n, (char *const *)(uintptr_t)words, out);
	assert_int_equal(fclose(out), 0);
}

/* Whether a line of what was offered begins with the candidate. */
static bool
is_offered(const char *candidate)
{
	char line[200];

	snprintf(line, sizeof(line), "\n%s", candidate);
	return strncmp(offered, candidate, strlen(candidate)) == 0 || strstr(offered, line) != NULL;
}

static void
every_option_and_its_choices_are_offered(void **state)
{
	const struct kv_option *o;

	(void)state;
	for (size_t i = 0; (o = kv_options_at(i)) != NULL; i++) {
		const char *words[] = { "-o", "", "archive" };
		char value[100], candidate[100];

		complete(2, words);
		snprintf(candidate, sizeof(candidate), "%s%s\t", o->name, o->argument != NULL ? "=" : "");
		assert_row(is_offered(candidate), i, o->name);
		words[1] = value;
		snprintf(value, sizeof(value), "ro,%s=", o->name);
		complete(2, words);
		for (size_t c = 0; o->choices != NULL && o->choices[c] != NULL; c++) {
			snprintf(candidate, sizeof(candidate), "ro,%s=%s", o->name, o->choices[c]);
			assert_row(is_offered(candidate), i, candidate);
		}
		if (o->kind == KV_OPTION_FLAG)
			assert_row(offered[0] == '\0', i, "a flag has no value");
		else if (o->kind == KV_OPTION_PATH || o->kind == KV_OPTION_SECRET)
			assert_row(offered[0] == ':', i, offered);
	}
}

static void
every_command_is_offered_and_no_other_word(void **state)
{
	const char *empty[] = { "" }, *help, *name;

	(void)state;
	complete(1, empty);
	for (size_t i = 0; (name = kv_commands_at(i, &help)) != NULL; i++) {
		const char *words[] = { name, "" };

		complete(1, empty);
		assert_row(is_offered(name), i, name);
		complete(2, words);
		/* each has a row of what may follow, or its words would be taken for a vault's */
		assert_row(strcmp(name, "help") == 0 || !is_offered("status"), i, name);
	}
	complete(1, empty);
	assert_false(is_offered("complete"));
}

static void
what_is_offered_depends_on_the_place(void **state)
{
	static const struct {
		const char *words[6], *offered;
	} rows[] = {
		{ { "-" }, "-o\toptions" },
		{ { "--v" }, "--version" },
		{ { "--", "-" }, "" },
		{ { "-o", "no" }, "nolist\tfind" },
		{ { "-oro,no" }, "-oro,nolist\tfind" },
		{ { "-o", "a\\,no" }, "" },
		{ { "-o", "rate=1,rat" }, "" },
		{ { "-o", "auth=env:cl" }, "auth=env:cli" },
		{ { "-o", "types=keys:s" }, "types=keys:secrets" },
		{ { "-o", "timeout=" }, "timeout=300\tthe default" },
		{ { "-o", "cache=" }, "cache=none\ncache=index\tthe default\ncache=disk\n" },
		{ { "-o", "cache_dir=/v" }, ":directories cache_dir=" },
		{ { "-o", "ro,cacert=" }, ":files ro,cacert=" },
		{ { "-o", "uid=roo" }, "uid=root" },
		{ { "-o", "nosuch=" }, "" },
		{ { "vault", "" }, ":directories \n" },
		{ { "/m" }, ":directories \n" },
		{ { "verify", "" }, ":directories \n" },
		{ { "verify", "-m", "" }, ":files \n" },
		{ { "verify", "--" }, "--json" },
		{ { "verify", "a", "b", "" }, "" },
		{ { "restore", "-j", "" }, "" },
		{ { "restore", "-j", "4", "archive", "point", "" }, ":files \n" },
		{ { "byok", "" }, "kek" },
		{ { "byok", "wrap", "--ki" }, "--kid" },
		{ { "byok", "kek", "-o", "tena" }, "tenant=" },
		{ { "help", "umo" }, "umount" },
		{ { "mount", "-o", "nol" }, "nolist" },
		{ { "mount", "umo" }, "" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		int n = 0;

		while (n < 6 && rows[i].words[n] != NULL)
			n++;
		complete(n, rows[i].words);
		assert_row(strncmp(offered, rows[i].offered, strlen(rows[i].offered)) == 0, i, offered);
		assert_row(rows[i].offered[0] != '\0' || offered[0] == '\0', i, offered);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_is_the_first_argument),
		cmocka_unit_test(every_option_and_its_choices_are_offered),
		cmocka_unit_test(every_command_is_offered_and_no_other_word),
		cmocka_unit_test(what_is_offered_depends_on_the_place),
		cmocka_unit_test(a_misspelt_command_is_like_the_nearest),
		cmocka_unit_test(what_is_a_command_elsewhere_has_a_hint_and_is_still_no_command),
		cmocka_unit_test(the_help_has_every_option_and_no_line_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
