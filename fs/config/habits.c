#include "fs/config/habits.h"

#include <stdio.h>
#include <string.h>

#include "client/base/buf.h"
#include "fs/config/options.h"

#define MOST   64
#define SECRET "a secret has no place in the arguments, which every user can read: -o client_secret_file=FILE"
#define VAULT  "the vault is an argument: kvfs VAULT MOUNTPOINT"

static const struct {
	const char *names; /* with '_', separated by blanks */
	const char *here;
} habits[] = {
	{ "read_only readonly r", "that is -o ro here" },
	{ "u unmount umount z uz", "kvfs umount MOUNTPOINT unmounts" },
	{ "foreground", "that is -f here" },
	{ "verbose v log_level log_file",
	    "the log is the system log's, with -f on standard error, and -o debug= adds to it" },
	{ "daemon background D", "kvfs continues in the background without an option" },
	{ "config_file c", "that is -o config=FILE here" },
	{ "password p client_secret secret w", SECRET },
	{ "vault_name name n container_name", VAULT },
	{ "tmp_path cache_path", "that is -o cache_dir=DIRECTORY here" },
	{ "network_timeout connect_timeout", "that is -o timeout=SECONDS here" },
	{ "tenant_id", "that is -o tenant=ID here" },
	{ "t",
	    "-t TYPE belongs to mount(8): leave it out, as in kvfs VAULT MOUNTPOINT; the tenant is -o tenant=ID" },
	{ "username user_name", "that is -o client_id=ID here" },
	{ "remount", "a mount of kvfs cannot be changed: unmount it, and mount it again" },
	{ "auto_unmount", "kvfs unmounts when it ends, and is not supervised: leave auto_unmount out" },
	{ "drop_privileges",
	    "kvfs mounts by fusermount3 and needs no privileges: leave it out, or name a user with setuid=USER" },
	{ "bind", "kvfs mounts a vault: mount --bind shows a mount in a second place" },
	{ "keys secrets certificates", "a list is separated by colons, as in types=keys:secrets" },
	{ "vaults",
	    "several vaults are arguments, kvfs VAULT VAULT... MOUNTPOINT, or a section of the configuration file" },
	{ "default_certificate ca_certificate", "that is -o cacert=FILE here" },
};

static bool
is_in(const char *names, const char *name)
{
	const size_t n = strlen(name);

	for (const char *c = names; c != NULL; c = strchr(c, ' ')) {
		c += *c == ' ';
		if (strncmp(c, name, n) == 0 && (c[n] == ' ' || c[n] == '\0'))
			return true;
	}
	return false;
}

bool
kv_habits_say(const char *given, size_t len, struct kv_buf *text)
{
	char name[MOST];
	const struct kv_option *o;
	int k;

	if (len == 0 || len >= sizeof(name))
		return false;
	for (size_t i = 0; i <= len; i++)
		name[i] = i == len ? '\0' : given[i] == '-' ? '_' : given[i];
	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
		if (is_in(habits[i].names, name)) {
			kv_buf_say(text, ": %s", habits[i].here);
			return true;
		}
	k = kv_options_find(name, len);
	o = k >= 0 ? kv_options_at((size_t)k) : NULL;
	if (o != NULL)
		kv_buf_say(text, ": that is -o %s%s%s here", o->name, o->argument != NULL ? "=" : "",
		    o->argument != NULL ? o->argument : "");
	return o != NULL;
}
