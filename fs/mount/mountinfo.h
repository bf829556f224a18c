#ifndef KV_FS_MOUNT_MOUNTINFO_H
#define KV_FS_MOUNT_MOUNTINFO_H
/*
 * What is mounted where, from /proc/self/mountinfo (proc(5)). Paths are compared and never resolved, because
 * that may block on an automounter or a dead mount.
 */
#include <limits.h>
#include <stdbool.h>

#include "client/base/err.h"

#define KV_DEVICE_LEN 24
#define KV_KVFS_TYPE  "fuse.kvfs"

struct kv_mountinfo {
	char folder[PATH_MAX]; /* where it is mounted */
	char type[32];	       /* "fuse.kvfs" */
	long user;	       /* who mounted it, of a FUSE file system; -1: not known */
};

/* The device of the topmost mount on folder (absolute, no links), "0:58"; "" if nothing is mounted there. */
void kv_mountinfo_top(const char *folder, char device[KV_DEVICE_LEN]);
/*
 * The mount that fd is in, which may be open with O_PATH: no other one can take its place, as it can for a path.
 * -ENOENT if it is not listed; another -errno if /proc cannot be read.
 */
int kv_mountinfo_of(int fd, struct kv_mountinfo *info) KV_MUST_CHECK;
/* The topmost mount on folder. -ENOENT: nothing is mounted there; or as above. */
int kv_mountinfo_at(const char *folder, struct kv_mountinfo *info) KV_MUST_CHECK;
/*
 * The next mount after *position, which is 0 at first, in the order in which they were mounted. False: there is no
 * more.
 */
bool kv_mountinfo_next(int *position, struct kv_mountinfo *info);
#endif
