#ifndef KV_FS_COMMAND_RESTORE_CMD_H
#define KV_FS_COMMAND_RESTORE_CMD_H
/*
 * kvfs restore [-j N] [-m MANIFEST] ARCHIVE MOUNTPOINT [PATH...]: restores what the vault lacks.
 */

/* As in fs/command/commands.h. */
int kv_restore_cmd(int argc, char *const argv[]);
#endif
