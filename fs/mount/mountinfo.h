#ifndef KV_FS_MOUNT_MOUNTINFO_H
#define KV_FS_MOUNT_MOUNTINFO_H
/*
 * What is mounted where, from /proc/self/mountinfo (proc(5)): a path is compared, never walked, because walking it may
 * wait for an automounter or for a mount that is dead.
 */
#define KV_DEVICE_LEN 24

/* "0:58", the device of the mount on top at folder (absolute, without links); "" where nothing is mounted there. */
void kv_mountinfo_top(const char *folder, char device[KV_DEVICE_LEN]);
#endif
