#include "fs/command/usage.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

bool
kv_usage_is_help(int argc, char *const argv[])
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

void
kv_usage_refuse(const struct kv_usage *usage, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "kvfs: %s: ", usage->command);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	if (usage->arguments != NULL)
		fprintf(stderr, "\nusage: kvfs %s %s\n", usage->command, usage->arguments);
	else
		fprintf(stderr, " (kvfs byok -h lists the options)\n");
}

/* Whether getopt_long() means text, and not a letter after it. */
static bool
is_long(const char *text, const struct option *longs)
{
	if (strncmp(text, "--", 2) != 0 || text[2] == '\0')
		return false;
	while (optopt != 0 && longs->name != NULL && longs->val != optopt)
		longs++;
	return optopt == 0 || longs->name != NULL;
}

int
kv_usage_option(const struct kv_usage *usage, int argc, char *const argv[], const char *shorts,
    const struct option *longs)
{
	const char *text;
	int c, n;

	opterr = 0;
	c = getopt_long(argc, argv, shorts, longs, NULL);
	if (c != '?' && c != ':')
		return c;
	text = argv[optind - 1]; /* of a letter it may be the next argument, or the same one */
	n = (int)strcspn(text, "=");
	if (!is_long(text, longs))
		kv_usage_refuse(usage, c == ':' ? "-%c needs a value" : "unknown option '-%c'", optopt);
	else if (c == ':')
		kv_usage_refuse(usage, "%.*s needs a value", n, text);
	else if (optopt != 0 && text[n] == '=')
		kv_usage_refuse(usage, "%.*s takes no value", n, text);
	else
		kv_usage_refuse(usage, "unknown option '%.*s'", n, text);
	return '?';
}
