#ifndef KV_FS_CONFIG_SETTINGS_H
#define KV_FS_CONFIG_SETTINGS_H
/*
 * The command line, -o, the environment and the configuration file, as one checked struct.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "cache/volume.h"
#include "client/auth/auth.h"
#include "client/base/buf.h"
#include "client/vault/type.h"
#include "client/http/url.h"
#include "fs/config/given.h"

struct kv_settings {
	struct kv_url vault;
	const char *
	    source; /* of the mount, as the user named the vault: so mount(8) finds its line of fstab again */
	char *mountpoint; /* absolute */
	struct kv_auth_options auth;
	const char *ca_file;
	const char *client_secret_file; /* or NULL */
	char *api_version;
	char *lookers; /* names of programs, separated by ':' */
	char *debug;   /* names of modules, separated by ':', or NULL */
	char *kernel;  /* further mount options for the kernel, ",noexec,…" or "" */
	bool types[KV_TYPES];
	double rate;	  /* requests per second; 0: each class its own */
	double share;	  /* of a limit that was found, 0 to 1 */
	int max_inflight; /* 0: as many as the pace needs */
	int64_t timeout_ms;
	int64_t list_ttl_ms;
	int64_t max_age_ms; /* after which the versions of an object are looked at again */
	enum kv_cache_kind cache;
	const char *cache_dir;	  /* absolute */
	size_t cache_size, spill; /* bytes */
	long prefetch;		  /* objects fetched ahead at most; -1: as many as the pace says */
	bool is_size_open;	  /* a size is not known before the first open */
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool is_read_only, is_dry_run, is_hsm;
	bool allow_other, allow_root;
	struct kv_given given; /* what all strings here point to */
};

/*
 * 0; or -EINVAL and one sentence in why that names the option, its value and what would be right.
 * With given.wants_help or given.wants_version nothing else is set. options is released in any case.
 */
int kv_settings_parse(
    int argc, char *const argv[], struct kv_settings *options, struct kv_buf *why) KV_MUST_CHECK;
/* client_secret_file once more, after SIGHUP. -EINVAL and a sentence in why: the secret stays as it was. */
int kv_settings_read_secret(struct kv_settings *options, struct kv_buf *why) KV_MUST_CHECK;
void kv_settings_release(struct kv_settings *options);
/* The text of --help. */
const char *kv_settings_help(void);
#endif
