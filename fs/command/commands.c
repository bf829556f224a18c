#include <stdio.h>
#include <string.h>

#include "fs/command/byok_cmd.h"
#include "fs/command/commands.h"
#include "fs/command/complete.h"
#include "fs/command/output.h"
#include "fs/command/plan_cmd.h"
#include "fs/command/restore_cmd.h"
#include "fs/command/status_cmd.h"
#include "fs/command/umount_cmd.h"
#include "fs/command/usage.h"
#include "fs/command/verify_cmd.h"
#include "fs/config/nearest.h"
#include "fs/config/options.h"

#define COLUMN 27 /* column at which descriptions start */

static int help_cmd(int argc, char *const argv[]);

/* Without a function: what kvfs does without a command. Without a description: not for people. */
static const struct {
	const char *name, *arguments, *help;
	kv_command_fn *run;
	int error; /* the exit status if its output does not arrive */
} commands[] = {
	{ "mount", "[-f] [-d] [-o NAME[=VALUE][,...]] [VAULT...] MOUNTPOINT", "mount, as without the word",
	    NULL, 1 },
	{ "umount", "MOUNTPOINT...", "unmount, or print what uses the mount", kv_umount_cmd, 1 },
	{ "status", "MOUNTPOINT[/VAULT] [--watch]", "show what a mount is doing", kv_status_cmd, 1 },
	{ "plan", "[-m MANIFEST] ARCHIVE MOUNTPOINT [PATH...]", "print what restore would do", kv_plan_cmd,
	    2 },
	{ "restore", "[-j N] [-m MANIFEST] ARCHIVE MOUNTPOINT [PATH...]", "restore what the vault lacks",
	    kv_restore_cmd, 2 },
	{ "verify", "[--json] [-m MANIFEST] ARCHIVE [MOUNTPOINT]", "print what an archive lacks",
	    kv_verify_cmd, 3 },
	{ "byok", "kek|wrap|show ...", "bring your own key: prepare a package for import/", kv_byok_cmd, 1 },
	{ "help", "[COMMAND]", "print this text, or how a command is used", help_cmd, 1 },
	{ "unmount", NULL, NULL, kv_umount_cmd, 1 },
	{ "complete", NULL, NULL, kv_complete_cmd, 1 },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const char usage[] =
    "Mounts the Azure Key Vault VAULT (a name, a host or an https URL) on the directory MOUNTPOINT.\n"
    "Several vaults, also given as NAME=VAULT, are folders of it; VAULT can be a section of kvfs.conf(5).\n"
    "Reading keys/NAME.blob backs that key up; writing a blob into restore/ restores it.\n"
    "To unmount: kvfs umount MOUNTPOINT, or fusermount3 -u MOUNTPOINT\n"
    "\n"
    "  -f                       stay in the foreground and log to standard error\n"
    "  -d                       the same, with debug messages\n"
    "  -o NAME[=VALUE][,...]    options, listed below with their defaults in parentheses\n"
    "  --print-config [VAULT]   print every option with its value and where it was given\n"
    "  -h, --help               print this text\n"
    "  -V, --version            print the version\n";

/* The row of a command; COMMANDS: there is none. */
static size_t
find(const char *name)
{
	size_t i = 0;

	while (i < COMMANDS && strcmp(name, commands[i].name) != 0)
		i++;
	return i;
}

static void
print_command(size_t i)
{
	printf("usage: kvfs %s %s\n%s; see kvfs(1)\n", commands[i].name, commands[i].arguments,
	    commands[i].help);
}

bool
kv_commands_run(int argc, char *const argv[], int *status)
{
	const size_t i = argc > 1 ? find(argv[1]) : COMMANDS;

	if (i == COMMANDS || commands[i].run == NULL)
		return false;
	/* byok has a text of its own */
	if (commands[i].help != NULL && commands[i].run != kv_byok_cmd &&
	    kv_usage_is_help(argc - 1, argv + 1)) {
		print_command(i);
		*status = 0;
	} else {
		*status = commands[i].run(argc - 1, argv + 1);
	}
	if (!kv_output_end())
		*status = commands[i].error;
	return true;
}

bool
kv_commands_is_mount(int argc, char *const argv[])
{
	const size_t i = argc > 1 ? find(argv[1]) : COMMANDS;

	return i < COMMANDS && commands[i].run == NULL;
}

static const char *
nearest(const char *word)
{
	const char *best = NULL;
	size_t least = kv_nearest_start(strlen(word));

	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].help != NULL && kv_nearest_is(word, strlen(word), commands[i].name, &least))
			best = commands[i].name;
	return best;
}

const char *
kv_commands_meant(int argc, char *const argv[])
{
	return argc > 1 && argv[1][0] != '-' && find(argv[1]) == COMMANDS ? nearest(argv[1]) : NULL;
}

const char *
kv_commands_instead(int argc, char *const argv[])
{
	static const char
	    list[] = "to list a vault, mount it and use ls: kvfs VAULT MOUNTPOINT",
	    backup[] =
		"to back up, mount the vault and copy: rsync -a MOUNTPOINT/ ARCHIVE/, or kvfs-archive(8)",
	    print[] = "kvfs --print-config prints the options in effect";
	static const struct {
		const char *word, *instead;
	} rows[] = { { "version", "kvfs --version prints the version" }, { "print-config", print },
		{ "config", print }, { "list", list }, { "ls", list }, { "show", list }, { "backup", backup },
		{ "archive", backup }, { "copy", backup }, { "download", backup }, { "get", backup },
		{ "import", "to import a key, mount the vault and copy the file into MOUNTPOINT/import/" } };

	for (size_t i = 0; argc > 1 && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(argv[1], rows[i].word) == 0)
			return rows[i].instead;
	return NULL;
}

const char *
kv_commands_at(size_t i, const char **help)
{
	if (i >= COMMANDS || commands[i].help == NULL)
		return NULL;
	*help = commands[i].help;
	return commands[i].name;
}

static void
print_option(const struct kv_option *o)
{
	const int n = printf(
	    "  %s%s%s", o->name, o->argument != NULL ? "=" : "", o->argument != NULL ? o->argument : "");

	if (n >= COLUMN)
		printf("\n%*s", COLUMN, "");
	else
		printf("%*s", COLUMN - n, "");
	printf("%s", o->help);
	if (o->standard != NULL || o->otherwise != NULL)
		printf(" (%s)", o->standard != NULL ? o->standard : o->otherwise);
	printf("\n");
}

void
kv_commands_print_help(void)
{
	const struct kv_option *o;

	printf("usage: kvfs [-f] [-d] [-o NAME[=VALUE][,...]] [VAULT...] MOUNTPOINT\n");
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].help != NULL)
			printf("       kvfs %s %s\n", commands[i].name, commands[i].arguments);
	printf("\n%s\nCommands:\n", usage);
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].help != NULL)
			printf("  %-*s%s\n", COLUMN - 2, commands[i].name, commands[i].help);
	for (int section = 0; section < KV_SECTIONS; section++) {
		printf("\n%s:\n", kv_options_section((enum kv_option_section)section));
		for (size_t i = 0; (o = kv_options_at(i)) != NULL; i++)
			if (o->section == (enum kv_option_section)section)
				print_option(o);
	}
	printf("\nSee kvfs(1) for more.\n");
}

static int
help_cmd(int argc, char *const argv[])
{
	const size_t i = argc == 2 ? find(argv[1]) : COMMANDS;

	if (argc == 1) {
		kv_commands_print_help();
		return 0;
	}
	if (i == COMMANDS || commands[i].help == NULL) {
		const char *meant = nearest(argv[argc - 1]);

		fprintf(stderr, "kvfs: '%s' is no command (%s%s%skvfs help lists them)\n", argv[argc - 1],
		    meant != NULL ? "did you mean '" : "", meant != NULL ? meant : "",
		    meant != NULL ? "'? " : "");
		return 1;
	}
	print_command(i);
	return 0;
}
