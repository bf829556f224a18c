#include <errno.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "client/base/buf.h"
#include "fs/config/mountpoint.h"

static bool
is_mounted(const char *folder)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *m;
	bool found = false;

	while (mounts != NULL && !found && (m = getmntent(mounts)) != NULL)
		found = strcmp(m->mnt_type, "fuse.kvfs") == 0 && strcmp(m->mnt_dir, folder) == 0;
	if (mounts != NULL)
		endmntent(mounts);
	return found;
}

static int
check_directory(const char *given, struct kv_buf *why)
{
	struct stat st;
	const int err = stat(given, &st) == 0 ? 0 : errno;

	if (err == 0 && S_ISDIR(st.st_mode))
		return 0;
	if (err == 0)
		kv_buf_say(why, "the mount point %s is not a directory", given);
	else if (err == ENOENT)
		kv_buf_say(why, "the mount point %s does not exist: create it with mkdir", given);
	else if (err == ENOTCONN)
		kv_buf_say(why,
		    "the mount point %s is a dead mount (its kvfs has ended): fusermount3 -u it first",
		    given);
	else
		kv_buf_say(why, "the mount point %s cannot be used: %s", given, strerror(err));
	return -EINVAL;
}

int
kv_mountpoint_find(const char *given, char **absolute, struct kv_buf *why)
{
	struct statvfs fs;
	int err = check_directory(given, why);

	*absolute = err == 0 ? realpath(given, NULL) : NULL;
	if (err == 0 && *absolute == NULL)
		return -ENOMEM;
	if (err != 0 || !is_mounted(*absolute))
		return err;
	if (statvfs(*absolute, &fs) != 0 && errno == ENOTCONN)
		kv_buf_say(why,
		    "the mount point %s is a dead mount (its kvfs has ended): fusermount3 -u it first",
		    given);
	else
		kv_buf_say(
		    why, "the mount point %s is in use by another kvfs: fusermount3 -u it first", given);
	free(*absolute);
	*absolute = NULL;
	return -EINVAL;
}
