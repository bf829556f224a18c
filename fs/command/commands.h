#ifndef KV_FS_COMMAND_COMMANDS_H
#define KV_FS_COMMAND_COMMANDS_H
/*
 * One table of subcommands such as `kvfs status`. A command is a row, and a module with a function of the
 * type below.
 */
#include <stdbool.h>
#include <stddef.h>

/*
 * argv[0] is the command's name. Returns the exit status; reports errors on stderr, but for those of standard output,
 * which kv_commands_run() reports.
 */
typedef int kv_command_fn(int argc, char *const argv[]);

/* Whether argv (main's) is a subcommand. If so, runs it and sets *status to its exit status. */
bool kv_commands_run(int argc, char *const argv[], int *status);
/* Whether argv (main's) begins with the word "mount", which stands for nothing: kvfs mounts without it. */
bool kv_commands_is_mount(int argc, char *const argv[]);
/* The command that argv (main's) begins with if it is misspelt; NULL: none. It may as well be the name of a vault. */
const char *kv_commands_meant(int argc, char *const argv[]);
/* What to do instead, if argv begins with what is a command of other programs ("list"), or NULL; likewise. */
const char *kv_commands_instead(int argc, char *const argv[]);
/* The name of the i-th command in the order of -h, and what it does; NULL after the last. */
const char *kv_commands_at(size_t i, const char **help);
/* Print the output of -h: usage, subcommands and options. */
void kv_commands_print_help(void);
#endif
