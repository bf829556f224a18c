#ifndef KV_FS_COMMAND_UMOUNT_CMD_H
#define KV_FS_COMMAND_UMOUNT_CMD_H

/*
 * kvfs umount MOUNTPOINT...: unmount mounts of kvfs, and nothing else. If one is busy, prints who holds it. Exit status 1
 * if one is still mounted.
 */
int kv_umount_cmd(int argc, char *const argv[]);
#endif
