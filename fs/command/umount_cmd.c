#include "fs/command/umount_cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/command/holders.h"
#include "fs/command/usage.h"
#include "fs/mount/fusermount.h"
#include "fs/mount/mountinfo.h"

#define MOST 4096

/* The mount on the directory, without asking its kvfs, which may be dead or stopped. */
static int
find(const char *given, char path[PATH_MAX], struct kv_mountinfo *info)
{
	const int fd = open(given, O_PATH | O_CLOEXEC);
	char link[64];
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	err = n < 0 ? -errno : 0;
	path[n > 0 ? n : 0] = '\0';
	if (err == 0)
		err = kv_mountinfo_of(fd, info);
	close(fd);
	return err;
}

static int
check(const char *given, const char *path, const struct kv_mountinfo *info)
{
	const bool is_kvfs = strcmp(info->type, KV_KVFS_TYPE) == 0;

	if (strcmp(path, info->folder) != 0 && is_kvfs)
		fprintf(stderr, "kvfs: %s is inside of the mount on %s: kvfs umount %s\n", given,
		    info->folder, info->folder);
	else if (strcmp(path, info->folder) != 0)
		fprintf(stderr, "kvfs: nothing is mounted on %s\n", given);
	else if (!is_kvfs)
		fprintf(
		    stderr, "kvfs: %s is a mount of %s, not of kvfs: umount %s\n", given, info->type, given);
	else if (geteuid() != 0 && info->user >= 0 && info->user != (long)geteuid())
		fprintf(stderr,
		    "kvfs: the mount on %s is another user's: only that user or root can unmount it\n",
		    given);
	else
		return 0;
	return -EINVAL;
}

/* Directly, which root and a service with CAP_SYS_ADMIN may do; otherwise by fusermount3. */
static int
unmount(const char *path)
{
	if (umount2(path, UMOUNT_NOFOLLOW) == 0)
		return 0;
	return errno == EBUSY ? -EBUSY : kv_fusermount_unmount(path, false);
}

static void
say_failure(const char *given, const char *path, int err)
{
	struct kv_buf text;

	kv_buf_init(&text, MOST);
	kv_holders_say(path, &text);
	if (err != -EBUSY)
		fprintf(stderr, "kvfs: %s cannot be unmounted: fusermount3: %s\n", given, strerror(-err));
	else if (text.len > 0)
		fprintf(stderr,
		    "kvfs: %s is busy: %s (end that; or fusermount3 -uz %s, which unmounts it when it is free)\n",
		    given, kv_buf_str(&text), given);
	else
		fprintf(stderr,
		    "kvfs: %s is busy, and this user cannot see the programs: sudo fuser -vm %s shows them\n",
		    given, given);
	kv_buf_release(&text);
}

static int
umount_one(const char *given)
{
	struct kv_mountinfo info = { .user = -1 };
	char path[PATH_MAX];
	int err = find(given, path, &info);

	if (err == -ENOTCONN)
		fprintf(
		    stderr, "kvfs: %s is inside of a dead mount: kvfs umount takes its mount point\n", given);
	else if (err != 0)
		fprintf(stderr, "kvfs: %s: %s\n", given, strerror(-err));
	if (err != 0 || check(given, path, &info) != 0)
		return 1;
	err = unmount(path);
	if (err != 0)
		say_failure(given, path, err);
	return err == 0 ? 0 : 1;
}

int
kv_umount_cmd(int argc, char *const argv[])
{
	static const struct kv_usage usage = { "umount", "MOUNTPOINT..." };
	static const struct option none[] = { { NULL, 0, NULL, 0 } };
	int c, status = 0;

	optind = 0;
	while ((c = kv_usage_option(&usage, argc, argv, ":flz", none)) != -1) {
		if (c != '?')
			kv_usage_refuse(&usage,
			    "there is no option '-%c': fusermount3 -uz MOUNTPOINT unmounts a busy mount when it is free",
			    c);
		return 1;
	}
	if (optind == argc) {
		kv_usage_refuse(&usage, "no mount point is given");
		return 1;
	}
	for (int i = optind; i < argc; i++)
		if (umount_one(argv[i]) != 0)
			status = 1;
	return status;
}
