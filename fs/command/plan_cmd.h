#ifndef KV_FS_COMMAND_PLAN_CMD_H
#define KV_FS_COMMAND_PLAN_CMD_H
/*
 * kvfs plan [-m MANIFEST] ARCHIVE MOUNTPOINT [PATH...]: prints what kvfs restore would do.
 */
#include "fs/command/plan.h"

/* As in fs/command/commands.h. */
int kv_plan_cmd(int argc, char *const argv[]);

/* Print how many files have which verdict, in one line. */
void kv_plan_cmd_print_sums(const struct kv_plan *plan);
/* A line for each file or link of the archive that cannot be used. */
void kv_plan_cmd_print_odd(const struct kv_plan *plan);
#endif
