#ifndef KV_FS_COMMAND_STATUS_CMD_H
#define KV_FS_COMMAND_STATUS_CMD_H
/*
 * kvfs status MOUNTPOINT[/VAULT] [--watch]: shows what a mount is doing, or one vault of several in it.
 */

/* As in fs/command/commands.h. */
int kv_status_cmd(int argc, char *const argv[]);
#endif
