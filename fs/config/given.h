#ifndef KV_FS_CONFIG_GIVEN_H
#define KV_FS_CONFIG_GIVEN_H
/*
 * What the user has said, unchecked: the command line first, then the environment (by fs/config/settings), then
 * the configuration file; the first that has a setting wins.
 */
#include <stdbool.h>
#include "client/base/buf.h"

enum kv_given_key {
	KV_GIVEN_AUTH,
	KV_GIVEN_AUTHORITY,
	KV_GIVEN_TENANT,
	KV_GIVEN_CLIENT_ID,
	KV_GIVEN_CLIENT_SECRET_FILE,
	KV_GIVEN_TOKEN_FILE,
	KV_GIVEN_ALLOW_TENANT,
	KV_GIVEN_NO_CHALLENGE_VERIFY,
	KV_GIVEN_CACERT,
	KV_GIVEN_RATE,
	KV_GIVEN_SHARE,
	KV_GIVEN_MAX_INFLIGHT,
	KV_GIVEN_TIMEOUT,
	KV_GIVEN_SIZE,
	KV_GIVEN_CACHE,
	KV_GIVEN_CACHE_DIR,
	KV_GIVEN_CACHE_SIZE,
	KV_GIVEN_SPILL,
	KV_GIVEN_MAX_AGE,
	KV_GIVEN_PREFETCH,
	KV_GIVEN_LIST_TTL,
	KV_GIVEN_LOOKERS,
	KV_GIVEN_TYPES,
	KV_GIVEN_RO,
	KV_GIVEN_DRY_RUN,
	KV_GIVEN_API_VERSION,
	KV_GIVEN_ALLOW_OTHER,
	KV_GIVEN_ALLOW_ROOT,
	KV_GIVEN_UID,
	KV_GIVEN_GID,
	KV_GIVEN_UMASK,
	KV_GIVEN_VAULT,
	KV_GIVEN_DEBUG,
	KV_GIVEN_KEYS,
};

struct kv_given {
	char *values[KV_GIVEN_KEYS]; /* as text, NULL: not given; of a flag "" */
	char *wheres[KV_GIVEN_KEYS]; /* "-o", or the file and line; NULL: neither */
	char *vault, *mountpoint;    /* the arguments */
	char *source;		     /* fsname=, or NULL */
	struct kv_buf kernel;	     /* mount options for the kernel, ",noexec,…" */
	bool is_foreground, wants_help, wants_version;
	struct kv_string *strings; /* all of the above, freed and wiped together */
};

/* -EINVAL and one sentence in why, -ENOMEM. given is released in any case. */
int kv_given_read(int argc, char *const argv[], struct kv_given *given, struct kv_buf *why) KV_MUST_CHECK;
void kv_given_release(struct kv_given *given);

/* The option's name as the user writes it. */
const char *kv_given_name(enum kv_given_key key);
/* Keep text (from malloc, or NULL) as long as given; returns it, or NULL where memory ends. */
char *kv_given_keep(struct kv_given *given, char *text);
/*
 * The user's home: HOME, or what the system's list of users says where HOME is another user's, as under
 * mount.fuse3, which sets root's. NULL where there is none. Valid until the next call.
 */
const char *kv_given_home(void);
/* A variable of the environment; NULL where it is not set or empty. */
const char *kv_given_environment(const char *name);
#endif
