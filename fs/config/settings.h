#ifndef KV_FS_CONFIG_SETTINGS_H
#define KV_FS_CONFIG_SETTINGS_H
/*
 * Everything that a user can set, checked: the options of the table (fs/config/options), and what follows from them
 * and from the environment.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include "cache/volume.h"
#include "client/auth/token.h"
#include "client/base/buf.h"
#include "client/http/url.h"
#include "client/vault/type.h"
#include "fs/config/given.h"

/* When the size of a file becomes known that was not known before. */
enum kv_size_kind { KV_SIZE_STAT, KV_SIZE_OPEN };

struct kv_settings {
	/* Options; what is not said here is in the row of the option. */
	const char *vault_given;
	bool types[KV_TYPES];
	bool is_read_only, is_dry_run;
	enum kv_size_kind size;
	const char *stat_only;		/* names of programs, separated by ':' */
	struct kv_token_options auth;	/* strings are NULL where not given */
	const char *client_secret_file; /* absolute, or NULL */
	double rate;			/* requests per second; 0: each class has its own */
	double share;			/* of a limit that was found, 0 to 1 */
	int max_inflight;		/* 0: as many as the rate needs */
	int64_t timeout_ms, list_ttl_ms, max_age_ms;
	enum kv_cache_kind cache;
	const char *cache_dir;	  /* absolute */
	size_t cache_size, spill; /* bytes */
	int prefetch;		  /* objects; -1: as many as the rate allows */
	const char *ca_file;	  /* absolute, or NULL */
	const char *api_version;
	bool allow_other, allow_root;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	const char *debug; /* names of modules, separated by ':', or NULL */

	/* What follows from them. */
	struct kv_url vault;
	bool is_hsm;
	const char *
	    source; /* of the mount: the vault as the user gave it, so that mount(8) finds its line of fstab */
	char *mountpoint;   /* absolute */
	const char *kernel; /* further mount options for the kernel, ",noexec,…" or "" */

	struct kv_given given; /* all strings here are its own, or constants */
};

/*
 * 0; or -EINVAL and one sentence in why that names the option, its value and what would be right.
 * With given.print there is no mount point, and only for KV_PRINT_CONFIG are there values: those of the vault
 * if one is given. settings is released in any case.
 */
int kv_settings_parse(
    int argc, char *const argv[], struct kv_settings *settings, struct kv_buf *why) KV_MUST_CHECK;
/* client_secret_file once more, after SIGHUP. -EINVAL and a sentence in why: the secret stays as it was. */
int kv_settings_read_secret(struct kv_settings *settings, struct kv_buf *why) KV_MUST_CHECK;
void kv_settings_release(struct kv_settings *settings);
/*
 * --print-config: a line for each option with its value in effect and where it was given, and for each variable
 * of the environment that is used beside them. A secret is "(set)".
 */
void kv_settings_print(const struct kv_settings *settings, FILE *out);
#endif
