#ifndef KV_FS_COMMAND_COMMANDS_H
#define KV_FS_COMMAND_COMMANDS_H
/*
 * The subcommands, `kvfs status …`: one table. A command is a row, and a module with a function of the type below.
 */
#include <stdbool.h>

/* argv[0] is the command's name. Returns the exit status, with what is wrong on stderr. */
typedef int kv_command_fn(int argc, char *const argv[]);

/* Whether argv, as main() has it, is a subcommand; then it was run, and *status is the exit status. */
bool kv_commands_run(int argc, char *const argv[], int *status);
/* What -h prints: usage, subcommands and options. */
void kv_commands_print_help(void);
#endif
