#ifndef KV_FS_CONFIG_GIVEN_H
#define KV_FS_CONFIG_GIVEN_H
/*
 * What the user gave, as text: arguments, command-line options, the configuration file and the environment.
 * An option may be given in several places. The order of precedence is: the argument (vault only), the
 * command line, kvfs's own variables (KVFS_...), the file, variables that other programs use too.
 */
#include <stdbool.h>
#include "client/base/buf.h"
#include "fs/config/options.h"

enum kv_print { KV_PRINT_NOTHING, KV_PRINT_HELP, KV_PRINT_VERSION, KV_PRINT_CONFIG };

struct kv_given {
	const char *values[KV_OPTIONS_MOST]; /* indexed as kv_options_at(); NULL: not given; "" for a flag */
	const char *wheres[KV_OPTIONS_MOST]; /* "-o", file and line, or the variable's name */
	char *vault, *mountpoint;	     /* arguments */
	char *source;			     /* fsname=, or NULL */
	struct kv_buf kernel;		     /* mount options for the kernel, ",noexec,…" */
	const char *config_fault; /* why the configuration file must not contain a secret; NULL: it may */
	bool is_foreground;
	enum kv_print print;	   /* instead of mounting */
	struct kv_string *strings; /* all of the above, freed and wiped together */
};

/*
 * -EINVAL with a sentence in why, or -ENOMEM. Release given in any case. For KV_PRINT_HELP and
 * KV_PRINT_VERSION the file and the environment are not read.
 */
int kv_given_read(int argc, char *const argv[], struct kv_given *given, struct kv_buf *why) KV_MUST_CHECK;
void kv_given_release(struct kv_given *given);

/* Where the value of the option called name, which must be in the table, was given; or NULL. */
const char *kv_given_where(const struct kv_given *given, const char *name);
/*
 * Returns -EINVAL and appends "-o: rate=x must be RIGHT" to why, without the value if it may contain a
 * password.
 */
int kv_given_refuse(const struct kv_given *given, const char *name, const char *right, struct kv_buf *why);
/* Make given the owner of text (from malloc, or NULL). Returns text, or NULL if out of memory. */
char *kv_given_keep(struct kv_given *given, char *text);
/*
 * The user's home directory: HOME, unless that belongs to another user (mount.fuse3 sets it to root's); then
 * the one in the user database. NULL if there is none. Valid until the next call.
 */
const char *kv_given_home(void);
/* An environment variable; NULL if it is unset or empty. */
const char *kv_given_environment(const char *name);
/*
 * Its value as a string owned by given, without line breaks at its end, which secrets of Kubernetes often have.
 * *value is NULL if nothing is left. -EINVAL and a sentence in why if it contains another control character: it would
 * become a line of a request's header. -ENOMEM.
 */
int kv_given_keep_environment(
    struct kv_given *given, const char *name, const char **value, struct kv_buf *why) KV_MUST_CHECK;
#endif
