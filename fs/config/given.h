#ifndef KV_FS_CONFIG_GIVEN_H
#define KV_FS_CONFIG_GIVEN_H
/*
 * What the user gave, as text: arguments, command-line options, the configuration file and the environment.
 * An option may be given in several places. The order of precedence is: the argument (vault only), the
 * command line, kvfs's own variables (KVFS_...), the files, variables that other programs use too.
 */
#include <stdbool.h>
#include "client/base/buf.h"
#include "fs/config/conf.h"
#include "fs/config/options.h"
#include "fs/config/vault_list.h"

enum kv_print { KV_PRINT_NOTHING, KV_PRINT_HELP, KV_PRINT_VERSION, KV_PRINT_CONFIG };

struct kv_given {
	const char *values[KV_OPTIONS_MOST]; /* indexed as kv_options_at(); NULL: not given; "" for a flag */
	const char *wheres[KV_OPTIONS_MOST]; /* "-o", file and line, or the variable's name */
	/* Why the file of this value must not contain a secret; NULL: it may, or the value is not from a file. */
	const char *faults[KV_OPTIONS_MOST];
	char *mountpoint;	     /* an argument, or NULL */
	struct kv_vault_list vaults; /* arguments, or what the section names; none: the option vault */
	bool is_each;		     /* how they are given calls for a folder for each */
	const char *section;	     /* of the configuration file, or NULL */
	char *source;		     /* fsname=, or NULL */
	struct kv_buf kernel;	     /* mount options for the kernel, ",noexec,…" */
	struct kv_buf warnings;	     /* a line each */
	struct kv_conf conf;
	bool is_foreground;
	bool is_sloppy;		   /* unknown options of the command line are warnings */
	enum kv_print print;	   /* instead of mounting */
	struct kv_string *strings; /* all of the above, freed and wiped together */

	/* Arguments, and the values before those of the file, for kv_given_read_vault(). */
	char **arguments;
	size_t n_arguments;
	const char *first_values[KV_OPTIONS_MOST], *first_wheres[KV_OPTIONS_MOST];
};

/*
 * -EINVAL with a sentence in why, or -ENOMEM. Release given in any case. For KV_PRINT_HELP and
 * KV_PRINT_VERSION the file and the environment are not read.
 */
int kv_given_read(int argc, char *const argv[], struct kv_given *given, struct kv_buf *why) KV_MUST_CHECK;
/*
 * What was given for one vault of the list: the same, with the section of that vault. all must outlive given.
 * As above.
 */
int kv_given_read_vault(struct kv_given *all, const struct kv_given_vault *vault, struct kv_given *given,
    struct kv_buf *why) KV_MUST_CHECK;
void kv_given_release(struct kv_given *given);

/* The value of the option called name, which must be in the table; NULL: not given. */
const char *kv_given_value(const struct kv_given *given, const char *name);
/* Where the value of the option called name, which must be in the table, was given; or NULL. */
const char *kv_given_where(const struct kv_given *given, const char *name);
/*
 * Returns -EINVAL and appends "-o: rate=x must be RIGHT" to why, without the value if it may contain a
 * password.
 */
int kv_given_refuse(const struct kv_given *given, const char *name, const char *right, struct kv_buf *why);
/*
 * Take "name" or "name=value", given at where. is_first: it replaces an earlier value (command line); otherwise the
 * earlier one stays. -EINVAL with a sentence in why that repeats no value, -ENOMEM.
 */
int kv_given_take(struct kv_given *given, const char *text, bool is_first, const char *where,
    struct kv_buf *why) KV_MUST_CHECK;
/* Store a copy of the value of the k-th option, given at where. -ENOMEM. */
int kv_given_set(struct kv_given *given, int k, const char *value, const char *where) KV_MUST_CHECK;
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
