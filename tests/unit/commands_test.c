#include "tests/unit/unit.h"

#include <string.h>

/* all that the commands use */
#include "fs/command/archive.h"
#include "fs/command/byok_cmd.h"
#include "fs/command/byok_kek.h"
#include "fs/command/byok_wrap.h"
#include "fs/command/commands.h"
#include "fs/command/holders.h"
#include "fs/command/inventory.h"
#include "fs/command/manifests.h"
#include "fs/command/mounted.h"
#include "fs/command/passphrase.h"
#include "fs/command/plan.h"
#include "fs/command/plan_cmd.h"
#include "fs/command/restore_cmd.h"
#include "fs/command/status_cmd.h"
#include "fs/command/status_text.h"
#include "fs/command/umount_cmd.h"
#include "fs/command/verify.h"
#include "fs/command/verify_cmd.h"
#include "fs/command/writers.h"
#include "fs/config/arguments.h"
#include "fs/config/cloud.h"
#include "fs/config/conf.h"
#include "fs/config/given.h"
#include "fs/config/mountpoint.h"
#include "fs/mount/fusermount.h"
#include "fs/mount/mountinfo.h"
#include "fs/config/network.h"
#include "fs/config/number.h"
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_is_the_first_argument),
		cmocka_unit_test(the_help_has_every_option_and_no_line_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
