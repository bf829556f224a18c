#ifndef KV_FS_COMMAND_USAGE_H
#define KV_FS_COMMAND_USAGE_H
/* What is wrong with the arguments of a command: one sentence that names the command, and below it how it is used. */
#include <stdbool.h>

struct option;

struct kv_usage {
	const char *command;   /* "verify" */
	const char *arguments; /* as after "usage: kvfs verify"; NULL: kvfs byok -h prints them */
};

/*
 * As getopt_long(3), of which it uses the variables, with optind 0 before the first call: options may follow arguments.
 * '?' after a sentence about an unknown option, or a value that is missing or too much; it never repeats a value, which
 * may be a secret. shorts must begin with ':'.
 */
int kv_usage_option(const struct kv_usage *usage, int argc, char *const argv[], const char *shorts,
    const struct option *longs);
/* Whether -h or --help is among the arguments of a command, before any "--". */
bool kv_usage_is_help(int argc, char *const argv[]);
/* Print the sentence and the usage to stderr. */
void kv_usage_refuse(const struct kv_usage *usage, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#endif
