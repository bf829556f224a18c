#ifndef KV_FS_MOUNT_MOUNTINFO_H
#define KV_FS_MOUNT_MOUNTINFO_H
/*
 * What is mounted where, from /proc/self/mountinfo (proc(5)). Paths are compared and never resolved, because
 * that may block on an automounter or a dead mount.
 */
#define KV_DEVICE_LEN 24

/* The device of the topmost mount on folder (absolute, no links), "0:58"; "" if nothing is mounted there. */
void kv_mountinfo_top(const char *folder, char device[KV_DEVICE_LEN]);
#endif
