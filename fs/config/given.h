#ifndef KV_FS_CONFIG_GIVEN_H
#define KV_FS_CONFIG_GIVEN_H
/*
 * What the user gave, as text: options from the command line, the configuration file and the environment, and
 * arguments. For each option the first of these that has it counts: the argument (of the vault), the command line,
 * variables of kvfs's own, the file, variables that belong to other programs too.
 */
#include <stdbool.h>
#include "client/base/buf.h"
#include "fs/config/options.h"

enum kv_print { KV_PRINT_NOTHING, KV_PRINT_HELP, KV_PRINT_VERSION, KV_PRINT_CONFIG };

struct kv_given {
	const char *values[KV_OPTIONS_MOST]; /* by kv_options_at(); NULL: not given; "" for a flag */
	const char *wheres[KV_OPTIONS_MOST]; /* "-o", the file and line, the variable … */
	char *vault, *mountpoint;	     /* the arguments */
	char *source;			     /* fsname=, or NULL */
	struct kv_buf kernel;		     /* mount options for the kernel, ",noexec,…" */
	bool is_foreground;
	enum kv_print print;	   /* instead of mounting */
	struct kv_string *strings; /* all of the above, freed and wiped together */
};

/*
 * -EINVAL and one sentence in why, -ENOMEM. given is released in any case. Of KV_PRINT_HELP and _VERSION
 * nothing else is read.
 */
int kv_given_read(int argc, char *const argv[], struct kv_given *given, struct kv_buf *why) KV_MUST_CHECK;
void kv_given_release(struct kv_given *given);

/* The value of the option with this name, which is in the table; or NULL. */
const char *kv_given_value(const struct kv_given *given, const char *name);
/* Where it was given, or NULL. */
const char *kv_given_where(const struct kv_given *given, const char *name);
/* -EINVAL, and "-o: rate=x must be RIGHT" in why. A value that may hold a password is left out. */
int kv_given_refuse(const struct kv_given *given, const char *name, const char *right, struct kv_buf *why);
/* Keep text (from malloc, or NULL) as long as given; returns it, or NULL if out of memory. */
char *kv_given_keep(struct kv_given *given, char *text);
/*
 * The user's home: HOME, or what the system's list of users has where HOME is another user's, as under
 * mount.fuse3, which sets root's. NULL where there is none. Valid until the next call.
 */
const char *kv_given_home(void);
/* A variable of the environment; NULL where it is not set or empty. */
const char *kv_given_environment(const char *name);
#endif
