#ifndef KV_FS_CONFIG_SETTINGS_H
#define KV_FS_CONFIG_SETTINGS_H
/*
 * Everything that a user can set, validated: the options of the table (fs/config/options) and values derived
 * from them and from the environment.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include "cache/volume.h"
#include "client/auth/token.h"
#include "client/base/buf.h"
#include "client/http/ca.h"
#include "client/http/proxy.h"
#include "client/http/url.h"
#include "client/vault/type.h"
#include "fs/config/given.h"

/* Which operation downloads a blob to get its still unknown size: stat (and open), or open only. */
enum kv_size_kind { KV_SIZE_STAT, KV_SIZE_OPEN };

struct kv_settings {
	/* Options; the rows of fs/config/options describe them in full. */
	const char *vault_given;
	const char *suffix; /* of a vault that is given by its name; NULL: that of the cloud */
	bool types[KV_TYPES];
	bool is_read_only, is_dry_run;
	bool is_hsm;	  /* also if the host is that of a Managed HSM */
	bool is_listless; /* nolist */
	bool list_extra;  /* list siblings and deleted/ too */
	enum kv_size_kind size;
	const char *stat_only;		/* names of programs, separated by ':' */
	const char *archivers;		/* likewise; NULL: none */
	const char *auth_words;		/* credentials, separated by ':', or "auto" */
	struct kv_token_options auth;	/* strings are NULL if not given */
	const char *client_secret_file; /* absolute, or NULL */
	const char *secret_fault;	/* of KV_PRINT_CONFIG: why it cannot be read, or NULL */
	double rate;			/* requests per second; 0: a separate rate for each class */
	double total_rate;		/* of all vaults together; 0: 2.5 times the start of one */
	double share;			/* of a detected rate limit to use, 0 to 1 */
	int max_inflight;		/* in-flight limit; 0: as many as the rate needs */
	int64_t timeout_ms, list_ttl_ms, max_age_ms;
	int list_parts; /* parts of a list that are read at the same time */
	enum kv_cache_kind cache;
	const char *cache_dir;	  /* absolute */
	size_t cache_size, spill; /* bytes */
	int prefetch;		  /* objects; -1: as many as the rate allows */
	struct kv_ca_options ca;  /* added is the option cacert; the variables give the rest */
	struct kv_proxy proxy;
	const char *resolve;	 /* for client/http/resolve, or NULL */
	const char *public_host; /* or NULL */
	int64_t retry_ms;	 /* how long the start waits for what time can mend */
	const char *api_version;
	const char *older_api_version; /* if the vault does not accept api_version; NULL: no other */
	bool allow_other, allow_root;
	bool may_hide; /* nonempty */
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool is_each;	    /* each; or how the vaults are given calls for a folder for each */
	const char *config; /* the configuration file, or NULL */
	const char *debug;  /* names of modules, separated by ':', or NULL */

	/* Derived values. */
	const char *folder;  /* of this vault in the mount's root; NULL: the root itself */
	unsigned int number; /* of the vault, for inode numbers; not 0 with a folder */
	struct kv_url vault;
	struct kv_url public_vault; /* what the vault calls itself: public_host, or vault */
	/* Source of the mount: the vault as the user gave it, so that mount(8) finds the line in fstab. */
	const char *source;
	char *mountpoint;   /* absolute */
	const char *kernel; /* more mount options for the kernel, ",noexec,…" or "" */

	struct kv_settings *vaults; /* with is_each: a vault's own, complete settings */
	size_t n_vaults;

	struct kv_given given; /* owns all strings above that are not constants */
};

/* How many vaults the mount has, and the settings of each one: with one vault and no folder, the mount's. */
size_t kv_settings_vaults(const struct kv_settings *settings);
const struct kv_settings *kv_settings_vault(const struct kv_settings *settings, size_t i);
/* Whether two vaults have the same credential options. */
bool kv_settings_share_credentials(const struct kv_settings *a, const struct kv_settings *b);

/*
 * 0; or -EINVAL and one sentence in why that names the option, its value and what it should be. If
 * given.print is set, there is no mount point, and only KV_PRINT_CONFIG fills in values (the vault's too, if
 * one is given); a client_secret_file that cannot be read is then no error, but secret_fault. Release settings in any
 * case.
 */
int kv_settings_parse(
    int argc, char *const argv[], struct kv_settings *settings, struct kv_buf *why) KV_MUST_CHECK;
/* Read client_secret_file again, after SIGHUP. -EINVAL and a sentence in why: the secret is unchanged. */
int kv_settings_read_secret(struct kv_settings *settings, struct kv_buf *why) KV_MUST_CHECK;
void kv_settings_release(struct kv_settings *settings);
#endif
