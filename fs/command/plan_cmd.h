#ifndef KV_FS_COMMAND_PLAN_CMD_H
#define KV_FS_COMMAND_PLAN_CMD_H
/*
 * kvfs plan [-m MANIFEST] ARCHIVE MOUNTPOINT [PATH...]: prints what kvfs restore would do.
 */
#include "fs/command/plan.h"

/* As in fs/command/commands.h. */
int kv_plan_cmd(int argc, char *const argv[]);

/* A line for each file or link of the archive that cannot be used. */
void kv_plan_cmd_print_odd(const struct kv_plan *plan);
/* between, and how many files of the archive are no blobs; nothing if all are. */
void kv_plan_cmd_print_others(const struct kv_plan *plan, const char *between);
#endif
