#include "fs/command/mounted.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/base/buf.h"

#define KVFS "fuse.kvfs"

int
kv_mounted_read_file(const char *path, struct kv_buf *text)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	char block[16384];
	ssize_t n = 0;
	int err = fd >= 0 ? 0 : -errno;

	while (err == 0 && (n = read(fd, block, sizeof(block))) > 0)
		err = kv_buf_append(text, block, (size_t)n);
	if (err == 0 && n < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/*
 * The type of the topmost file system mounted on path, which is absolute: "fuse.kvfs"; "" if nothing is
 * mounted.
 */
static void
mounted_type(const char *path, char *type, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *entry;

	type[0] = '\0';
	while (mounts != NULL && (entry = getmntent(mounts)) != NULL)
		if (strcmp(entry->mnt_dir, path) == 0)
			snprintf(type, size, "%s", entry->mnt_type);
	if (mounts != NULL)
		endmntent(mounts);
}

/*
 * The same for path, or for its parent: of several vaults in one mount, each has a folder in the mount point. Whether it
 * is the parent that is a mount of kvfs.
 */
static bool
find_type(const char *path, char *type, size_t size)
{
	char parent[PATH_MAX], *slash;

	mounted_type(path, type, size);
	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (type[0] != '\0' || slash == NULL || slash == parent)
		return false;
	*slash = '\0';
	mounted_type(parent, type, size);
	if (strcmp(type, KVFS) != 0)
		type[0] = '\0';
	return type[0] != '\0';
}

/*
 * Make the path absolute and resolve links. If the mount is another user's or its kvfs has exited, realpath()
 * of the mount point fails; then only its parent is resolved.
 */
int
kv_mounted_find(const char *given, char path[PATH_MAX])
{
	char parent[PATH_MAX], *name, *found;
	size_t n;
	int err;

	if (realpath(given, path) != NULL)
		return 0;
	err = -errno;
	n = (size_t)snprintf(parent, sizeof(parent), "%s", given);
	if (n >= sizeof(parent))
		return -ENAMETOOLONG;
	while (n > 1 && parent[n - 1] == '/')
		parent[--n] = '\0';
	name = strrchr(parent, '/');
	if (name != NULL)
		*name++ = '\0';
	found = realpath(name == NULL ? "." : parent[0] == '\0' ? "/" : parent, path);
	n = found != NULL ? strlen(path) : 0;
	if (found == NULL ||
	    snprintf(path + n, PATH_MAX - n, "%s%s", path[n - 1] == '/' ? "" : "/",
		name != NULL ? name : parent) >= (int)(PATH_MAX - n))
		return err;
	return err == -EACCES || err == -ENOTCONN ? 0 : err;
}

void
kv_mounted_say_why(const char *given, const char *path, int err)
{
	char type[80];
	const bool is_inside = find_type(path, type, sizeof(type));

	if (is_inside && err == -ENOENT)
		fprintf(
		    stderr, "kvfs: %s is neither a mount point of kvfs nor a vault's folder in one\n", given);
	else if (type[0] == '\0')
		fprintf(stderr, "kvfs: nothing is mounted on %s\n", given);
	else if (strcmp(type, KVFS) != 0)
		fprintf(stderr, "kvfs: %s is a mount of %s, not of kvfs\n", given, type);
	else if (err == -EACCES)
		fprintf(
		    stderr, "kvfs: the mount on %s is another user's: only who mounted it can ask\n", given);
	else if (err == -ENOTCONN)
		fprintf(stderr, "kvfs: the kvfs of %s has ended: kvfs umount %s\n", given, given);
	else
		fprintf(stderr, "kvfs: %s cannot be read: %s\n", given, strerror(-err));
}

bool
kv_mounted_has_other(const char *path, const char *name)
{
	char parent[PATH_MAX], file[2 * PATH_MAX];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (slash == NULL || name[0] == '\0' || strcmp(slash + 1, name) == 0)
		return false;
	*slash = '\0';
	snprintf(file, sizeof(file), "%s/.kvfs/status", parent);
	if (access(file, F_OK) != 0)
		return false;
	snprintf(file, sizeof(file), "%s/%s/.kvfs/status", parent, name);
	return access(file, F_OK) == 0;
}

int
kv_mounted_read(const char *path, const char *name, struct kv_buf *text)
{
	char file[PATH_MAX + 64], type[80];

	find_type(path, type, sizeof(type));
	if (strcmp(type, KVFS) != 0)
		return -ENOENT;
	snprintf(file, sizeof(file), "%s/.kvfs/%s", path, name);
	return kv_mounted_read_file(file, text);
}
