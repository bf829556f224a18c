#ifndef KV_FS_COMMAND_VERIFY_CMD_H
#define KV_FS_COMMAND_VERIFY_CMD_H
/*
 * kvfs verify [--json] [-m MANIFEST] ARCHIVE [MOUNTPOINT]: prints what an archive lacks, holds in an older state, or holds
 * damaged.
 */

/* As in fs/command/commands.h. */
int kv_verify_cmd(int argc, char *const argv[]);
#endif
